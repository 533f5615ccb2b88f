"""Both shells where rules take bearers: the same bytes for good, bad, remembered and revoked tokens."""

import asyncio
import re
import secrets
import socket
from dataclasses import replace

import pytest

from gateway.forward_auth.bearer import Bearer
from gateway.sessions.denials import denial_key
from gateway.sessions.rights import Rights
from gateway.sessions.session import log_name
from gateway.storage.bus import About, Notice
from gateway.tokens.access import AccessTokens
from tests.kit.people import ISSUERS
from tests.kit.shells import LOCAL, PATIENCE, SHELLS, listening, question
from tests.kit.verify_house import AUTH, CONTRACTS, WRITTEN, open_house

RULES = [
    {"name": "api", "paths": ["/api/**"], "allow": "authenticated", "accept": ["session", "bearer"]},
    {"name": "robots", "paths": ["/robots/**"], "allow": "authenticated", "accept": "bearer"},
    {
        "name": "vault",
        "paths": ["/vault/**"],
        "allow": {"groups": ["admins"]},
        "accept": ["session", "bearer"],
        "freshness": "strict",
    },
    *WRITTEN["rules"],
]
URIS = (b"/api/x", b"/robots/x", b"/vault/x", b"/x", b"/public/x", b"/api/x")
_DATE = re.compile(rb"\r\ndate: [^\r\n]*", re.IGNORECASE)
_LENGTH = re.compile(rb"\r\ncontent-length: ([0-9]+)", re.IGNORECASE)


async def house_of():
    """The same for each shell, with a token of alice."""
    house = await open_house(**LOCAL, rules=RULES, tokens={"enabled": True})
    house.verify._new_id = lambda: "d-1"
    ring = house.ring.for_tokens("EdDSA", house.random, house.clock())
    tokens = AccessTokens(ring, AUTH, AUTH, 1800.0, house.settings.sessions.idle)
    rights = Rights(house.store, ring, ring.deployment, 86_400.0, house.clock, secrets.token_bytes)
    scheme = Bearer(
        tokens.reader(),
        house.store,
        rights,
        lambda access: ISSUERS.get(access.identity.provider) == access.identity.issuer,
        house.bus,
        5.0,
        house.clock,
        house.clock,
    )
    house.verify._check = replace(house.check, schemes={"bearer": scheme})
    await house.sign_in("alice")
    session = house.begun["alice"].session
    return house, tokens.issue(session, int(house.clock()), "ab" * 16), session


def told(link, head):
    """One answer, without its date; an assertion has a random signature."""
    link.sendall(head)
    heard = b""
    while b"\r\n\r\n" not in heard or len(heard.partition(b"\r\n\r\n")[2]) < int(_LENGTH.search(heard)[1]):
        data = link.recv(65536)
        assert data, heard
        heard += data
    return re.sub(rb"x-auth-assertion: [^\r]+", b"", _DATE.sub(b"", heard), flags=re.IGNORECASE)


def answers_of(shell, contract):
    """What one shell says, in a row that meets every state of a token."""
    house, token, session = asyncio.run(house_of())
    lines = [
        b"Authorization: Bearer " + token.encode(),
        b"Authorization: bearer " + token.encode(),
        b"Authorization: Bearer " + token.encode()[:-4] + b"AAAA",
        b"Authorization: Bearer",
        b"Authorization: Basic YTpi",
        b"Authorization: Bearer a\r\nAuthorization: Bearer b",
    ]
    answers = []
    with (
        listening(house, shell) as (port,),
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as link,
    ):
        for step in (0, 0, 6, "revoke", 2000):
            if step == "revoke":
                key = denial_key(log_name(session.id))
                asyncio.run(house.store.put(key, b"1", 3600.0))
                asyncio.run(house.bus.publish(Notice(About.SESSION, session.id)))
            else:
                house.clock.advance(step)
            for who in ("nobody", "alice"):
                for line in lines:
                    heads = [question(house, contract, uri, who, line + b"\r\n") for uri in URIS]
                    answers += [told(link, head) for head in heads]
    return answers


@pytest.mark.parametrize("contract", CONTRACTS)
def test_bearers_are_answered_alike(contract):
    """Byte for byte: from the store, from memory, after a revocation, and past the token's end."""
    quick, asgi = (answers_of(shell, contract) for shell in SHELLS)

    assert quick == asgi
    passed = [answer for answer in quick if answer.startswith(b"HTTP/1.1 200")]
    assert sum(b"x-auth-user: alice" in answer for answer in passed) >= 12
    assert any(answer.startswith(b"HTTP/1.1 403") for answer in quick)
    # By the token alone, at the two rules that take it: two shells that fail alike are alike too.
    assert all(b"x-auth-user: alice" in answer for answer in quick[:2])
    assert not any(answer.startswith(b"HTTP/1.1 5") for answer in quick)
    revoked = quick[3 * len(quick) // 5 : 4 * len(quick) // 5]
    # With nobody's cookie, at the two rules that take a bearer, and at nobody else's.
    assert not any(b"x-auth-user: alice" in answer for answer in revoked[: len(revoked) // 12])
