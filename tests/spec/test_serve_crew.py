"""The workers as their parent sees them: replaced, counted, and given up. Nobody is forked here."""

import signal

import pytest

from gateway.errors import WorkerFault
from gateway.observe.sums import Family, packed
from gateway.serve import crew as words
from gateway.serve.crew import Crew
from gateway.serve.scrape import Scrape
from gateway.serve.timers import Timers

OLD, NEW, NEWER = object(), object(), object()


class Said:
    """A line to nobody: it keeps what was said."""

    def __init__(self):
        self.words = []
        self.ended = False

    def say(self, word, **fields):
        self.words.append(word)


class House:
    """A crew with a clock of its own, and processes that exist on paper."""

    def __init__(self, count=2):
        self.now = 1000.0
        self.pids = 0
        self.log = []
        self.killed = []
        self.timers = Timers(lambda: self.now)
        self.crew = Crew(count, OLD, self.fork, self.timers, lambda: self.now, self.say)

    def fork(self, seat, plan):
        self.pids += 1
        return self.pids, Said()

    def say(self, level, event, fields):
        self.log.append(event)

    def later(self, seconds):
        self.now += seconds
        self.timers.run()

    def all_ready(self):
        for worker in [one for one in self.crew if one.state == "starting"]:
            self.crew.ready(worker)

    @property
    def coming(self):
        return [one for one in self.crew if one.state == "starting"]


@pytest.fixture
def house(monkeypatch):
    found = House()
    monkeypatch.setattr(words.os, "kill", lambda pid, number: found.killed.append((pid, number)))
    found.crew.start()
    return found


@pytest.fixture
def ready(house):
    house.all_ready()
    return house


def test_the_gateway_is_whole_when_every_seat_has_answered(house):
    """And stays so: one dead worker does not take the others out of service."""
    first, second = house.crew

    house.crew.ready(first)
    assert not house.crew.whole
    house.crew.ready(second)
    assert house.crew.whole
    assert house.crew.states() == {"1": "ready", "2": "ready"}

    house.crew.ended(first, "SIGKILL")
    assert house.crew.whole
    assert house.crew.states() == {"1": "starting", "2": "ready"}


def test_a_worker_that_dies_after_a_while_is_replaced_at_once(ready):
    """Nobody waits in its queue longer than a start takes."""
    ready.later(60)
    victim = ready.crew.serving()["1"]

    ready.crew.ended(victim, "SIGKILL")
    ready.later(0)

    assert [one.seat for one in ready.coming] == [0]
    assert ready.crew.died == 1


def test_one_that_dies_at_once_again_and_again_is_replaced_after_a_pause(ready):
    """It grows to a second and no further: a proxy waits longer than that."""
    pauses = []
    ready.crew.ended(ready.crew.serving()["1"], "exit code 1")
    for _ in range(7):
        waited = 0.0
        while not ready.coming:
            ready.later(0.05)
            waited += 0.05
        pauses.append(round(waited, 2))
        ready.crew.ended(ready.coming[0], "exit code 1")

    assert pauses == sorted(pauses)
    assert pauses[0] <= 0.2
    assert pauses[-1] == pytest.approx(words.LONGEST_PAUSE, abs=0.06)


def test_a_start_that_fails_is_given_up_after_a_bounded_number_of_deaths(house):
    """With a sentence, instead of going on for ever."""
    with pytest.raises(WorkerFault, match="before all were ready, the last one with exit code 3"):
        for _ in range(words.MOST_DEATHS):
            house.crew.ended(house.coming[0], "exit code 3")
            house.later(words.LONGEST_PAUSE)


def test_a_new_configuration_replaces_one_worker_after_the_other(ready):
    """The old one goes on until its successor is ready, and only then is it told to go."""
    first, second = ready.crew.serving().values()

    ready.crew.change(NEW)
    assert [one.seat for one in ready.coming] == [0]
    assert first.line.words == []
    ready.crew.ready(ready.coming[0])
    assert first.line.words == ["retire"]
    assert second.line.words == []
    ready.crew.ready(ready.coming[0])

    assert second.line.words == ["retire"]
    assert {one.plan for one in ready.crew.serving().values()} == {NEW}
    assert "configuration.changed" in ready.log


def test_a_configuration_that_no_worker_comes_up_with_is_none(ready):
    """The old workers stay, and so does what the next one would run."""
    ready.crew.change(NEW)

    ready.crew.ended(ready.coming[0], "exit code 1")
    ready.later(5)

    assert ready.crew.plan is OLD
    assert ready.coming == []
    assert "configuration.refused" in ready.log
    assert {one.plan for one in ready.crew.serving().values()} == {OLD}


def test_a_successor_that_does_not_become_ready_is_not_waited_for(ready):
    """A store that does not answer keeps the old ones in office."""
    ready.crew.change(NEW)
    (slow,) = ready.coming

    ready.later(words.COMES_UP + 1)

    assert (slow.pid, signal.SIGKILL) in ready.killed


def test_a_newer_configuration_overtakes_the_one_that_is_under_way(ready):
    """In the end everybody runs the last one."""
    ready.crew.change(NEW)
    ready.crew.change(NEWER)
    for _ in range(4):
        ready.all_ready()

    assert {one.plan for one in ready.crew.serving().values()} == {NEWER}
    assert ready.coming == []


def test_a_successor_that_dies_in_the_middle_is_tried_again(ready):
    """The first worker runs the new configuration already, so it is good; the pause keeps the machine free."""
    ready.crew.change(NEW)
    ready.crew.ready(ready.coming[0])
    ready.crew.ended(ready.coming[0], "SIGKILL")
    assert ready.coming == []

    ready.later(words.LONGEST_PAUSE)
    ready.crew.ready(ready.coming[0])

    assert {one.plan for one in ready.crew.serving().values()} == {NEW}


def test_who_wants_to_leave_is_replaced_first(ready):
    """SIGTERM to one worker."""
    old = ready.crew.serving()["2"]

    ready.crew.wants_to_leave(old)
    assert old.line.words == []
    ready.crew.ready(ready.coming[0])

    assert old.line.words == ["retire"]
    ready.later(words.GOES + 1)
    assert (old.pid, signal.SIGKILL) in ready.killed


def test_a_worker_that_does_not_report_is_silent_and_then_killed(ready):
    """Counted by reports, not by the clock: a machine that slept has not made anybody hang."""
    quiet, well = ready.crew.serving().values()
    for _ in range(words.REPORTS_MISSED):
        ready.crew.report()
        ready.crew.reported(well, [])
    assert ready.crew.states() == {"1": "silent", "2": "ready"}
    assert ready.killed == []

    ready.crew.report()

    assert ready.killed == [(quiet.pid, signal.SIGKILL)]
    assert "worker.hung" in ready.log


def test_nobody_is_replaced_while_the_gateway_stops(ready):
    """Everybody is told, and whoever ends is gone."""
    workers = list(ready.crew)
    ready.crew.stop()
    for worker in workers:
        ready.crew.ended(worker, "exit code 0")
        ready.later(5)

    assert [worker.line.words[-1] for worker in workers] == ["stop", "stop"]
    assert list(ready.crew) == []


# One scrape


def counted(value):
    return packed({"c": Family("c", "counter", "", {("c_total", ()): float(value)})})


def total(text):
    return next(float(line.split()[1]) for line in text.splitlines() if line.startswith("c_total"))


@pytest.fixture
def scraped(ready):
    """A scrape over two workers that have counted 10 and 20."""
    scrape = Scrape(ready.crew, ready.timers)
    for worker, value in zip(ready.crew.serving().values(), (10, 20), strict=True):
        ready.crew.reported(worker, counted(value))
    return scrape


def test_a_scrape_asks_every_worker_and_adds_up_what_they_say_now(ready, scraped):
    """Two operators at once share one round."""
    answers = []
    first, second = ready.crew.serving().values()
    scraped.ask(answers.append)
    scraped.ask(answers.append)
    assert first.line.words == second.line.words == ["report"]

    ready.crew.reported(first, counted(11))
    scraped.reported(first)
    assert answers == []
    ready.crew.reported(second, counted(22))
    scraped.reported(second)

    assert [total(text) for text in answers] == [33, 33]
    assert 'gateway_workers{state="ready"} 2.0' in answers[0]


def test_a_worker_that_hangs_is_counted_with_what_it_said_last(ready, scraped):
    """The scrape waits a second for it, and no sum goes back."""
    answers = []
    first, _ = ready.crew.serving().values()
    scraped.ask(answers.append)
    ready.crew.reported(first, counted(11))
    scraped.reported(first)

    ready.later(1.01)

    assert [total(text) for text in answers] == [31]


def test_what_the_dead_have_counted_stays(ready, scraped):
    """And a scrape that waited for one of them goes on."""
    answers = []
    first, second = ready.crew.serving().values()
    scraped.ask(answers.append)
    ready.crew.reported(second, counted(20))
    scraped.reported(second)

    ready.crew.ended(first, "SIGKILL")
    scraped.ended(first)

    assert [total(text) for text in answers] == [30]
    assert "gateway_workers_died_total 1.0" in answers[0]
