"""Refresh under everything at once: replicas, a rotating provider, a store that stumbles, crashes and logouts.

Time is virtual and every order of events follows from hypothesis' choices, so a failure repeats. The laws are held by
`tests/kit/refresh_world.py`:

    an ended session is never served, and never comes back
    versions only grow, and no version is committed twice
    a session ends by a refusal only where the provider has ended its grant
    a session ends by failures only after three tries in a row, the end of its token and the grace
    a refresh token that reached a living process is written down, or given back
"""

import os

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.kit.refresh_world import FAULTS, LIFE, World

numbers = st.integers(0, 3)


class RefreshMachine(RuleBasedStateMachine):
    """Drives a `World`."""

    world: World | None = None

    @initialize(replicas=st.integers(2, 4), window=st.sampled_from([0.0, 30.0]), ends_on_reuse=st.booleans())
    def begin(self, replicas, window, ends_on_reuse):
        self.world = World(replicas, window, ends_on_reuse=ends_on_reuse)
        self.world.sign_in()

    def person(self, number):
        people = list(self.world.people.values())
        return people[number % len(people)]

    def replica(self, number):
        return self.world.replicas[number % len(self.world.replicas)]

    @precondition(lambda self: len(self.world.people) < 3)
    @rule()
    def sign_in(self):
        self.world.sign_in()

    @rule(who=numbers, where=numbers, times=st.integers(1, 5))
    def request(self, who, where, times):
        """From the same person, at one replica after the other."""
        for number in range(times):
            self.world.request(self.person(who), self.replica(where + number))

    @rule(seconds=st.sampled_from([0.05, 0.3, 1.0, 3.0, 6.0, 16.0, 70.0, 1000.0]))
    def wait(self, seconds):
        self.world.loop.pass_time(seconds)

    @rule(
        who=numbers,
        before=st.sampled_from([40, 5, -1, -899]),
        times=st.sampled_from([(0.0, 0.0), (0.1, 0.6), (3.0, 3.0)]),
        after=st.sampled_from([0.0, 0.05, 0.3, 4.0]),
        then=st.sampled_from(["", "logout", "crash", "lost store", "failover", "unnoticed failover"]),
    )
    def come_back(self, who, before, times, after, then):
        """Somebody's token is about to end, has ended, or has ended long ago; and something happens to the refresh."""
        person, world = self.person(who), self.world
        world.loop.pass_time(max(person.token_end - before - world.loop.clock(), 0.0))
        world.provider.there, world.provider.back = times
        world.request(person, self.replica(0))
        world.request(person, self.replica(0))
        world.loop.pass_time(after)
        if then == "logout":
            world.logout(person, self.replica(1))
        elif then == "crash":
            world.crash(0)
        elif then == "lost store":
            world.lose_store(10.0)
        elif then:
            world.fail_over(noticed=then == "failover")
        world.request(person, self.replica(1))

    @rule(faults=st.lists(st.sampled_from(("", *FAULTS)), max_size=8))
    def provider_fails(self, faults):
        self.world.provider.faults = faults

    @rule(fault=st.sampled_from(FAULTS), who=numbers)
    def provider_is_out(self, fault, who):
        """For as long as people try: twenty minutes of one fault, with somebody who keeps asking."""
        self.world.provider.faults = [fault] * 100
        person = self.person(who)
        for _ in range(20):
            self.world.request(person, self.replica(0))
            self.world.loop.pass_time(61)
        self.world.provider.faults = []

    @rule(verb=st.integers(1, 12), kind=st.sampled_from(["before", "after"]), times=st.integers(1, 3))
    def store_stumbles(self, verb, kind, times):
        """At the n-th verb from now, and the ones after it."""
        for number in range(times):
            self.world.verb_faults[self.world.verbs + verb + number] = kind

    @rule(seconds=st.sampled_from([0.5, 10.0, 50.0, 120.0]))
    def store_is_lost(self, seconds):
        self.world.lose_store(seconds)

    @rule(delay=st.sampled_from([0.0, 0.01, 0.4]))
    def store_is_slow(self, delay):
        self.world.store_delay = delay

    @rule(
        who=numbers,
        noticed=st.booleans(),
        first=st.sampled_from([0.6, 3.0]),
        back=st.sampled_from([0.0, 0.6]),
    )
    def two_lead(self, who, noticed, first, back):
        """A holder has asked and its answer is on the way; the store forgets it, and a second one leads."""
        person, world = self.person(who), self.world
        world.calm()
        world.loop.pass_time(max(person.token_end - world.loop.clock(), 0.0))
        world.provider.there, world.provider.back = 0.1, first
        world.request(person, self.replica(0))
        world.loop.pass_time(0.3)
        world.fail_over(noticed=noticed)
        world.provider.back = back
        world.request(person, self.replica(1))
        world.loop.pass_time(5)

    @rule(who=numbers, then=st.sampled_from(["logout", "crash"]))
    def in_the_middle(self, who, then):
        """The provider has rotated, its answer is on the way, and then somebody signs out, or the holder dies."""
        person, world = self.person(who), self.world
        world.calm()
        world.loop.pass_time(max(person.token_end - world.loop.clock(), 0.0))
        world.provider.there, world.provider.back = 0.1, 0.6
        world.request(person, self.replica(0))
        world.loop.pass_time(0.3)
        if then == "logout":
            world.logout(person, self.replica(1))
        else:
            world.crash(0)
        for _ in range(5):
            world.loop.pass_time(16)
            world.request(person, self.replica(1))

    @rule(who=numbers)
    def an_answer_is_lost(self, who):
        """The provider has rotated and says so to nobody; and the person goes on."""
        person, world = self.person(who), self.world
        world.calm()
        world.loop.pass_time(max(person.token_end - world.loop.clock(), 0.0))
        world.provider.faults = ["lost after"]
        for _ in range(3):
            world.request(person, self.replica(0))
            world.loop.pass_time(21)

    @rule(who=numbers, seconds=st.sampled_from([1.0, 14.0, 40.0, 80.0]))
    def store_away_when_tokens_come(self, who, seconds):
        """The provider has rotated, and there is nowhere to write it down; people keep coming to another replica."""
        person, world = self.person(who), self.world
        world.calm()
        world.loop.pass_time(max(person.token_end - world.loop.clock(), 0.0))
        world.provider.there, world.provider.back = 0.1, 0.6
        world.request(person, self.replica(0))
        world.loop.pass_time(0.3)
        world.lose_store(seconds)
        for _ in range(8):
            world.loop.pass_time(seconds / 6)
            world.request(person, self.replica(1))

    @rule(who=numbers, where=numbers)
    def logout(self, who, where):
        self.world.logout(self.person(who), self.replica(where))

    @rule(where=numbers)
    def crash(self, where):
        self.world.crash(where % len(self.world.replicas))

    @rule(who=numbers)
    def provider_ends_a_grant(self, who):
        family = self.person(who).family
        family.live, family.ended_there = None, True

    @rule()
    def calm_down(self):
        """In calm all accounts are settled, and whoever holds a live token can use it."""
        self.world.calm()
        self.world.settle_accounts()
        for person in list(self.world.people.values()):
            held = self.world.held(person)
            if held and held == person.family.live:
                self.world.loop.pass_time(LIFE)
                before = self.world.provider.issued
                self.world.request(person, self.replica(0))
                self.world.loop.pass_time(70)
                if self.world.provider.issued == before:
                    self.world.wrong("a live token was not used in calm")

    @invariant()
    def nothing_went_wrong(self):
        if self.world is not None:
            assert not self.world.wrongs, self.world.wrongs
            assert self.world.loop.crashes == []

    def teardown(self):
        if self.world is None:
            return
        world, self.world = self.world, None
        world.calm()
        world.settle_accounts()
        world.close()
        assert not world.wrongs, world.wrongs
        assert world.loop.crashes == []
        assert not world.owners, "tasks were left behind"


@pytest.mark.parametrize("ends_on_reuse", [False, True], ids=["", "ends on reuse"])
@pytest.mark.parametrize("window", [0.0, 30.0], ids=["no window", "window"])
@pytest.mark.parametrize(
    "story",
    [
        pytest.param(lambda one: one.two_lead(0, noticed=True, first=3.0, back=0.0), id="failover"),
        pytest.param(lambda one: one.two_lead(0, noticed=False, first=0.6, back=0.0), id="unseen failover"),
        pytest.param(lambda one: one.in_the_middle(0, "logout"), id="logout in the middle"),
        pytest.param(lambda one: one.in_the_middle(0, "crash"), id="crash in the middle"),
        pytest.param(lambda one: one.an_answer_is_lost(0), id="answer lost"),
        pytest.param(lambda one: one.provider_is_out("503 after", 0), id="answers lost for long"),
        pytest.param(lambda one: one.provider_is_out("invalid_client", 0), id="rejected for long"),
        pytest.param(lambda one: one.store_away_when_tokens_come(0, 40.0), id="store away"),
    ],
)
def test_stories_that_must_end_well(story, window, ends_on_reuse):
    """Those that chance meets too seldom, in every run and at every kind of provider."""
    machine = RefreshMachine()
    machine.begin(3, window, ends_on_reuse)

    try:
        story(machine)
        machine.nothing_went_wrong()
    finally:
        machine.teardown()


HEAVY = os.environ.get("CI") == "true"
TestRefreshMachine = RefreshMachine.TestCase
TestRefreshMachine.settings = settings(
    max_examples=1000 if HEAVY else 80, stateful_step_count=40 if HEAVY else 25, deadline=None
)
