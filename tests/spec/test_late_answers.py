"""Answers that come when nobody waits any more: a directory's word is no crash, and a bug of ours does not vanish."""

import asyncio
import gc
import threading

import pytest

from gateway.errors import PasswordRefused, ProviderUnavailable
from gateway.login.gate import Gate
from gateway.providers.ldap.workers import Workers

pytestmark = pytest.mark.anyio

FAULTS = [PasswordRefused("corp"), ProviderUnavailable("corp", "no answer")]


@pytest.fixture
async def crashes():
    """What the loop complains of."""
    told, loop = [], asyncio.get_running_loop()
    before = loop.get_exception_handler()
    loop.set_exception_handler(lambda _, context: told.append(context))
    yield told
    loop.set_exception_handler(before)


async def settled():
    """Nothing is under way, and what nobody holds is gone."""
    for _ in range(20):
        await asyncio.sleep(0.002)
    gc.collect()


async def too_late_at_the_gate(fault):
    gate, answer = Gate("corp", 1, 0.01), asyncio.Event()

    async def question():
        await answer.wait()
        raise fault

    with pytest.raises(ProviderUnavailable):
        await gate.pass_through(question)
    answer.set()
    await settled()


async def too_late_in_a_thread(fault):
    workers, answer = Workers("corp", 1, lambda: 0.0), threading.Event()

    def question(_):
        answer.wait(10)
        raise fault

    with pytest.raises(ProviderUnavailable):
        await workers.run(question, 0.01)
    answer.set()
    await settled()
    await workers.close()


@pytest.mark.parametrize("late", [too_late_at_the_gate, too_late_in_a_thread])
@pytest.mark.parametrize("fault", FAULTS, ids=["refused", "unavailable"])
async def test_what_a_directory_says_too_late_is_no_crash(crashes, late, fault):
    """Else each sign-in at a silent one would be an error in the log."""
    await late(fault)

    assert crashes == []


@pytest.mark.parametrize("late", [too_late_at_the_gate, too_late_in_a_thread])
async def test_a_bug_that_shows_too_late_is_one(crashes, late):
    """Once, with where it is."""
    await late(ZeroDivisionError("a bug"))

    assert [type(one["exception"]) for one in crashes] == [ZeroDivisionError]


@pytest.mark.parametrize("late", ["gate", "thread"])
async def test_a_caller_that_leaves_hears_of_nothing(crashes, late):
    """As where a browser is closed in the middle of a sign-in."""
    answer = threading.Event()
    workers, gate = Workers("corp", 1, lambda: 0.0), Gate("corp", 1, 9.0)

    def question(_):
        answer.wait(10)
        raise PasswordRefused("corp")

    def asked():
        return workers.run(question, 9.0)

    caller = asyncio.create_task(gate.pass_through(asked) if late == "gate" else asked())
    await asyncio.sleep(0.01)
    caller.cancel()
    await asyncio.wait([caller])
    assert caller.cancelled()
    del caller  # or what it waited for would be held by it
    answer.set()
    await settled()
    await workers.close()

    assert crashes == []
