"""Both shells where rules hand tokens through: the same bytes from the store, from memory, and past the token's end."""

import asyncio
import re
import socket

import pytest

from tests.kit.people import tokens
from tests.kit.shells import LOCAL, PATIENCE, SHELLS, listening, question
from tests.kit.verify_house import CONTRACTS, PEOPLE, WRITTEN, open_house

RULES = [
    {
        "name": "api",
        "paths": ["/api/**"],
        "allow": "authenticated",
        "pass_token": ["access_token", "id_token"],
    },
    {"name": "perhaps", "paths": ["/perhaps/**"], "allow": "optional", "pass_token": "access_token"},
    {
        "name": "vault",
        "paths": ["/vault/**"],
        "allow": "authenticated",
        "freshness": "strict",
        "pass_token": "access_token",
    },
    *WRITTEN["rules"],
]
URIS = (b"/api/x", b"/x", b"/perhaps/x", b"/vault/x", b"/public/x", b"/api/x")
HTML = b"Accept: text/html\r\n"
_DATE = re.compile(rb"\r\ndate: [^\r\n]*", re.IGNORECASE)
_LENGTH = re.compile(rb"\r\ncontent-length: ([0-9]+)", re.IGNORECASE)


async def house_of(renewable):
    """The same for each shell, so that neither finds what the other has remembered."""
    house = await open_house(**LOCAL, rules=RULES)
    house.verify._new_id = lambda: "d-1"
    grant = {"begun": int(house.clock()), "expires": int(house.clock()) + 100}
    await house.sign_in("alice", grant=tokens(**grant, **({} if renewable else {"refresh_token": ""})))
    return house


def told(link, head):
    """One answer, without its date."""
    link.sendall(head)
    heard = b""
    while b"\r\n\r\n" not in heard or len(heard.partition(b"\r\n\r\n")[2]) < int(_LENGTH.search(heard)[1]):
        data = link.recv(65536)
        assert data, heard
        heard += data
    return _DATE.sub(b"", heard)


def answers_of(shell, renewable, contract):
    """What one shell says: fresh, remembered, and when the token is over."""
    house = asyncio.run(house_of(renewable))
    answers = []
    with (
        listening(house, shell) as (port,),
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as link,
    ):
        for seconds in (0, 0, 98, 3, 3):
            house.clock.advance(seconds)
            for who in PEOPLE:
                heads = [question(house, contract, uri, who, HTML) for uri in URIS]
                # An assertion has a random signature.
                answers += [re.sub(rb"x-auth-assertion: [^\r]+", b"", told(link, head)) for head in heads]
    return answers


@pytest.mark.parametrize("contract", CONTRACTS)
@pytest.mark.parametrize("renewable", [True, False], ids=["renewable", "for once"])
def test_tokens_are_handed_through_alike(contract, renewable):
    """Byte for byte, in a row that meets every state of a token."""
    quick, asgi = (answers_of(shell, renewable, contract) for shell in SHELLS)

    assert quick == asgi
    assert sum(b"x-auth-access-token: corp-access" in answer for answer in quick) >= 9
    over = (
        b"HTTP/1.1 503" if renewable else b"HTTP/1.1 303" if contract == "forward-auth" else b"HTTP/1.1 401"
    )
    assert any(answer.startswith(over) for answer in quick)
