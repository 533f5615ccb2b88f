"""`Authorization: Basic`: a name and a password with every request, for scripts (RFC 7617).

    form → known or refused a moment ago → one check at the provider, by `login.passwords`, with its limits → may the person

A script repeats its password with each request, and a proxy repeats a check. So what came of a credential is kept for a
minute, and of many requests with it one asks: that costs one bind and one count, whether the password is right or
wrong. A check that nobody waits for any more goes on, and what comes of it is kept all the same.

Nothing of a credential is kept but its keyed hash, under a key that dies with the process. A check at the provider is a
login like any other, and is told as one; what is remembered is told by the line of the decision alone.
"""

import hmac
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections import OrderedDict
from collections.abc import Callable, Hashable
from ipaddress import IPv4Address, IPv6Address
from typing import Final, Literal, NamedTuple, Protocol, TypeAlias

from gateway.errors import BadCredential, NotAllowed, PasswordRefused, ProviderFault, ProviderUnavailable
from gateway.forward_auth.authorization import Credential
from gateway.guard.rate_limit import prefix_of
from gateway.login.telling import say, told
from gateway.login.tries import Caller
from gateway.login.way import Client as Asking
from gateway.observe.events import Emit
from gateway.policy.rules import Rule
from gateway.providers.account import LONGEST
from gateway.providers.provider import SignedIn
from gateway.sessions.cache import Cache, Memory, Miss
from gateway.sessions.cookie import Ticket
from gateway.sessions.handed import NOTHING_HANDED
from gateway.sessions.person import person_of
from gateway.sessions.rights import Rights
from gateway.sessions.session import Session
from gateway.sessions.single_flight import SingleFlight
from gateway.storage.bus import Bus

Client: TypeAlias = IPv4Address | IPv6Address | None

KEPT: Final = 60.0
"""Seconds for which the outcome of a check is kept."""
REFUSALS: Final = 4096
PROVEN: Final = 4096
"""Credentials of which it is remembered that they were right once."""
CAPACITY: Final = 4_000_000
"""Bytes of those who may."""


class ChecksAll(Protocol):
    """The service of `login.passwords`."""

    def mark(self, provider: str, typed: str, domain: str) -> str: ...

    async def check(
        self,
        provider: str,
        typed: str,
        domain: str,
        password: str,
        client: Asking,
        caller: Caller,
    ) -> SignedIn: ...


class _Refusal(NamedTuple):
    """`until` on the monotonic clock; `subject` is who may not, "" where the password is wrong."""

    until: float
    subject: str


class Basic:
    """A `Scheme`. `only` is the provider of rules that name none; `clock` is Unix time, `ticks` monotonic."""

    challenge = "*basic"

    def __init__(
        self,
        passwords: ChecksAll,
        rights: Rights,
        bus: Bus,
        emit: Emit,
        only: str,
        clock: Callable[[], float],
        ticks: Callable[[], float],
        random: Callable[[int], bytes],
    ) -> None:
        self._passwords = passwords
        self._rights = rights
        self._bus = bus
        self._emit = emit
        self._only = only
        self._clock = clock
        self._ticks = ticks
        self._random = random
        self._key = random(32)
        self._known = Cache(KEPT, capacity=CAPACITY)
        self._refused: OrderedDict[bytes, _Refusal] = OrderedDict()
        self._proven: OrderedDict[bytes, None] = OrderedDict()
        self._flights: SingleFlight[Session] = SingleFlight()
        bus.subscribe(self._known.hear)

    def now(self, credential: Credential, rule: Rule) -> Memory | Literal[Miss.MISS]:
        """As in `Scheme`; `NotAllowed` for whoever may not sign in here."""
        name = self._name(credential, rule)
        self._refuse_again(name.secret)
        if rule.strict or not self._bus.current():
            return Miss.MISS  # the password need not be asked about anew, but the store must be
        return self._memory(name)

    def note(self, memory: Memory, key: Hashable, value: object, weight: int) -> None:
        """As in `Scheme`."""
        self._known.note(memory, key, value, weight)

    async def read(self, credential: Credential, rule: Rule, client: Client) -> Session:
        """As in `Scheme`."""
        name = self._name(credential, rule)
        memory = self._memory(name)
        if not isinstance(memory, Miss) and memory.session is not None:
            await self._still(memory.session)
            return memory.session
        typed, password = read_basic(credential.value)
        provider = rule.basic or self._only
        return await self._flights.join(
            name.secret, lambda: self._ask(name, provider, typed, password, client)
        )

    async def close(self, patience: float) -> None:
        """Let checks land that are under way, for at most `patience` seconds."""
        await self._flights.close(patience)

    def _memory(self, name: Ticket) -> Memory | Literal[Miss.MISS]:
        return self._known.get(name, self._ticks(), self._clock()) or Miss.MISS

    def _name(self, credential: Credential, rule: Rule) -> Ticket:
        """What a credential is remembered by. A right password at one provider is none at another."""
        said = f"{rule.basic or self._only}\0".encode() + credential.value
        return Ticket("", 0, hmac.digest(self._key, said, "sha256"))

    def _refuse_again(self, secret: bytes) -> None:
        refusal = self._refused.get(secret)
        if refusal is None:
            return
        if self._ticks() >= refusal.until:
            del self._refused[secret]
        elif refusal.subject:
            raise NotAllowed(refusal.subject, "was turned away a moment ago")
        else:
            raise BadCredential("a password that was refused a moment ago")

    async def _ask(self, name: Ticket, provider: str, typed: str, password: str, client: Client) -> Session:
        mark = self._known.mark(self._ticks())
        try:
            session = await self._verified(provider, typed, password, client, self._caller(name.secret))
        except (PasswordRefused, NotAllowed) as refusal:
            self._proven.pop(name.secret, None)
            raise self._keep_refusal(name.secret, refusal) from None
        self._prove(name.secret)
        self._known.put(name, session, session.absolute_end, mark, NOTHING_HANDED)
        return session

    def _caller(self, secret: bytes) -> Caller:
        return Caller.PROVEN if secret in self._proven else Caller.SCRIPT

    def _prove(self, secret: bytes) -> None:
        """Keep in mind that a credential was right: strangers who guess at its account cannot shut it out any more."""
        self._proven[secret] = None
        self._proven.move_to_end(secret)
        if len(self._proven) > PROVEN:
            self._proven.popitem(last=False)

    async def _verified(
        self, provider: str, typed: str, password: str, client: Client, caller: Caller
    ) -> Session:
        asking = Asking(str(client) if client else "", prefix_of(client))
        mark = self._passwords.mark(provider, typed, "")
        # Last, for "basic" and a word behind it read like a credential: the log would black the mark out.
        trace = {**({"account": mark} if mark else {}), "by": "basic"}
        with told(self._emit, provider, asking, "", trace):
            signed_in = await self._signed_in(provider, typed, password, asking, caller)
            session = self._session(signed_in)
            await self._still(session)
        say(self._emit, provider, "ok", signed_in.identity.key, asking, "", trace=trace)
        return session

    async def _signed_in(
        self, provider: str, typed: str, password: str, asking: Asking, caller: Caller
    ) -> SignedIn:
        try:
            return await self._passwords.check(provider, typed, "", password, asking, caller)
        except ProviderUnavailable:
            raise
        except ProviderFault as fault:
            # Neither yes nor no: whatever the provider sent, it is no verdict on the password.
            raise ProviderUnavailable(provider, fault.detail, remedy=fault.remedy) from fault

    def _session(self, signed_in: SignedIn) -> Session:
        now = int(self._clock())
        return Session(
            id=self._random(16).hex(),
            identities=(signed_in.identity,),
            created=now,
            absolute_end=now + int(KEPT),
            version=0,
            seen=now,
        )

    async def _still(self, session: Session) -> None:
        """`NotAllowed` for a person whom the operator keeps out."""
        (right,) = await self._rights.of((person_of(session.latest),))
        if right.disabled:
            raise NotAllowed(session.latest.key, "is disabled")

    def _keep_refusal(
        self, secret: bytes, refusal: PasswordRefused | NotAllowed
    ) -> BadCredential | NotAllowed:
        subject = refusal.subject if isinstance(refusal, NotAllowed) else ""
        self._refused[secret] = _Refusal(self._ticks() + KEPT, subject)
        if len(self._refused) > REFUSALS:
            self._refused.popitem(last=False)
        return refusal if isinstance(refusal, NotAllowed) else BadCredential(refusal.reason)


def read_basic(value: bytes) -> tuple[str, str]:
    """Name and password (RFC 7617 section 2). Raises `BadCredential` for anything that could be read in two ways."""
    try:
        raw = b64decode(value, validate=True)
        text = raw.decode("utf-8")
    except (NotBase64, UnicodeDecodeError):
        raise BadCredential("not base64 of UTF-8") from None
    # A decoder drops bits at the end that an encoder never writes: two spellings of one credential.
    if b64encode(raw) != value:
        raise BadCredential("not base64 as it is written")
    name, colon, password = text.partition(":")
    if not colon or not name or not password or len(name) > LONGEST or len(password) > LONGEST:
        raise BadCredential("no name, no password, or an endless one")
    # "The user-id and password MUST NOT contain any control characters."
    if any(ord(letter) < 0x20 or 0x7F <= ord(letter) < 0xA0 for letter in text):
        raise BadCredential("a control character")
    return name, password
