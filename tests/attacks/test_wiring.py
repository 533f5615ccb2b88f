"""The wired gateway, asked as nobody should ask it: a peer without an address, and paths with a slash too many."""

import os
import time

import httpx
import pytest

from gateway.app import Application, Chance
from gateway.identity.presented import Reply
from gateway.keys.keyring import Keyring
from gateway.settings.model import Settings
from tests.kit.verify_house import family

pytestmark = pytest.mark.anyio

HOME = "https://app.example.com/_gateway"
SECRET = "0123456789abcdef0123456789abcdef"


def settings(folder, **server):
    return Settings.model_validate(
        {
            "public_url": HOME,
            "hosts": ["https://app.example.com"],
            "rules": [{"paths": ["/public/**"], "allow": "public"}, {"allow": "authenticated"}],
            "providers": {"corp": {"issuer": "https://idp.example.com", "client_id": "gateway"}},
            "server": {"trusted_proxies": ["192.0.2.1/32"], **server},
            "store": f"sqlite:{folder / 'gateway.db'}",
        }
    )


@pytest.fixture
async def open_application(tmp_path):
    """Wires an application; all are taken down in the end."""
    opened = []

    def wire(**server):
        ring = Keyring.generate(os.urandom, time.time())
        application = Application(settings(tmp_path, **server), ring, Chance(time.time, os.urandom))
        opened.append(application)
        return {listener.name: listener.app for listener in application.listeners}

    yield wire
    for application in opened:
        await application.close()


async def check(app, *lines):
    """A check of `/public/x` by a peer that the server beneath us has no address of."""
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/verify/forward-auth",
        "raw_path": b"/verify/forward-auth",
        "query_string": b"",
        "headers": [*family("forward-auth", b"GET", b"app.example.com", b"/public/x"), *lines],
        "client": None,
    }
    sent = []

    async def receive():
        raise AssertionError("a check waits for no body")

    async def send(message):
        sent.append(message)

    await app(scope, receive, send)
    return Reply(sent[0]["status"], tuple(sent[0]["headers"]))


@pytest.mark.parametrize(
    "server",
    [
        pytest.param({}, id="trusted by its address"),
        pytest.param({"verify_secret": SECRET}, id="trusted by a secret"),
        pytest.param({"verify_secret": SECRET, "verify_bind": "same"}, id="on the public listener"),
        pytest.param({"bind": "unix:/run/gateway/public.sock"}, id="beside a listener that is a Unix socket"),
    ],
)
async def test_a_peer_on_tcp_that_hung_up_is_not_taken_for_a_unix_socket(open_application, server):
    """Its address is gone with its connection (getpeername: ENOTCONN); so it may neither ask nor name a client."""
    apps = open_application(**server)
    app = apps.get("verify_bind") or apps["bind"]

    assert (await check(app)).status == 403


async def test_a_peer_on_our_unix_socket_may_ask(open_application):
    """The other side of the same line."""
    apps = open_application(verify_bind="unix:/run/gateway/verify.sock")

    assert (await check(apps["verify_bind"])).status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/_gateway/auth/login/",
        "/_gateway/auth/corp/",
        "/_gateway/auth/corp/callback/",
        "/_gateway/auth/logout/",
        "/_gateway/users/me/",
        "/_gateway/.well-known/jwks.json/",
        "/_gateway/auth/static/gateway.css/",
        "/_gateway//",
        "/_gateway/nothing",
    ],
)
async def test_a_slash_too_many_is_not_sent_to_the_host_that_the_request_names(open_application, path):
    """A router that mends slashes writes its `Location` from the Host header, and has it cached."""
    transport = httpx.ASGITransport(open_application()["bind"])
    async with httpx.AsyncClient(transport=transport, base_url="http://evil.test") as client:
        answer = await client.get(path, params={"rd": "https://app.example.com/"})

    assert answer.status_code == 404
    assert "location" not in answer.headers
    assert answer.headers["cache-control"] == "no-store"
    assert "evil.test" not in answer.text
