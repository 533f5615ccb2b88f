"""Sessions that outlive what should have ended them, and names that become somebody else's."""

import pytest

from gateway.errors import ProviderLied
from gateway.keys.keyring import Keyring
from gateway.observe.events import SessionBegun
from gateway.providers.catalog import Catalog
from gateway.providers.reading import Reading
from gateway.providers.transport import Transport
from gateway.sessions.cookie import CookieSpec
from gateway.sessions.sessions import Sessions
from gateway.settings.model import OidcProvider
from gateway.settings.model import Sessions as Limits
from tests.kit.clock import Clock
from tests.kit.login_door import APP, AUTH, LoginHouse
from tests.kit.memory_store import MemoryStore
from tests.kit.people import ISSUERS, asking, person, tokens
from tests.kit.randomness import Randomness
from tests.kit.verify_house import open_house, value_of

pytestmark = pytest.mark.anyio

NOW = 1_800_000_000
BLANKS = [" ", "\u00a0", "\u3000", "\u2003", "\u205f"]


class LogsOutMeanwhile(MemoryStore):
    """A store at which, in the middle of a login, the same browser's other tab signs out."""

    between = None

    async def create(self, *arguments, **named):
        if self.between is not None:
            between, self.between = self.between, None
            await between()
        return await super().create(*arguments, **named)


def service(store, **named):
    said = []
    ring = Keyring.generate(Randomness("ring"), NOW)
    spec = CookieSpec("__Secure-gw", "example.com", True, 30 * 86_400)
    sessions = Sessions(
        store,
        ring,
        spec,
        Limits(),
        "here",
        said.append,
        store.clock,
        Randomness("sessions"),
        ISSUERS,
        **named,
    )
    return sessions, said


async def test_a_logout_during_a_second_login_ends_the_first_for_good():
    """The login had looked at the old session and moved it; what was signed out stays signed out."""
    store = LogsOutMeanwhile(Clock(NOW))
    sessions, said = service(store)
    old = await sessions.begin(person("7", "corp"), tokens("corp"))

    async def sign_out():
        await sessions.end(old.ticket, "logout")

    store.between = sign_out
    new = await sessions.begin(person("8", "partner"), tokens("partner"), joins=old.ticket)

    assert [one.provider for one in new.session.identities] == ["partner"]
    assert set(await sessions.grants(new.ticket, new.session)) == {"partner"}
    assert await sessions.open(new.ticket) == new.session
    assert len(store.records) == 1
    assert [event.provider for event in said if isinstance(event, SessionBegun)] == ["corp", "partner"]


async def signed_in(house, peer, provider):
    browser = house.browser(peer)
    await browser.open(f"{AUTH}/auth/{provider}?rd={APP}/x")
    return browser


async def test_a_planted_session_does_not_live_on_in_that_of_whoever_signs_in_next():
    """A neighbour under the parent domain plants its own cookie; its login must not become one of the victim's."""
    house = LoginHouse(("staff", "partners"))
    mallory = await signed_in(house, "203.0.113.66", "partners")
    victim = house.browser()
    planted = mallory.jar.get("__Secure-gw")
    line = f"__Secure-gw={planted.value}; Domain=example.com; Path=/; Secure"
    victim.jar.store("https://evil.example.com/", line)

    await victim.open(f"{AUTH}/auth/staff?rd={APP}/x")
    me = await victim.open(f"{AUTH}/users/me", headers={"accept": "application/json"})

    assert me.response.json()["provider"] == "staff"
    assert victim.jar.get("__Secure-gw").value != planted.value
    assert await identities(house, victim) == ["staff"]


async def test_a_second_login_of_the_same_browser_joins_the_first():
    """An hour later too, when the attempt of the first is long gone."""
    house = LoginHouse(("staff", "partners"))
    browser = await signed_in(house, "192.0.2.7", "staff")
    house.clock.advance(3600)

    await browser.open(f"{AUTH}/auth/partners?rd={APP}/x")

    assert await identities(house, browser) == ["staff", "partners"]


async def identities(house, browser):
    """The providers of a browser's session."""
    head = asking(f"__Secure-gw={browser.jar.get('__Secure-gw').value}")
    current = await house.visitors.current(head)
    return [one.provider for one in current.session.identities]


async def test_whoever_is_taken_off_the_list_is_out_with_the_restart():
    """Not when the session ends in a month: `allow:` is asked at each check, not at the login alone."""
    store = MemoryStore(Clock(NOW))
    before, _ = service(store)
    both = await before.begin(person("7", "corp"), tokens("corp"))
    both = await before.begin(person("8", "partner"), tokens("partner"), joins=both.ticket)

    half, _ = service(store, admits=lambda one: one.provider == "corp")
    none, _ = service(store, admits=lambda one: False)

    session = await half.open(both.ticket)
    assert [one.provider for one in session.identities] == ["corp"]
    assert set(await half.grants(both.ticket, session)) == {"corp"}
    assert await none.open(both.ticket) is None


async def test_the_catalogue_asks_the_list_of_the_persons_own_provider():
    """And none at all for a provider that left."""
    written = {"issuer": ISSUERS["corp"], "client_id": "gateway", "allow": {"users": ["user-7"]}}
    transport = Transport(clock=Clock(NOW))
    catalog = Catalog({"corp": OidcProvider.model_validate(written)}, transport)

    assert catalog.admits(person("7", "corp"))
    assert not catalog.admits(person("9", "corp"))
    assert not catalog.admits(person("7", "partner"))
    await transport.close()


async def test_a_logout_ends_a_record_that_counts_for_nobody_at_the_moment():
    """Its provider is missing from the file today. Tomorrow it is back, and a copied cookie must stay dead."""
    house = LoginHouse()
    browser = house.browser()
    await browser.open(f"{AUTH}/auth/login?rd={APP}/x")
    page = await browser.open(f"{AUTH}/auth/logout")
    token = page.response.text.partition('name="token" value="')[2].partition('"')[0]
    house.sessions._admits = lambda one: False

    last = await browser.submit(f"{AUTH}/auth/logout", {"token": token})

    assert last.url == f"{AUTH}/auth/signed-out"
    assert house.session_keys() == []


def reading(**claims):
    said = {"sub": "b-1", "preferred_username": "bob", **claims}
    written = {"issuer": ISSUERS["corp"], "client_id": "gateway"}
    section = OidcProvider.model_validate(written)
    read = Reading.of(section, "corp", section.issuer, section.claims, several=False)
    return read.identity((said,), ("", "b-1"), NOW)


@pytest.mark.parametrize("blank", BLANKS, ids=lambda blank: f"U+{ord(blank):04X}")
@pytest.mark.parametrize("form", ["{blank}{name}", "{name}{blank}"], ids=["before", "behind"])
def test_a_name_with_a_blank_around_it_is_not_the_name_without(form, blank):
    """Where people choose their own, `alice ` would be alice, and `admins ` a group of admins."""
    twin = {name: form.format(blank=blank, name=name) for name in ("alice", "admins")}

    assert reading(groups=[twin["admins"], "staff"]).groups == ("staff",)
    assert reading(groups=twin["admins"]).groups == ()
    with pytest.raises(ProviderLied):
        reading(preferred_username=twin["alice"])


def test_a_name_to_show_may_have_blanks_around_it():
    """They are taken away: directories are full of them, and nothing is decided by it."""
    identity = reading(name=" Bob Example ", email="bob@example.com ", email_verified=True)

    assert (identity.name, identity.verified_email) == ("Bob Example", "bob@example.com")


@pytest.mark.parametrize("contract", ["forward-auth", "auth-request"])
@pytest.mark.parametrize(
    ("uri", "kept"),
    [
        pytest.param("/x?" + "a=b&" * 900, "/x?" + "a=b&" * 900, id="what the login page takes"),
        pytest.param("/x?" + "a=b&" * 3700, "/x", id="a long query"),
        pytest.param("/x?" + "\u00e9" * 4000, "/x", id="foreign letters"),
        pytest.param("/" + "x" * 5000 + "?a", "/", id="a long path"),
    ],
)
async def test_a_long_address_leads_to_the_login_and_not_to_a_fault_of_the_proxy(contract, uri, kept):
    """Escaped it would be three times as long, over the 16 kB that nginx reads of an answer's head."""
    house = await open_house()
    person = [(b"accept", b"text/html"), (b"sec-fetch-mode", b"navigate"), (b"sec-fetch-dest", b"document")]

    if contract == "auth-request":
        url = b"https://app.example.com" + uri.encode()
        asked = [(b"x-original-method", b"GET"), (b"x-original-url", url), (b"x-gateway-status", b"401")]
        answer = await house.send("/verify/auth-request/login", [*asked, *person])
    else:
        answer = await house.ask(contract, uri, headers=person)

    location = value_of(answer, b"location").decode()
    way_back = location.partition("?rd=")[2]
    assert answer.status == 303
    assert len(location) < 14_000
    assert way_back.replace("%3A", ":").replace("%2F", "/").replace("%3F", "?").replace("%3D", "=").replace(
        "%26", "&"
    ) == ("https://app.example.com" + kept)
