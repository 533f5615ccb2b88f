"""What is judged is what is served: odd targets, odd methods, odd hosts, and the verify endpoints themselves."""

import json

import pytest

from tests.kit.echo_app import reached
from tests.kit.scene import APP
from tests.kit.verify_stub import asked_target

pytestmark = pytest.mark.live


@pytest.mark.parametrize(
    ("method", "target"),
    [("GET", "*"), ("OPTIONS", "*"), ("CONNECT", "app.gw.localhost:80"), ("CONNECT", "/x"), ("get", "/x")],
)
def test_a29_odd_methods_and_targets_never_reach_the_application(scene, method, target):
    """What has no path that a rule could judge is refused, with a session too."""
    before = len(scene.application.seen)

    answer = scene.ask(target, method=method, signed_in=True, timeout=5)

    arrived = scene.application.seen[before:]
    # `get` is a method of its own, judged as such; a stand-in that knows no methods may let it pass.
    assert [request.target for request in arrived] in ([], ["/x"] if method == "get" else [])
    assert arrived or answer.status in {0, 200, 400, 403, 404, 405, 501}
    assert reached(answer) is None or method == "get"


@pytest.mark.parametrize(
    "target", ["http://auth.gw.localhost/x", "http://elsewhere.test/x", "http://APP.gw.localhost/x"]
)
def test_a28_an_absolute_target_opens_nothing(scene, target):
    """An absolute form that says another host than the Host line is no way around the check."""
    before = len(scene.application.seen)

    scene.ask(target)

    assert len(scene.application.seen) == before


@pytest.mark.parametrize(
    "hosts", [[APP, APP], [APP, "elsewhere.test"], ["elsewhere.test", APP], [f"{APP},{APP}"]]
)
def test_a31_two_hosts_never_reach_the_application(scene, hosts):
    """A request for two hosts has no single meaning."""
    before = len(scene.application.seen)

    scene.ask("/x", headers=[("Host", host) for host in hosts], host="")

    assert len(scene.application.seen) == before


@pytest.mark.parametrize(
    "target",
    [
        "/verify/forward-auth",
        "/verify/auth-request",
        "/.gateway-check",
        "/_gateway/verify/forward-auth",
        "/_gateway/../verify/ngf",
    ],
)
def test_a10_the_verify_endpoints_cannot_be_asked_from_outside(scene, target):
    """No identity header of the gateway is ever an answer to a browser."""
    forged = [("X-Forwarded-Method", "GET"), ("X-Forwarded-Host", APP), ("X-Forwarded-Uri", "/x")]

    answer = scene.ask(target, headers=forged, signed_in=True)

    assert not answer.all("x-auth-user")
    assert "alice" not in json.dumps(answer.headers)


@pytest.mark.parametrize(
    "target",
    [
        "//x//y",
        "/pub/../x",
        "/pub/%2e%2e/x",
        "/./a",
        "/a/.",
        "/a%2fb",
        "/pub/%2E%2e%2fx",
        "/%61bc/x",
        "/%252fx",
        "/x/..;/y",
        "/a;b=c/d",
        "/a\\b",
        "/a%5cb",
        "/a%00b",
        "/%zz",
        "/a#b?c",
        "/a%23b",
        "/caf\xe9",
        "/x?a=/../b#c",
        "/_gateway/../x",
        "/_gateway/%2e%2e/x",
        "/x/../_gateway/y",
    ],
)
def test_a17_to_a23_the_application_gets_exactly_what_was_judged(stub_scene, target):
    """Byte for byte: a path with two readings is the gateway's to refuse, and no proxy may repair it in between."""
    before, asked = len(stub_scene.application.seen), len(stub_scene.gateway.asked)

    answer = stub_scene.ask(target, signed_in=True)

    arrived = [request.target for request in stub_scene.application.seen[before:]]
    judged = [asked_target(request)[1] for request in stub_scene.gateway.asked[asked:]]
    assert arrived in ([], judged)
    assert arrived or answer.status < 500


def test_the_host_that_is_judged_is_the_host_that_is_served(stub_scene):
    """An absolute target overrules the Host line for all three, or for none."""
    before = len(stub_scene.application.seen)

    stub_scene.ask(
        f"http://{APP}:{stub_scene.proxy.port}/x",
        headers=[("Host", f"{APP}:{stub_scene.proxy.port}")],
        signed_in=True,
    )

    for request in stub_scene.application.seen[before:]:
        assert request.target == "/x"
        assert request.first("host").partition(":")[0] == APP
        assert asked_target(stub_scene.gateway.asked[-1]) == (APP, "/x")
