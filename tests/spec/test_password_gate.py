"""The gate before a directory: a bound on questions at once, a line with a deadline, and no question taken back."""

import asyncio

import pytest

from gateway.errors import PasswordRefused, ProviderBusy, ProviderUnavailable
from gateway.login.gate import Gate
from tests.kit.virtual_time import VirtualLoop, run


@pytest.fixture
def loop():
    loop = VirtualLoop()
    yield loop
    assert loop.crashes == []
    loop.close()


class Directory:
    """Answers each question after `seconds`, and counts those in the air."""

    def __init__(self, seconds=1.0):
        self.seconds, self.now, self.most, self.answered = seconds, 0, 0, 0

    async def ask(self):
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self.now -= 1
        self.answered += 1
        return self.answered


async def outcomes(gate, ask, count):
    """What came of so many callers at once."""
    return await asyncio.gather(*[gate.pass_through(ask) for _ in range(count)], return_exceptions=True)


def test_no_more_are_asked_at_once_than_there_is_room_for_and_all_are_answered(loop):
    """Whoever comes too many waits for a turn, and gets one."""
    directory, gate = Directory(), Gate("corp", 3, 8.0)

    answers = run(loop, outcomes(gate, directory.ask, 20))

    assert sorted(answers) == list(range(1, 21))
    assert directory.most == 3


def test_who_waits_past_the_deadline_is_told_so_and_the_directory_was_not_asked(loop):
    """Of ten, two at a time, each taking three seconds, four have an answer after eight."""
    directory, gate = Directory(3.0), Gate("corp", 2, 8.0)

    answers = run(loop, outcomes(gate, directory.ask, 10))

    assert [answer for answer in answers if isinstance(answer, int)] == [1, 2, 3, 4]
    assert sum(type(answer) is ProviderBusy for answer in answers) == 4
    late = [answer for answer in answers if type(answer) is ProviderUnavailable]
    assert [answer.ambiguous for answer in late] == [True, True]
    assert loop.now == 8.0


def test_a_silent_directory_is_never_asked_more_than_its_share(loop):
    """Callers come and go; the questions that it has not answered keep their places."""
    directory, gate = Directory(1000.0), Gate("corp", 2, 8.0)

    for _ in range(3):
        answers = run(loop, outcomes(gate, directory.ask, 5))
        assert all(isinstance(answer, ProviderUnavailable) for answer in answers)

    assert directory.most == directory.now == 2
    loop.pass_time(1000)
    assert run(loop, outcomes(Gate("corp", 2, 2000.0), directory.ask, 1)) == [3]


def test_a_caller_that_leaves_takes_no_question_back(loop):
    """The directory answers all the same, and the place is free afterwards."""
    directory, gate = Directory(), Gate("corp", 1, 8.0)
    caller = loop.create_task(gate.pass_through(directory.ask))
    loop.settle()

    caller.cancel()
    loop.settle()
    assert (caller.cancelled(), directory.now) == (True, 1)
    loop.pass_time(1)

    assert directory.answered == 1
    assert run(loop, gate.pass_through(directory.ask)) == 2


def test_a_caller_that_leaves_while_waiting_gives_its_place_to_the_next(loop):
    """And the directory is never asked on behalf of somebody who has gone."""
    directory, gate = Directory(), Gate("corp", 1, 8.0)
    callers = [loop.create_task(gate.pass_through(directory.ask)) for _ in range(3)]
    loop.settle()

    callers[1].cancel()
    loop.pass_time(5)

    assert [callers[0].result(), callers[2].result()] == [1, 2]
    assert directory.answered == 2


def test_a_refusal_that_nobody_waits_for_is_no_crash(loop):
    """It is looked at, so that it is no exception that was never retrieved."""
    gate = Gate("corp", 1, 1.0)

    async def refuse():
        await asyncio.sleep(5)
        raise PasswordRefused("corp")

    with pytest.raises(ProviderUnavailable):
        run(loop, gate.pass_through(refuse))
    loop.pass_time(10)


def test_a_stop_waits_for_answers_and_not_for_ever(loop):
    """What is late is cut off; what comes in time has landed."""
    directory, gate = Directory(2.0), Gate("corp", 2, 1.0)
    run(loop, outcomes(gate, directory.ask, 1))
    run(loop, gate.close(5.0))
    assert directory.answered == 1

    directory.seconds = 100.0
    run(loop, outcomes(gate, directory.ask, 1))
    run(loop, gate.close(1.0))
    loop.settle()
    assert directory.now == 0
