"""The chain of refresh tokens under everything at once: a client and a thief, lost answers, a store that goes back in time.

Laws:

    of all who hold tokens of one session, at most one line goes on: who falls behind it ends it for both
    a used token is answered again only within its window, and then with the same successor
    a client that refreshes in order is never taken for a thief, whatever answers were lost within the window
    a genuine token of the future is never reuse: the store has forgotten, and the client has not
"""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gateway.tokens.chain import FIRST, RETRY, Use, begun, parsed, plain

LIFETIME = 7 * 86_400


class ChainMachine(RuleBasedStateMachine):
    """One session; two who may hold its tokens; the store, and a copy of it from some moment before."""

    def __init__(self):
        super().__init__()
        self.now = 1_800_000_000.0
        self.chain = begun(self.now, LIFETIME, "spa")
        self.behind = self.chain
        self.held = {"client": FIRST, "thief": 0}
        self.used = {}
        self.alive = True

    def present(self, who):
        """What a token means, and what its holder has afterwards."""
        counter = self.held[who]
        use = self.chain.use(counter, self.now)
        if use is Use.EXCHANGE:
            self.chain = self.chain.after(counter, self.now, LIFETIME)
            self.used[counter] = self.now
        elif use is Use.REUSE:
            self.alive = False
        return counter, use

    @rule(who=st.sampled_from(["client", "thief"]), lost=st.booleans())
    def refresh(self, who, lost):
        """A refresh, whose answer may be lost."""
        if not (self.alive and self.held[who]):
            return
        counter, use = self.present(who)
        if use is Use.RETRY:
            assert self.chain.counter == counter + 1
            assert abs(self.now - self.used[counter]) <= RETRY
        if use in {Use.EXCHANGE, Use.RETRY} and not lost:
            self.held[who] = self.chain.counter

    @rule()
    def steal(self):
        """The thief copies what the client has now."""
        self.held["thief"] = self.held["client"]

    @rule(seconds=st.sampled_from([0.5, 5.0, 29.0, 31.0, 3600.0, 86_400.0]))
    def wait(self, seconds):
        self.now += seconds

    @rule()
    def copy(self):
        """A replica of the store falls behind here …"""
        self.behind = self.chain

    @rule()
    def fail_over(self):
        """… and takes over."""
        if not self.held["thief"]:
            self.chain = self.behind

    @rule()
    def restart(self):
        """What is stored is read back as it was."""
        self.chain = parsed(plain(self.chain))

    @invariant()
    def a_client_in_order_is_no_thief(self):
        """While nobody stole, only time ends its token: an answer lost for longer than the window."""
        if self.held["thief"] or not self.alive:
            return
        use = self.chain.use(self.held["client"], self.now)
        if use is Use.REUSE:
            given = self.used[self.held["client"]]
            assert self.now - given > RETRY
        if self.held["client"] > self.chain.counter:
            assert use in {Use.EXCHANGE, Use.OVER}

    @invariant()
    def only_one_line_goes_on(self):
        """Two different tokens of one chain: at most one of them is neither a retry nor reuse."""
        held = {number for number in self.held.values() if number}
        going_on = [number for number in held if number == self.chain.counter]
        assert len(going_on) <= 1
        assert all(
            self.chain.use(number, self.now) is not Use.EXCHANGE
            for number in held
            if number < self.chain.counter
        )


TestChain = ChainMachine.TestCase
TestChain.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
