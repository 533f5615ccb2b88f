"""The pages beside the check: odd forms, hostile addresses and headers, and what a sign-out leaves behind."""

import ast
import gzip
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import httpx
import pytest

import gateway
from tests.kit.login_door import APP, AUTH, LoginHouse
from tests.kit.verify_house import CONTRACTS, VerifyHouse

pytestmark = pytest.mark.anyio

TWO = ("staff", "partners")
OUR_OWN = {"sec-fetch-site": "same-origin", "origin": AUTH}
PATHS = (
    "/auth/login",
    "/auth/logout",
    "/auth/staff",
    "/auth/staff/callback",
    "/auth/signed-out",
    "/users/me",
    "/",
    "/x",
)
PACKAGE = Path(gateway.__file__).parent


def client_of(house):
    transport = httpx.ASGITransport(house.app, client=("198.51.100.7", 4711))
    return httpx.AsyncClient(transport=transport, base_url=AUTH)


BODIES = [
    pytest.param(b"", {}, id="t32 empty"),
    pytest.param(b"", {"content-type": "application/x-www-form-urlencoded"}, id="t32 an empty form"),
    pytest.param(b"submit=1&submit=2&__proto__=x", {"content-type": "application/x-www-form-urlencoded"}, id="t32 submit"),
    pytest.param(b"token", {"content-type": "application/x-www-form-urlencoded"}, id="t32 a name alone"),
    pytest.param(b"%zz=%ff&=&&&", {"content-type": "application/x-www-form-urlencoded"}, id="t32 broken"),
    pytest.param(b'{"token": []}', {"content-type": "application/json"}, id="w31 a list for a text"),
    pytest.param(b"[" * 60_000, {"content-type": "application/json"}, id="w31 nested"),
    pytest.param(b"a" * 64_001, {"content-type": "application/x-www-form-urlencoded"}, id="w31 too large"),
    pytest.param(b"a=b&" * 16_000, {"content-type": "application/x-www-form-urlencoded"}, id="w31 sixteen thousand fields"),
    pytest.param(b"--x\r\n\r\n", {"content-type": "multipart/form-data; boundary=x"}, id="w31 multipart"),
    pytest.param(b"\xff\xfe\x00", {"content-type": "text/plain; charset=utf-16"}, id="t32 no text"),
    pytest.param(
        gzip.compress(b"a" * 10_000_000), {"content-type": "application/x-www-form-urlencoded", "content-encoding": "gzip"},
        id="w6 ten megabytes in ten kilobytes",
    ),
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(("body", "headers"), BODIES)
async def test_t32_w31_w6_an_odd_body_is_refused_and_never_a_crash(path, body, headers):
    """CVE-2025-3891: an empty POST ended the process."""
    house = LoginHouse()
    async with client_of(house) as http:
        for more in ({}, OUR_OWN):
            answer = await http.post(path, content=body, headers={**headers, **more})
            assert answer.status_code in {303, 400, 401, 403, 404, 405, 413}
            assert "set-cookie" not in answer.headers or answer.status_code == 303


HOSTILE = [
    "'",
    '"',
    "</script><script>alert(1)</script>",
    "'-alert(1)-'",
    "<svg/onload=alert(1)>",
    "{{7*7}}",
    "javascript:alert(1)",
]


@pytest.mark.parametrize("text", HOSTILE)
async def test_t32_t52_a_hostile_address_is_text_on_every_page(text):
    """CVE-2021-32792: a quote in the address ended a string of the page."""
    house = LoginHouse(TWO)
    async with client_of(house) as http:
        for path in PATHS:
            for query in (
                f"rd={quote(f'{APP}/{text}')}",
                f"rd={quote(text)}",
                f"error={quote(text)}&state={quote(text)}",
            ):
                answer = await http.get(f"{path}?{query}", headers={"accept": "text/html"})
                assert answer.status_code < 500
                assert (text if len(text) > 1 else f"{APP}/{text}") not in answer.text
                assert "<script" not in answer.text
                if "text/html" in answer.headers.get("content-type", ""):
                    assert "default-src 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("text", "read_as"),
    [
        ('en"><script>alert(1)</script>', "en"),
        ("zh-CN;q=1,<svg>", "zh-CN"),
        ("\xff", "en"),
        ("../../etc/passwd", "en"),
        ("en" * 5_000, "en"),
        ("en\x0bde", "en"),
    ],
)
async def test_p5_neither_a_cookie_nor_a_language_is_printed_into_a_page(text, read_as):
    """CVE-2026-33525: the value of a language cookie stood in the template. What is no language says nothing."""
    house = LoginHouse(TWO)
    raw = text.encode("latin-1")
    async with client_of(house) as http:
        clean = await http.get("/auth/login", headers={"accept": "text/html", "accept-language": read_as})
        lines = [
            (b"accept", b"text/html"),
            (b"accept-language", raw),
            (b"cookie", b"lang=" + raw + b"; theme=" + raw + b"; __Host-gw-language=" + raw),
        ]
        answer = await http.get("/auth/login", headers=lines)

    assert clean.status_code == answer.status_code == 200
    assert "<script>" not in answer.text
    assert answer.text == clean.text
    assert answer.headers["content-security-policy"] == clean.headers["content-security-policy"]


async def test_t24_nothing_of_a_request_reaches_the_provider_or_the_sign_out():
    """Where the way leads is configured; an address has no parameter by which to change it."""
    house = LoginHouse()
    browser = house.browser()
    extra = "&".join(
        f"{name}=evil.tld"
        for name in (
            "idp",
            "tenant",
            "acr_values",
            "login_hint",
            "kc_idp_hint",
            "issuer",
            "post_logout_redirect_uri",
        )
    )
    hop = await browser.open(f"{AUTH}/auth/staff?rd={APP}/x&{extra}", follow=False)
    assert "evil" not in hop.location

    await browser.open(f"{AUTH}/auth/login")
    out = await browser.open(f"{AUTH}/auth/logout?{extra}&rd=https://evil.tld", follow=False)
    assert out.status == 200
    assert "evil" not in out.response.text


async def test_o10_a_sign_out_ends_the_session_where_it_is_kept():
    """CVE-2026-34454: the page came without its Set-Cookie; so the record goes as well, and the answer says both."""
    house = LoginHouse()
    browser = house.browser()
    await browser.open(f"{AUTH}/auth/login?rd={APP}/x")
    kept = browser.jar.get("__Secure-gw").value
    assert house.session_keys()

    page = await browser.open(f"{AUTH}/auth/logout")
    token = page.response.text.partition('name="token" value="')[2].partition('"')[0]
    hop = await browser.submit(f"{AUTH}/auth/logout", {"token": token}, follow=False)

    assert hop.status == 303
    assert any(line.startswith("__Secure-gw=;") for line in hop.response.headers.get_list("set-cookie"))
    assert not house.session_keys()
    verify = VerifyHouse()
    verify.sessions = house.sessions
    object.__setattr__(verify.check, "reader", verify.reader())
    for contract in CONTRACTS:
        line = (b"cookie", f"__Secure-gw={kept}".encode())
        assert (await verify.ask(contract, "/x", headers=[line])).status == 401


async def test_o10_a_page_for_signing_in_leaves_no_half_of_a_session():
    """Somebody signed in who opens it again is sent on, and the session is the same one as before."""
    house = LoginHouse()
    browser = house.browser()
    await browser.open(f"{AUTH}/auth/login?rd={APP}/x")
    kept, records = browser.jar.get("__Secure-gw").value, house.session_keys()

    hop = await browser.open(f"{AUTH}/auth/login?rd={APP}/y")

    assert hop.url == f"{APP}/y"
    assert browser.jar.get("__Secure-gw").value == kept
    assert house.session_keys() == records


def test_p22_chance_comes_from_the_operating_system_alone():
    """CVE-2024-21495: `random` and `uuid1` can be foretold."""
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and [alias.name for alias in node.names] != ["UUID"]:
                names.append(node.module or "")  # the type alone makes no id, it reads one
            assert not {"random", "uuid"} & set(names), path


async def test_p22_states_and_nonces_have_their_256_bits():
    """And no two logins share one."""
    house = LoginHouse()
    seen = set()
    for _ in range(20):
        hop = await house.browser().open(f"{AUTH}/auth/staff", follow=False)
        query = parse_qs(urlsplit(hop.location).query)
        for name in ("state", "nonce", "code_challenge"):
            assert len(query[name][0]) >= 43
            seen.add(query[name][0])
    assert len(seen) == 60
