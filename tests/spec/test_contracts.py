"""The contracts: one header family in, the proxy's language out."""

import json

import pytest

from gateway.errors import Malformed
from gateway.forward_auth.contracts.auth_request import AuthRequest, split_url
from gateway.forward_auth.contracts.contract import Outage, Pass, Refusal, Stop, Wait
from gateway.forward_auth.contracts.forward_auth import ForwardAuth
from gateway.identity.lines import Lines
from gateway.identity.presented import Head, Reply
from gateway.policy.decide import Challenge, Forbid

PAGE = Reply(403, ((b"content-type", b"text/html"),), b"<p>no</p>")
FORWARD_AUTH = ForwardAuth(lambda decision_id, head: PAGE)
AUTH_REQUEST = AuthRequest()
LOGIN = "https://auth.example.com/auth/login?rd=x"


def head(*lines: tuple[str, str]) -> Head:
    return Head("GET", b"/verify", tuple((n.encode(), v.encode()) for n, v in lines), "127.0.0.1")


def stop(decision, navigation=False) -> Stop:
    return Stop(decision, head(), navigation, LOGIN)


CHALLENGE = Challenge(None, "anonymous")
FORBID = Forbid(None, "no_rule")

OUTCOMES = {
    "allow": Pass(Lines.of(((b"x-auth-user", b"ada"),)), b"a=1"),
    "challenge a person": stop(CHALLENGE, navigation=True),
    "challenge a program": stop(CHALLENGE),
    "forbid a person": stop(FORBID, navigation=True),
    "forbid a program": stop(FORBID),
    "refuse": Refusal("bad_path", False),
    "refuse a stranger": Refusal("untrusted_peer", True),
    "limited": Wait(3),
    "outage": Outage(5),
}


@pytest.mark.parametrize(
    ("outcome", "forward_auth", "auth_request"),
    [
        ("allow", 200, 200),
        ("challenge a person", 303, 401),
        ("challenge a program", 401, 401),
        ("forbid a person", 403, 403),
        ("forbid a program", 403, 403),
        ("refuse", 400, 403),
        ("refuse a stranger", 403, 403),
        ("limited", 429, 403),
        ("outage", 503, 503),
    ],
)
def test_each_outcome_has_one_status_in_each_contract(outcome, forward_auth, auth_request):
    """The table of answers in docs/architecture.md."""
    value = OUTCOMES[outcome]

    assert FORWARD_AUTH.reply(value, "d1").status == forward_auth
    assert AUTH_REQUEST.reply(value, "d1").status == auth_request


@pytest.mark.parametrize("contract", [FORWARD_AUTH, AUTH_REQUEST], ids=lambda c: c.name)
@pytest.mark.parametrize("outcome", OUTCOMES)
def test_no_reply_sets_a_cookie_or_may_be_stored(contract, outcome):
    """A check neither sets nor clears a cookie, and no cache may keep its answer."""
    reply = contract.reply(OUTCOMES[outcome], "d1")
    names = [name for name, _ in reply.headers]

    assert b"set-cookie" not in names
    if reply.body != PAGE.body:
        assert (b"cache-control", b"no-store") in reply.headers
        assert (b"content-length", str(len(reply.body)).encode()) in reply.headers
    if reply.status != 200:
        assert (b"x-gateway-decision-id", b"d1") in reply.headers


@pytest.mark.parametrize("contract", [FORWARD_AUTH, AUTH_REQUEST], ids=lambda c: c.name)
@pytest.mark.parametrize("outcome", [name for name in OUTCOMES if name != "allow"])
def test_identity_leaves_on_an_allow_alone(contract, outcome):
    """Proxies hand the headers of a denial to the client."""
    reply = contract.reply(OUTCOMES[outcome], "d1")

    assert not [name for name, _ in reply.headers if name.startswith(b"x-auth-")]


def test_forward_auth_gives_traefik_one_cookie_line_even_when_nothing_is_left():
    """Traefik removes our cookie only by copying this line."""
    reply = FORWARD_AUTH.reply(Pass(Lines.of(()), b""), "d1")

    assert [value for name, value in reply.headers if name == b"cookie"] == [b""]


def test_a_program_is_told_where_the_login_is():
    """JSON with the login address and the decision id, and the challenge that RFC 9110 demands."""
    reply = FORWARD_AUTH.reply(OUTCOMES["challenge a program"], "d1")

    assert json.loads(reply.body) == {"error": "unauthenticated", "login_url": LOGIN, "decision_id": "d1"}
    assert dict(reply.headers)[b"www-authenticate"].startswith(b"Bearer")


def test_nginx_gets_no_challenge_with_its_401_and_the_hint_where_there_is_one():
    """The module would copy a challenge onto the answer of the second request, a redirect or a 401 with its own."""
    stops = [Stop(CHALLENGE, head(), False, LOGIN, hint) for hint in ("", "a,b")]

    plain, hinted = (AUTH_REQUEST.reply(one, "d1") for one in stops)

    assert not {b"www-authenticate", b"location"} & {name for name, _ in (*plain.headers, *hinted.headers)}
    assert dict(hinted.headers)[b"x-gateway-login-providers"] == b"a,b"
    assert b"x-gateway-login-providers" not in dict(plain.headers)


@pytest.mark.parametrize(
    ("contract", "mandatory"),
    [
        (FORWARD_AUTH, ["x-forwarded-method", "x-forwarded-host", "x-forwarded-uri"]),
        (AUTH_REQUEST, ["x-original-method", "x-original-url"]),
    ],
    ids=["forward-auth", "auth-request"],
)
def test_a_mandatory_header_that_is_missing_or_doubled_is_refused(contract, mandatory):
    """What the proxy did not write exactly once, it did not write."""
    values = {"x-original-url": "https://app.example.com/a"}
    full = [(name, values.get(name, "x")) for name in mandatory]

    for name in mandatory:
        without = [line for line in full if line[0] != name]
        doubled = [*full, (name, values.get(name, "x"))]
        with pytest.raises(Malformed, match="header_missing"):
            contract.read(head(*without), "")
        with pytest.raises(Malformed, match="header_repeated"):
            contract.read(head(*doubled), "")


def test_a_contract_reads_its_own_header_family_only():
    """The other family comes from the client, untouched by the proxy."""
    both = head(
        ("x-forwarded-method", "GET"), ("x-forwarded-host", "app.example.com"), ("x-forwarded-uri", "/admin"),
        ("x-original-method", "HEAD"), ("x-original-url", "https://other.example.com/public"),
    )  # fmt: skip

    forward_auth, auth_request = FORWARD_AUTH.read(both, ""), AUTH_REQUEST.read(both, "")

    assert (forward_auth.method, forward_auth.host, forward_auth.uri) == (
        b"GET",
        b"app.example.com",
        b"/admin",
    )
    assert (auth_request.method, auth_request.host, auth_request.uri) == (
        b"HEAD",
        b"other.example.com",
        b"/public",
    )


@pytest.mark.parametrize(
    ("url", "host", "uri"),
    [
        (b"https://app.example.com/a?b=c", b"app.example.com", b"/a?b=c"),
        (b"http://app.example.com:8080//a", b"app.example.com:8080", b"//a"),
        (b"https://app.example.com/x?y=https://z/", b"app.example.com", b"/x?y=https://z/"),
        (b"https://[::1]:80/", b"[::1]:80", b"/"),
    ],
)
def test_an_original_url_is_cut_and_not_repaired(url, host, uri):
    """Host and target keep their bytes."""
    assert split_url(url) == (host, uri)


@pytest.mark.parametrize(
    "url",
    [b"", b"/a", b"app.example.com/a", b"ftp://a/b", b"https://", b"https:///a", b"https://host", b"HTTPS:a"],
)
def test_an_original_url_without_scheme_host_or_path_is_refused(url):
    """Nothing is guessed."""
    with pytest.raises(Malformed):
        split_url(url)
