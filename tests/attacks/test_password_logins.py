"""Attacks on the login by name and password: guessing, locking out, planting a login, reading along."""

import io
import itertools
import json
import random
from urllib.parse import urlencode

import pytest

from gateway.errors import PasswordRefused, ProviderUnavailable
from gateway.login.passwords import Passwords
from gateway.login.way import Client
from gateway.observe.events import Alarm, LoginFinished
from gateway.observe.log import Log
from gateway.providers.account import Spellings
from gateway.settings.login import PasswordLimits
from gateway.settings.model import Log as LogSettings
from tests.kit.clock import Clock
from tests.kit.login_door import APP, AUTH, LoginHouse
from tests.kit.memory_store import MemoryStore
from tests.kit.password_form import Form, opened
from tests.kit.password_provider import PasswordDirectory

pytestmark = pytest.mark.anyio

LOGIN = f"{AUTH}/auth/login?rd={APP}/report"
DOMAINS = Spellings({"corp": "CORP", "corp.tld": "CORP"}, "corp")
SESSION, BROWSER = "__Secure-gw", "__Host-gw-login"


def house_of(**changes):
    corp = PasswordDirectory("corp", spellings=DOMAINS, people={"CORP\\bob": "right", "CORP\\eve": "hers"})
    return LoginHouse((), directories=(corp,), **changes)


def asked(house):
    return house.directories["corp"].asked


async def tried(form, names, password="wrong"):
    return [(await form.send(name, password)).status for name in names]


async def sent(form, body, **lines):
    """A form as bytes, from the browser that has it open, with lines of one's own."""
    usual = {
        "accept": "text/html",
        "content-type": "application/x-www-form-urlencoded",
        "cookie": form.browser.jar.line(f"{AUTH}/", cross_site=False, method="POST"),
    }
    given = {name.replace("_", "-"): value for name, value in lines.items()}
    return await form.browser._send("POST", f"{AUTH}/auth/login", {**usual, **given}, body.encode())


async def test_p4_forms_of_one_name_share_one_counter():
    """Bare, with the domain behind it and in front of it: five tries together, and not fifteen."""
    house = house_of()
    form = await opened(house.browser(), LOGIN)

    statuses = await tried(form, ["bob", "bob@corp.tld", "CORP\\bob"] * 5)

    assert statuses == [401] * 5 + [429] * 10
    assert {name for name, _ in asked(house)} == {"CORP\\bob"}
    assert len(asked(house)) == 5


async def test_p6_case_blanks_and_wide_letters_share_one_counter():
    """Fifty wrong tries in ten spellings cost the directory five."""
    house = house_of(login={"passwords": {"per_address": 1000}})
    form = await opened(house.browser(), LOGIN)
    spellings = ["bob", "BOB", "Bob", "bob ", " bob", "ｂｏｂ", "ＢＯＢ", "bob@CORP.TLD", "corp\\Bob", "ᵇob"]

    statuses = await tried(form, spellings * 5)

    assert statuses.count(401) == len(asked(house)) == 5
    assert statuses[5:] == [429] * 45


async def test_p12_ten_thousand_random_names_lock_nobody_out():
    """From as many networks: who has a name and a password signs in all the same, and what is kept is small."""
    clock, chance = Clock(), random.Random(12)
    corp, store = PasswordDirectory("corp", people={"bob": "right"}), MemoryStore(clock)
    limits = PasswordLimits()
    passwords = Passwords(
        providers={"corp": corp},
        limits=limits,
        store=store,
        admits=lambda identity: True,
        clock=clock,
        key=b"k" * 32,
    )
    for _ in range(10_000):
        where = Client("", f"10.{chance.randrange(256)}.{chance.randrange(256)}.0/24")
        with pytest.raises(PasswordRefused):
            await passwords.check("corp", f"user-{chance.random()}", "", "guess", where)

    signed_in = await passwords.check("corp", "bob", "", "right", Client("", "192.0.2.0/24"))

    assert signed_in.identity.user == "bob"
    # A bucket ends by itself once it is full again: none is further ahead than its period.
    assert max(store.arrivals.values()) <= clock() + max(limits.account_period, limits.address_period)
    assert max(len(key) for key in store.arrivals) < 100


async def test_p13_a_name_that_nobody_has_takes_the_same_way():
    """The same calls of the store, the same question to the directory, the same page."""
    pages, calls = [], []
    for name in ("bob", "nobody"):
        house = house_of()
        form = await opened(house.browser(), LOGIN)
        house.store.calls.clear()
        hop = await form.send(name, "wrong")
        calls.append((tuple(house.store.calls), len(asked(house))))
        pages.append(hop.response.text.replace(f'value="{name}"', "").partition('name="token"')[0])

    assert pages[0] == pages[1]
    assert calls[0] == calls[1] == (("count",), 1)


async def test_p24_to_begin_again_brings_no_new_tries():
    """A new browser, a new form, a new address of the login page: the counter belongs to the account."""
    house = house_of()
    statuses = []
    for number in range(8):
        form = await opened(house.browser(), f"{LOGIN}&login_hint=try{number}")
        statuses += await tried(form, ["bob"])

    assert statuses == [401] * 5 + [429] * 3


async def test_one_account_is_counted_from_every_address():
    """A botnet has five tries at a name, and not five each."""
    house = house_of()
    statuses = []
    for number in range(20):
        form = await opened(house.browser(peer=f"198.51.{number}.7"), LOGIN)
        statuses += await tried(form, ["bob"])

    assert statuses.count(401) == len(asked(house)) == 5


async def test_w18_a_forwarded_address_that_nobody_vouches_for_changes_no_counter():
    """Another one with each try, none, or a list: the peer's own network is what counts."""
    house = house_of()
    browser = house.browser()
    form = await opened(browser, LOGIN)
    statuses = []
    for number in range(40):
        browser.headers = {"x-forwarded-for": f"203.0.113.{number}, 10.0.0.{number}"} if number % 3 else {}
        statuses += await tried(form, [f"name{number}"])

    assert statuses == [401] * 30 + [429] * 10
    assert len(asked(house)) == 30


async def test_w31_a_body_without_end_is_not_read():
    """More than any form needs: 413, and nobody is asked."""
    house = house_of()
    form = await opened(house.browser(), LOGIN)

    hop = await form.send("bob", "x" * 70_000)

    assert hop.status == 413
    assert asked(house) == []


@pytest.mark.parametrize(
    "body",
    [
        "username=bob&username=eve&password=right&place=corp",
        "username[]=bob&password[]=right&place=corp",
        "username=%ff%fe&password=right&place=corp",
        "&".join([f"f{number}=x" for number in range(60)]),
        '{"username": [], "password": {}}',
        "",
    ],
    ids=["twice", "arrays", "no text", "many fields", "json", "nothing"],
)
async def test_w31_a_form_of_another_shape_is_no_login(body):
    """None of its readings reaches the directory."""
    house = house_of()
    form = await opened(house.browser(), LOGIN)

    response = await sent(form, f"{body}&token={form.fields.values['token']}", origin=AUTH)

    assert response.status_code in {400, 401, 403}
    assert asked(house) == []


@pytest.mark.parametrize(
    "lines",
    [
        {"sec-fetch-site": "cross-site", "origin": AUTH},
        {"sec-fetch-site": "same-site", "origin": AUTH},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"referer": f"{AUTH}.evil.example/"},
        {},
    ],
    ids=[
        "another site",
        "a neighbour",
        "an old browser",
        "a sandbox",
        "an older browser",
        "who says nothing",
    ],
)
async def test_login_csrf_a_form_of_another_page_signs_nobody_in(lines):
    """Eve's own name and password, sent by her page in bob's browser: refused before anybody is asked.

    Even with his cookie and a good token, which she cannot have.
    """
    house = house_of()
    form = await opened(house.browser(), LOGIN)
    typed = urlencode({**form.fields.values, "username": "eve", "password": "hers"})

    response = await sent(form, typed, **lines)

    assert response.status_code == 403
    assert "set-cookie" not in response.headers
    assert asked(house) == []


async def test_login_csrf_the_same_form_from_our_own_page_is_taken():
    """So that the ones above are refused for what they are."""
    house = house_of()
    form = await opened(house.browser(), LOGIN)
    typed = urlencode({**form.fields.values, "username": "eve", "password": "hers"})

    assert (await sent(form, typed, origin=AUTH)).status_code == 303


async def test_login_csrf_a_token_of_another_browser_signs_nobody_in():
    """Eve opens the form herself, and has it sent from bob's browser."""
    house = house_of()
    hers = await opened(house.browser(), LOGIN)
    his = await opened(house.browser(), LOGIN)

    for token in (hers.fields.values["token"], "", "x" * 64, his.fields.values["token"][:-1]):
        assert (await his.send("eve", "hers", token=token)).status == 403

    assert asked(house) == []
    assert his.browser.jar.get(SESSION) is None


async def test_login_csrf_a_browser_cookie_that_was_planted_beside_the_own_is_none():
    """With two values of it nobody knows which browser it is (cookie tossing)."""
    house = house_of()
    hers, browser = await opened(house.browser(), LOGIN), house.browser()
    form = await opened(browser, LOGIN)
    planted = hers.browser.jar.get(BROWSER)
    browser.jar.plant(AUTH, BROWSER, planted.value, path="/auth")

    hop = await form.send("eve", "hers", token=hers.fields.values["token"])

    assert hop.status == 403
    assert browser.jar.get(SESSION) is None


async def test_a_session_that_was_planted_is_not_the_one_that_is_signed_in():
    """A new id and a new key with every login (session fixation)."""
    house = house_of()
    eve, bob = house.browser(), house.browser()
    await (await opened(eve, LOGIN)).send("eve", "hers")
    bob.jar.plant(f"{AUTH}/", SESSION, eve.jar.get(SESSION).value, host_only=False)
    form = await opened(bob, f"{AUTH}/auth/login?rd={APP}/x&provider=again:corp")

    await form.send("bob", "right")

    assert bob.jar.cookies[-1].value != eve.jar.get(SESSION).value
    me = await eve.open(f"{AUTH}/users/me", headers={"accept": "application/json"})
    assert (me.status, me.response.json().get("user")) in {(401, None), (200, "eve")}


@pytest.mark.parametrize(
    "target",
    ["https://evil.example/", "//evil.example", "javascript:alert(1)", f"{AUTH}/auth/login", "/\\evil"],
)
async def test_a_return_address_in_the_form_is_judged_as_one_in_the_address(target):
    """What was a hidden field is whatever its sender wants."""
    house = house_of()
    form = await opened(house.browser(), LOGIN)

    hop = await form.send("bob", "right", rd=target, follow=False)

    assert (hop.status, hop.location) == (303, f"{AUTH}/users/me")


async def test_a_password_in_an_address_does_nothing():
    """It would stand in logs and histories; the form knows POST alone."""
    house = house_of()

    hop = await house.browser().open(f"{LOGIN}&username=bob&password=right&place=corp")

    assert hop.status == 200
    assert "right" not in hop.response.text.replace("copyright", "")
    assert asked(house) == []


async def test_a_password_stands_in_no_log_no_page_and_no_event():
    """At debug, on every way that a login can end, a bug of a provider among them."""
    secret, house = "Tr0ub4dor-and-3", house_of()
    corp = house.directories["corp"]
    answers = [
        None,
        PasswordRefused("corp", "password_expired"),
        ProviderUnavailable("corp", "reset"),
        RuntimeError(f"bind of bob with {secret} failed"),
    ]
    shown = []
    form = await opened(house.browser(), LOGIN)
    for name, answer in itertools.product(("bob", secret), answers):
        corp.answers = {"CORP\\bob": answer} if answer else {}
        shown.append((await form.send(name, secret)).response.text.replace(f'value="{secret}"', ""))

    out = io.StringIO()
    log = Log(LogSettings(format="json", level="debug"), out, house.clock)
    for event in house.events:
        log(event)
    assert len([event for event in house.events if isinstance(event, LoginFinished)]) >= 6
    assert [event.what for event in house.events if isinstance(event, Alarm)] == ["internal_error"]
    assert secret not in out.getvalue() + "".join(shown) + repr(house.events) + json.dumps(house.waited)


async def test_a_name_is_markup_for_nobody():
    """Whatever it is, it comes back as text."""
    house = house_of(login={"passwords": {"per_address": 1000}})
    form = await opened(house.browser(), LOGIN)
    for name in ('"><script>alert(1)</script>', "{{7*7}}", "'-alert(1)-'", "</input>"):
        hop = await form.send(name, "x")

        assert "<script>alert" not in hop.response.text
        assert "49" not in hop.response.text.partition('name="username"')[2].partition(">")[0]
        assert Form(form.browser, hop).fields.values["username"] == name
