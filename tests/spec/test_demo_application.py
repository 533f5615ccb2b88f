"""The sample application shows what it was told, and verifies what was signed."""

import json
import secrets

import httpx
import pytest

from gateway.demo.application import Application
from gateway.demo.assertion_check import AssertionCheck
from gateway.errors import TokenInvalid
from gateway.identity.assertion import TYP
from gateway.identity.presented import Head
from gateway.keys.jwks import public_jwks, sign
from gateway.keys.keyring import Keyring
from tests.kit.clock import Clock

pytestmark = pytest.mark.anyio

ISSUER = "http://127.0.0.1:8080/_gateway"


class World:
    """A gateway's keys, and an application that fetches them."""

    def __init__(self):
        self.clock = Clock()
        self.ring = Keyring.generate(secrets.token_bytes, self.clock())
        self.fetched = 0
        self.answer = None
        self.client = httpx.AsyncClient(transport=httpx.MockTransport(self._keys))
        self.check = AssertionCheck(
            issuer=ISSUER,
            audience="127.0.0.1",
            jwks_url=f"{ISSUER}/.well-known/jwks.json",
            client=self.client,
            clock=self.clock,
        )
        self.application = Application(self.check, logout="/_gateway/auth/logout")

    def _keys(self, request):
        self.fetched += 1
        return self.answer or httpx.Response(200, json=public_jwks(self.ring))

    def assertion(self, typ=TYP, **changed):
        now = int(self.clock())
        claims = {"iss": ISSUER, "aud": "127.0.0.1", "sub": "demo:1001", "iat": now, "exp": now + 300}
        return sign(self.ring, claims | changed, typ)

    async def get(self, target, *headers, method="GET"):
        return await self.application.answer(Head(method, target, headers, "127.0.0.1"))


@pytest.fixture
async def world():
    world = World()
    yield world
    await world.client.aclose()


async def test_the_home_page_shows_the_person_the_claims_and_every_header(world):
    """Identity headers are decoded for the card and shown raw in the table."""
    reply = await world.get(
        b"/",
        (b"x-auth-name", b"Ada%20Admin"),
        (b"x-auth-groups", b"admins,a%2Cb"),
        (b"x-auth-rule", b"everything-else"),
        (b"x-auth-decision", b"d42"),
        (b"x-auth-assertion", world.assertion().encode()),
        (b"accept", b"text/html"),
    )

    html = reply.body.decode()
    assert reply.status == 200
    assert "Hello, Ada Admin" in html
    assert '<span class="tag">admins</span>' in html
    assert '<span class="tag">a,b</span>' in html
    assert "verified with the keys" in html
    assert "demo:1001" in html
    assert "everything-else" in html
    assert "d42" in html
    assert "Ada%20Admin" in html
    assert ">Accept<" in html


async def test_what_a_header_says_is_written_as_text(world):
    """No header becomes markup."""
    reply = await world.get(b"/", (b"x-auth-name", b"%3Cscript%3Ex"), (b"x-own", b"<script>y"))

    assert b"<script>x" not in reply.body
    assert b"<script>y" not in reply.body
    assert b"&lt;script&gt;x" in reply.body


async def test_a_page_without_an_assertion_says_so(world):
    """A missing proof is not a proof."""
    reply = await world.get(b"/", (b"x-auth-user", b"ada"))

    assert b"could not be verified: none was sent" in reply.body
    assert world.fetched == 0


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"aud": "other.localhost"}, id="other-audience"),
        pytest.param({"iss": "http://evil.example"}, id="other-issuer"),
        pytest.param({"exp": 1}, id="expired"),
        pytest.param({"typ": "JWT"}, id="other-type"),
    ],
)
async def test_an_assertion_for_somebody_else_is_refused(changed, world):
    """Issuer, audience, time and type count as much as the signature."""
    with pytest.raises(TokenInvalid):
        await world.check.claims(world.assertion(**changed))


async def test_a_forged_assertion_is_shown_as_unverified(world):
    """Signed by another ring: the page names the check."""
    forged = World()
    reply = await world.get(b"/", (b"x-auth-assertion", forged.assertion().encode()))
    await forged.client.aclose()

    assert b"could not be verified: key" in reply.body
    assert b"demo:1001</td>" not in reply.body


async def test_keys_are_fetched_once_and_again_after_a_rotation(world):
    """The next key is published before it signs, so a rotation costs nothing at first."""
    await world.check.claims(world.assertion())
    await world.check.claims(world.assertion())
    assert world.fetched == 1

    world.ring = world.ring.rotated(secrets.token_bytes, world.clock())
    await world.check.claims(world.assertion())
    assert world.fetched == 1

    world.ring = world.ring.rotated(secrets.token_bytes, world.clock())
    await world.check.claims(world.assertion())
    assert world.fetched == 2


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(httpx.Response(500), id="fault"),
        pytest.param(httpx.Response(200, text="no json"), id="no-json"),
        pytest.param(httpx.Response(200, json=[]), id="no-object"),
        pytest.param(httpx.Response(200, json={"keys": []}), id="no-keys"),
    ],
)
async def test_without_keys_nothing_is_verified(answer, world):
    """And the reason is a typed error, not a crash."""
    world.answer = answer

    with pytest.raises(TokenInvalid):
        await world.check.claims(world.assertion())


async def test_a_program_gets_its_identity_as_json(world):
    """What fetch shows."""
    reply = await world.get(b"/api/whoami?x=1", (b"x-auth-user", b"ada"), (b"x-auth-groups", b"admins,staff"))

    assert json.loads(reply.body) == {"user": "ada", "groups": "admins, staff"}
    assert dict(reply.headers)[b"content-type"] == b"application/json"


@pytest.mark.parametrize(
    ("target", "kind"),
    [
        pytest.param(b"/admin", b"text/html", id="admin"),
        pytest.param(b"/public", b"text/html", id="public"),
        pytest.param(b"/ws", b"text/html", id="websocket-page"),
        pytest.param(b"/public/look.css", b"text/css", id="style"),
        pytest.param(b"/public/demo.js", b"text/javascript", id="script"),
    ],
)
async def test_every_page_is_there_and_strict(target, kind, world):
    """With a content policy that allows no inline script."""
    reply = await world.get(target)

    headers = dict(reply.headers)
    assert reply.status == 200
    assert headers[b"content-type"].startswith(kind)
    assert b"script-src 'self';" in headers[b"content-security-policy"]
    assert b"onclick=" not in reply.body


async def test_unknown_pages_and_other_methods_are_said_to_be_so(world):
    """404 and 405."""
    assert (await world.get(b"/nowhere")).status == 404
    assert (await world.get(b"/", method="POST")).status == 405
