"""Paths, methods and queries at the verify endpoints: no spelling of a place is judged as an easier one.

`test_path_readings.py` holds the rules of reading; here the whole check is asked, in every contract, by everybody.
"""

import pytest

from tests.kit.verify_house import CONTRACTS, PEOPLE, open_house, refused, value_of

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("contract", CONTRACTS)]

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")

HIDDEN = [
    # What an application may take for a place below /admin, or for /office (which is admin's, too).
    pytest.param("/admin", id="a25"),
    pytest.param("/admin/", id="a25 slash"),
    pytest.param("//admin/x", id="a17 a26"),
    pytest.param("/admin//x", id="a17 inside"),
    pytest.param("///admin", id="a17 three"),
    pytest.param("/./admin/x", id="a17 dot"),
    pytest.param("/public/../admin/x", id="a18 t08 x1"),
    pytest.param("/public/%2e%2e/admin/x", id="a18 encoded"),
    pytest.param("/public/%2E%2e%2fadmin/x", id="a18 mixed"),
    pytest.param("/public/.%2e/admin/x", id="a18 half"),
    pytest.param("/public/./../admin/x", id="t08 both"),
    pytest.param("/public/..%2fadmin/x", id="t08 slash"),
    pytest.param("/public/%252e%252e/admin/x", id="t08 a19 twice"),
    pytest.param("/public/%25252e%25252e/admin/x", id="a19 three times"),
    pytest.param("/public/..%255cadmin/x", id="a19 backslash"),
    pytest.param("/public%2f..%2fadmin/x", id="a19 all slashes"),
    pytest.param("/public/x%2f..%2f..%2fadmin", id="a19 two up"),
    pytest.param("/%2fadmin/x", id="a19 first"),
    pytest.param("/%61dmin/x", id="a23 a letter"),
    pytest.param("/public;/../admin/x", id="x1 a20"),
    pytest.param("/public/..;/admin/x", id="a20 tomcat"),
    pytest.param("/;/admin/x", id="a20 first"),
    pytest.param("/;a=b/admin/x", id="a20 first with a value"),
    pytest.param("/admin;a=b/x", id="a20"),
    pytest.param("/public/..\\admin", id="a21"),
    pytest.param("/public\\..\\admin", id="a21 p14"),
    pytest.param("/public/..%5cadmin/x", id="a21 t08 encoded"),
    pytest.param("/admin%5cx", id="a21 inside"),
    pytest.param("/public#/../admin", id="a22 t09"),
    pytest.param("/admin#/public/x", id="a22 p14"),
    pytest.param("/public/x%23/../../admin", id="x1 a22"),
    pytest.param("/admin%23/public/x", id="t09 a22"),
    pytest.param("/public/x%00/../../admin", id="a23 nul"),
    pytest.param("/admin%00", id="a23 nul behind"),
    pytest.param("/public/%c0%ae%c0%ae/admin", id="a23 overlong"),
    pytest.param("/public/%zz/../admin", id="a23 bad escape"),
    pytest.param("/public%u002f..%u002fadmin", id="a23 utf-16"),
    pytest.param("/public/\uff0e\uff0e/admin", id="a23 full-width"),
    pytest.param("/public/\t../admin", id="a23 tab"),
    pytest.param("/public/.\t./admin", id="a23 a tab between dots"),
    pytest.param("/admin?/public/x", id="a27 t21 query"),
    pytest.param("/admin?x=/public/x", id="p14 a27"),
    pytest.param("/admin%3f/public/x", id="a27 encoded"),
    pytest.param("/admin?a=b#/public", id="t09 both"),
    pytest.param("/.well-known/acme-challenge/../../admin", id="t50"),
    pytest.param("/auth/../admin", id="t50 our own prefix"),
    pytest.param("/_gateway/..;/admin", id="t50 our own prefix, tomcat"),
    pytest.param("/oauth2/../admin", id="t50 a rival's prefix"),
    pytest.param("/verify/forward-auth/../../admin", id="t50 the verify path"),
    pytest.param("/foo/../office/x", id="p14 a network rule"),
]


@pytest.mark.parametrize("uri", HIDDEN)
async def test_a17_to_a23_a25_to_a27_t08_t09_t50_x1_p14_a_hidden_place_is_that_place_or_refused(
    contract, uri
):
    """CVE-2021-29492, CVE-2026-33494, CVE-2026-42272, CVE-2026-42274, GHSA-pxq7-h93f-9jrg."""
    house = await open_house()

    for method in METHODS:
        for who, expected in zip(PEOPLE, (401, 403, 200), strict=True):
            answer = await house.ask(contract, uri, method=method, who=who)
            assert answer.status in {expected, refused(contract)}, (method, who)
            assert house.decision.rule in {"admin", ""}


BROKEN = [
    b"", b"%", b"/%", b"/%zz", b"*", b"?", b"#", b"admin", b".", b"http://[::1", b"http://evil.tld/x", b"https://evil.tld",
    b"/x\x00", b"/x y", b"/\xff", b"/x\r\nX-Auth-User: root", b"/x\nb", b"/" + b"a" * 50_000, b"\\admin", b" /x",
    b"@evil.tld/x", b":443@evil.tld/x", b".evil.tld/x", b":80:80/x", b"/x#y", b"/public/\x7f", b"/public/%u0041",
]  # fmt: skip


@pytest.mark.parametrize("uri", BROKEN, ids=lambda uri: repr(uri)[:30])
async def test_p1_w11_a28_t05_a23_what_does_not_parse_is_refused_by_every_method(contract, uri):
    """CVE-2021-32637: nginx read the 200 of an error as an allow. Here it is 400, and for nginx 403."""
    house = await open_house()

    for method in METHODS:
        for who in PEOPLE:
            answer = await house.ask(contract, uri, method=method, who=who)
            assert answer.status == refused(contract)


@pytest.mark.parametrize(
    "method",
    [b"CONNECT", b"get", b"Get", b"", b" ", b"GET ", b"GET,POST", b"GET\r\nX: y", b"\xff", b"*", b"G" * 40],
)
async def test_a29_t05_a_method_without_one_meaning_is_refused(contract, method):
    """Also where the place is public."""
    house = await open_house()

    for uri in ("/public/x", "/docs/x", "/x", "*"):
        for who in PEOPLE:
            assert (await house.ask(contract, uri, method=method, who=who)).status == refused(contract)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "FOO"])
async def test_x2_a29_a41_a05_a_rule_for_get_opens_get_and_head_alone(contract, method):
    """Behind nginx each check is a GET: the original method decides. A preflight is no free pass."""
    house = await open_house()
    preflight = [(b"origin", b"https://evil.tld"), (b"access-control-request-method", b"GET")]

    assert (await house.ask(contract, "/docs/x")).status == 200
    assert (await house.ask(contract, "/docs/x", method="HEAD")).status == 200
    for lines in ([], preflight):
        for wire in ("GET", method):
            asked = {"method": method, "headers": lines, "wire_method": wire}
            assert (await house.ask(contract, "/docs/x", **asked)).status == 401
            assert (await house.ask(contract, "/admin/x", who="alice", **asked)).status == 403


@pytest.mark.parametrize("method", METHODS)
async def test_a38_the_method_of_the_check_itself_counts_for_nothing(contract, method):
    """HAProxy asks by HEAD, Envoy by the original method, others by GET."""
    house = await open_house()

    for who, expected in zip(PEOPLE, (401, 403, 200), strict=True):
        answer = await house.ask(contract, "/admin/x", who=who, wire_method=method)
        assert answer.status == expected
    assert (await house.ask(contract, "/docs/x", method="DELETE", wire_method=method)).status == 401


CONDITIONAL = [
    (b"if-none-match", b"*"), (b"if-none-match", b'"x"'), (b"if-match", b'"x"'), (b"if-modified-since", b"Thu, 01 Jan 2099 00:00:00 GMT"),
    (b"if-unmodified-since", b"Thu, 01 Jan 1970 00:00:00 GMT"), (b"range", b"bytes=0-1"), (b"if-range", b'"x"'),
    (b"expect", b"100-continue"), (b"accept-encoding", b"gzip, br"), (b"te", b"trailers"), (b"cache-control", b"only-if-cached"),
    (b"upgrade", b"h2c"), (b"prefer", b"respond-async"), (b"max-forwards", b"0"),
]  # fmt: skip


@pytest.mark.parametrize("line", CONDITIONAL, ids=lambda line: line[0].decode())
async def test_a37_conditions_and_ranges_are_not_read(contract, line):
    """A 206 is an allow at nginx, Traefik and Caddy; a 304 is passed on."""
    house = await open_house()

    for who, expected in zip(PEOPLE, (401, 403, 200), strict=True):
        answer = await house.ask(contract, "/admin/x", who=who, headers=[line])
        assert answer.status == expected
        assert value_of(answer, b"content-encoding") == b""


HANDSHAKE = [
    (b"upgrade", b"websocket"), (b"connection", b"Upgrade"), (b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ=="),
    (b"sec-websocket-version", b"13"), (b"accept", b"text/html"),
]  # fmt: skip


async def test_a39_a_websocket_handshake_gets_an_ordinary_answer(contract):
    """Never 101, and never a redirect, which no WebSocket follows."""
    house = await open_house()

    for who, expected in zip(PEOPLE, (401, 403, 200), strict=True):
        answer = await house.ask(contract, "/admin/x", who=who, headers=HANDSHAKE)
        assert answer.status == expected


@pytest.mark.parametrize(
    "origin",
    [b"https://evil.tld", b"https://app.example.com.evil.tld", b"null", b"http://app.example.com", b"", b"https://app.example.com:444",
     b"https://wiki.example.com"],
)  # fmt: skip
async def test_a40_a_websocket_of_a_foreign_page_is_forbidden(contract, origin):
    """The browser sends our cookie whoever wrote the page (CWE-1385)."""
    house = await open_house()

    for who in ("alice", "admin"):
        answer = await house.ask(contract, "/x", who=who, headers=[*HANDSHAKE, (b"origin", origin)])
        assert answer.status == 403
        twice = [*HANDSHAKE, (b"origin", b"https://app.example.com"), (b"origin", origin)]
        assert (await house.ask(contract, "/x", who=who, headers=twice)).status == 403
        own = [*HANDSHAKE, (b"origin", b"https://app.example.com")]
        assert (await house.ask(contract, "/x", who=who, headers=own)).status == 200


QUERIES = [
    "policy=billing", "policy=public&rule=public", "allowed_groups=staff", "allowed_users=*", "rd=https://evil.tld",
    "token_url=https://evil.tld", "host=wiki.example.com", "method=GET&uri=/public/x", "X-Forwarded-Uri=/public/x", "/public/x",
    "skip_auth=1&debug=1", "a=" + "b" * 9_000, "%zz", "",
]  # fmt: skip


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query[:24] or "empty")
async def test_x10_a33_w21_t21_no_query_takes_part(contract, query):
    """Caddy appends the client's query to the verify address; neither there nor in the target does it count."""
    house = await open_house()

    for who, expected in zip(PEOPLE, (401, 403, 200), strict=True):
        assert (await house.ask(contract, "/admin/x", who=who, query=query)).status == expected
        assert (await house.ask(contract, f"/admin/x?{query}", who=who)).status == expected
        assert house.decision.path == "/admin/x"


async def test_t21_the_policy_is_the_one_that_the_proxy_named(contract):
    """It stands in the path of the verify call, exactly, and knows no rule of the host."""
    house = await open_house()

    for uri in ("/public/x", "/docs/x", "/x?/policy/public"):
        assert (await house.ask(contract, uri, policy="billing")).status == 401
        assert (await house.ask(contract, uri, policy="billing", who="alice")).status == 403
        assert (await house.ask(contract, uri, policy="billing", who="admin")).status == 200
    for name in ("BILLING", "billing/", "unknown", "../policy/billing", "billing%2f", "."):
        assert (await house.ask(contract, "/public/x", policy=name, who="admin")).status == 404


PATTERNS = [
    pytest.param("/api/private/x?p=/status", id="o08"),
    pytest.param("/api/private/x?/status", id="o08 bare"),
    pytest.param("/api/private/x%3F/status", id="o08 encoded"),
    pytest.param("/api/private/x%253F/status", id="o08 twice"),
    pytest.param("/api/secret%23/status", id="o14"),
    pytest.param("/api/secret#/status", id="o14 raw"),
    pytest.param("/api/secret%2523/status", id="o14 twice"),
    pytest.param("/api/secret;/status/../x", id="o14 p14 parameters"),
    pytest.param("/x/api/y/status", id="p14 unanchored in front"),
    pytest.param("/api/y/status/x", id="p14 unanchored behind"),
    pytest.param("/api/y/status%0a", id="o08 a line end behind"),
]


@pytest.mark.parametrize("uri", PATTERNS)
async def test_o08_o14_p14_a_pattern_is_held_against_the_whole_path_alone(contract, uri):
    """CVE-2025-54576, CVE-2026-41059, GHSA-r27r-rr9v-vv37."""
    house = await open_house()

    assert (await house.ask(contract, "/api/y/status")).status == 200
    assert (await house.ask(contract, uri)).status in {401, refused(contract)}


@pytest.mark.parametrize("uri", ["/publicx", "/public-x", "/healthz", "/health/x", "/Users/JohnDoe"])
async def test_p14_w28_another_name_is_another_place(contract, uri):
    """A prefix ends at its slash: so it falls to the rule for the rest."""
    house = await open_house()

    assert (await house.ask(contract, uri)).status == 401
    assert house.decision.rule == "rest"


@pytest.mark.parametrize("who", PEOPLE)
@pytest.mark.parametrize("uri", ["/Admin/x", "/ADMIN", "/PUBLIC/x", "/Public/x", "/adm\u0131n"])
async def test_a24_another_case_that_meets_another_rule_is_refused(contract, uri, who):
    """Whoever asks, a session that may enter everything included; the log names both rules."""
    house = await open_house()

    assert (await house.ask(contract, uri, who=who)).status == refused(contract)
    assert (house.decision.outcome, house.decision.reason) == ("refused", "ambiguous_path")
    assert house.decision.detail in {"rest or admin", "rest or public"}


async def test_a24_where_the_application_tells_case_apart_it_is_another_place(contract):
    """`case_sensitive_paths`, for the rules by host and for each policy by itself."""
    rules = [
        {"name": "billing", "paths": ["/billing"], "allow": {"groups": ["admins"]}},
        {"name": "other", "allow": "authenticated"},
    ]
    policies = {"billing": {"case_sensitive_paths": True, "rules": rules}, "folding": {"rules": rules}}
    house = await open_house(case_sensitive_paths=True, policies=policies)

    assert (await house.ask(contract, "/Admin/x", who="alice")).status == 200
    assert (await house.ask(contract, "/Billing", who="alice", policy="billing")).status == 200
    assert (await house.ask(contract, "/billing", who="alice", policy="billing")).status == 403
    assert (await house.ask(contract, "/Billing", who="alice", policy="folding")).status == refused(contract)


@pytest.mark.parametrize(
    "uri",
    ["/auth/login", "/auth/x/callback", "/verify/auth-request", "/oauth2/x", "/.well-known/x", "/healthz"],
)
async def test_t50_a28_our_own_paths_are_ordinary_paths_of_an_application(contract, uri):
    """An own prefix that always passes is a hole in every application that has it, too."""
    house = await open_house()

    assert (await house.ask(contract, uri)).status == 401
