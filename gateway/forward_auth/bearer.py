"""`Authorization: Bearer`: our own access tokens at the verify endpoints (RFC 6750 section 2.1).

    form → signature and claims → is the provider still ours, the person still admitted → epoch, ended sessions (the store)

A signature is verified once and stays good; what the store says is remembered as sessions are, for seconds, and
forgotten by the same notices. No session is opened, and no grant: rules that hand tokens through have none to hand.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from hashlib import sha256
from re import ASCII
from re import compile as pattern
from typing import Literal

from gateway.errors import BadCredential, TokenInvalid
from gateway.forward_auth.authorization import Client, Credential
from gateway.policy.rules import Rule
from gateway.sessions.cache import Cache, Memory, Miss, weight
from gateway.sessions.cookie import Ticket
from gateway.sessions.denials import denial_key
from gateway.sessions.handed import NOTHING_HANDED
from gateway.sessions.person import person_of
from gateway.sessions.rights import Rights, rights_key
from gateway.sessions.session import Session, log_name
from gateway.storage.bus import About, Bus, Notice
from gateway.storage.store import Store
from gateway.tokens.access import LONGEST, Access, AccessReader

_TOKEN = pattern(rb"[A-Za-z0-9._~+/-]+=*", ASCII)  # RFC 6750 section 2.1: b64token
CAPACITY = 8_000_000
"""Bytes of what is remembered of sessions, and as much again of tokens."""


class Bearer:
    """A `Scheme`. `stands` says whether a token's person and client still count here.

    `clock` is Unix time, `ticks` monotonic.
    """

    challenge = "*bearer"

    def __init__(
        self,
        tokens: AccessReader,
        store: Store,
        rights: Rights,
        stands: Callable[[Access], bool],
        bus: Bus,
        ttl: float,
        clock: Callable[[], float],
        ticks: Callable[[], float],
    ) -> None:
        self._tokens = tokens
        self._store = store
        self._rights = rights
        self._stands = stands
        self._bus = bus
        self._cache = Cache(ttl, capacity=CAPACITY)
        self._proven = _Proven(CAPACITY)
        self._clock = clock
        self._ticks = ticks
        bus.subscribe(self._hear)

    def now(self, credential: Credential, rule: Rule) -> Memory | Literal[Miss.MISS]:
        """As in `Scheme`."""
        if rule.strict or not self._bus.current():
            return Miss.MISS
        memory = self._cache.get(_name(credential.value), self._ticks(), self._clock())
        if memory is None:
            raise BadCredential("a token that was refused a moment ago")
        return memory

    def note(self, memory: Memory, key: Hashable, value: object, weight: int) -> None:
        """As in `Scheme`."""
        self._cache.note(memory, key, value, weight)

    async def read(self, credential: Credential, rule: Rule, client: Client) -> Session:  # noqa: ARG002 (as in `Scheme`)
        """As in `Scheme`. Nothing is counted: a forged token costs a signature, and no look at the store."""
        name = _name(credential.value)
        access = self._access(name.secret, credential.value)
        mark = self._cache.mark(self._ticks())
        session = _session_of(access)
        if not await self._lives(access):
            self._cache.put(name, None, 0.0, mark)
            raise BadCredential("its session is over")
        self._cache.put(name, session, access.ends, mark, NOTHING_HANDED)
        return session

    def _access(self, digest: bytes, value: bytes) -> Access:
        """What a good token says; of one that was verified before only the time is asked anew."""
        known = self._proven.get(digest)
        if known is not None and self._clock() < known.ends:
            return self._standing(known)
        if len(value) > LONGEST or not _TOKEN.fullmatch(value):
            raise BadCredential("not of the form of a token")
        try:
            access = self._tokens.read(value.decode("ascii"), self._clock())
        except TokenInvalid as invalid:
            raise BadCredential(str(invalid)) from None
        self._proven.add(digest, access)
        return self._standing(access)

    def _standing(self, access: Access) -> Access:
        # A section of gateway.yaml can come to stand for somebody else, an `allow:` can lose a name, and a client go.
        if not self._stands(access):
            raise BadCredential("a person or a client whom the configuration does not know")
        return access

    async def _lives(self, access: Access) -> bool:
        person = person_of(access.identity)
        right, ended = await self._store.get_many([rights_key(person), denial_key(access.session)])
        return ended is None and not self._rights.opened(person, right).over(
            access.epoch, access.identity.authenticated_at
        )

    def _hear(self, notice: Notice) -> None:
        # Tokens know their session by its short name alone.
        called = log_name(notice.name) if notice.about is About.SESSION else notice.name
        self._cache.hear(Notice(notice.about, called, notice.at))


class _Proven:
    """Tokens whose signature was good, by their digest; those that were used longest ago go first.

    Only what we have signed ourselves gets in, so a stranger can push nothing out.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._weight = 0
        self._known: OrderedDict[bytes, Access] = OrderedDict()

    def get(self, digest: bytes) -> Access | None:
        access = self._known.get(digest)
        if access is not None:
            self._known.move_to_end(digest)
        return access

    def add(self, digest: bytes, access: Access) -> None:
        known = self._known.pop(digest, None)
        self._weight += _weight(access) - (_weight(known) if known else 0)
        self._known[digest] = access
        while self._weight > self._capacity:
            _, gone = self._known.popitem(last=False)
            self._weight -= _weight(gone)


def _weight(access: Access) -> int:
    return weight(_session_of(access))


def _name(value: bytes) -> Ticket:
    """What a token is remembered by: not itself."""
    return Ticket("", 0, sha256(value).digest())


def _session_of(access: Access) -> Session:
    """The token as a session of one login, which ends with it. Its `id` is the short name, by which notices call it."""
    return Session(
        id=access.session,
        identities=(access.identity,),
        created=access.issued,
        absolute_end=access.ends,
        # Assertions are kept by session and version; two tokens of one session may say different things.
        version=int(access.id[:12], 16) if _is_hex(access.id) else 0,
        seen=access.issued,
        name=access.session,
    )


def _is_hex(text: str) -> bool:
    return len(text) >= 12 and all(character in "0123456789abcdef" for character in text[:12])
