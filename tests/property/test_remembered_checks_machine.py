"""A session's life, asked about at every step: a check that remembers answers what one answers that cannot.

Both ask one store over one bus. The first keeps heads, places, tickets, verdicts and sessions; the second is made anew
for each question. Statuses, all header lines and bodies are compared, and of an assertion what it says.
"""

import asyncio
import json
from base64 import urlsafe_b64decode
from dataclasses import replace
from itertools import count

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from gateway.forward_auth.assertions import Assertions
from gateway.forward_auth.endpoint import Verify
from gateway.forward_auth.places import Places
from gateway.forward_auth.verdicts import Verdicts
from gateway.guard.proxies import Proxies
from gateway.identity.headers import IdentityHeaders
from gateway.identity.presented import Head, Reply
from gateway.policy.hosts import Hosts
from gateway.policy.rules import Rules, compile_policies
from gateway.sessions.lease import Lease
from gateway.sessions.presented_tickets import PresentedTickets
from gateway.storage.bus import About, Notice
from tests.kit.people import person
from tests.kit.verify_house import APP, AUTH, CONTRACTS, OFFICE, PROXY, WRITTEN, VerifyHouse, family, value_of

GROUPS = (("staff",), ("admins",), (), tuple([f"group {n} of many" for n in range(300)]))
PEERS = (PROXY, PROXY, PROXY, "192.0.2.17", "203.0.113.66", "")
VAULT = {"name": "vault", "paths": ["/vault/**"], "freshness": "strict", "allow": "authenticated"}
LIMITS = {**WRITTEN["sessions"], "idle": "20m", "absolute": "40m"}

URIS = (
    "/x",
    "/x?a=1",
    "/admin/x",
    "/public/x",
    "/welcome/x",
    "/office/x",
    "/docs/x",
    "/vault/x",
    "/a%2Fb",
    "/../x",
    "/Admin/x",
)
HOSTS = (APP, APP, APP, "wiki.example.com", "a.apps.example.com", "evil.test")
EXTRA = (
    (),
    ((b"accept", b"text/html"),),
    ((b"origin", b"https://evil.test"),),
    ((b"upgrade", b"websocket"), (b"origin", b"https://evil.test")),
    ((b"upgrade", b"websocket"), (b"origin", b"https://app.example.com")),
    ((b"x-forwarded-for", OFFICE.encode()),),
)
RESTS = ("", "a=1", "a=2; b=3")


def essence(reply: Reply):
    """All of an answer, its assertion read."""
    lines = [(name, value if name != b"x-auth-assertion" else said(value)) for name, value in reply.headers]
    return reply.status, lines, reply.body


def said(assertion: bytes):
    """The claims, save for when it was signed."""
    if not assertion:
        return {}
    payload = assertion.split(b".")[1]
    claims = json.loads(urlsafe_b64decode(payload + b"=" * (-len(payload) % 4)))
    return {name: value for name, value in claims.items() if name not in {"iat", "exp", "nbf", "jti"}}


class Lives(RuleBasedStateMachine):
    """Three browsers and two people."""

    @initialize(decision=st.booleans())
    def begin(self, decision):
        names = {"decision": "X-Auth-Decision", "rule": "X-Auth-Rule"} if decision else {}
        self.house = house = VerifyHouse(sessions=LIMITS, rules=[VAULT, *WRITTEN["rules"]], headers=names)
        self.run = asyncio.Runner().run
        self.rules = Rules.of(house.settings.rules)
        self.policies = compile_policies(house.settings.policies)
        self.forgetful = house.reader(cache_ttl=0.0)
        self.ids = count(1)
        house.verify._new_id = lambda: f"d-{self.number}"
        self.heads = {}
        self.asked = []
        for who in range(3):
            self.somebody_signs_in(who, who % 2, GROUPS[who])

    def teardown(self):
        if hasattr(self, "run"):
            self.run.__self__.close()

    def plain(self):
        """A check that has seen nothing."""
        house, idle = self.house, self.house.settings.sessions.idle
        own = (house.cookie_spec.name, house.browser_spec.name)
        asserts = Assertions(house.ring, AUTH, house.settings.assertion.lifetime, idle, house.clock)
        headers = IdentityHeaders.of(house.settings.headers)
        check = replace(
            house.check,
            places=Places(Hosts.of(house.settings.hosts), self.rules, self.policies),
            tickets=PresentedTickets(house.ring, house.cookie_spec, own),
            reader=self.forgetful,
            verdicts=Verdicts(asserts, headers, house.check.providers, idle, house.clock),
        )
        proxies = Proxies.of(house.settings.server.trusted_proxies, None, unix_trusted=True)
        return Verify(
            check, proxies, house.routes, house.events.append, lambda: f"d-{self.number}", house.clock
        )

    async def answer(self, verify, head):
        answered = verify.answer_at(head)
        reply = answered if isinstance(answered, Reply) else await answered
        self.house.assert_sound(reply)
        return reply

    def ask(self, question):
        """Both, twice: what is remembered at the first sight is used at the second."""
        self.number = next(self.ids)
        head = self.heads.setdefault(question, Head(*question))
        remembering = self.run(self.answer(self.house.verify, head))
        told = self.house.decision
        plain = self.run(self.answer(self.plain(), Head(*question)))
        if remembering.wire:
            assert remembering.wire == b"".join([b"%b: %b\r\n" % line for line in remembering.headers])

        assert essence(remembering) == essence(plain), question
        assert replace(told, seconds=0) == replace(self.house.decision, seconds=0)
        self.assert_signed_in_time(remembering)

    def assert_signed_in_time(self, reply):
        token = value_of(reply, b"x-auth-assertion")
        if token:
            payload = token.split(b".")[1]
            claims = json.loads(urlsafe_b64decode(payload + b"=" * (-len(payload) % 4)))
            assert claims["iat"] <= self.house.clock() < claims["exp"]
            assert self.house.clock() - claims["iat"] < 61

    @rule(who=st.integers(0, 2), whose=st.integers(0, 1), groups=st.sampled_from(GROUPS))
    def somebody_signs_in(self, who, whose, groups):
        self.run(self.house.sign_in(f"b{who}", person(str(whose), groups=groups)))

    def one(self, number):
        begun = list(self.house.begun.values())
        return begun[number % len(begun)]

    @precondition(lambda self: self.house.begun)
    @rule(number=st.integers(0, 2))
    def somebody_signs_out(self, number):
        self.run(self.house.sessions.end(self.one(number).ticket, "logout"))

    @precondition(lambda self: self.house.begun)
    @rule(number=st.integers(0, 2), groups=st.sampled_from(GROUPS))
    def a_refresh_brings_other_groups(self, number, groups):
        async def refresh():
            ticket = self.one(number).ticket
            session = await self.house.sessions.open(ticket)
            if session is not None:
                identities = tuple([replace(one, groups=groups) for one in session.identities])
                lease = Lease(next(self.ids), "late", ambiguous=False, ends=self.house.clock())
                draft = self.house.sessions.draft(ticket, session, lease, identities, {})
                await self.house.sessions.commit(draft)

        self.run(refresh())

    @rule()
    def the_bus_was_cut_and_is_back(self):
        self.house.bus.cut()
        self.house.bus.mend()

    @rule(whose=st.integers(0, 1))
    def a_notice_tells_of_a_person(self, whose):
        self.run(self.house.bus.publish(Notice(About.PERSON, str(whose))))

    @rule(seconds=st.sampled_from([0.4, 1.0, 4.9, 5.0, 59.0, 61.0, 1199.0, 1201.0]))
    def time_passes(self, seconds):
        self.house.clock.advance(seconds)

    @rule(
        who=st.integers(0, 3), contract=st.sampled_from(CONTRACTS), policy=st.sampled_from(["", "", "billing"]),
        method=st.sampled_from(["GET", "GET", "POST"]), host=st.sampled_from(HOSTS),
        uris=st.lists(st.sampled_from(URIS), min_size=1, max_size=4, unique=True), rest=st.sampled_from(RESTS),
        extra=st.sampled_from(EXTRA), peer=st.sampled_from(PEERS), times=st.integers(1, 3),
    )  # fmt: skip
    def a_page_and_its_parts_are_asked_for(
        self, who, contract, policy, method, host, uris, rest, extra, peer, times
    ):
        own = self.house.cookie(f"b{who}") if f"b{who}" in self.house.begun else ""
        cookie = "; ".join(filter(None, [own, rest])).encode()
        path = f"/verify/policy/{policy}/{contract}" if policy else f"/verify/{contract}"
        for uri in uris:
            lines = family(contract, method.encode(), host.encode(), uri.encode())
            more = ((b"cookie", cookie), *extra) if cookie else extra
            self.asked.append(("GET", path.encode(), (*lines, *more), peer))
        for question in self.asked[-len(uris) :] * times:
            self.ask(question)

    @precondition(lambda self: self.asked)
    @rule(number=st.integers(1, 12))
    def what_was_asked_lately_is_asked_again(self, number):
        """With the cookies of then: some of them open nothing any more."""
        for question in self.asked[-number:]:
            self.ask(question)


TestLives = Lives.TestCase
TestLives.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
