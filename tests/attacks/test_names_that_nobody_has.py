"""P13: a name that nobody has costs what a name that somebody has costs. Counted as work, and not timed."""

import pytest

from gateway.errors import Limited, PasswordRefused
from gateway.keys.password_hash import Cost
from gateway.login.passwords import Passwords
from gateway.login.way import Client
from gateway.settings.login import PasswordLimits
from tests.kit.clock import Clock
from tests.kit.memory_store import MemoryStore
from tests.kit.users_file import cheap_hash
from tests.spec.test_provider_ldap import active_directory, person, provider_of
from tests.spec.test_provider_users_file import House

pytestmark = pytest.mark.anyio

TRIES = 30


async def work_of(name, provider, look):
    """What each of many tries at a name comes to: the answer, the calls of the store, and what `look` counts."""
    clock = Clock()
    store = MemoryStore(clock)
    passwords = Passwords(
        providers={provider.name: provider},
        limits=PasswordLimits(per_account=8, per_address=1000),
        store=store,
        admits=lambda _: True,
        clock=clock,
        key=b"k" * 32,
    )
    steps, seen = [], look()
    for number in range(TRIES):
        store.calls.clear()
        try:
            await passwords.check(provider.name, name, "", f"guess-{number}", Client("", "192.0.2.0/24"))
            said = "ok"
        except (PasswordRefused, Limited) as error:
            said = f"{error.code} {getattr(error, 'reason', '')}"
        before, seen = seen, look()
        steps.append((said, tuple(store.calls), tuple(b - a for a, b in zip(before, seen, strict=True))))
    return steps


async def test_p13_a_directory_is_asked_as_much_about_nobody_as_about_somebody():
    """Searches, binds and connections of every try, at the limit and beyond it; a bind for each that is not limited."""
    steps = []
    for found in ((person(),), ()):
        directory = active_directory(*found)
        provider = provider_of(directory)

        def look(directory=directory):
            return len(directory.searches), len(directory.binds), len(directory.dialled)

        steps.append(await work_of("ann", provider, look))
        await provider.close()

    assert steps[0] == steps[1]
    assert [said for said, _, _ in steps[0]] == ["password_refused wrong_password"] * 6 + ["limited "] * 24
    assert {work for _, _, work in steps[0][1:6]} == {(2, 1, 1)}


async def test_p13_a_hash_is_tried_for_nobody_as_for_somebody(tmp_path):
    """One of the usual cost for each try that is not limited, and none for one that is."""
    dear, steps = Cost(128, 2, 1), []
    for name in ("ann", "nobody"):
        folder = tmp_path / name
        folder.mkdir()
        house = House(folder)
        house.write(ann={"password": cheap_hash("right", dear)}, bob={"password": cheap_hash("his", dear)})

        def look(house=house):
            return (sum(cost.work for cost in house.tries.costs),)

        steps.append(await work_of(name, house.provider, look))

    assert steps[0] == steps[1]
    assert [work for _, _, work in steps[0]] == [(dear.work,)] * 6 + [(0,)] * 24
