"""Parameters that a link to the login, or back from it, must not have: no request chooses what a login demands."""

import itertools
from urllib.parse import parse_qs, parse_qsl, quote, urlencode, urlsplit

import pytest

from gateway.identity.presented import Head
from gateway.login.errand import REAUTHENTICATE
from gateway.login.level import Level
from gateway.login.selection import Wish
from gateway.login.way import Client
from gateway.observe.events import LoginFinished
from tests.kit.login_door import APP, AUTH, OTHER, LoginHouse

pytestmark = pytest.mark.anyio

SESSION = "__Secure-gw"

# What a link might try to set: parameters of OpenID Connect, of vendors, and the names of our own fields.
WISHES = {
    "prompt": "none",
    "max_age": "999999",
    "acr_values": "none",
    "purpose": "reauthenticate",
    "level": "0",
    "person": "x",
    "round": "9",
    "scope": "openid admin",
    "response_type": "token",
    "response_mode": "form_post",
    "redirect_uri": "https://evil.test/",
    "client_id": "evil",
    "state": "A" * 43,
    "nonce": "evil",
    "code_challenge": "evil",
    "code_challenge_method": "plain",
    "claims": '{"id_token":{}}',
    "request": "eyJ",
    "request_uri": "https://evil.test/",
    "id_token_hint": "eyJ",
    "ui_locales": "evil",
    "tenant": "evil",
    "hd": "evil.test",
    "kc_idp_hint": "evil",
    "domain_hint": "evil.test",
    "access_type": "offline",
}
FIXED = {"state", "nonce", "code_challenge"}  # random: other values each time


def sent(hop):
    """The authorization request without what chance has made."""
    asked = parse_qs(urlsplit(hop.location).query, strict_parsing=True)
    return {name: values for name, values in asked.items() if name not in FIXED}


@pytest.mark.parametrize("path", ["login", "staff"])
@pytest.mark.parametrize("name", WISHES)
async def test_t24_case10_no_parameter_of_a_link_reaches_the_provider(path, name):
    """Third-party initiated login: scopes, prompts and levels are the gateway's to choose."""
    house = LoginHouse()
    plain = await house.browser().open(f"{AUTH}/auth/{path}?rd={APP}/x", follow=False)

    wished = await house.browser().open(
        f"{AUTH}/auth/{path}?rd={APP}/x&{urlencode({name: WISHES[name]})}", follow=False
    )

    assert (wished.status, sent(wished)) == (303, sent(plain))
    assert "evil" not in wished.location


@pytest.mark.parametrize("text", ["a\r\nb@example.com", "x" * 201, "\u202eevil", " ", "\0"])
async def test_t24_case10_a_login_hint_that_is_none_is_left_out(text):
    """The one parameter that is handed on has a form and a length."""
    house = LoginHouse()

    hop = await house.browser().open(f"{AUTH}/auth/login?login_hint={quote(text)}", follow=False)

    assert (hop.status, "login_hint" in sent(hop)) == (303, False)


async def test_t24_a_login_hint_adds_no_second_parameter():
    """Whatever stands in it is one value."""
    house = LoginHouse()
    text = "a&prompt=none&login_hint=b#f;x=y"

    hop = await house.browser().open(f"{AUTH}/auth/login?login_hint={quote(text)}", follow=False)

    assert sent(hop)["login_hint"] == [text]
    assert "prompt" not in sent(hop)


@pytest.mark.parametrize(
    "hint", ["evil", "staff,evil", "partners&provider=staff", "../partners", "partners%00", "%70artners,"]
)
async def test_t24_an_altered_provider_hint_leads_to_configured_providers_alone(hint):
    """Whoever alters it chooses among those that everybody may choose among."""
    house = LoginHouse(("staff", "partners"))

    hop = await house.browser().open(f"{AUTH}/auth/login?rd={APP}/x&provider={hint}", follow=False)

    assert hop.status in {200, 303}
    if hop.status == 303:
        assert hop.location.startswith(("https://idp.example.test/", "https://partners.example.test/"))
    assert "evil" not in hop.response.text + hop.response.headers.get("location", "")


async def changed(house, browser, *, level=None, **parameters):
    """Begin a login (or a reauthentication), and come back with more in the address than the provider put there."""
    if level is None:
        location = (await browser.open(f"{AUTH}/auth/staff?rd={APP}/x", follow=False)).location
    else:
        line = browser.jar.line(f"{AUTH}/", cross_site=False, method="GET")
        head = Head("GET", b"/", ((b"cookie", line.encode()),), "192.0.2.7")
        client = Client("192.0.2.7", "192.0.2.0/24")
        way = await house.flow.begin(
            head, "staff", Wish(f"{APP}/x"), client, "d", purpose=REAUTHENTICATE, level=level
        )
        location = way.location
    callback = (await browser.open(location, follow=False)).location
    return await browser.open(f"{callback}&{urlencode(parameters)}", follow=False)


@pytest.mark.parametrize(
    "parameters",
    [{"rd": f"{OTHER}/evil"}, {"return_to": f"{OTHER}/evil"}, {"provider": "partners"}, {"tenant": "evil"}],
)
async def test_t24_nothing_in_a_callback_changes_where_the_login_leads(parameters):
    """The way back stands in the sealed attempt."""
    house = LoginHouse()

    hop = await changed(house, house.browser(), **parameters)

    assert hop.location == f"{APP}/x"


@pytest.mark.parametrize(
    "parameters",
    [
        {"purpose": "login"},
        {"max_age": "999999"},
        {"acr_values": ""},
        {"acr": "gold"},
        {"floor": "none"},
        {"prompt": "none"},
        {"person": "u-2"},
        {"auth_time": "4000000000"},
        {"purpose": "login", "max_age": "999999", "acr_values": "", "acr": "gold"},
    ],
)
async def test_t24_nothing_in_a_callback_lowers_the_level(parameters):
    """Purpose, person and level are sealed with the attempt; the provider has reached none of it."""
    house = LoginHouse()
    browser = house.browser()
    await browser.open(f"{AUTH}/auth/staff?rd={APP}/x")
    house.clock.advance(3600)
    ticket = browser.jar.get(SESSION).value

    hop = await changed(house, browser, level=Level(0, ("gold",)), **parameters)

    assert hop.status == 403
    outcomes = [event.outcome for event in house.events if isinstance(event, LoginFinished)]
    assert outcomes == ["ok", "level_not_reached"]
    assert browser.jar.get(SESSION).value == ticket


async def test_t24_a_plain_login_is_not_taken_for_a_reauthentication():
    """Its callback proves no level, whatever the link says it is for."""
    house = LoginHouse()
    browser = house.browser()

    hop = await changed(house, browser, purpose="reauthenticate", acr_values="gold", max_age="0")

    assert hop.location == f"{APP}/x"
    line = browser.jar.line(f"{AUTH}/", cross_site=False, method="GET")
    current = await house.visitors.current(Head("GET", b"/", ((b"cookie", line.encode()),), "192.0.2.7"))
    assert current.session.latest.acr == ""


async def test_t24_case10_an_attempt_of_one_purpose_never_opens_as_one_of_another():
    """The seal covers purpose, person and level: one changed byte, and there is no attempt."""
    house = LoginHouse()
    browser = house.browser()
    await browser.open(f"{AUTH}/auth/staff?rd={APP}/x")
    callback = await house.callback_of(browser, f"{AUTH}/auth/staff?rd={AUTH}/users/me")
    (key,) = [key for key in house.store.plain if key.startswith("attempt:")]
    whole = house.store.plain[key].value

    for place in itertools.chain(range(0, len(whole), 97), [len(whole) - 1]):
        broken = bytearray(whole)
        broken[place] ^= 1
        await house.store.put(key, bytes(broken), 600)
        hop = await browser.open(callback, follow=False)
        assert hop.status == 400

    state = dict(parse_qsl(urlsplit(callback).query))["state"]
    assert state not in repr(house.store.plain)
