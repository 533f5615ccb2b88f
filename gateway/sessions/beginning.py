"""The beginning of a session: always under a new id and a new key, whatever the browser brought along."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from gateway.errors import AttemptUnknown, NotAllowed
from gateway.identity.identity import Identity
from gateway.keys.keyring import Keyring
from gateway.sessions.cookie import CookieSpec, Ticket, issue_ticket
from gateway.sessions.device import Device
from gateway.sessions.ending import Endings
from gateway.sessions.entry import Entry, EntrySealing
from gateway.sessions.index import Index
from gateway.sessions.over import LoginsOver
from gateway.sessions.person import list_names, login_name, person_of
from gateway.sessions.records import SLACK, Records
from gateway.sessions.rights import Rights
from gateway.sessions.sealing import Logins, session_id
from gateway.sessions.session import Grants, Session


@dataclass(frozen=True, slots=True)
class Begun:
    """A new session: the value for its cookie (secret), the ticket in it, and what a check will see."""

    cookie: str = field(repr=False)
    ticket: Ticket
    session: Session


@dataclass(frozen=True, slots=True)
class Beginnings:
    """Writes new sessions down: first what overrides them is read, then they are listed, and then they are there."""

    ring: Keyring
    spec: CookieSpec
    records: Records
    entries: EntrySealing
    index: Index
    rights: Rights
    over: LoginsOver
    endings: Endings
    clock: Callable[[], float]
    random: Callable[[int], bytes] = field(repr=False)

    async def epoch(self, identity: Identity) -> int:
        """The epoch that a person's new session belongs to; `NotAllowed` for somebody who is disabled."""
        (right,) = await self.rights.of((person_of(identity),))
        if right.disabled:
            raise NotAllowed(identity.key, "is disabled")
        return right.epoch

    async def write(
        self, logins: Logins, grants: Grants, device: Device, *, doubtful: bool, waits: float = 0.0
    ) -> Begun:
        """A new session. `AttemptUnknown` where its provider has ended the login meanwhile.

        `doubtful`: tokens come out of another session, where a refresh may have spent them. Then the first lease is
        ambiguous, and a refusal of the provider does not count as one yet. `waits`: as in `Sessions.begin`.
        """
        cookie, ticket = issue_ticket(self.ring, self.spec, int(self.clock()), self.random)
        sid, names = session_id(ticket), list_names(logins.identities)
        lasts = logins.absolute_end - self.clock() + SLACK
        fallen = await self.index.add(sid, names, lasts)
        beside = {"meta": self.entries.seal(sid, _entry(logins, device))}
        if doubtful:
            beside["intent"] = b"0"
        session = await self.records.create(ticket, logins, grants, beside, waits)
        for oldest in fallen:
            await self.endings.end(oldest, "", "crowded_out")
        await self._check_still_on(session, names)
        return Begun(cookie, ticket, session)

    async def _check_still_on(self, session: Session, names: tuple[str, ...]) -> None:
        # Who ends a login notes it before looking at the list, and here the list was written before this look: so one
        # of the two sees the other.
        over = await self._over(session.latest)
        if over:
            await self.endings.end(session.id, session.latest.key, over, names)
            raise AttemptUnknown("the provider has ended this login meanwhile")

    async def still_on(self, moved: Iterable[Identity]) -> bool:
        """Whether no provider has ended one of the logins that have moved to a session, which is listed by now."""
        return not any([await self._over(one) for one in moved])

    async def _over(self, login: Identity) -> str:
        return await self.over.reason(login_name(login.issuer, login.sid)) if login.sid else ""


def _entry(logins: Logins, device: Device) -> Entry:
    latest, epochs = logins.identities[-1], logins.epochs
    people = {person_of(one): epochs.get(one.provider, 0) for one in logins.identities}
    listed = list_names(logins.identities)
    return Entry(
        created=logins.created,
        absolute_end=logins.absolute_end,
        provider=latest.provider,
        subject=latest.key,
        device=device.family,
        network=device.network,
        people=people,
        logins=tuple([name for name in listed if name not in people]),
    )


def carried(epochs: Mapping[str, int]) -> dict[str, int]:
    """Epochs worth keeping: 0 is what everybody has."""
    return {provider: epoch for provider, epoch in epochs.items() if epoch}
