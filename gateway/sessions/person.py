"""What the store calls a person, and a login at a provider: names that do not say who it is.

They are not keyed, so that they outlive every key: whoever reads the store and guesses an issuer and a subject can see
whether this person has a session.
"""

import hashlib
from collections.abc import Iterable
from functools import lru_cache

from gateway.identity.identity import Identity
from gateway.keys.base32 import base32_of_128


def person_of(identity: Identity) -> str:
    return person_name(identity.issuer, identity.local)


@lru_cache(256)  # a check asks for the same one several times over
def person_name(issuer: str, subject: str) -> str:
    """26 lower-case letters and digits (base32, RFC 4648) for an issuer and what it calls somebody.

    `subject` is `Identity.local`: with the tenant in front, where there is one.
    """
    return _name("person", issuer, subject)


def login_name(issuer: str, sid: str) -> str:
    """The same for an issuer and what it calls one of its own sessions (claim `sid`)."""
    return _name("login", issuer, sid)


def provider_name(issuer: str) -> str:
    """The same for a provider: for what is kept about all of its people together."""
    return _name("provider", issuer, "")


def list_names(identities: Iterable[Identity]) -> tuple[str, ...]:
    """The lists on which a session of these identities stands: those of its people, and of its logins."""
    known = tuple(identities)
    people = [person_of(one) for one in known]
    logins = [login_name(one.issuer, one.sid) for one in known if one.sid]
    return tuple(dict.fromkeys((*people, *logins)))


def _name(kind: str, issuer: str, local: str) -> str:
    # Half a surrogate, which JSON can spell, is hashed and not choked on.
    text = f"{kind}\0{issuer}\0{local}".encode("utf-8", "surrogatepass")
    return base32_of_128(hashlib.sha256(text).digest()[:16])
