"""Signing in again: the same person, as recently and as firmly as was asked for, or nothing changes."""

from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest

from gateway.errors import LevelNotReached
from gateway.identity.identity import Identity
from gateway.identity.presented import Head
from gateway.keys.seal import Sealer
from gateway.login.attempt import MAX_SEALED, Attempt, fitted, mark_of, seal, unseal
from gateway.login.errand import REAUTHENTICATE
from gateway.login.level import MAX_ACR, Level
from gateway.login.selection import Wish
from gateway.login.way import Client
from gateway.observe.events import LoginFinished
from tests.kit.login_door import APP, AUTH, LoginHouse

SESSION = "__Secure-gw"
ME = Client("192.0.2.7", "192.0.2.0/24")


def identity(**changes):
    return Identity(
        **{
            "provider": "corp",
            "issuer": "https://idp.example.test",
            "subject": "42",
            "user": "alice",
            "authenticated_at": 100,
        }
        | changes
    )


def test_a_level_says_what_a_provider_is_asked_for():
    """`prompt=login` always: a reauthentication that nobody notices is none."""
    assert Level().parameters() == {"prompt": "login", "max_age": "0"}
    assert Level(300, ("gold", "urn:mace:silver")).parameters() == {
        "prompt": "login",
        "max_age": "300",
        "acr_values": "gold urn:mace:silver",
    }


@pytest.mark.parametrize(
    ("age", "values"),
    [(-1, ()), (0, ("two words",)), (0, ("",)), (0, ("é",)), (0, ("x" * (MAX_ACR + 1),))],
)
def test_a_level_that_no_provider_could_read_is_a_mistake_of_ours(age, values):
    """It is made by code, so it fails at once."""
    with pytest.raises(ValueError, match=r"level|acr"):
        Level(age, values)


@pytest.mark.parametrize(
    ("level", "changes"),
    [
        pytest.param(Level(), {"authenticated_at": 101}, id="anew"),
        pytest.param(Level(60), {}, id="the same moment, where it may be older"),
        pytest.param(Level(0, ("gold", "silver")), {"authenticated_at": 101, "acr": "silver"}, id="one of the classes"),
    ],
)  # fmt: skip
def test_a_level_that_is_reached_passes(level, changes):
    """The age itself is the provider's `auth_time`, which the ID token's check has seen."""
    level.check(identity(), identity(**changes))


@pytest.mark.parametrize(
    ("level", "changes"),
    [
        pytest.param(Level(), {}, id="nobody was asked"),
        pytest.param(Level(60, ("gold",)), {}, id="no class"),
        pytest.param(Level(60, ("gold",)), {"acr": "silver"}, id="another class"),
        pytest.param(Level(60, ("gold",)), {"acr": "gold silver"}, id="a list is no class"),
        pytest.param(Level(60, ("gold",)), {"acr": "Gold"}, id="another case"),
    ],
)
def test_a_level_that_is_not_reached_does_not(level, changes):
    """A class is compared whole."""
    with pytest.raises(LevelNotReached):
        level.check(identity(), identity(**changes))


def test_the_level_is_sealed_in_the_attempt_and_comes_back_as_it_was():
    """And it costs so little that a long return address still fits."""
    house = LoginHouse()
    sealer, state = Sealer(house.ring, "attempt", house.random), "s" * 43
    attempt = Attempt(
        provider="p" * 40,
        nonce="n" * 43,
        verifier="v" * 43,
        redirect_uri=f"{AUTH}/auth/{'p' * 40}/callback",
        return_to=f"{APP}/{'x' * 4000}",
        browser="b" * 64,
        created=1_800_000_000,
        purpose=REAUTHENTICATE,
        person=mark_of("corp:Ünal"),
        max_age=300,
        acr_values="a" * MAX_ACR,
    )

    sealed = seal(sealer, state, fitted(attempt, f"{AUTH}/users/me"))

    assert len(sealed) <= MAX_SEALED
    again = unseal(sealer, state, sealed, Attempt)
    assert again.level == Level(300, ("a" * MAX_ACR,))
    assert (again.purpose, again.person) == (REAUTHENTICATE, mark_of("corp:Ünal"))


def test_an_attempt_of_a_login_has_no_level():
    """Whatever stands in its other fields."""
    assert Attempt("p", "n", "v", "r", "t", "b", 0).level is None


# Through the door


def head_of(browser):
    """What the browser sends to the gateway."""
    line = browser.jar.line(f"{AUTH}/", cross_site=False, method="GET")
    return Head("GET", b"/x", ((b"cookie", line.encode()),), "192.0.2.7")


async def signed_in(house):
    browser = house.browser()
    await browser.open(f"{AUTH}/auth/staff?rd={APP}/x")
    house.clock.advance(3600)
    return browser


async def begun(house, browser, level=None, provider="staff"):
    """Begin a reauthentication as code of ours would: the address of the provider."""
    way = await house.flow.begin(
        head_of(browser), provider, Wish(f"{APP}/secret"), ME, "d", purpose=REAUTHENTICATE, level=level
    )
    for cookie in way.cookies:
        browser.jar.store(f"{AUTH}/", cookie)
    return way.location


async def callback_of(house, browser, level=None):
    location = await begun(house, browser, level)
    return (await browser.open(location, follow=False)).location


def outcomes(house):
    return [event.outcome for event in house.events if isinstance(event, LoginFinished)]


async def me(browser):
    return (await browser.open(f"{AUTH}/users/me", headers={"accept": "application/json"})).response.json()


@pytest.mark.anyio
async def test_who_signs_in_again_has_a_new_session_at_the_new_level():
    """New id and new key at a level change; acr, amr and moment stand in the identity."""
    house = LoginHouse()
    browser = await signed_in(house)
    (before,), ticket = house.session_keys(), browser.jar.get(SESSION).value
    house.scripts["staff"].claims = {"auth_time": int(house.clock()), "acr": "gold", "amr": ["pwd", "otp"]}

    hop = await browser.open(await callback_of(house, browser, Level(0, ("gold",))), follow=False)

    assert hop.location == f"{APP}/secret"
    (after,) = house.session_keys()
    assert after != before
    assert browser.jar.get(SESSION).value != ticket
    session = await house.visitors.current(head_of(browser))
    latest = session.session.latest
    assert (latest.acr, latest.amr) == ("gold", ("pwd", "otp"))
    assert latest.authenticated_at == int(house.clock())
    assert outcomes(house) == ["ok", "ok"]


@pytest.mark.anyio
async def test_the_provider_is_asked_for_the_level():
    """By the names of OpenID Connect Core."""
    house = LoginHouse()
    browser = await signed_in(house)

    location = await begun(house, browser, Level(300, ("gold", "silver")))

    sent = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
    assert (sent["prompt"], sent["max_age"], sent["acr_values"]) == ("login", "300", "gold silver")


@pytest.mark.anyio
async def test_the_other_logins_of_the_session_stay():
    """Who proves themselves at one provider loses nothing at the other."""
    house = LoginHouse(("staff", "partners"))
    browser = house.browser()
    await browser.open(f"{AUTH}/auth/partners?rd={APP}/x")
    await browser.open(f"{AUTH}/auth/staff?rd={APP}/x")
    house.clock.advance(3600)
    house.scripts["staff"].claims = {"auth_time": int(house.clock())}

    await browser.open(await callback_of(house, browser), follow=False)

    session = await house.visitors.current(head_of(browser))
    assert [one.provider for one in session.session.identities] == ["partners", "staff"]


@pytest.mark.anyio
async def test_what_a_person_does_after_authenticating_does_not_count_against_them():
    """A consent and an update of terms take five minutes: the age counts from the departure."""
    house = LoginHouse()
    browser = await signed_in(house)
    callback = await callback_of(house, browser)
    house.scripts["staff"].claims = {"auth_time": int(house.clock()) + 5}
    house.clock.advance(300)

    hop = await browser.open(callback, follow=False)

    assert hop.location == f"{APP}/secret"


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("claims", "level", "outcome"),
    [
        pytest.param({"auth_time": -120}, Level(), "level_not_reached", id="an old authentication"),
        pytest.param({"auth_time": None}, Level(), "level_not_reached", id="no auth_time"),
        pytest.param({"auth_time": "yes"}, Level(), "level_not_reached", id="an auth_time that is none"),
        pytest.param({"auth_time": -400}, Level(300), "level_not_reached", id="older than was asked for"),
        pytest.param({"auth_time": 0}, Level(0, ("gold",)), "level_not_reached", id="no acr"),
        pytest.param(
            {"auth_time": 0, "acr": "1"}, Level(0, ("gold",)), "level_not_reached", id="another acr"
        ),
        pytest.param({"auth_time": 0, "sub": "u-2"}, Level(), "another_person", id="somebody else"),
        pytest.param({"auth_time": 0, "sub": "U-1"}, Level(), "another_person", id="another case"),
    ],
)
async def test_anything_less_than_what_was_asked_for_changes_nothing(claims, level, outcome):
    """A page, the old session as it was, and no second try by itself."""
    house = LoginHouse()
    browser = await signed_in(house)
    before, ticket = house.session_keys(), browser.jar.get(SESSION).value
    callback = await callback_of(house, browser, level)
    moment = claims.get("auth_time")
    now = int(house.clock())
    house.scripts["staff"].claims = {
        **claims,
        **({"auth_time": now + moment} if isinstance(moment, int) else {}),
    }

    hop = await browser.open(callback, follow=False)

    assert hop.status == 403
    assert "location" not in hop.response.headers
    assert (house.session_keys(), browser.jar.get(SESSION).value) == (before, ticket)
    assert outcomes(house)[-1] == outcome
    assert (await me(browser))["user"] == "alice"


@pytest.mark.anyio
async def test_a_provider_that_asks_nobody_is_found_out_within_the_clock_s_tolerance():
    """It ignores `prompt=login` and states the authentication of ten seconds ago once more."""
    house = LoginHouse()
    house.scripts["staff"].claims = {"auth_time": int(house.clock())}
    browser = house.browser()
    await browser.open(f"{AUTH}/auth/staff?rd={APP}/x")
    house.clock.advance(10)

    hop = await browser.open(await callback_of(house, browser), follow=False)

    assert (hop.status, outcomes(house)[-1]) == (403, "level_not_reached")


@pytest.mark.anyio
async def test_a_provider_that_says_it_cannot_is_believed():
    """`unmet_authentication_requirements` is the answer to an acr that it does not have."""
    house = LoginHouse()
    browser = await signed_in(house)
    base, _, query = (await callback_of(house, browser, Level(0, ("gold",)))).partition("?")
    state = dict(parse_qsl(query))["state"]
    refused = urlencode({"error": "unmet_authentication_requirements", "state": state})

    hop = await browser.open(f"{base}?{refused}", follow=False)

    assert (hop.status, outcomes(house)[-1]) == (403, "level_not_reached")
    assert (await me(browser))["user"] == "alice"


@pytest.mark.anyio
async def test_a_reload_of_the_failure_does_not_begin_again():
    """The attempt is used; who is signed in goes on to the page, which asks by itself what it needs."""
    house = LoginHouse()
    browser = await signed_in(house)
    callback = await callback_of(house, browser)
    house.scripts["staff"].claims = {"auth_time": None}
    ticket = browser.jar.get(SESSION).value
    await browser.open(callback, follow=False)

    again = await browser.open(callback, follow=False)

    assert again.location == f"{APP}/secret"
    assert browser.jar.get(SESSION).value == ticket


@pytest.mark.anyio
async def test_a_reload_without_a_session_does_not_begin_again_either():
    """A plain login in its place would lower what the first callback has raised, if the browser was just quicker."""
    house = LoginHouse()
    browser = await signed_in(house)
    callback = await callback_of(house, browser)
    house.scripts["staff"].claims = {"auth_time": int(house.clock())}
    await browser.open(callback, follow=False)
    browser.jar.cookies = [one for one in browser.jar.cookies if one.name != SESSION]

    again = await browser.open(callback, follow=False)

    assert again.location == f"{APP}/secret"
    assert house.outbound().count("/token") == 2


@pytest.mark.anyio
async def test_a_session_that_ended_meanwhile_is_not_raised():
    """Signed out in another tab: there is nobody to compare with."""
    house = LoginHouse()
    browser = await signed_in(house)
    callback = await callback_of(house, browser)
    house.scripts["staff"].claims = {"auth_time": int(house.clock())}
    house.store.records.clear()

    hop = await browser.open(callback, follow=False)

    assert (hop.status, house.session_keys()) == (400, [])
    assert outcomes(house)[-1] == "attempt_unknown"


@pytest.mark.anyio
async def test_a_session_of_somebody_else_meanwhile_is_not_raised_either():
    """The attempt belongs to a person, and not to whoever sits at the browser now."""
    house = LoginHouse()
    browser = await signed_in(house)
    callback = await callback_of(house, browser)
    house.scripts["staff"].person |= {"sub": "u-2", "preferred_username": "bob"}
    await browser.open(f"{AUTH}/auth/staff")
    house.scripts["staff"].person |= {"sub": "u-1", "preferred_username": "alice"}
    house.scripts["staff"].claims = {"auth_time": int(house.clock())}

    hop = await browser.open(callback, follow=False)

    assert (hop.status, outcomes(house)[-1]) == (400, "attempt_unknown")
    assert (await me(browser))["user"] == "bob"


@pytest.mark.anyio
async def test_a_provider_that_cannot_prove_it_is_not_asked():
    """Nobody leaves for a login that could not succeed."""
    house = LoginHouse()
    browser = await signed_in(house)
    house.flow.providers["staff"].reauthenticates = False

    with pytest.raises(LevelNotReached, match="provider staff cannot ask"):
        await begun(house, browser)

    assert "attempt:" not in repr(list(house.store.plain))


@pytest.mark.anyio
@pytest.mark.parametrize("provider", ["staff", "partners"])
async def test_only_who_is_signed_in_there_can_sign_in_again(provider):
    """A stranger, or somebody of another provider, logs in instead."""
    house = LoginHouse(("staff", "partners"))
    browser = house.browser() if provider == "staff" else await signed_in(house)

    with pytest.raises(LevelNotReached, match="nobody is signed in"):
        await begun(house, browser, provider=provider)


@pytest.mark.anyio
@pytest.mark.parametrize(
    "named", [{"purpose": "link"}, {"purpose": "login", "level": Level()}, {"level": Level()}]
)
async def test_a_purpose_that_nobody_knows_and_a_level_of_a_login_are_mistakes_of_ours(named):
    """Taken for a plain login they would promise what nobody checks."""
    house = LoginHouse()

    with pytest.raises(ValueError, match="only a reauthentication"):
        await house.flow.begin(head_of(house.browser()), "staff", Wish(), ME, "d", **named)
