"""One check, against the same uvicorn that answers a constant to the same bytes."""

from collections.abc import Iterator
from functools import partial

from bench.gateways import Wanted, tokens_of
from bench.lab import Lab
from bench.load import Load
from bench.questions import (
    ANONYMOUS,
    BEARER,
    CACHED,
    DENIED,
    IDENTITY,
    OPTIONAL,
    OPTIONAL_NOBODY,
    PUBLIC,
    REFUSED,
    Question,
)
from bench.row import Budget, Result, Row, ratio_of
from bench.size import Size
from bench.trial import Expected, Side

AGAINST = "uvicorn, a constant"
PEOPLE = 1
"""Sessions where the same head is sent again and again."""
NONE, LONGEST = "0s", "30s"
"""Of `sessions.cache_ttl`: a thousand sessions that turn cold every five seconds would be a row about cold ones."""
_QUICK = {one.name: 0.8 for one in (CACHED, ANONYMOUS, PUBLIC, DENIED)}


def rows(size: Size) -> tuple[Row, ...]:
    return (*_at_once(size), *_bearers(size), *_cold(size))


def _at_once(size: Size) -> Iterator[Row]:
    """What is answered without waiting."""
    each = (CACHED, ANONYMOUS, PUBLIC, OPTIONAL, OPTIONAL_NOBODY, DENIED, REFUSED)
    for question in each:
        yield _row(question, Wanted(), Budget(_QUICK.get(question.name)) if question.name in _QUICK else None)
    quiet = Wanted(log="warning")
    yield _row(CACHED, quiet, Budget(0.8), name="cached, log level warning")
    for question in each:
        # Nobody is to say that a memory of equal heads was measured.
        budget = Budget(0.8) if question.name in _QUICK else None
        name = f"{question.name}, each another address"
        if question.signed_in:
            name += f", of {size.sessions} sessions"
        yield _row(question.varied(), Wanted(memory=LONGEST), budget, size.sessions, name)
    for question in each:
        yield _row(question, Wanted(quick=False), Budget(1.7) if question is CACHED else None)
    name = f"cached, each another address, of {size.sessions} sessions"
    yield _row(CACHED.varied(), Wanted(quick=False, memory=LONGEST), None, size.sessions, name)


def _bearers(size: Size) -> Iterator[Row]:
    """Access tokens in place of cookies: remembered, and verified and asked about each time."""
    for quick, shell in ((True, "quick"), (False, "ASGI")):
        wanted = Wanted(quick=quick, tokens=True)
        measure = partial(_measure_bearer, question=BEARER, wanted=wanted, people=1)
        yield Row(f"bearer check, {shell}", "check", f"gateway, {shell}", AGAINST, measure)
    for store, title in (("redis", "Redis"), ("sqlite", "SQLite")):
        wanted = Wanted(store=store, memory=NONE, signs="never", tokens=True)
        measure = partial(_measure_bearer, question=BEARER.varied(), wanted=wanted, people=size.cold)
        name = f"bearer check, cold, {title}, {size.cold} tokens, no assertion, quick"
        yield Row(name, "check", "gateway, quick", AGAINST, measure)


def _measure_bearer(lab: Lab, question: Question, wanted: Wanted, people: int) -> Result:
    gateway, constant = lab.gateway(wanted), lab.constant()
    tokens = lab.once(("tokens", wanted, people), lambda: tokens_of(gateway, people))
    load = Load(question.head(), tokens)
    against, ours = lab.measure(
        Side(AGAINST, constant.port, load, (constant,)),
        Side(
            "gateway", gateway.server.port, load, (gateway.server,), expected_of(question, wanted),
            beside=gateway.beside,
        ),
    )  # fmt: skip
    return ratio_of(ours, against, "cpu_us")


def _cold(size: Size) -> Iterator[Row]:
    """Every check asks the store. Sixteen clients of one session share a look at it, so there are many as well."""
    for store, title in (("redis", "Redis"), ("sqlite", "SQLite")):
        for people in (1, size.cold):
            for signs, what in (("never", "no assertion"), ("always", "signs an assertion")):
                bound = {"never": 8.0, "always": 12.0}[signs] if store == "redis" else None
                who = "the same session" if people == 1 else f"{people} sessions"
                yield _row(
                    CACHED if people == 1 else CACHED.varied(),
                    Wanted(store=store, memory=NONE, signs=signs),
                    Budget(bound) if bound else None,
                    people,
                    f"cold, {title}, {who}, {what}",
                )


def _row(
    question: Question, wanted: Wanted, budget: Budget | None, people: int = PEOPLE, name: str = ""
) -> Row:
    measure = partial(_measure, question=question, wanted=wanted, people=people)
    shell = "quick" if wanted.quick else "ASGI"
    return Row(f"{name or question.name}, {shell}", "check", f"gateway, {shell}", AGAINST, measure, budget)


def _measure(lab: Lab, question: Question, wanted: Wanted, people: int) -> Result:
    gateway, constant = lab.gateway(wanted), lab.constant()
    cookies = lab.cookies(wanted.store, people) if question.signed_in else ("",)
    load = Load(question.head(), cookies)
    against, ours = lab.measure(
        Side(AGAINST, constant.port, load, (constant,)),
        Side(
            "gateway", gateway.server.port, load, (gateway.server,), expected_of(question, wanted),
            beside=gateway.beside,
        ),
    )  # fmt: skip
    return ratio_of(ours, against, "cpu_us")


def expected_of(question: Question, wanted: Wanted) -> Expected:
    """The status; and for somebody who passes, every identity header that is switched on."""
    if not (question.signed_in and question.status == 200):
        return Expected(question.status)
    signed = wanted.signs != "never"
    return Expected(200, tuple([name for name in IDENTITY if signed or name != "x-auth-assertion"]))
