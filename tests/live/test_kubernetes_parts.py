"""What the manifests hand to other programs, taken by those programs: Redis its file, Traefik its routes."""

import subprocess
import time

import httpx
import pytest
import redis
import yaml

from gateway.settings.model import Settings
from tests.kit.echo_app import EchoApp, reached, values
from tests.kit.kubernetes import MANIFESTS, one, pods, render
from tests.kit.real_gateway import RealGateway
from tests.kit.redis_server import require_redis
from tests.kit.servers import Process, find_binary, free_port, free_ports, is_listening
from tests.kit.wire import exchange, write_request

pytestmark = pytest.mark.live

SECRET = "0123456789abcdef0123456789abcdef"
CHECK = "http://gateway-verify.gateway.svc.cluster.local:4181"


def test_redis_takes_its_file_and_its_command(tmp_path):
    """It wants the password, appends, and refuses to evict; its process list does not show the password."""
    manifests = render("overlays/traefik")
    text = one(manifests, "ConfigMap", "gateway-redis-config")["data"]["redis.conf"]
    (container,) = dict(pods(manifests))["gateway-redis"]["containers"]
    (data,) = [mount["mountPath"] for mount in container["volumeMounts"] if mount["name"] == "data"]
    assert f"dir {data}\n" in text
    (tmp_path / "redis.conf").write_text(text.replace(f"dir {data}\n", f"dir {tmp_path}\n"))
    port = free_port()
    words = [word.replace("$(REDIS_PASSWORD)", SECRET) for word in container["command"]]
    assert words[:2] == ["redis-server", "/etc/redis/redis.conf"]
    here = ["--port", str(port), "--bind", "127.0.0.1"]
    server = Process([require_redis(), str(tmp_path / "redis.conf"), *words[2:], *here], tmp_path)
    try:
        server.wait_until(lambda: is_listening(port))
        with redis.Redis(port=port) as stranger, pytest.raises(redis.AuthenticationError):
            stranger.ping()
        with redis.Redis(port=port, password=SECRET) as client:
            assert client.ping()
            said = {
                name: client.config_get(name)[name] for name in ("appendonly", "maxmemory-policy", "save")
            }
            process = client.info("server")["process_id"]
        shown = subprocess.run(
            ["ps", "-o", "args=", "-p", str(process)], capture_output=True, text=True, timeout=10, check=True
        ).stdout
    finally:
        server.stop()

    assert said == {"appendonly": "yes", "maxmemory-policy": "noeviction", "save": ""}
    assert "redis-server" in shown
    assert SECRET not in shown
    assert list((tmp_path / "appendonlydir").iterdir())


def dynamic(ports: dict[str, int]) -> dict:
    """The resources as the file provider's words, with the services of this machine."""
    middlewares, routers, services = {}, {}, {}
    for kustomization in ("overlays/traefik", "overlays/traefik/application"):
        for manifest in render(kustomization):
            name = manifest["metadata"]["name"]
            if manifest["kind"] == "Middleware":
                middlewares[name] = manifest["spec"]
            elif manifest["kind"] == "IngressRoute":
                (route,) = manifest["spec"]["routes"]
                (service,) = route["services"]
                routers[name] = {
                    "entryPoints": manifest["spec"]["entryPoints"],
                    "rule": route["match"],
                    "priority": route["priority"],
                    "middlewares": [one["name"] for one in route["middlewares"]],
                    "service": service["name"],
                }
                address = f"http://127.0.0.1:{ports[service['name']]}"
                services[service["name"]] = {"loadBalancer": {"servers": [{"url": address}]}}
    forward = middlewares["gateway-check"]["forwardAuth"]
    assert forward["address"].startswith(CHECK)
    forward["address"] = forward["address"].replace(CHECK, f"http://127.0.0.1:{ports['verify']}")
    return {"http": {"middlewares": middlewares, "routers": routers, "services": services}}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A real Traefik with the arguments of its values and the resources; a real gateway; an application."""
    folder = tmp_path_factory.mktemp("cluster")
    entry, public, verify, metrics, app = free_ports(5)
    server = {
        "bind": f"127.0.0.1:{public}",
        "verify_bind": f"127.0.0.1:{verify}",
        "metrics_bind": f"127.0.0.1:{metrics}",
        "trusted_proxies": ["127.0.0.1"],
        "verify_secret": "${VERIFY_SECRET}",
    }
    here = {
        "server": server,
        "providers": {"corp": {"issuer": "https://idp.example.com", "client_id": "gateway"}},
    }
    shipped = one(render("base"), "ConfigMap", "gateway-config")["data"]["gateway.yaml"]
    settings = Settings.model_validate(yaml.safe_load(shipped) | here)
    gateway = RealGateway(settings, folder, here, {"VERIFY_SECRET": SECRET})
    application = EchoApp(app)
    (folder / "dynamic").mkdir()
    ports = {"gateway": public, "verify": verify, "app": app}
    parts = dynamic(ports)
    proxy = one(render("overlays/traefik/proxy"), "ConfigMap", "gateway-traefik")["data"][
        "gateway-secret.yml"
    ]
    (folder / "dynamic/gateway-secret.yml").write_text(proxy)
    (folder / "dynamic/resources.yml").write_text(yaml.safe_dump(parts))
    given = yaml.safe_load((MANIFESTS / "overlays/traefik/traefik-values.yaml").read_text())[
        "additionalArguments"
    ]
    # There is no cluster to ask here, and one provider of files only: it reads the resources too.
    kept = [
        argument for argument in given if "kubernetesCRD" not in argument and "providers.file" not in argument
    ]
    assert len(kept) == len(given) - 2
    listening = [
        f"--entryPoints.websecure.address=127.0.0.1:{entry}",
        f"--providers.file.directory={folder}/dynamic",
    ]
    traefik = Process([find_binary("traefik"), *kept, *listening], folder, {"GATEWAY_VERIFY_SECRET": SECRET})
    try:
        gateway.start()
        application.start()
        traefik.wait_until(lambda: is_listening(entry))

        def ask(host, target="/", headers=()):
            lines = [("Host", host), *headers, ("Connection", "close")]
            return exchange(entry, write_request("GET", target, lines))

        end = time.monotonic() + 15
        while ask("app.example.com").status == 404 and time.monotonic() < end:
            time.sleep(0.05)
        yield ask, gateway
    finally:
        traefik.stop()
        application.stop()
        gateway.stop()


PERSON = (("Accept", "text/html"), ("Sec-Fetch-Mode", "navigate"))


def test_traefik_sends_a_stranger_to_the_login_page(cluster):
    """Through all four middlewares: the secret is believed, and the answer of the gateway is the browser's."""
    ask, _ = cluster

    answer = ask("app.example.com", "/report?month=3", PERSON)

    assert answer.status == 303
    assert answer.first("location").startswith(
        "https://auth.example.com/auth/login?rd=https%3A%2F%2Fapp.example.com"
    )


def test_traefik_shows_the_application_who_it_is_and_no_secret(cluster):
    """Alice's name, her other cookies, and neither the gateway's cookie nor the proxy's secret."""
    ask, gateway = cluster

    said = reached(ask("app.example.com", "/report", [("Cookie", f"{gateway.cookie}; theme=dark")]))

    assert said is not None
    assert values(said, "x-auth-user") == ["alice"]
    assert values(said, "cookie") == ["theme=dark"]
    assert SECRET not in str(said)


def test_traefik_lets_no_client_speak_as_the_gateway_or_the_proxy(cluster):
    """On a public path, where nobody is signed in, and with the secret guessed right."""
    ask, _ = cluster
    forged = [
        ("X-Auth-User", "evil"), ("X_Auth_User", "evil"), ("X-Auth-Roles", "evil"), ("X-Gateway-Secret", "evil"),
        ("X-Forwarded-Uri", "/evil"), ("X-Original-URL", "https://evil"), ("Forwarded", "for=evil"),
    ]  # fmt: skip

    said = reached(ask("app.example.com", "/static/logo.svg", forged))
    elsewhere = ask(
        "app.example.com", "/report", [("X-Forwarded-Uri", "/static/x"), ("X-Gateway-Secret", SECRET)]
    )

    assert said is not None
    assert "evil" not in str(said["headers"])
    assert elsewhere.status == 401


def test_traefik_routes_the_pages_and_not_the_check(cluster):
    """The gateway's own host has its pages; /verify leads nowhere."""
    ask, _ = cluster

    assert ask("auth.example.com", "/.well-known/jwks.json").status == 200
    assert ask("auth.example.com", "/verify/forward-auth").status == 404


def test_the_check_takes_the_secret_besides_the_address(cluster):
    """A neighbour in the trusted network gets no answer out of it."""
    _, gateway = cluster
    asked = {
        "x-forwarded-method": "GET",
        "x-forwarded-host": "app.example.com",
        "x-forwarded-uri": "/static/x",
    }
    url = f"http://{gateway.settings.server.verify_bind}/verify/forward-auth"

    assert httpx.get(url, headers=asked).status_code == 403
    assert httpx.get(url, headers=asked | {"x-gateway-secret": SECRET}).status_code == 200


def test_traefik_knows_every_argument_of_its_values(tmp_path):
    """Those of the cluster too: a word that it does not know would end it at once."""
    given = yaml.safe_load((MANIFESTS / "overlays/traefik/traefik-values.yaml").read_text())[
        "additionalArguments"
    ]
    port = free_port()
    here = [
        f"--entryPoints.websecure.address=127.0.0.1:{port}",
        "--providers.kubernetesCRD.endpoint=http://127.0.0.1:9",
    ]

    traefik = Process([find_binary("traefik"), *given, *here], tmp_path, {"GATEWAY_VERIFY_SECRET": SECRET})
    try:
        traefik.wait_until(lambda: is_listening(port))
    finally:
        traefik.stop()
