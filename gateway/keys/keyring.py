"""The key ring: the server's secrets and assertion keys, as one value, and the JSON it is kept as.

    {"version": 1, "deployment": "…",
     "secrets":   [{"kid", "created", "secret"} …],             the last one is active
     "assertion": [{"kid", "created", "state", "pem"} …]}       next | active | retired
     "tokens":    [{… and "alg"} …]                             version 2: where access tokens are issued

A secret is never used as it is: each purpose derives its own key from it. An older secret only opens what was sealed
with it, until it is pruned. An assertion key is published as `next` before it signs, so that verifiers which cache
the key set already know it (OpenID Connect Core section 10.1.1). A file without token keys stays of version 1, so that a
release that knows none can read it; with them it must not, for it would drop them at the next rotation.
"""

from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from json import dumps
from re import fullmatch
from typing import Any, TypeVar

from gateway.errors import KeyFault, Unsealable
from gateway.keys.derivation import hkdf
from gateway.keys.signing_key import SigningKey, State
from gateway.keys.strict_json import parse_object
from gateway.keys.token_key import Algorithm, TokenKey, with_algorithm

VERSION, WITH_TOKENS = 1, 2
_MEND = "restore the file from a backup, or move it away and run `gateway keys generate` (everybody signs in again)"


K = TypeVar("K", SigningKey, TokenKey)


@dataclass(frozen=True, slots=True)
class Secret:
    """32 random bytes or more; `created` in Unix seconds."""

    kid: str
    created: int
    secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Keyring:
    """All keys of one deployment. `entries` are the secrets, oldest first; the last is active."""

    deployment: str
    entries: tuple[Secret, ...]
    assertion: tuple[SigningKey, ...]
    tokens: tuple[TokenKey, ...] = ()
    # Keys derived without binding and salt are a function of (kid, purpose), and purposes are constants of the
    # code: this memo is small, and saves 3 µs on every cookie.
    _derived: dict[tuple[str, str], bytes] = field(
        default_factory=dict, init=False, repr=False, compare=False, hash=False
    )

    @property
    def active(self) -> str:
        """The kid of the secret that seals from now on."""
        return self.entries[-1].kid

    @property
    def signer(self) -> SigningKey:
        """The assertion key that signs from now on."""
        return next(key for key in self.assertion if key.state == "active")

    @property
    def token_signer(self) -> TokenKey:
        """The key that signs access tokens from now on; `KeyFault` where there is none."""
        for key in self.tokens:
            if key.state == "active":
                return key
        raise KeyFault(
            "the key file holds no key for access tokens: run `gateway keys rotate`, and give every replica the same file"
        )

    def derive(
        self, purpose: str, kid: str | None = None, *, binding: bytes = b"", salt: bytes = b""
    ) -> bytes:
        """32 bytes for one purpose: HKDF-SHA256(ikm = binding || secret, salt, info = purpose).

        `binding` is a secret of the caller's: what is derived needs both it and the ring. `kid` is that of the
        active secret where it is left out; one that the ring does not hold raises `Unsealable`.
        """
        kid = self.active if kid is None else kid
        if binding or salt:
            return hkdf(binding + self._secret(kid), salt=salt, purpose=purpose.encode())
        derived = self._derived.get((kid, purpose))
        if derived is None:
            derived = hkdf(self._secret(kid), salt=b"", purpose=purpose.encode())
            self._derived[kid, purpose] = derived
        return derived

    def _secret(self, kid: str) -> bytes:
        for entry in self.entries:
            if entry.kid == kid:
                return entry.secret
        # The kid came from outside: it is not repeated in the message.
        raise Unsealable("the key ring holds no secret of this kid")

    @classmethod
    def generate(cls, random: Callable[[int], bytes], now: float) -> "Keyring":
        """A new ring: one secret, an assertion key that signs and its successor."""
        created = int(now)
        keys = (SigningKey.generate(random, created, "active"), SigningKey.generate(random, created, "next"))
        return cls(random(8).hex(), (_new_secret(random, created),), keys)

    def for_tokens(self, algorithm: Algorithm, random: Callable[[int], bytes], now: float) -> "Keyring":
        """The ring, with a key that signs access tokens with `algorithm`; itself where it has one."""
        tokens = with_algorithm(self.tokens, algorithm, random, int(now))
        return self if tokens == self.tokens else replace(self, tokens=tokens)

    def rotated(self, random: Callable[[int], bytes], now: float) -> "Keyring":
        """A new secret seals and `next` signs from now on; what was active stays to open and to verify."""
        created = int(now)
        successor: Mapping[State, State] = {"next": "active", "active": "retired", "retired": "retired"}
        moved = tuple([replace(key, state=successor[key.state]) for key in self.assertion])
        tokens = self.tokens
        if tokens:
            made = TokenKey.generate(self.token_signer.algorithm, random, created, "next")
            tokens = (*[key.moved_on() for key in tokens], made)
        return Keyring(
            self.deployment,
            (*self.entries, _new_secret(random, created)),
            (*moved, SigningKey.generate(random, created, "next")),
            tokens,
        )

    def pruned(self, now: float, max_age: float) -> "Keyring":
        """Drop what was superseded more than `max_age` seconds ago.

        A key is in use until its successor takes over, so the successor's age counts, not its own. With `max_age` at
        the absolute limit of sessions, no session loses its key.
        """
        oldest = now - max_age
        entries = zip_longest(self.entries, self.entries[1:])
        return Keyring(
            self.deployment,
            tuple([entry for entry, newer in entries if newer is None or newer.created >= oldest]),
            _without_old(self.assertion, oldest),
            _without_old(self.tokens, oldest),
        )

    @classmethod
    def parse(cls, raw: bytes) -> "Keyring":
        """Read the JSON form; `KeyFault` says what is wrong, and what to do, without repeating any of it."""
        try:
            document = parse_object(raw)
        except ValueError:
            raise KeyFault(f"the key file is not a JSON object: {_MEND}") from None
        if document.get("version") not in {VERSION, WITH_TOKENS}:
            raise KeyFault(
                f"the key file is not of version {VERSION} or {WITH_TOKENS}: run the release of the gateway that wrote it, or {_MEND}"
            )
        ring = cls(
            _word(document, "deployment"),
            tuple([_secret_of(entry) for entry in _list(document, "secrets")]),
            tuple([_signing_key_of(entry) for entry in _list(document, "assertion")]),
            tuple([_token_key_of(entry) for entry in _list(document, "tokens")])
            if document["version"] == WITH_TOKENS
            else (),
        )
        return ring._checked()

    def _checked(self) -> "Keyring":
        if not self.entries:
            raise KeyFault(f"the key file holds no secret: {_MEND}")
        kids = [entry.kid for entry in self.entries] + [key.kid for key in self.assertion]
        kids += [key.kid for key in self.tokens]
        if len(set(kids)) != len(kids):
            raise KeyFault(f"two keys of the key file have the same kid: {_MEND}")
        states = [key.state for key in self.assertion]
        if states.count("active") != 1:
            raise KeyFault(f"the key file needs exactly one active assertion key: {_MEND}")
        if self.tokens and [key.state for key in self.tokens].count("active") != 1:
            raise KeyFault(f"the key file needs exactly one active token key: {_MEND}")
        return self

    def dump(self) -> bytes:
        """The JSON form, for a file that nobody else can read. It holds every secret."""
        document: dict[str, Any] = {
            "version": WITH_TOKENS if self.tokens else VERSION,
            "deployment": self.deployment,
            "secrets": [
                {"kid": e.kid, "created": e.created, "secret": b64encode(e.secret).decode()}
                for e in self.entries
            ],
            "assertion": [
                {"kid": k.kid, "created": k.created, "state": k.state, "pem": k.pem()} for k in self.assertion
            ],
        }
        if self.tokens:
            document["tokens"] = [key.plain() for key in self.tokens]
        return (dumps(document, indent=2) + "\n").encode()


def _without_old(keys: tuple[K, ...], oldest: float) -> tuple[K, ...]:
    """Without keys that were retired before `oldest`."""
    # A key signs from the rotation after it was made to the next one, when the second key after it was made.
    kept = zip(keys, (*keys[2:], None, None), strict=False)
    return tuple(
        [key for key, newer in kept if key.state != "retired" or newer is None or newer.created >= oldest]
    )


def _new_secret(random: Callable[[int], bytes], created: int) -> Secret:
    return Secret(random(4).hex(), created, random(32))


def _list(document: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    entries = document.get(name)
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise KeyFault(f"`{name}` of the key file is not a list of objects: {_MEND}")
    return entries


def _word(entry: Mapping[str, Any], name: str) -> str:
    # A kid and the deployment stand in cookies and in AAD between separators: nothing but word characters.
    value = entry.get(name)
    if not isinstance(value, str) or not fullmatch(r"[A-Za-z0-9_-]{1,64}", value):
        raise KeyFault(f"`{name}` in the key file is not a word of letters, digits, - and _: {_MEND}")
    return value


def _created(entry: Mapping[str, Any]) -> int:
    value = entry.get("created")
    if not isinstance(value, int) or isinstance(value, bool):
        raise KeyFault(f"`created` in the key file is not a number of Unix seconds: {_MEND}")
    return value


def _secret_of(entry: Mapping[str, Any]) -> Secret:
    try:
        secret = b64decode(entry.get("secret", ""), validate=True)
    except (ValueError, TypeError):
        raise KeyFault(f"a secret of the key file is not base64: {_MEND}") from None
    if len(secret) < 32:
        raise KeyFault(f"a secret of the key file is shorter than 32 bytes: {_MEND}")
    return Secret(_word(entry, "kid"), _created(entry), secret)


def _signing_key_of(entry: Mapping[str, Any]) -> SigningKey:
    state, created = _state(entry, "an assertion key"), _created(entry)
    try:
        key = SigningKey.parse(entry.get("pem"), created, state)
    except KeyFault as fault:
        raise KeyFault(f"{fault}: {_MEND}") from None
    _check_kid(key.kid, entry, "an assertion key")
    return key


def _token_key_of(entry: Mapping[str, Any]) -> TokenKey:
    state, created = _state(entry, "a token key"), _created(entry)
    try:
        key = TokenKey.parse(entry.get("pem"), entry.get("alg"), created, state)
    except KeyFault as fault:
        raise KeyFault(f"{fault}: {_MEND}") from None
    _check_kid(key.kid, entry, "a token key")
    return key


def _state(entry: Mapping[str, Any], whose: str) -> State:
    state: Any = entry.get("state")
    if state not in ("next", "active", "retired"):
        raise KeyFault(f"the state of {whose} is none of next, active, retired: {_MEND}")
    word: State = state
    return word


def _check_kid(kid: str, entry: Mapping[str, Any], whose: str) -> None:
    if kid != entry.get("kid"):
        raise KeyFault(f"the kid of {whose} is not its RFC 7638 thumbprint: {_MEND}")
