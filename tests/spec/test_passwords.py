"""The service that everybody with a name and a password calls: counted, asked once, welcome or not."""

import asyncio

import pytest

from gateway.errors import (
    Limited,
    Malformed,
    NotAllowed,
    PasswordRefused,
    ProviderBusy,
    ProviderUnavailable,
    StoreFault,
)
from gateway.login.gate import Gate
from gateway.login.passwords import Passwords
from gateway.login.way import Client
from gateway.providers.account import LONGEST, Spellings
from gateway.settings.login import PasswordLimits
from tests.kit.clock import Clock
from tests.kit.memory_store import MemoryStore
from tests.kit.password_provider import PasswordDirectory

pytestmark = pytest.mark.anyio

DOMAINS = Spellings({"example": "EXAMPLE", "example.com": "EXAMPLE"}, "example")


class World:
    """A directory with alice and bob in it, and the service before it."""

    def __init__(self, store=None, **limits):
        self.clock = Clock()
        self.store = store or MemoryStore(self.clock)
        self.corp = PasswordDirectory(
            "corp", spellings=DOMAINS, people={"EXAMPLE\\alice": "right", "EXAMPLE\\bob": "blue"}
        )
        self.admitted = True
        self.passwords = Passwords(
            providers={"corp": self.corp},
            limits=PasswordLimits.model_validate(limits),
            store=self.store,
            admits=lambda identity: self.admitted,
            clock=self.clock,
            key=b"k" * 32,
        )

    async def check(self, name="alice", password="right", where="192.0.2.0/24", domain=""):
        client = Client("192.0.2.7", where)
        return await self.passwords.check("corp", name, domain, password, client)

    async def outcome(self, *given, **named):
        """What stops a check, in a word; `ok` for nothing."""
        try:
            await self.check(*given, **named)
        except (PasswordRefused, Limited) as error:
            return error.reason if isinstance(error, PasswordRefused) else "limited"
        return "ok"


async def test_a_right_password_is_somebody():
    """The provider's own answer, asked for the canonical name."""
    world = World()

    signed_in = await world.check(" ALICE ")

    assert signed_in.identity.user == "alice"
    assert world.corp.asked == [("EXAMPLE\\alice", "right")]


@pytest.mark.parametrize("typed", ["alice", "EXAMPLE\\Alice", "alice@example.com", "ＡＬＩＣＥ", "Alice "])
async def test_every_spelling_of_a_name_shares_the_tries_of_one_account(typed):
    """The sixth try of the same person is one too many, however it is written."""
    world = World()
    for name in ("alice", "example\\ALICE", "alice@EXAMPLE.com", "aLiCe", "alice"):
        assert await world.outcome(name, "wrong") == "wrong_password"

    assert await world.outcome(typed, "right") == "limited"
    assert len(world.corp.asked) == 5


async def test_tries_come_back_one_after_another():
    """Seven in 350 minutes is one in 50 minutes."""
    world = World()
    for _ in range(5):
        await world.outcome(password="wrong")
    with pytest.raises(Limited) as limited:
        await world.check()

    assert limited.value.retry_after == pytest.approx(3000)
    world.clock.advance(3001)
    assert await world.outcome() == "ok"


@pytest.mark.parametrize(("window", "most"), [(600, 7), (900, 9)])
async def test_a_steady_guesser_never_reaches_the_threshold_of_a_usual_directory(window, most):
    """Active Directory forgets after a pause of `window` seconds, and locks at 10: at no pace are so many in a row."""
    longest = 0
    for pace in range(10, window, 10):
        world, row, last = World(per_address=100_000), 0, float("-inf")
        for _ in range(12 * 3600 // pace):
            if await world.outcome(password="wrong") == "wrong_password":
                row = row + 1 if world.clock() - last < window else 1
                last, longest = world.clock(), max(longest, row)
            world.clock.advance(pace)

    assert longest <= most


async def test_a_right_password_gives_all_tries_of_the_account_back():
    """Whoever mistypes and then gets it right is never limited, however often."""
    world = World()
    for _ in range(4):
        outcomes = [
            await world.outcome(password=word) for word in ("wrong", "wrong", "wrong", "wrong", "right")
        ]
        assert outcomes == ["wrong_password"] * 4 + ["ok"]


async def test_a_right_password_buys_no_tries_at_others():
    """Between two guesses an attacker signs in as themselves: the address is counted all the same."""
    world = World(per_address=6)
    outcomes = []
    for number in range(8):
        outcomes.append(await world.outcome(f"victim{number}", "guess"))
        outcomes.append(await world.outcome("bob", "blue"))

    assert outcomes[0::2] == ["wrong_password"] * 6 + ["limited"] * 2
    assert outcomes[1:11:2] == ["ok"] * 5


async def test_an_office_that_signs_in_at_nine_is_not_limited():
    """Two hundred right passwords behind one address, one after another."""
    world = World()
    world.corp.people |= {f"EXAMPLE\\p{number}": "x" for number in range(200)}

    assert {await world.outcome(f"p{number}", "x") for number in range(200)} == {"ok"}


@pytest.mark.parametrize(
    "password",
    ["", "\0", "right\0", "x" * (LONGEST + 1), "half \ud800"],
    ids=["empty", "nul", "nul behind", "long", "half a surrogate"],
)
async def test_a_password_that_no_directory_should_see_reaches_none(password):
    """An empty one would succeed as nobody (RFC 4513 section 5.1.2); it costs the account no try, the address one."""
    world = World(per_address=6)
    world.corp.people["EXAMPLE\\alice"] = password

    for _ in range(6):
        assert await world.outcome("alice", password) == "wrong_password"

    assert world.corp.asked == []
    assert await world.outcome("alice", "x", where="198.51.100.0/24") == "wrong_password"
    assert await world.outcome("alice", password) == "limited"


@pytest.mark.parametrize(
    "name", ["", " ", "a\0b", "x" * 257, "alice@elsewhere.example", "a\\b\\c", "\u202ealice"]
)
async def test_what_is_no_name_reaches_no_directory(name):
    """It says what it is, and nothing of any account."""
    world = World()

    assert await world.outcome(name) == "name_malformed"
    assert world.corp.asked == []


async def test_a_provider_that_there_is_not_is_a_request_that_makes_no_sense():
    """Its name is not repeated: a stranger wrote it."""
    world = World()

    with pytest.raises(Malformed) as refused:
        await world.passwords.check("<evil>", "alice", "", "right", Client("", "unknown"))

    assert "evil" not in str(refused.value)


async def test_who_is_not_welcome_here_has_no_login():
    """The password was right, and so the tries are back; `allow:` decides all the same."""
    world = World()
    world.admitted = False

    for _ in range(10):
        with pytest.raises(NotAllowed):
            await world.check()


async def test_without_a_store_nobody_signs_in():
    """Where nobody can count, nobody may try."""
    world = World()
    world.store.down = True

    with pytest.raises(StoreFault):
        await world.check()
    assert world.corp.asked == []


async def test_a_store_that_fails_after_a_right_password_undoes_nothing():
    """The tries come back by themselves."""
    world = World()
    ask = world.corp.check_password

    async def then_down(*given):
        world.store.down = True
        return await ask(*given)

    world.corp.check_password = then_down

    assert (await world.check()).identity.user == "alice"


async def test_a_directory_that_does_not_answer_has_counted_the_try():
    """Nobody knows whether it did, and so it counts here."""
    world = World(per_account=2)
    world.corp.answers = {"EXAMPLE\\alice": ProviderUnavailable("corp", "reset", ambiguous=True)}
    for _ in range(2):
        with pytest.raises(ProviderUnavailable):
            await world.check()

    assert await world.outcome() == "limited"


async def test_a_directory_that_cannot_be_reached_has_counted_nothing():
    """Else whoever tried during an outage would wait for half an hour after it."""
    world = World(per_account=2)
    world.corp.answers = {"EXAMPLE\\alice": ProviderUnavailable("corp", "refused the connection")}
    for _ in range(5):
        with pytest.raises(ProviderUnavailable):
            await world.check()
    world.corp.answers = {}

    assert await world.outcome() == "ok"


async def test_who_never_got_to_the_directory_has_used_no_try():
    """The line was too long: that is nobody's wrong password."""
    world = World(per_account=2)
    world.passwords.gates["corp"] = Gate("corp", 1, 0.01)
    world.corp.hold = asyncio.Event()
    stuck = asyncio.create_task(world.outcome("bob", "blue"))
    while not world.corp.asked:  # noqa: ASYNC110 (nothing outside this loop would set an event)
        await asyncio.sleep(0)
    for _ in range(5):
        with pytest.raises(ProviderBusy):
            await world.check()
    world.corp.hold.set()
    with pytest.raises(ProviderUnavailable):
        await stuck
    await world.passwords.close(1.0)

    assert await world.outcome() == "ok"


async def test_a_mark_joins_lines_of_one_account_and_names_nobody():
    """The same for every spelling; none for what is no name, or no provider."""
    passwords = World().passwords
    marks = {passwords.mark("corp", name, "") for name in ("alice", "EXAMPLE\\ALICE", "alice@example.com")}

    assert len(marks) == 1
    assert len(marks.pop()) == 12
    assert passwords.mark("corp", "alice", "") != passwords.mark("corp", "bob", "")
    assert passwords.mark("corp", "", "") == passwords.mark("none", "alice", "") == ""


async def test_neither_name_nor_password_stands_in_the_store():
    """Whoever reads the store learns no name by trying a list of them."""
    world = World()
    await world.outcome("alice", "Tr0ub4dor")

    written = repr((world.store.arrivals, world.store.plain, world.store.records))
    assert "alice" not in written
    assert "Tr0ub4dor" not in written
