"""The component of three Redis and three Sentinels: closed, spread, and fitting the gateway that uses it."""

import pytest
import yaml

from gateway.settings.load import load_with_warnings
from gateway.settings.redis_address import Layout, read_redis_address
from tests.kit.kubernetes import MANIFESTS, WITH_SENTINEL, one, pods, render, write_mounted
from tests.kit.servers import ROOT

NODE, SENTINEL = "gateway-redis-node", "gateway-redis-sentinel"
PORTS = {NODE: 6379, SENTINEL: 26379}
SECRET = {
    "gateway-keys.json": "{}",
    "verify-secret": "0123456789abcdef0123456789abcdef",
    "client-secret": "of-the-provider",
    "redis-password": "00ff00ff00ff00ff00ff00ff00ff00ff",
}

sets = pytest.mark.parametrize("kustomization", WITH_SENTINEL)
halves = pytest.mark.parametrize("name", [NODE, SENTINEL])


def labels(component):
    return {"app.kubernetes.io/name": "gateway", "app.kubernetes.io/component": component}


def component_of(name):
    return name.removeprefix("gateway-")


def environment(manifests, name):
    (container,) = dict(pods(manifests))[name]["containers"]
    return {variable["name"]: variable for variable in container["env"]}


def shipped(manifests):
    return one(manifests, "ConfigMap", "gateway-redis-sentinel-config")["data"]


@sets
def test_it_takes_the_place_of_the_one_redis(kustomization):
    """Nothing of that component is left, not even its configuration; the overlay is otherwise the same."""
    without = render(kustomization.removesuffix("-sentinel"))
    manifests = render(kustomization)

    def names(found):
        return {
            (m["kind"], m["metadata"]["name"])
            for m in found
            if "redis" not in m["metadata"]["name"] and m["kind"] != "Deployment"
        }

    assert names(manifests) == names(without)
    left = {m["metadata"]["name"] for m in manifests if "redis" in m["metadata"]["name"]}
    assert all(name.startswith((NODE, SENTINEL, "gateway-to-redis")) for name in left)


@sets
def test_the_gateway_asks_the_sentinels_that_are_there(kustomization, tmp_path):
    """As its user at both, under names that the Service gives to the pods; no file has to be edited."""
    manifests = render(kustomization)

    loaded = load_with_warnings(*write_mounted(manifests, tmp_path, SECRET))
    address = read_redis_address(loaded.settings.store.get_secret_value())

    assert loaded.warnings == ()
    assert address.layout is Layout.SENTINEL
    assert address.service == "gateway"
    assert address.places == tuple((f"{SENTINEL}-{number}.{SENTINEL}", 26379) for number in range(3))
    assert address.username == address.sentinel_username == "gateway"
    assert address.password == address.sentinel_password == SECRET["redis-password"]
    assert address.min_other_sentinels == 1


@sets
@halves
def test_there_are_three_and_they_find_one_another_by_name(kustomization, name):
    """The lists that the script reads name exactly the pods of both sets; not ready ones have names too."""
    manifests = render(kustomization)
    stateful = one(manifests, "StatefulSet", name)["spec"]
    service = one(manifests, "Service", name)["spec"]
    given = environment(manifests, name)

    assert stateful["replicas"] == 3
    assert stateful["podManagementPolicy"] == "Parallel"
    assert stateful["serviceName"] == name
    assert service["clusterIP"] == "None"
    assert service["publishNotReadyAddresses"] is True
    assert service["selector"] == stateful["selector"]["matchLabels"] == labels(component_of(name))
    assert [port["port"] for port in service["ports"]] == [PORTS[name]]
    for variable, other in (("REDIS_NODES", NODE), ("SENTINELS", SENTINEL)):
        assert given[variable]["value"].split() == [
            f"{other}-{number}.{other}.$(POD_NAMESPACE).svc.cluster.local:{PORTS[other]}"
            for number in range(3)
        ]
    # Kubernetes expands $(POD_NAMESPACE) only in what stands after it.
    assert list(given).index("POD_NAMESPACE") < list(given).index("REDIS_NODES")


@sets
@halves
def test_losing_one_node_or_draining_one_loses_one_of_three(kustomization, name):
    """Spread over nodes as far as there are any; one at a time may go; each has a volume of its own."""
    manifests = render(kustomization)
    stateful = one(manifests, "StatefulSet", name)["spec"]
    budget = one(manifests, "PodDisruptionBudget", name)["spec"]
    spread = stateful["template"]["spec"]["topologySpreadConstraints"]

    assert budget == {"maxUnavailable": 1, "selector": {"matchLabels": labels(component_of(name))}}
    assert [(one["topologyKey"], one["whenUnsatisfiable"]) for one in spread] == [
        ("kubernetes.io/hostname", "DoNotSchedule"),
        ("topology.kubernetes.io/zone", "ScheduleAnyway"),
    ]
    assert all(one["labelSelector"] == stateful["selector"] for one in spread)
    (claim,) = stateful["volumeClaimTemplates"]
    assert claim["metadata"]["name"] == "data"


@sets
@halves
def test_only_the_gateway_and_they_themselves_reach_them(kustomization, name):
    """On one port each; and they reach each other and names, and nothing else."""
    policy = one(render(kustomization), "NetworkPolicy", name)["spec"]

    assert policy["podSelector"] == {"matchLabels": labels(component_of(name))}
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    (rule,) = policy["ingress"]
    assert rule["ports"] == [{"port": component_of(name).replace("redis-", "").replace("node", "redis")}]
    assert [source["podSelector"]["matchLabels"] for source in rule["from"]] == [
        labels("gateway"),
        labels("redis-node"),
        labels("redis-sentinel"),
    ]
    assert not any("namespaceSelector" in source for source in rule["from"])
    assert [[port["port"] for port in rule["ports"]] for rule in policy["egress"]] == [
        [6379],
        [26379],
        [53, 53],
    ]


@sets
def test_the_gateway_is_let_out_to_both(kustomization):
    """Besides what it may in any case."""
    policy = one(render(kustomization), "NetworkPolicy", "gateway-to-redis")["spec"]

    assert policy["podSelector"] == {"matchLabels": labels("gateway")}
    assert policy["policyTypes"] == ["Egress"]
    found = {
        rule["ports"][0]["port"]: [target["podSelector"]["matchLabels"] for target in rule["to"]]
        for rule in policy["egress"]
    }
    assert found == {6379: [labels("redis-node")], 26379: [labels("redis-sentinel")]}


@sets
def test_redis_and_sentinel_are_set_as_the_documentation_says(kustomization):
    """An append-only file, no eviction, no writes into a cut-off primary, names, two of three; users without more rights."""
    manifests = render(kustomization)
    files = shipped(manifests)
    documented = next(
        line
        for line in (ROOT / "docs/redis.md").read_text().splitlines()
        if line.startswith("user gateway on ")
    )

    assert {
        "appendonly yes",
        "appendfsync everysec",
        "maxmemory-policy noeviction",
        "min-replicas-to-write 1",
        "min-replicas-max-lag 10",
    } <= set(files["redis.conf"].splitlines())
    assert documented in files["users.acl"].splitlines()
    assert "user default off" in files["users.acl"].splitlines()
    assert "user default off" in files["sentinel-users.conf"].splitlines()
    assert (
        "user gateway on >PASSWORD resetchannels -@all +ping +sentinel|masters"
        in files["sentinel-users.conf"]
    )
    assert {"sentinel resolve-hostnames yes", "sentinel announce-hostnames yes"} <= set(
        files["sentinel.conf"].splitlines()
    )
    one_redis = yaml.safe_load((MANIFESTS / "redis/kustomization.yaml").read_text())["images"]
    assert (
        yaml.safe_load((MANIFESTS / "redis-sentinel/kustomization.yaml").read_text())["images"] == one_redis
    )


@sets
@halves
def test_the_script_finds_what_it_reads_and_is_asked_what_it_knows(kustomization, name):
    """Its folders are mounted, its passwords come from Secrets, and every command of the pod is one of its words."""
    manifests = render(kustomization)
    (container,) = dict(pods(manifests))[name]["containers"]
    given = environment(manifests, name)
    mounts = {mount["mountPath"]: mount for mount in container["volumeMounts"]}

    assert {given[variable]["value"] for variable in ("CONFIG", "DATA", "RUN")} == set(mounts)
    assert mounts[given["CONFIG"]["value"]]["readOnly"] is True
    secrets = {
        variable: given[variable]["valueFrom"]["secretKeyRef"]
        for variable in ("REDIS_PASSWORD", "PEER_PASSWORD")
    }
    assert secrets == {
        "REDIS_PASSWORD": {"name": "gateway", "key": "redis-password"},
        "PEER_PASSWORD": {"name": "gateway-redis-peers", "key": "password"},
    }
    assert container["command"] == ["sh", "/etc/redis/run.sh", container["name"]]
    if name == NODE:
        asked = [container[probe]["exec"]["command"][-1] for probe in ("startupProbe", "readinessProbe")]
        assert asked == ["ready", "ready"]
        assert container["lifecycle"]["preStop"]["exec"]["command"][-1] == "leave"
    template = yaml.safe_load((MANIFESTS / "redis-sentinel/secret.template.yaml").read_text())
    assert template["metadata"]["name"] == secrets["PEER_PASSWORD"]["name"]
    assert set(template["stringData"]) == {secrets["PEER_PASSWORD"]["key"]}


def test_the_secret_of_the_gateways_pods_does_not_open_the_peers():
    """Who breaks the gateway can neither replicate the whole store nor name another primary."""
    (container,) = dict(pods(render(WITH_SENTINEL[0])))["gateway"]["containers"]

    assert "gateway-redis-peers" not in str(dict(pods(render(WITH_SENTINEL[0])))["gateway"])
    assert {variable["name"] for variable in container["env"]} == {"REDIS_PASSWORD", "GATEWAY__store"}
