"""The manifests that we ship: valid for several versions of Kubernetes, closed, and fitting one another."""

import tomllib

import pytest
import yaml

from gateway.app import PATIENCE
from gateway.errors import SettingsFault
from gateway.forward_auth.snippets import traefik
from gateway.forward_auth.snippets.plan import plan
from gateway.serve.listeners import ANSWERING, LINGER
from gateway.settings.load import load_with_warnings
from tests.kit.kubernetes import (
    GATEWAYS,
    KUSTOMIZATIONS,
    MANIFESTS,
    SECRETS,
    WITH_ONE_REDIS,
    WITH_SENTINEL,
    one,
    pods,
    render,
    schema_faults,
    write_mounted,
)
from tests.kit.servers import ROOT

FITTING = {
    "gateway-keys.json": "{}",
    "verify-secret": "0123456789abcdef0123456789abcdef",
    "client-secret": "of-the-provider",
    "redis-password": "00ff00ff00ff00ff",
}
GATEWAY = {"app.kubernetes.io/name": "gateway", "app.kubernetes.io/component": "gateway"}
PROXIES = {
    "base": "proxy",
    "overlays/traefik": "traefik",
    "overlays/traefik-sentinel": "traefik",
    "overlays/ingress-nginx": "ingress-nginx",
    "overlays/ingress-nginx-sentinel": "ingress-nginx",
}
WRITTEN_BY_INGRESS_NGINX = {
    "X-Real-IP",
    "X-Scheme",
    "X-Forwarded-Port",
    "X-Forwarded-Scheme",
}
"""Of the names that no client may send, those that its template sets on every request itself."""

gateways = pytest.mark.parametrize("kustomization", GATEWAYS)
everything = pytest.mark.parametrize("kustomization", KUSTOMIZATIONS)


def settings_of(kustomization, folder, secret=FITTING):
    """What the gateway in that kustomization reads, with the warnings."""
    return load_with_warnings(*write_mounted(render(kustomization), folder, dict(secret)))


@everything
def test_every_resource_fits_its_schema(kustomization):
    """Unknown keys are faults; three versions of Kubernetes, and our own schemas of custom resources."""
    assert schema_faults(render(kustomization)) == []


def test_the_schemas_find_what_is_wrong():
    """A check that lets everything pass would look the same."""
    deployment = one(render("base"), "Deployment", "gateway")
    deployment["spec"]["template"]["spec"]["containers"][0]["imagepullPolicy"] = "Always"
    middleware = one(render("overlays/traefik"), "Middleware", "gateway-check")
    middleware["spec"]["forwardAuth"]["authResponseHeader"] = ["Cookie"]

    faults = schema_faults([deployment, middleware])

    assert len(faults) == 4
    assert "imagepullPolicy" in faults[0]
    assert "authResponseHeader" in faults[3]


@everything
def test_every_resource_is_in_the_namespace_of_its_kustomization(kustomization):
    """What is left in `default` is reached by no policy."""
    wanted = yaml.safe_load((MANIFESTS / kustomization / "kustomization.yaml").read_text())["namespace"]

    for manifest in render(kustomization):
        if manifest["kind"] == "Namespace":
            assert manifest["metadata"]["name"] == wanted
        else:
            assert manifest["metadata"]["namespace"] == wanted


@everything
def test_no_secret_is_rendered(kustomization):
    """An apply would put placeholders in the place of real keys."""
    assert not [manifest for manifest in render(kustomization) if manifest["kind"] == "Secret"]


@gateways
def test_the_mounted_configuration_loads_without_a_warning(kustomization, tmp_path):
    """gateway.yaml refers to exactly the files and variables that the Deployment provides."""
    loaded = settings_of(kustomization, tmp_path)

    settings = loaded.settings
    assert loaded.warnings == ()
    assert settings.server.verify_secret.get_secret_value() == FITTING["verify-secret"]
    layout = "redis+sentinel" if kustomization in WITH_SENTINEL else "redis"
    assert settings.store.get_secret_value().startswith(f"{layout}://")
    assert settings.keys.file == str(tmp_path / "gateway-keys.json")


@gateways
def test_the_template_of_the_secret_starts_nothing(kustomization, tmp_path):
    """Its placeholders are public: the gateway refuses them instead of running with them."""
    template = yaml.safe_load((MANIFESTS / "base/secret.template.yaml").read_text())["stringData"]

    assert set(template) == set(FITTING)
    with pytest.raises(SettingsFault, match=r"verify_secret"):
        settings_of(kustomization, tmp_path, template)


@gateways
def test_a_change_of_the_configuration_replaces_the_pods(kustomization):
    """The generated name carries a hash, and the pod refers to it by that name."""
    manifests = render(kustomization)

    name = one(manifests, "ConfigMap", "gateway-config")["metadata"]["name"]

    volumes = dict(pods(manifests))["gateway"]["volumes"]
    assert [volume["configMap"]["name"] for volume in volumes if "configMap" in volume] == [name]
    assert name != "gateway-config"


@gateways
def test_every_container_is_restricted(kustomization):
    """The profile `restricted` of the Pod Security Standards, a read-only root, and no token of the API."""
    manifests = render(kustomization)

    found = list(pods(manifests))

    assert {name for name, _ in found} >= {"gateway"}
    for _, pod in found:
        security = pod["securityContext"]
        assert pod["automountServiceAccountToken"] is False
        assert pod["enableServiceLinks"] is False
        assert security["runAsNonRoot"] is True
        assert security["runAsUser"] > 0
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        assert "initContainers" not in pod
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert {"cpu", "memory"} <= set(container["resources"]["requests"])
            assert "memory" in container["resources"]["limits"]
    assert one(manifests, "ServiceAccount", "gateway")["automountServiceAccountToken"] is False
    labels = one(manifests, "Namespace", "gateway")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


@gateways
def test_the_keys_are_readable_by_the_gateways_group_alone(kustomization):
    """Root's file, mode 0440, group of the pod: what the key file check accepts, and nothing wider."""
    pod = dict(pods(render(kustomization)))["gateway"]

    (volume,) = [volume["secret"] for volume in pod["volumes"] if "secret" in volume]

    assert volume["defaultMode"] == 0o440
    assert pod["securityContext"]["fsGroup"] == pod["securityContext"]["runAsGroup"] == 10001
    assert {item["key"] for item in volume["items"]} == set(FITTING) - {"redis-password"}
    (container,) = pod["containers"]
    assert {"name": "secrets", "mountPath": SECRETS, "readOnly": True} in container["volumeMounts"]


@gateways
def test_images_are_pinned(kustomization):
    """A tag says which release, and ours is the one of pyproject.toml."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

    images = {
        pod["containers"][0]["name"]: pod["containers"][0]["image"] for _, pod in pods(render(kustomization))
    }

    assert images["gateway"] == f"registry.example.com/gateway:{version}"
    for image in images.values():
        tag = image.rpartition("/")[2].partition(":")[2]
        assert tag[:1].isdigit()
        assert tag.count(".") >= 2


@gateways
def test_probes_ask_the_operators_listener(kustomization, tmp_path):
    """Liveness does not look at Redis; readiness waits for its first answer."""
    (container,) = dict(pods(render(kustomization)))["gateway"]["containers"]
    server = settings_of(kustomization, tmp_path).settings.server

    assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "metrics"}
    assert container["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "metrics"}
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    binds = {"pages": server.bind, "verify": server.verify_bind, "metrics": server.metrics_bind}
    assert ports == {name: bind.port for name, bind in binds.items()}
    assert {bind.host for bind in binds.values()} == {"0.0.0.0"}


@gateways
def test_a_pod_that_ends_has_the_time_that_it_needs(kustomization, tmp_path):
    """Drain, kept connections, answers under way and a refresh, before the kubelet kills it; and no hook in front."""
    pod = dict(pods(render(kustomization)))["gateway"]
    drain = settings_of(kustomization, tmp_path).settings.server.drain

    assert drain >= 5
    assert drain + min(drain, LINGER) + ANSWERING + PATIENCE < pod["terminationGracePeriodSeconds"]
    assert "lifecycle" not in pod["containers"][0]


@gateways
def test_services_lead_to_ports_that_exist(kustomization):
    """Three for the gateway, each to one listener."""
    manifests = render(kustomization)
    services = {m["metadata"]["name"]: m["spec"] for m in manifests if m["kind"] == "Service"}
    offered = {
        name: {port["name"] for port in pod["containers"][0]["ports"]} for name, pod in pods(manifests)
    }

    for name, listener in (
        ("gateway", "pages"),
        ("gateway-verify", "verify"),
        ("gateway-metrics", "metrics"),
    ):
        assert services[name]["selector"] == GATEWAY
        assert [port["targetPort"] for port in services[name]["ports"]] == [listener]
        assert listener in offered["gateway"]
    assert all(spec.get("type", "ClusterIP") == "ClusterIP" for spec in services.values())


@gateways
def test_two_replicas_or_more_and_one_of_them_stays(kustomization):
    """The autoscaler sets the number, so the Deployment must not; draining takes one at a time."""
    manifests = render(kustomization)
    deployment = one(manifests, "Deployment", "gateway")["spec"]
    autoscaler = one(manifests, "HorizontalPodAutoscaler", "gateway")["spec"]

    assert "replicas" not in deployment
    assert autoscaler["minReplicas"] == 2
    assert autoscaler["scaleTargetRef"]["name"] == "gateway"
    assert one(manifests, "PodDisruptionBudget", "gateway")["spec"]["maxUnavailable"] == 1
    spread = deployment["template"]["spec"]["topologySpreadConstraints"]
    assert {constraint["topologyKey"] for constraint in spread} == {
        "kubernetes.io/hostname",
        "topology.kubernetes.io/zone",
    }


@gateways
def test_only_the_proxy_reaches_pages_and_verify_and_only_prometheus_the_metrics(kustomization):
    """Each source is pods of a namespace, in one entry: two entries would be all pods of that namespace."""
    manifests = render(kustomization)
    policies = [m["spec"] for m in manifests if m["kind"] == "NetworkPolicy"]
    rules = [
        rule
        for policy in policies
        if policy["podSelector"] == {"matchLabels": GATEWAY}
        for rule in policy.get("ingress", [])
    ]

    sources = {
        port["port"]: [
            (
                source["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"],
                source["podSelector"]["matchLabels"]["app.kubernetes.io/name"],
            )
            for source in rule["from"]
        ]
        for rule in rules
        for port in rule["ports"]
    }

    proxy = PROXIES[kustomization]
    assert sources == {
        "pages": [(proxy, proxy)],
        "verify": [(proxy, proxy)],
        "metrics": [("monitoring", "prometheus")],
    }
    everything = one(manifests, "NetworkPolicy", "default-deny")["spec"]
    assert everything == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


@gateways
def test_the_gateway_goes_out_to_names_redis_and_https_alone(kustomization):
    """Not to the addresses where clouds hand credentials to whoever asks."""
    egress = one(render(kustomization), "NetworkPolicy", "gateway-egress")["spec"]["egress"]

    assert [[port["port"] for port in rule["ports"]] for rule in egress] == [[53, 53], [6379], [443]]
    blocks = [target["ipBlock"] for target in egress[2]["to"]]
    assert {block["cidr"] for block in blocks} == {"0.0.0.0/0", "::/0"}
    assert "169.254.0.0/16" in blocks[0]["except"]


@pytest.mark.parametrize("kustomization", WITH_ONE_REDIS)
def test_redis_is_reached_by_the_gateway_alone_and_forgets_nothing_in_use(kustomization):
    """A password, a policy, an append-only file, and an error in place of eviction."""
    manifests = render(kustomization)
    policy = one(manifests, "NetworkPolicy", "gateway-redis")["spec"]
    conf = one(manifests, "ConfigMap", "gateway-redis-config")["data"]["redis.conf"].splitlines()
    (container,) = dict(pods(manifests))["gateway-redis"]["containers"]

    assert policy["ingress"] == [
        {"from": [{"podSelector": {"matchLabels": GATEWAY}}], "ports": [{"port": "redis"}]}
    ]
    assert "egress" not in policy
    assert {"appendonly yes", "maxmemory-policy noeviction"} <= set(conf)
    assert container["command"][-2:] == ["--requirepass", "$(REDIS_PASSWORD)"]


@pytest.mark.parametrize("kustomization", WITH_ONE_REDIS)
def test_the_address_of_the_store_is_that_of_the_one_redis(kustomization, tmp_path):
    """With its password, which nobody writes into a file."""
    store = settings_of(kustomization, tmp_path).settings.store.get_secret_value()

    assert store == f"redis://:{FITTING['redis-password']}@gateway-redis:6379/0"


def test_the_middlewares_are_those_of_the_generator(tmp_path):
    """The resources do what the snippet does, which the live tests drive; only the address is the cluster's."""
    settings = settings_of("overlays/traefik", tmp_path).settings
    dynamic = yaml.safe_load(traefik.snippet(settings)["gateway-dynamic.yml"])["http"]["middlewares"]
    dynamic["gateway-check"]["forwardAuth"]["address"] = (
        "http://gateway-verify.gateway.svc.cluster.local:4181/verify/forward-auth"
    )
    proxy = one(render("overlays/traefik/proxy"), "ConfigMap", "gateway-traefik")["data"]
    of_the_proxy = yaml.safe_load(proxy["gateway-secret.yml"])["http"]["middlewares"]

    for kustomization in ("overlays/traefik", "overlays/traefik/application"):
        found = {m["metadata"]["name"]: m["spec"] for m in render(kustomization) if m["kind"] == "Middleware"}
        assert found | of_the_proxy == dynamic


def test_the_routes_are_those_of_the_generator(tmp_path):
    """Same rules, same order of middlewares; every middleware that is named is in the same namespace, or the proxy's."""
    settings = settings_of("overlays/traefik", tmp_path).settings
    routers = yaml.safe_load(traefik.snippet(settings)["gateway-dynamic.yml"])["http"]["routers"].values()
    wanted = {
        router["rule"]: (
            router["priority"],
            [{"gateway-secret": "gateway-secret@file"}.get(name, name) for name in router["middlewares"]],
        )
        for router in routers
    }

    found = {}
    for kustomization in ("overlays/traefik", "overlays/traefik/application"):
        manifests = render(kustomization)
        here = {m["metadata"]["name"] for m in manifests if m["kind"] == "Middleware"} | {
            "gateway-secret@file"
        }
        for manifest in manifests:
            if manifest["kind"] == "IngressRoute":
                (route,) = manifest["spec"]["routes"]
                names = [middleware["name"] for middleware in route["middlewares"]]
                assert set(names) <= here
                found[route["match"]] = (route["priority"], names)
    assert found == wanted


def test_traefiks_values_say_what_its_static_part_says(tmp_path):
    """What resources cannot say stands in the arguments of Traefik, and names what proxy/ provides."""
    settings = settings_of("overlays/traefik", tmp_path).settings
    static = yaml.safe_load(traefik.snippet(settings)["traefik.yml"])["entryPoints"]["websecure"]["http"]
    values = yaml.safe_load((MANIFESTS / "overlays/traefik/traefik-values.yaml").read_text())
    given = dict(argument.removeprefix("--").split("=", 1) for argument in values["additionalArguments"])

    for key, value in static.items():
        assert given[f"entryPoints.websecure.http.{key}"] == str(value).lower()
    (volume,) = values["deployment"]["additionalVolumes"]
    (mount,) = values["additionalVolumeMounts"]
    provided = one(render("overlays/traefik/proxy"), "ConfigMap", volume["configMap"]["name"])["data"]
    assert volume["name"] == mount["name"]
    assert given["providers.file.filename"] in {f"{mount['mountPath']}/{name}" for name in provided}
    application = one(render("overlays/traefik/application"), "IngressRoute", "app")["metadata"]["namespace"]
    assert given["providers.kubernetesCRD.crossProviderNamespaces"] == application
    assert [variable["name"] for variable in values["env"]] == ["GATEWAY_VERIFY_SECRET"]


def annotations_of_ingress():
    ingress = one(render("overlays/ingress-nginx/application"), "Ingress", "app")
    prefix = "nginx.ingress.kubernetes.io/"
    return {name.removeprefix(prefix): value for name, value in ingress["metadata"]["annotations"].items()}


def test_ingress_nginx_clears_every_name_that_no_client_may_send(tmp_path):
    """A name that is listed is replaced by our answer, or removed; the rest its own template writes."""
    told = plan(settings_of("overlays/ingress-nginx", tmp_path).settings)

    listed = annotations_of_ingress()["auth-response-headers"].split(",")

    assert len(listed) == len(set(listed))
    assert set(listed) == set(told.cleared) - WRITTEN_BY_INGRESS_NGINX
    assert "Cookie" not in listed  # this contract does not answer it, so every cookie would go


def test_ingress_nginx_names_a_policy_that_does_not_look_at_hosts(tmp_path):
    """The host that it tells can be the client's own word."""
    settings = settings_of("overlays/ingress-nginx", tmp_path).settings
    annotations = annotations_of_ingress()

    address = annotations["auth-url"]
    service, _, path = address.removeprefix("http://").partition("/")
    assert service == "gateway-verify.gateway.svc.cluster.local:4181"
    (policy,) = settings.policies
    assert path == f"verify/policy/{policy}/auth-request"
    assert not any(rule.hosts for rule in (*settings.policies[policy].rules, *settings.rules))
    assert annotations["auth-signin"] == f"{settings.public_url}/auth/login"


@pytest.mark.parametrize(
    "word",
    [
        "snippet",
        "auth-cache",
        "auth-keepalive",
        "auth-method",
        "satisfy",
        "custom-http-errors",
        "enable-global-auth",
    ],
)
def test_ingress_nginx_uses_none_of_the_annotations_that_weaken_the_check(word):
    """Snippets, caches of the answer (401 too), a 200 that counts alone in Lua, ways around the check."""
    assert not [name for name in annotations_of_ingress() if word in name]
