"""How a session is opened: its record, its activity and the rights of its people, by one look at the store.

A session that has ended by a limit or a right is ended here, by whoever sees it first.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from gateway.errors import Unsealable
from gateway.identity.identity import Identity
from gateway.observe.events import Emit, SessionEnded
from gateway.sessions.cookie import Ticket
from gateway.sessions.ending import Endings
from gateway.sessions.expected import Expected
from gateway.sessions.person import list_names, person_of
from gateway.sessions.records import Found, Records
from gateway.sessions.rights import Right, Rights, rights_key
from gateway.sessions.sealing import session_id
from gateway.sessions.session import Grants, Session, log_name
from gateway.sessions.suspicion import Suspicions


class Opened(NamedTuple):
    """A session, and its tokens where they were asked for: of the logins that count, and no others."""

    session: Session
    grants: Grants


class Openings:
    """Opens sessions.

    `idle` is the idle limit and `touch_every` the pause between two notes of activity, in seconds. `issuers` gives the
    issuer of each configured provider by its name; `admits` says whom their `allow:` lists.
    """

    def __init__(
        self,
        records: Records,
        rights: Rights,
        endings: Endings,
        idle: float,
        touch_every: float,
        issuers: Mapping[str, str],
        admits: Callable[[Identity], bool],
        emit: Emit,
        clock: Callable[[], float],
        suspicions: Suspicions,
    ) -> None:
        self._records = records
        self._rights = rights
        self._suspicions = suspicions
        self._endings = endings
        self._idle = idle
        self._touch_every = touch_every
        self._issuers = issuers
        self._admits = admits
        self._emit = emit
        self._clock = clock
        self._expected = Expected()

    async def open(self, ticket: Ticket, *, grants: bool = False) -> Opened | None:
        """The session of a ticket; `None` where there is none, or where it has just ended by a limit or a right.

        Logins do not count at a provider that is not configured any more, that stands for another issuer now, or that
        no longer admits the person. A record that does not open is no session either: it is left alone, since a newer
        release may have written it, and its time to live ends it. Only with `grants` is anything unsealed of the tokens.
        """
        sid = session_id(ticket)
        expected = self._expected.of(sid)
        try:
            found = await self._records.read(
                ticket, sid, [rights_key(person) for person in expected], grants=grants
            )
        except Unsealable:
            self._emit(SessionEnded(log_name(sid), "", "unreadable"))
            return None
        if found is None:
            self._expected.forget(sid)
            return None
        session, known = found.session, self._configured(found.session.identities)
        ended, rights = self._limit_reached(session, self._clock()), list[Right]()
        if known and not ended:
            rights = await self._rights_of(found, known, expected)
            ended = _overridden(session, known, rights)
        if ended:
            await self._endings.end(session.id, session.latest.key, ended, list_names(session.identities))
            return None
        return await self._touched(found, known, _held_back(rights)) if known else None

    async def _rights_of(
        self, found: Found, known: tuple[Identity, ...], expected: Sequence[str]
    ) -> list[Right]:
        """The rights of the people of a session, with every suspicion judged that has waited for it."""
        people = tuple([person_of(one) for one in known])
        seen = dict(zip(expected, found.beside, strict=True))
        # Of whom the session is the record alone says: nobody is judged by the rights of somebody else.
        rights = self._seen_rights(people, seen) or await self._asked_rights(found.session, people)
        return [
            await self._suspicions.judged(one, right) if right.suspicion else right
            for one, right in zip(known, rights, strict=True)
        ]

    def _limit_reached(self, session: Session, now: float) -> str:
        if now >= session.absolute_end:
            return "absolute"
        return "idle" if now - session.seen > self._idle else ""

    def _seen_rights(self, people: tuple[str, ...], seen: Mapping[str, bytes | None]) -> list[Right]:
        """The rights of people, where all of them were read with the record, by a guess; empty where not."""
        if not seen.keys() >= set(people):
            return []
        return [self._rights.opened(person, seen[person]) for person in people]

    async def _asked_rights(self, session: Session, people: tuple[str, ...]) -> list[Right]:
        rights = await self._rights.of(people)
        self._expected.note(session.id, people)
        return rights

    def _configured(self, identities: tuple[Identity, ...]) -> tuple[Identity, ...]:
        # A section of gateway.yaml can come to stand for somebody else; its old logins must not speak for the new.
        # And whoever was taken off its `allow:` is out with the restart, not when the session ends in a month.
        return tuple(
            [one for one in identities if self._issuers.get(one.provider) == one.issuer and self._admits(one)]
        )

    async def _touched(self, found: Found, known: tuple[Identity, ...], held_back: float) -> Opened | None:
        """What was found, of the logins that count, with its activity noted; `None` where it is gone meanwhile.

        Before `held_back` (Unix seconds) nobody tries to refresh it.
        """
        session, seen = found.session, int(self._clock())
        if len(known) < len(session.identities):
            session = replace(session, identities=known)
        if held_back > session.next_try:
            session = replace(session, next_try=held_back)
        if self._clock() - session.seen >= self._touch_every:
            if not await self._records.touch(session, seen):
                return None
            session = replace(session, seen=seen)
        names = {one.provider for one in known}
        return Opened(session, {name: grant for name, grant in found.grants.items() if name in names})


def _held_back(rights: Sequence[Right]) -> float:
    """Until when (Unix seconds) no session of these people may try a kept password again; 0 where one may."""
    return max([right.suspicion.until for right in rights if right.suspicion], default=0)


def _overridden(session: Session, identities: tuple[Identity, ...], rights: Sequence[Right]) -> str:
    """Why the rights of one of its people, in their order, end a session; "" where they do not."""
    for one, right in zip(identities, rights, strict=True):
        over = right.over(session.epochs.get(one.provider, 0), one.authenticated_at)
        if over:
            return over
    return ""
