"""What the verify endpoints answer: nothing that can be kept, nothing that was sent, nothing of an application."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest

from gateway.login.return_to import ReturnTo
from gateway.serve.dispatch import PublicListener
from gateway.serve.health import Health
from tests.kit.login_door import LoginHouse
from tests.kit.verify_house import (
    AUTH,
    CONTRACTS,
    PEOPLE,
    PROXY,
    STRANGER,
    VerifyHouse,
    family,
    open_house,
    value_of,
)

pytestmark = pytest.mark.anyio
each_contract = pytest.mark.parametrize("contract", CONTRACTS)

NAVIGATION = ((b"accept", b"text/html"), (b"sec-fetch-mode", b"navigate"))
CANARY = b"c4n4ry<svg/onload=1>"
LOGIN = "/verify/auth-request/login"


@each_contract
async def test_a36_a35_no_answer_may_be_kept(contract):
    """Neither yes nor no carries anything by which a cache could keep it or ask for it again."""
    house = await open_house()
    kept = {
        b"etag",
        b"last-modified",
        b"expires",
        b"age",
        b"surrogate-control",
        b"cdn-cache-control",
    }

    for uri in ("/public/x", "/x", "/admin/x", "/%zz"):
        for who in PEOPLE:
            for lines in ((), NAVIGATION):
                answer = await house.ask(contract, uri, who=who, headers=lines)
                assert value_of(answer, b"cache-control") == b"no-store"
                assert not kept & {name for name, _ in answer.headers}


@each_contract
@pytest.mark.parametrize("lines", [(), NAVIGATION], ids=["program", "person"])
async def test_t33_t52_p17_a_no_repeats_nothing_that_was_sent(contract, lines):
    """GHSA-59jp-rwph-878r sent a protected body behind the login page; pages elsewhere repeated a Referer."""
    house = await open_house()
    names = (
        b"user-agent",
        b"referer",
        b"origin",
        b"cookie",
        b"authorization",
        b"x-a",
        b"accept-language",
        b"x-auth-user",
    )
    sent = [*lines, *[(name, CANARY) for name in names]]

    for who, uri in (("nobody", "/x"), ("alice", "/admin/x"), ("nobody", "/%zz" + CANARY.decode())):
        answer = await house.ask(contract, uri, who=who, headers=sent)
        assert answer.status >= 300
        assert CANARY not in answer.body
        assert not any(CANARY in value for _, value in answer.headers)
        if contract == "auth-request":
            assert answer.body == b""
        elif not lines:
            members = json.loads(answer.body)
            assert set(members) <= {"error", "reason", "login_url", "decision_id"}
        elif answer.status == 403:
            assert b"content-security-policy" in dict(answer.headers)


PATHS = [
    "/x",
    "/a?next=https://evil.tld/y",
    "/a?rd=//evil.tld",
    "/é?ü=1",
    "/a%20b",
    "//evil.tld/x",
    "/a?b=%0d%0a",
    "/@evil.tld",
    "/a'b",
]


@each_contract
@pytest.mark.parametrize("path", PATHS)
async def test_e41_x12_a34_the_way_back_is_read_as_the_place_that_was_asked_for(contract, path):
    """What the check writes into Location is what the login reads out of it, and it stays on that host."""
    house = await open_house()
    if contract == "auth-request":
        lines = [
            *family(contract, b"GET", b"app.example.com", path.encode()),
            *NAVIGATION,
            (b"x-gateway-status", b"401"),
        ]
        answer = await house.send(LOGIN, lines)
    else:
        answer = await house.ask(contract, path, headers=NAVIGATION)
    location = urlsplit(value_of(answer, b"location").decode("ascii"))

    assert f"{location.scheme}://{location.netloc}{location.path}" == f"{AUTH}/auth/login"
    query = parse_qs(location.query, strict_parsing=True)
    assert list(query) == ["rd"]
    came_back = ReturnTo.of(house.settings).of_request(query["rd"][0])
    assert (
        came_back.startswith("https://app.example.com/") or came_back == ReturnTo.of(house.settings).fallback
    )
    assert urlsplit(came_back).hostname in {"app.example.com", "auth.example.com"}


@each_contract
async def test_w32_five_hundred_questions_of_nobody_leave_nothing_behind(contract):
    """No cookie, no record, and no call of the store."""
    house = await open_house()
    calls, records = len(house.store.calls), len(house.store.records)

    for number in range(500):
        answer = await house.ask(contract, f"/assets/{number}.js", headers=NAVIGATION if number % 2 else ())
        assert answer.status in {303, 401}

    assert (len(house.store.calls), len(house.store.records)) == (calls, records)


@each_contract
async def test_w15_x13_no_event_of_a_check_holds_what_was_secret(contract):
    """Neither the cookie, nor Authorization, nor the query; at no outcome."""
    house = await open_house()
    secret = "s3cr3t" * 4
    mine = house.begun["alice"].cookie

    for uri in ("/x", "/admin/x", "/public/x", "/%zz"):
        lines = [(b"authorization", f"Bearer {secret}".encode()), (b"cookie", f"a={secret}".encode())]
        await house.ask(contract, f"{uri}?code={secret}", who="alice", headers=lines, query=f"t={secret}")

    told = repr(house.events)
    assert secret not in told
    assert mine not in told
    assert mine.split(".")[2] not in told


@each_contract
@pytest.mark.parametrize("status", [b"200", b"204", b"500", b"", b"401, 200", b"4011", b"\xff", b"-1"])
async def test_t33_s5_the_second_answer_of_nginx_is_never_a_yes(contract, status):
    """It is shown as the answer of a protected place: whatever status it is told, it is a no."""
    house = await open_house()
    lines = family(contract, b"GET", b"app.example.com", b"/admin/x")

    for who in PEOPLE:
        cookie = [(b"cookie", house.cookie(who).encode())] if who != "nobody" else []
        for more in (
            [(b"x-gateway-status", status)],
            [(b"x-gateway-status", b"401"), (b"x-gateway-status", status)],
        ):
            answer = await house.send(LOGIN, [*lines, *cookie, *more, *NAVIGATION])
            assert answer.status == 403


@pytest.mark.parametrize("decision", [b"<svg>", b"a b", b"x" * 41, b"\xff", b"", b"a\r\nb", b"d-1, d-2"])
async def test_t33_t52_the_second_answer_repeats_no_strange_decision_id(decision):
    """The id comes from our own first answer, or it is a new one."""
    house = await open_house()
    lines = family("auth-request", b"GET", b"app.example.com", b"/x")
    given = (b"x-gateway-decision-id", decision)

    for more in (NAVIGATION, ()):
        answer = await house.send(LOGIN, [*lines, given, *more])
        assert answer.status == 403
        assert b"<code>l-" in answer.body or b'"decision_id": "l-' in answer.body
        assert not decision or decision not in answer.body


async def test_t12_a10_the_second_answer_is_for_our_proxy_alone():
    """A stranger does not learn where a login would lead."""
    house = await open_house()
    lines = [
        *family("auth-request", b"GET", b"app.example.com", b"/x"),
        (b"x-gateway-status", b"401"),
        *NAVIGATION,
    ]

    assert (await house.send(LOGIN, lines)).status == 303
    answer = await house.send(LOGIN, lines, peer=STRANGER)
    assert answer.status == 403
    assert value_of(answer, b"location") == b""


HOUSE_PATHS = [
    "/metrics", "/debug", "/debug/pprof/", "/admin", "/openapi.json", "/docs", "/redoc", "/server-status", "/.env", "/.git/config",
    "/actuator", "/verify", "/verify/", "/verify/forward-auth/", "/verify/forward-auth/x", "/verify//forward-auth",
    "/VERIFY/forward-auth", "/verify/ext-authz/x", "/verify/policy/billing", "/verify/policy//forward-auth", "/config",
]  # fmt: skip


@pytest.mark.parametrize("path", HOUSE_PATHS)
async def test_t26_t50_a10_nothing_but_the_contracts_is_on_the_verify_listener(path):
    """CVE-2022-24797: what is for the operator stands on a listener of its own."""
    house = await open_house()
    lines = [
        *family("forward-auth", b"GET", b"app.example.com", b"/x"),
        (b"cookie", house.cookie("admin").encode()),
    ]

    for method in ("GET", "POST", "OPTIONS"):
        assert (await house.send(path, lines, method=method)).status == 404


PUBLIC_PATHS = [
    *HOUSE_PATHS[:11], "/verify", "/verify/forward-auth", "/verify/auth-request", "/verify/auth-request/login", "/verify/%66orward-auth",
    "/verify/policy/billing/forward-auth", "/verifyx", "//verify/forward-auth", "/auth/../verify/forward-auth", "/healthz/x",
]  # fmt: skip


@pytest.mark.parametrize("path", PUBLIC_PATHS)
async def test_t26_a10_s7_nothing_for_operators_or_proxies_is_on_the_public_listener(path):
    """The verify endpoints, too: a browser that could ask them would speak in a proxy's voice."""
    asked = await open_house()
    house = VerifyHouse()
    house.app = PublicListener(LoginHouse().app, Health(house.store).endpoint(detail=False), None)
    lines = [
        *family("forward-auth", b"GET", b"app.example.com", b"/x"),
        (b"cookie", asked.cookie("admin").encode()),
    ]

    for peer in (PROXY, STRANGER):
        answer = await house.send(path, lines, peer=peer)
        assert answer.status == 404
        assert not any(name.startswith(b"x-auth-") for name, _ in answer.headers)


async def test_both_ways_into_the_check_give_one_answer():
    """The plain function and the HTTP listener, asked the same."""
    house = await open_house()
    async with house.client() as http:
        for who in ("alice", "admin"):
            lines = [
                *family("forward-auth", b"GET", b"app.example.com", b"/admin/x"),
                (b"cookie", house.cookie(who).encode()),
            ]
            by_http = await http.get("/verify/forward-auth", headers=lines)
            by_hand = await house.ask("forward-auth", "/admin/x", who=who)
            assert by_http.status_code == by_hand.status
            assert by_http.headers.get("x-auth-user", "") == value_of(by_hand, b"x-auth-user").decode()
