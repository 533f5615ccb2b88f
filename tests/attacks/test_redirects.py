"""Open redirects: every address that a login or a logout can be given, and every header that could become one."""

import json
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from gateway.login.return_to import ReturnTo
from gateway.settings.model import Settings
from tests.kit.address_bar import destination
from tests.kit.login_door import APP, AUTH, OTHER, STAFF, WRITTEN, LoginHouse

pytestmark = pytest.mark.anyio

LINES = (Path(__file__).parent / "redirect_corpus.txt").read_text("ascii").splitlines()
CORPUS = [json.loads(f'"{line}"') for line in LINES if line and not line.startswith("#")]
RETURN_TO = ReturnTo.of(Settings.model_validate(WRITTEN))
ME = f"{AUTH}/users/me"
OURS = {AUTH, APP, OTHER}

SPOOFED = [
    pytest.param({"x-forwarded-host": "evil.test"}, id="forwarded host"),
    pytest.param(
        {"x-forwarded-host": "auth.example.com.evil.test"}, id="forwarded host with our name in front"
    ),
    pytest.param({"forwarded": "host=evil.test;proto=http"}, id="RFC 7239"),
    pytest.param({"host": "evil.test"}, id="host"),
    pytest.param({"host": "a;b"}, id="host that is none"),
    pytest.param({"x-forwarded-proto": "javascript"}, id="proto javascript"),
    pytest.param({"x-forwarded-proto": "evil_protocol"}, id="proto that is none"),
    pytest.param({"x-forwarded-proto": "https,http"}, id="two protos"),
    pytest.param({"x-forwarded-proto": ""}, id="empty proto"),
    pytest.param({"x-forwarded-proto": "HtTp"}, id="proto in mixed case"),
    pytest.param({"x-forwarded-prefix": "//evil.test"}, id="prefix"),
    pytest.param({"x-forwarded-uri": "//evil.test/", "x-original-url": "https://evil.test/"}, id="uri"),
    pytest.param({"referer": "https://evil.test/"}, id="referer"),
]


def asked(address: str) -> str:
    return quote(address, safe="", encoding="utf-8", errors="surrogatepass")


def test_o16_the_corpus_is_large_and_holds_no_twins():
    """The same mistakes come back years later: the list only grows."""
    assert len(CORPUS) >= 150
    assert len(set(CORPUS)) == len(CORPUS)


def test_o16_the_corpus_has_teeth():
    """A gateway that redirected to what it was given would be sent to strangers by a good part of the list."""
    strangers = [raw for raw in CORPUS if destination(raw, AUTH) not in {*OURS, ""}]

    assert len(strangers) >= 100


@pytest.mark.parametrize("raw", CORPUS, ids=[line for line in LINES if line and not line.startswith("#")])
def test_t27_p2_o02_to_o06_x12_a34_a_hostile_return_address_falls_back(raw):
    """What has no single harmless meaning ends at our own page."""
    assert RETURN_TO.of_request(raw) == ME


async def test_t27_x12_hostile_return_addresses_end_at_our_own_page_after_a_login():
    """The whole way: login page, provider, callback."""
    house = LoginHouse()
    for number, raw in enumerate(CORPUS):
        browser = house.browser(peer=f"10.{number // 250}.{number % 250}.1")

        last = await browser.open(f"{AUTH}/auth/login?rd={asked(raw)}")

        assert last.url == ME, raw
        assert last.status == 200


async def test_w16_hostile_return_addresses_end_at_our_own_page_for_somebody_signed_in():
    """A session makes the login page a redirector: it must be as strict as without one."""
    house = LoginHouse()
    browser = house.browser()
    await browser.open(f"{AUTH}/auth/login")
    for raw in CORPUS:
        house.clock.advance(60)  # past the guard against loops

        for path in ("login", "staff"):
            hop = await browser.open(f"{AUTH}/auth/{path}?rd={asked(raw)}", follow=False)

            assert destination(hop.location, AUTH) in {*OURS, STAFF}, raw
            assert path == "staff" or hop.location == ME, raw


async def test_a34_a_return_address_that_stands_twice_counts_as_none():
    """Whatever stands before us might read the other one."""
    house = LoginHouse()

    last = await house.browser().open(
        f"{AUTH}/auth/login?rd={asked(APP + '/a')}&rd={asked('https://evil.test/')}"
    )

    assert last.url == ME


async def test_p18_a_return_address_is_judged_again_when_the_login_is_over():
    """An address that has left the configuration meanwhile is not followed."""
    house = LoginHouse()
    browser = house.browser()
    callback = await house.callback_of(browser, f"{AUTH}/auth/staff?rd={asked(OTHER + '/x')}")
    house.flow.return_to.hosts.exact.pop("wiki.example.com")

    hop = await browser.open(callback, follow=False)

    assert hop.location == ME


async def test_p18_t27_nothing_in_a_cookie_says_where_to_go():
    """A cookie that a sibling subdomain writes is no return address."""
    house = LoginHouse()
    browser = house.browser()
    for name in ("rd", "redirect", "gw_redirect", "return_to"):
        browser.jar.plant(AUTH, name, "https://evil.test/")

    last = await browser.open(f"{AUTH}/auth/login")

    assert last.url == ME


@pytest.mark.parametrize("where", ["https://evil.test/", "//evil.test", "/\\evil.test", f"{APP}@evil.test"])
async def test_p2_a_logout_goes_nowhere_but_to_its_own_page(where):
    """No parameter says where a logout ends."""
    house = LoginHouse()
    browser = house.browser()
    await browser.open(f"{AUTH}/auth/login")
    page = await browser.open(f"{AUTH}/auth/logout?rd={asked(where)}")
    token = page.response.text.partition('name="token" value="')[2].partition('"')[0]

    names = ("rd", "redirect", "post_logout_redirect_uri")
    query = "&".join([f"{name}={asked(where)}" for name in names])
    form = {"token": token, **dict.fromkeys(names, where)}
    last = await browser.submit(f"{AUTH}/auth/logout?{query}", form)

    assert last.url.partition("?")[0] == f"{AUTH}/auth/signed-out"
    assert not any("evil" in hop.location for hop in browser.hops)
    assert "evil" not in page.response.text


@pytest.mark.parametrize("headers", SPOOFED)
async def test_p19_t47_t19_p20_no_header_enters_a_redirect(headers):
    """Callback and way back are configured: a header neither moves nor breaks them."""
    house = LoginHouse()
    browser = house.browser()

    begun = await browser.open(f"{AUTH}/auth/staff?rd={asked(APP + '/x')}", headers=headers, follow=False)
    at_provider = await browser.open(begun.location, follow=False)
    done = await browser.open(at_provider.location, headers=headers, follow=False)

    redirect_uri = parse_qs(urlsplit(begun.location).query)["redirect_uri"]
    assert redirect_uri == [f"{AUTH}/auth/staff/callback"]
    assert done.location == f"{APP}/x"
    assert all("evil" not in line for line in done.response.headers.get_list("set-cookie"))


@pytest.mark.parametrize("headers", SPOOFED)
@pytest.mark.parametrize(
    "path", ["/auth/logout", "/auth/signed-out", "/users/me", "/nowhere", "/auth/staff/callback"]
)
async def test_p17_p19_no_header_enters_a_page(path, headers):
    """Links on our pages lead to public_url alone."""
    house = LoginHouse()

    hop = await house.browser().open(f"{AUTH}{path}", headers=headers, follow=False)

    assert "evil" not in hop.response.text + hop.location
    assert "javascript:" not in hop.response.text


@pytest.mark.parametrize(
    "target", ["//evil.test/x", "//evil.test/auth/login", "/auth//evil.test", "/\\evil.test"]
)
async def test_w30_an_odd_request_target_redirects_nowhere(target):
    """A path that begins like an address is a path."""
    house = LoginHouse()

    hop = await house.browser().open(f"{AUTH}{target}", follow=False)

    assert hop.status == 404
    assert not hop.location
