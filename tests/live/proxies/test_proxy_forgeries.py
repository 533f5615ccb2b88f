"""No header of a client becomes an identity, opens a path, or speaks in a proxy's voice to the application."""

import json

import pytest

from tests.kit.echo_app import assert_no_forgery, folded, reached, values
from tests.kit.scene import identity_names

pytestmark = pytest.mark.live

ALIASES = "!#$%&'*+.^_`|~"


@pytest.mark.parametrize("target", ["/public/x", "/x"], ids=["s1 public", "a01 protected"])
def test_a01_s1_t16_a_forged_identity_header_never_arrives(scene, target):
    """Every identity header of the client is replaced by ours, on public paths by nothing."""
    forged = [(name, "evil") for name in identity_names(scene.settings)]

    said = reached(scene.ask(target, headers=forged, signed_in=target == "/x"))

    assert_no_forgery(said)
    for name in identity_names(scene.settings):
        assert len(values(said, name)) <= 1
    assert "".join(values(said, "x-auth-user")) == ("alice" if target == "/x" else "")


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(["X-Auth-User", "x-auth-user"], id="a02 twice in two spellings"),
        pytest.param(["x-AUTH-user", "X-AUTH-USER", "X-Auth-User"], id="s4 three cases"),
        pytest.param(["X_Auth_User", "X-Auth_User", "X_Auth-User"], id="a03 underscores"),
        pytest.param(["X.Auth.User", "X-Auth.User", "X_Auth.User"], id="t15 dots"),
        pytest.param(
            ["X-Auth-Roles", "X-Auth-Scopes", "X-Auth-Premium-Until"], id="a03 names that are not in use"
        ),
        pytest.param(["X_AUTH_GROUPS", "X_Auth_Roles", "x_auth_assertion"], id="s2 other headers"),
    ],
)
@pytest.mark.parametrize("target", ["/public/x", "/x"])
def test_a02_a03_s2_s4_t15_no_spelling_of_an_identity_header_passes(scene, lines, target):
    """Neither the application nor what CGI and WSGI would make of its headers shows the client's value."""
    said = reached(scene.ask(target, headers=[(name, "evil") for name in lines], signed_in=target == "/x"))

    assert_no_forgery(said)
    assert said["environ"].get("HTTP_X_AUTH_USER", "") == ("alice" if target == "/x" else "")


@pytest.mark.parametrize("char", ALIASES)
def test_a03_no_alias_character_of_an_identity_header_passes(scene, char):
    """All fourteen characters that fold onto a dash, in every place of the name."""
    spellings = [f"X{char}Auth{char}User", f"X-Auth{char}User", f"X{char}Auth-User"]

    answer = scene.ask("/x", headers=[(name, "evil") for name in spellings], signed_in=True)

    said = reached(answer)
    if said is None:
        assert answer.status == 400
    else:
        assert_no_forgery(said)
        assert said["environ"]["HTTP_X_AUTH_USER"] == "alice"


@pytest.mark.parametrize("method", ["OPTIONS", "GET", "HEAD"])
def test_t17_preflights_and_our_own_pages_are_scrubbed_as_well(scene, method):
    """No method and no path is exempt from the clearing."""
    forged = [("X-Auth-User", "evil"), ("X_Auth_User", "evil"), ("Origin", "http://elsewhere.test")]
    before = len(scene.application.seen)

    scene.ask("/public/x", method=method, headers=[*forged, ("Access-Control-Request-Method", "PUT")])

    for request in scene.application.seen[before:]:
        assert "evil" not in json.dumps(folded(request.headers))
    assert len(scene.application.seen) == before + 1


def test_a41_an_unauthenticated_preflight_gets_no_free_pass(scene):
    """OPTIONS is judged like any other method."""
    answer = scene.ask("/x", method="OPTIONS", headers=[("Access-Control-Request-Method", "PUT")])

    assert answer.status == 401


@pytest.mark.parametrize(
    "named",
    ["X-Auth-User", "x-auth-assertion, X-Auth-User", "X-Forwarded-Host, X-Auth-Assertion", "X-Forwarded-For"],
)
def test_a12_w13_t13_a_connection_header_cannot_remove_our_identity(scene, named):
    """Hop-by-hop tricks leave our value or stop the request; the client's value never arrives."""
    lines = [("Connection", f"close, {named}"), ("X-Auth-User", "evil"), ("X-Forwarded-For", "evil")]

    answer = scene.ask("/x", headers=lines, signed_in=True)

    said = reached(answer)
    if said is None:
        assert answer.status in {400, 401, 403}
    else:
        assert_no_forgery(said)
        assert values(said, "x-auth-user") == ["alice"]


def test_a13_credentials_named_in_connection_are_judged_as_they_travel(scene):
    """Where the proxy strips the cookie, the decision is anonymous; where it keeps it, the identity is ours."""
    answer = scene.ask("/x", headers=[("Connection", "close, Authorization, Cookie")], signed_in=True)

    said = reached(answer)
    if said is None:
        assert answer.status == 401
    else:
        assert values(said, "x-auth-user") == ["alice"]


def test_a14_an_unknown_name_in_connection_stalls_nothing(scene):
    """The answer comes while the socket still waits; a proxy that kept the check's connection open would not answer."""
    answer = scene.ask(
        "/x", headers=[("Connection", "close, X-Foo"), ("X-Foo", "1")], signed_in=True, timeout=4
    )

    assert answer.status == 200


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([("X-Forwarded-Uri", "/public"), ("X-Forwarded-Method", "OPTIONS")], id="a04 a05"),
        pytest.param([("X-Forwarded-Host", "evil.test"), ("X-Forwarded-Proto", "evil")], id="a06"),
        pytest.param([("X-Forwarded-Prefix", "/public"), ("X-Forwarded-Port", "1")], id="a07 w14 t14 s3"),
        pytest.param(
            [("X-Original-URL", "http://app.gw.localhost/public"), ("X-Original-Method", "GET")], id="a08"
        ),
        pytest.param([("X-Original-URI", "/public"), ("X-Rewrite-URL", "/public")], id="a08 rewrite"),
        pytest.param([("Path", "/public"), ("Method", "GET")], id="a08 path and method"),
        pytest.param([("X_Forwarded_Uri", "/public"), ("X.Forwarded.Uri", "/public")], id="s2 aliases"),
        pytest.param([("X-Gateway-Status", "200"), ("X-Gateway-Decision-Id", "evil")], id="our own words"),
        pytest.param([("User-Agent", "GoogleHC/1.0")], id="a46 health check"),
        pytest.param([("User-Agent", "kube-probe/1.30")], id="a46 probe"),
        pytest.param([("If-None-Match", "*"), ("Range", "bytes=0-1")], id="a37 conditional"),
        pytest.param([("Authorization", "Basic ZXZpbDpldmls")], id="somebody else's credential"),
    ],
)
def test_a04_to_a09_no_header_opens_a_protected_path(scene, lines):
    """The decision is about the real request, whatever the client writes beside it."""
    before = len(scene.application.seen)

    answer = scene.ask("/x", headers=lines)

    assert answer.status == 401
    assert len(scene.application.seen) == before


@pytest.mark.parametrize(
    "name",
    [
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "X-Forwarded-Uri",
        "X-Forwarded-Method",
        "X-Forwarded-Prefix",
        "X-Forwarded-Port",
        "X-Original-URL",
        "X-Original-URI",
        "X-Original-Method",
        "X-Rewrite-URL",
        "X-Real-IP",
        "Forwarded",
        "X-Gateway-Secret",
        "X_Forwarded_For",
        "X_Real_IP",
    ],
)
def test_a09_42_what_a_client_says_about_itself_does_not_reach_the_application(scene, name):
    """Forwarded headers at the application are the proxy's own, or there are none."""
    said = reached(scene.ask("/x", headers=[(name, "evil"), (name.lower(), "evil")], signed_in=True))

    assert_no_forgery(said)
    assert values(said, "x-forwarded-for") == ["127.0.0.1"]
