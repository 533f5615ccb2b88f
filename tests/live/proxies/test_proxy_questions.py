"""What each real proxy asks the gateway, and that no client has a say in it."""

import json

import pytest

from tests.kit.scene import APP, open_scene
from tests.kit.verify_stub import asked_target

pytestmark = pytest.mark.live


def test_the_question_names_method_host_path_and_client_once(stub_scene):
    """One value each, written by the proxy, whatever the client sent under these names."""
    mandatory = [
        "X-Forwarded-Method",
        "X-Forwarded-Host",
        "X-Forwarded-Uri",
        "X-Original-URL",
        "X-Original-Method",
    ]
    forged = [(name, "evil") for name in [*mandatory, "X-Forwarded-For", "X-Forwarded-Proto"]]

    stub_scene.ask("/x?a=1", method="PUT", headers=forged, signed_in=True)

    question = stub_scene.gateway.asked[-1]
    assert asked_target(question) == (APP, "/x?a=1")
    assert question.first("x-original-method") or question.first("x-forwarded-method") == "PUT"
    assert question.all("x-forwarded-for") == ["127.0.0.1"]
    assert "evil" not in json.dumps(question.headers)


@pytest.mark.parametrize(
    "name",
    [
        "X-Auth-User",
        "X_Auth_User",
        "X.Auth.User",
        "X!Auth!User",
        "X-Original-URL",
        "X-Original-URI",
        "X-Original-Method",
        "X-Forwarded-Uri",
        "X-Forwarded-Method",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "X-Forwarded-For",
        "X-Forwarded-Prefix",
        "X_Forwarded_Uri",
        "X-Real-IP",
        "Forwarded",
        "X-Gateway-Secret",
        "X-Gateway-Status",
        "X-Gateway-Decision-Id",
        "X-Gateway-Login-Providers",
    ],
)
def test_a08_a09_no_client_speaks_to_the_gateway_in_a_proxys_voice(stub_scene, name):
    """Neither the check, nor the second question of nginx, nor our pages show a value of the client."""
    before, visited = len(stub_scene.gateway.asked), len(stub_scene.gateway.visited)

    stub_scene.ask("/x", headers=[(name, "evil"), (name, "evil")])
    stub_scene.ask("/forbidden/x", headers=[(name, "evil")], signed_in=True)
    stub_scene.ask("/_gateway/auth/login", headers=[(name, "evil")])

    heard = stub_scene.gateway.asked[before:] + stub_scene.gateway.visited[visited:]
    assert len(heard) >= 3
    assert all("evil" not in json.dumps(request.headers) for request in heard)


def test_the_question_carries_what_the_gateway_reads(stub_scene):
    """Cookies of all lines, credentials, and what tells a navigation from a program."""
    lines = [
        ("Cookie", "a=1"),
        ("Cookie", "b=2"),
        ("Authorization", "Bearer token"),
        ("Accept", "text/html"),
        ("Origin", "http://app.gw.localhost"),
        ("X-Requested-With", "XMLHttpRequest"),
        ("Sec-Fetch-Mode", "navigate"),
        ("Sec-Fetch-Dest", "document"),
        ("Sec-Fetch-Site", "same-origin"),
        ("Sec-Purpose", "prefetch"),
        ("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="),
    ]

    stub_scene.ask("/x", headers=lines)

    question = stub_scene.gateway.asked[-1]
    for name, value in lines[2:]:
        assert question.all(name) == [value]
    assert "; ".join(question.all("cookie")) == "a=1; b=2"
    assert question.method == "GET"
    assert question.body == b""
    assert not question.all("upgrade")


@pytest.mark.parametrize("target", ["/x", "/forbidden/x"])
def test_a33_the_query_of_the_client_never_becomes_ours(stub_scene, target):
    """The verify endpoint is asked without a query, the login question too."""
    before = len(stub_scene.gateway.asked)

    stub_scene.ask(
        f"{target}?rd=https://evil.test/&policy=public&allowed_groups=admin", signed_in=target != "/x"
    )

    targets = {request.target for request in stub_scene.gateway.asked[before:]}
    assert targets <= {"/verify/forward-auth", "/verify/auth-request", "/verify/auth-request/login"}


def test_cookies_of_our_pages_arrive_one_by_one(stub_scene):
    """Set-Cookie lines of the gateway are neither joined nor lost, and the session cookie reaches our pages."""
    answer = stub_scene.ask("/_gateway/auth/login", signed_in=True)

    assert answer.all("set-cookie") == ["one=1; Path=/", "two=2; Path=/"]
    assert stub_scene.gateway.visited[-1].all("cookie") == [stub_scene.gateway.cookie]


def test_metadata_of_the_gateway_is_found_at_its_inserted_path(stub_scene):
    """RFC 8414 section 3 puts the well-known part before the path of the issuer."""
    answer = stub_scene.ask("/.well-known/oauth-authorization-server/_gateway")
    other = stub_scene.ask("/.well-known/oauth-authorization-server")

    assert json.loads(answer.body)["gateway"]
    assert other.status == 401


@pytest.mark.parametrize("kind", ["nginx", "nginx-newest"])
def test_connections_of_nginx_to_the_gateway_are_kept(kind, tmp_path):
    """Twenty checks, allowed and refused, take one connection or two."""
    scene = open_scene(kind, tmp_path)
    try:
        before = scene.gateway.connections
        for turn in range(20):
            scene.ask("/x", signed_in=turn % 2 == 0)

        assert scene.gateway.connections - before <= 2
    finally:
        scene.stop()
