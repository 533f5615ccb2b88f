"""Attacks on somebody's way in: to use up their tries for them, and to have more of them than there are."""

import asyncio

import pytest

from gateway.errors import Limited, PasswordRefused, ProviderFault, ProviderMisconfigured, ProviderUnavailable
from gateway.login.passwords import Passwords
from gateway.login.tries import Caller
from gateway.login.way import Client
from gateway.providers.users_file import UsersFile
from gateway.settings.login import PasswordLimits
from tests.kit.clock import Clock
from tests.kit.login_door import APP, AUTH, LoginHouse
from tests.kit.memory_store import MemoryStore
from tests.kit.password_form import opened
from tests.kit.password_provider import PasswordDirectory
from tests.kit.token_house import token_house

pytestmark = pytest.mark.anyio

LOGIN = f"{AUTH}/auth/login?rd={APP}/report"
SESSION, DEVICE = "__Secure-gw", "__Host-gw-device"
LIMITS = PasswordLimits()
STRANGERS, ALL = LIMITS.for_strangers, LIMITS.per_account


def house_of(**changes):
    return LoginHouse((), directories=(PasswordDirectory("corp"),), **changes)


def asked(house):
    return house.directories["corp"].asked


async def familiar_browser(house, name="alice", password="right", peer="192.0.2.7"):
    """A browser in which somebody signed in once, and whose session is over."""
    browser = house.browser(peer=peer)
    await (await opened(browser, LOGIN)).send(name, password)
    browser.jar.cookies = [one for one in browser.jar.cookies if one.name != SESSION]
    return browser


async def besieged(house, guesses=12):
    """Strangers' guesses at alice, each from a network of its own."""
    statuses = []
    for number in range(guesses):
        form = await opened(house.browser(peer=f"198.51.{number}.7"), LOGIN)
        statuses.append((await form.send("alice", "guess")).status)
    return statuses


# To shut somebody out


async def test_who_guesses_at_an_account_does_not_shut_it_out_of_its_own_browser():
    """Strangers have their tries, and the browser in which alice has signed in before has some to itself."""
    house = house_of()
    hers = await familiar_browser(house)
    assert await besieged(house) == [401] * STRANGERS + [429] * (12 - STRANGERS)

    form = await opened(hers, LOGIN)
    assert (await form.send("alice", "mistyped")).status == 401
    assert (await form.send("alice", "right")).url == f"{APP}/report"


async def test_for_as_long_as_they_guess_she_can_try_again_and_again():
    """A day of guesses at the pace at which tries come back: hers come back too."""
    house = house_of()
    hers = await familiar_browser(house)
    await besieged(house)
    for _ in range(28):
        house.clock.advance(LIMITS.comes_back + 1)
        await besieged(house, guesses=2)
        assert (await (await opened(hers, LOGIN)).send("alice", "mistyped")).status == 401


async def test_in_a_new_browser_she_is_a_stranger_like_any_other():
    """There is nothing by which she could be told from them; the answer is the same."""
    house = house_of()
    await besieged(house)

    assert (await (await opened(house.browser(), LOGIN)).send("alice", "right")).status == 429


async def test_a_client_of_json_that_keeps_cookies_is_told_apart_too(tmp_path):
    """The cookie comes with the session's, and is read of every login."""
    origin = {"sec-fetch-site": "same-origin", "origin": AUTH}
    async with token_house(tmp_path) as house:
        first = await house.sign_in_by_json(origin, cookie=True)
        lines = [line.partition(";")[0] for line in first.headers.get_list("set-cookie")]
        device = next(line for line in lines if line.startswith(DEVICE))
        guesses = [await house.sign_in_by_json(password="guess") for _ in range(STRANGERS + 1)]
        stranger = await house.sign_in_by_json()
        known = await house.sign_in_by_json({"cookie": device})

    assert [one.status_code for one in guesses] == [401] * STRANGERS + [429]
    assert (stranger.status_code, known.status_code) == (429, 200)


# To have more tries than there are


async def test_ones_own_cookie_buys_no_try_at_others():
    """Bob signs in, and guesses at alice from the same browser."""
    house = house_of()
    his = await familiar_browser(house, "bob", "blue")
    form = await opened(his, LOGIN)

    statuses = [(await form.send("alice", "guess")).status for _ in range(STRANGERS + 2)]

    assert statuses == [401] * STRANGERS + [429, 429]


async def test_many_familiar_browsers_and_strangers_together_have_one_number_of_tries():
    """Ten stolen cookies are worth what one is worth: the directory hears of `per_account`, however they are mixed."""
    house = house_of()
    theirs = [await familiar_browser(house, peer=f"203.0.{number}.7") for number in range(10)]
    asked(house).clear()

    await besieged(house)
    for browser in theirs:
        form = await opened(browser, LOGIN)
        await form.send("alice", "guess")
        await form.send("alice", "guess")

    assert len(asked(house)) == ALL


async def test_a_familiar_browser_is_told_what_everybody_is_told():
    """Before a limit and at it: neither page nor header says that the cookie was good."""
    house = house_of()
    hers = await familiar_browser(house)
    seen = []
    for browser, tries in ((house.browser(), STRANGERS), (hers, ALL)):
        house.store.arrivals.clear()
        form = await opened(browser, LOGIN)
        hops = [await form.send("alice", "guess") for _ in range(tries + 1)]
        seen.append([told(hops[0]), told(hops[-1])])

    assert seen[0] == seen[1]
    assert [one[0] for one in seen[0]] == [401, 429]


def told(hop):
    page = hop.response.text
    names = sorted(line.partition("=")[0] for line in hop.response.headers.get_list("set-cookie"))
    return hop.status, hop.response.headers.get("retry-after"), names, page.partition('name="token"')[0]


@pytest.mark.parametrize(("window", "most"), [(600, 8), (900, 9)])
async def test_strangers_and_who_mistypes_together_stay_below_the_directorys_threshold(window, most):
    """At every pace of either: Active Directory forgets after a pause of `window` seconds, and locks at 10."""
    longest = 0
    for pace in range(30, window, 30):
        world, row, last = World(), 0, float("-inf")
        for step in range(12 * 3600 // pace):
            for caller in (Caller.PERSON, Caller.KNOWN if step % 2 else Caller.PERSON):
                if await world.outcome("ann", caller=caller) == "password_refused":
                    row = row + 1 if world.clock() - last < window else 1
                    last, longest = world.clock(), max(longest, row)
            world.clock.advance(pace)

    assert longest <= most


@pytest.mark.parametrize(
    ("tries", "strangers"), [(1, 1), (2, 2), (3, 2), (4, 3), (5, 4), (6, 4), (10, 7), (100, 67)]
)
def test_strangers_have_two_thirds_and_never_none(tries, strangers):
    """With few tries there is nothing to keep for anybody."""
    assert PasswordLimits(per_account=tries).for_strangers == strangers


# By another name of the same account


class Finding(PasswordDirectory):
    """A directory in which one account has two names, and that says whom a name means."""

    def __init__(self, name="corp", home="directory:corp", **changes):
        super().__init__(name, people={"ann": "right", "ann.example": "right"}, **changes)
        self.home, self.found, self.fault = home, [], None

    @property
    def issuer(self):
        return self.home

    async def find(self, account):
        self.found.append(account.key)
        if self.fault:
            raise self.fault
        return {"ann": "guid-of-ann", "ann.example": "guid-of-ann"}.get(account.key, "")


class World:
    """Two workers before directories, with limits as shipped."""

    def __init__(self, *directories, per_address=100_000):
        self.clock = Clock()
        self.store = MemoryStore(self.clock)
        self.directories = {one.name: one for one in directories or (Finding(),)}
        self.workers = [
            Passwords(
                providers=self.directories,
                limits=PasswordLimits(per_address=per_address),
                store=self.store,
                admits=lambda _: True,
                clock=self.clock,
                key=b"k" * 32,
            )
            for _ in range(2)
        ]

    async def outcome(self, name, password="guess", provider="corp", caller=Caller.PERSON, worker=0):
        try:
            where = Client("", "192.0.2.0/24")
            await self.workers[worker].check(provider, name, "", password, where, caller)
        except (PasswordRefused, Limited, ProviderFault) as error:
            return error.code
        return "ok"


async def test_two_names_of_one_account_share_its_tries():
    """The account name and the prefix of the UPN, by turns: the directory is asked about a password as often as for one."""
    world = World()

    outcomes = [await world.outcome(name) for name in ("ann", "ann.example") * 6]

    assert outcomes == ["password_refused"] * STRANGERS + ["limited"] * (12 - STRANGERS)
    assert len(world.directories["corp"].asked) == STRANGERS


async def test_two_names_at_the_same_moment_share_them_too():
    """On two workers; nothing has to be learnt first."""
    world = World()

    await asyncio.gather(
        *[world.outcome(("ann", "ann.example")[n % 2], worker=n // 2 % 2) for n in range(40)]
    )

    assert len(world.directories["corp"].asked) == STRANGERS


async def test_two_providers_over_one_directory_share_them_where_their_home_is_one():
    """Else a second section would double the tries."""
    one, other = Finding("corp"), Finding("branch")
    world = World(one, other)

    for number in range(12):
        await world.outcome("ann", provider=("corp", "branch")[number % 2])

    assert len(one.asked) + len(other.asked) == STRANGERS


async def test_a_right_password_by_one_name_brings_back_the_tries_of_both():
    """By whichever it was."""
    world = World()
    for _ in range(STRANGERS):
        await world.outcome("ann")
    assert await world.outcome("ann.example") == "limited"
    world.clock.advance(LIMITS.comes_back + 1)

    assert await world.outcome("ann.example", "right") == "ok"
    assert [await world.outcome("ann.example") for _ in range(STRANGERS)] == ["password_refused"] * STRANGERS
    assert await world.outcome("ann") == "limited"


async def test_a_password_that_was_not_looked_at_is_no_try_of_its_name():
    """Who is limited by the tries of another name has used none of their own; only the network pays for the search."""
    world = World()
    for _ in range(STRANGERS):
        await world.outcome("ann")
    assert [await world.outcome("ann.example") for _ in range(20)] == ["limited"] * 20
    world.clock.advance(LIMITS.comes_back + 1)
    assert await world.outcome("ann", "right") == "ok"

    assert [await world.outcome("ann.example") for _ in range(STRANGERS)] == ["password_refused"] * STRANGERS


async def test_a_directory_that_cannot_say_whom_a_name_means_takes_no_try():
    """A service account with an old password is the operator's to mend, and nobody waits for it afterwards."""
    world = World()
    corp = world.directories["corp"]
    corp.fault = ProviderMisconfigured("corp", "service account: wrong_password", "compare it")
    assert {await world.outcome("ann") for _ in range(20)} == {"provider_misconfigured"}
    corp.fault = None

    assert [await world.outcome("ann") for _ in range(STRANGERS)] == ["password_refused"] * STRANGERS


async def test_an_outage_takes_no_try_of_whom_a_name_means():
    """Nobody was asked about a password."""
    world = World()
    corp = world.directories["corp"]
    corp.answers = {"ann": ProviderUnavailable("corp", "refused")}
    for _ in range(20):
        assert await world.outcome("ann") == "provider_unavailable"
    corp.answers = {}

    assert [await world.outcome("ann.example") for _ in range(STRANGERS)] == ["password_refused"] * STRANGERS


async def test_p13_a_name_that_means_nobody_is_counted_as_often():
    """As many calls of the store and questions to the directory, in the same order."""
    seen = []
    for name in ("ann", "nobody"):
        world = World()
        world.store.calls.clear()
        outcomes = [await world.outcome(name) for _ in range(STRANGERS + 2)]
        corp = world.directories["corp"]
        seen.append((outcomes, tuple(world.store.calls), len(corp.found), len(corp.asked)))

    assert seen[0] == seen[1]


# What a program is told


async def test_a_program_does_not_learn_from_a_lock_that_there_is_an_account(tmp_path, monkeypatch):
    """The JSON answer of a locked account is that of any name which has reached our own limit; the log knows better."""

    async def locked(*_):
        raise PasswordRefused("people", "account_locked")

    async with token_house(tmp_path) as house:
        limited = [await house.sign_in_by_json(username="nobody") for _ in range(STRANGERS + 1)][-1]
        monkeypatch.setattr(UsersFile, "check_password", locked)
        refused = await house.sign_in_by_json()
        written = house.written

    assert told_in_json(refused) == told_in_json(limited)
    assert (limited.status_code, limited.headers["retry-after"]) == (429, "3000")
    assert '"reason": "account_locked"' in written.getvalue()


def told_in_json(answer):
    """All but what is new each time."""
    document = {**answer.json(), "decision_id": ""}
    return answer.status_code, document, answer.headers["retry-after"], sorted(answer.headers)


async def test_the_form_tells_a_program_the_same_of_a_lock_and_of_a_limit():
    """Status, members and `Retry-After`."""
    seen = []
    for corp, tries in (
        (PasswordDirectory("corp", answers={"alice": PasswordRefused("corp", "account_locked")}), 1),
        (PasswordDirectory("corp"), STRANGERS + 1),
    ):
        browser = LoginHouse((), directories=(corp,)).browser()
        form = await opened(browser, LOGIN)
        browser.headers = {"accept": "application/json"}
        hops = [await form.send("alice", "guess") for _ in range(tries)]
        document = hops[-1].response.json()
        seen.append(
            (hops[-1].status, hops[-1].response.headers["retry-after"], document["error"], sorted(document))
        )

    assert seen[0] == seen[1]
    assert seen[0][:3] == (429, "3000", "limited")
