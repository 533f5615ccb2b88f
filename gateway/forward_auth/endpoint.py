"""The verify endpoints: raw ASGI in front of the router, and a plain function inside.

No request object, no body, no logging of the query. `Verify.answer` takes a request head and returns the reply, or
a coroutine for it; any server shell can call it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from math import ceil
from typing import Any, TypeAlias

from starlette.types import Receive, Scope, Send

from gateway.errors import Limited, Malformed, ProviderUnavailable, Refused, StoreFault, UntrustedPeer
from gateway.forward_auth.asked import Asked, Judged
from gateway.forward_auth.check import Check
from gateway.forward_auth.contracts.contract import Contract, Outage, Refusal, Wait
from gateway.forward_auth.shell import NOT_FOUND, KnownHeads, announces_body, send_reply
from gateway.guard.proxies import Proxies, shown
from gateway.identity.presented import Head, Reply
from gateway.observe.events import Alarm, Decided, DecisionMade, Emit, every_decision

MAX_FIELDS = 200
MAX_BYTES = 64_000
LONGEST = 2.8
"""Seconds for one answer: store and provider have deadlines of their own, and one behind the other they add up."""
LONGEST_PAUSE = 60
"""Seconds after which to ask again, at most, where a provider is waited for."""

Answered: TypeAlias = Reply | Coroutine[Any, Any, Reply]


@dataclass(frozen=True, slots=True)
class Route:
    """Which contract speaks at a path, and which policy the proxy named with it."""

    contract: Contract
    policy: str


def verify_routes(contracts: tuple[Contract, ...], policies: Iterable[str]) -> dict[bytes, Route]:
    """Every exact path of a verify endpoint. The policy stands before the contract."""
    table = {f"/verify/{c.name}".encode(): Route(c, "") for c in contracts}
    for policy in policies:
        table |= {f"/verify/policy/{policy}/{c.name}".encode(): Route(c, policy) for c in contracts}
    return table


class Verify:
    """Answers verify calls. One object per process; of a request it keeps its head, in case that comes again.

    `decided` is told of each answer, and says whether an event with all that is known of it is wanted.
    """

    def __init__(
        self,
        check: Check,
        proxies: Proxies,
        table: Mapping[bytes, Route],
        emit: Emit,
        new_id: Callable[[], str],
        timer: Callable[[], float],
        decided: Decided = every_decision,
    ) -> None:
        self._check = check
        self._proxies = proxies
        self._table = table
        self._emit = emit
        self._new_id = new_id
        self._timer = timer
        self._decided = decided
        self._heads = KnownHeads()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 (ASGI's form)
        """ASGI shell; `receive` is never awaited."""
        head = self._heads.of(scope)
        known = head.kept is not None
        answered = self.answer_at(head) or NOT_FOUND
        reply = answered if isinstance(answered, Reply) else await answered
        await send_reply(send, reply, close=announces_body(head))
        if not known:
            self._heads.add(head)

    def answer_at(self, head: Head) -> Answered | None:
        """`answer` to whatever stands at the target of the head; `None` where that is no verify endpoint."""
        route = self._table.get(head.target)
        return self.answer(head, route) if route else None

    def answer(self, head: Head, route: Route) -> Answered:
        """Reply to one verify call, or a coroutine for the reply. Never raises."""
        begun, decision_id = self._timer(), self._new_id()
        asked: Asked | None = None
        try:
            asked = head.kept if isinstance(head.kept, Asked) else self._asked(head, route)
            judged = self._check.begin(asked, decision_id)
        except Exception as error:  # noqa: BLE001 - the merge point: what is not understood is never let through
            judged = self._failed(error, decision_id)
        if not isinstance(judged, Judged):
            assert asked is not None  # noqa: S101 - only a question that was asked has to wait
            return self._wait(judged, asked, head, route, begun, decision_id)
        return self._done(judged, asked, head, route, begun, decision_id)

    async def _wait(
        self,
        judging: Awaitable[Judged],
        asked: Asked,
        head: Head,
        route: Route,
        begun: float,
        decision_id: str,
    ) -> Reply:
        try:
            async with asyncio.timeout(LONGEST):
                judged = await judging
        except TimeoutError:
            judged = Judged(Outage(StoreFault.retry_after), "fault", "too_slow")
        except Exception as error:  # noqa: BLE001 - the same merge point, for what had to wait
            judged = self._failed(error, decision_id)
        return self._done(judged, asked, head, route, begun, decision_id)

    def _asked(self, head: Head, route: Route) -> Asked:
        # The peer comes first: nothing that a stranger wrote is parsed, let alone believed (CVE-2026-76835).
        self._proxies.trusts(head)
        check_size(head)
        question = route.contract.read(head, route.policy)
        asked = self._check.ask(head, question, self._proxies.client(head))
        # It follows from the head and the configuration alone: should the very same head come again, it is at hand.
        if asked.place.is_light and not asked.is_secret:
            head.kept = asked
        return asked

    def _failed(self, error: Exception, decision_id: str) -> Judged:
        match error:
            case UntrustedPeer():
                refusal = Refusal("untrusted_peer", True)
                return Judged(refusal, "refused", error.reason, detail=error.detail)
            case Refused():
                refusal = Refusal(error.reason, False)
                return Judged(refusal, "refused", error.reason, detail=error.detail)
            case Limited():
                return Judged(Wait(int(error.retry_after) + 1), "limited", error.code)
            case StoreFault():
                return Judged(Outage(error.retry_after), "fault", error.code)
            case ProviderUnavailable():
                # A rule hands a token through, and there is none that is good: neither yes nor no.
                seconds = min(ceil(error.retry_after or StoreFault.retry_after), LONGEST_PAUSE)
                return Judged(Outage(seconds), "fault", error.code, detail=error.provider)
        # A bug of ours. The message may quote what it choked on, so the log gets the kind and the place alone.
        place = error.__traceback__
        while place and place.tb_next:
            place = place.tb_next
        where = f"{place.tb_frame.f_code.co_qualname}:{place.tb_lineno}" if place else ""
        self._emit(Alarm("internal_error", f"{type(error).__name__} in {where}, decision {decision_id}"))
        return Judged(Outage(StoreFault.retry_after), "fault", "internal_error")

    def _done(
        self, judged: Judged, asked: Asked | None, head: Head, route: Route, begun: float, decision_id: str
    ) -> Reply:
        reply = route.contract.reply(judged.outcome, decision_id)
        seconds = self._timer() - begun
        if self._decided(route.contract.name, judged.word, seconds):
            self._tell(judged, asked, head, route.contract.name, reply.status, seconds, decision_id)
        return reply

    def _tell(
        self,
        judged: Judged,
        asked: Asked | None,
        head: Head,
        contract: str,
        status: int,
        seconds: float,
        decision_id: str,
    ) -> None:
        target = asked.target if asked else None
        client = asked.client if asked else None
        self._emit(
            DecisionMade(
                decision_id=decision_id,
                outcome=judged.word,
                contract=contract,
                status=status,
                method=target.method if target else "",
                host=target.host if target else "",
                path=target.path if target else "",
                rule=judged.rule,
                reason=judged.reason,
                subject=judged.subject,
                client=shown(client, head),
                seconds=seconds,
                detail=judged.detail,
            )
        )


def check_size(head: Head) -> None:
    """Refuse heads over 200 fields or 64 kB: the server beneath us accepts a megabyte of cookies."""
    if len(head.headers) > MAX_FIELDS:
        raise Malformed("too_many_headers", f"over {MAX_FIELDS}")
    if 0 < head.at_most <= MAX_BYTES:
        return
    head.at_most = sum(map(len, chain.from_iterable(head.headers)))
    if head.at_most > MAX_BYTES:
        raise Malformed("headers_too_large", f"over {MAX_BYTES} bytes")
