"""The chat of config/examples/chat as it is shipped: nginx, gateway, application and a directory API, all running.

People sign in through the form, once: the gateway signs in again for them before the directory's token ends.
"""

import json
import sys
import time
from dataclasses import replace
from urllib.parse import urlsplit

import httpx
import pytest
import yaml
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from gateway.providers.kinds import made
from tests.kit.browser import Browser
from tests.kit.password_form import opened
from tests.kit.proxies import Wanted, start_proxy
from tests.kit.real_gateway import ROOT, RealGateway
from tests.kit.scene import scene_settings
from tests.kit.scripted_provider import crank
from tests.kit.servers import Process, free_ports, is_listening
from tests.kit.vendors.ad_api import AdApi
from tests.kit.vendors.vendor import serve
from tests.kit.waiting import until

pytestmark = [pytest.mark.live, pytest.mark.anyio]

CHAT = ROOT / "config" / "examples" / "chat"
KEY = "api-key-of-the-chat"
SOCKET_SECONDS = 3


class Chat:
    """Everything running, as a browser meets it."""

    def __init__(self, gateway, proxy, api):
        self.gateway, self.proxy, self.api = gateway, proxy, api
        self.home = gateway.settings.public_url
        self.origin = gateway.settings.hosts[0]

    def browser(self):
        return Browser({self.origin: self.proxy.url}, time.time)

    async def signed_in(self, name):
        browser = self.browser()
        form = await opened(browser, f"{self.origin}/")
        assert form.hop.url.startswith(f"{self.home}/auth/login")
        hop = await form.send(name, f"{name}-pw")
        assert hop.url == f"{self.origin}/"
        assert "<h1>Chat</h1>" in hop.response.text
        return browser

    def headers(self, browser=None):
        cookies = browser.jar.line(f"{self.origin}/", cross_site=False, method="GET") if browser else ""
        return {"host": urlsplit(self.origin).netloc} | ({"cookie": cookies} if cookies else {})

    def rest(self, browser=None, text=None, **more):
        url, headers = f"{self.proxy.url}/api/messages", self.headers(browser) | more
        with httpx.Client(trust_env=False, timeout=20) as http:
            if text is None:
                return http.get(url, headers=headers)
            return http.post(url, headers=headers, json={"text": text})

    def socket(self, browser=None, origin=None, **more):
        headers = self.headers(browser) | more
        del headers["host"]
        return connect(
            f"ws://{urlsplit(self.origin).netloc}/socket",
            additional_headers=headers,
            origin=origin or self.origin,
            address=("127.0.0.1", self.proxy.port),
            proxy=None,
        )

    async def sign_out(self, browser):
        page = await browser.open(f"{self.home}/auth/logout")
        token = page.response.text.partition('name="token" value="')[2].partition('"')[0]
        hop = await browser.submit(f"{self.home}/auth/logout", {"token": token})
        assert hop.url == f"{self.home}/auth/signed-out"


def shipped(api, key="${AD_API_KEY}"):
    """What gateway.yaml of the example says, with the address of this API."""
    document = yaml.safe_load((CHAT / "gateway.yaml").read_text())
    document["providers"]["corp"]["url"] = api.url
    document["providers"]["corp"]["headers"]["X-API-Key"] = key
    return {key: document[key] for key in ("providers", "rules")}


def application(port, folder):
    """`uvicorn chat:app`, as README.md says."""
    argv = [sys.executable, "-m", "uvicorn", "chat:app", "--port", str(port), "--log-level", "warning"]
    environment = {"PYTHONPATH": str(CHAT), "CHAT_SOCKET_SECONDS": str(SOCKET_SECONDS), "PYTHONDONTWRITEBYTECODE": "1"}  # fmt: skip
    process = Process(argv, folder, environment)
    process.wait_until(lambda: is_listening(port))
    return process


@pytest.fixture(scope="module")
def chat(tmp_path_factory):
    api = AdApi(time.time, key=KEY)
    *ports, app_port = free_ports(5)
    with serve(api):
        settings = scene_settings("one-host", ports, shipped(api, KEY))
        proxy = start_proxy(
            "nginx", Wanted(settings, f"http://127.0.0.1:{app_port}", tmp_path_factory.mktemp("nginx"), {}), ports[0]
        )  # fmt: skip
        running = [proxy, application(app_port, tmp_path_factory.mktemp("chat"))]
        gateway = RealGateway(settings, tmp_path_factory.mktemp("gateway"), shipped(api), {"AD_API_KEY": KEY})
        gateway.cookie = "none=needed"  # people sign in themselves
        try:
            gateway.start()
            running.append(gateway)
            yield Chat(gateway, proxy, api)
        finally:
            for one in reversed(running):
                one.stop()


async def test_who_signs_in_speaks_and_hears_under_their_name(chat):
    """By REST and by WebSocket; what a client writes into the identity headers is gone."""
    ann, bob = await chat.signed_in("ann"), await chat.signed_in("bob")

    with chat.socket(bob, **{"x-auth-user": "eve"}) as socket:
        told = json.loads(socket.recv(10))
        posted = chat.rest(ann, "hello, bob", **{"x-auth-user": "eve"})
        heard = json.loads(socket.recv(10))
        socket.send("hello, ann")
        echoed = json.loads(socket.recv(10))
    read = chat.rest(ann).json()

    assert told == {"you": "bob"}
    assert posted.status_code == 201
    assert heard == {"from": "ann", "text": "hello, bob"}
    assert echoed == {"from": "bob", "text": "hello, ann"}
    assert read["you"] == "ann"
    assert read["messages"][-2:] == [heard, echoed]


async def test_nobody_reads_writes_or_listens_without_a_session(chat):
    """401 for a program and for a handshake; a forged name changes nothing."""
    with pytest.raises(InvalidStatus) as refused:
        chat.socket(**{"x-auth-user": "ann"})

    assert refused.value.response.status_code == 401
    assert chat.rest(**{"x-auth-user": "ann"}).status_code == 401
    assert chat.rest(text="psst").status_code == 401


async def test_a_page_of_another_site_opens_no_socket(chat):
    """Its browser would send the cookie of whoever looks at it."""
    ann = await chat.signed_in("ann")

    with pytest.raises(InvalidStatus) as refused:
        chat.socket(ann, origin="https://evil.example")

    assert refused.value.response.status_code == 403


async def test_the_directorys_token_is_renewed_under_way_and_nobody_notices(chat):
    """Somebody who signed in an hour ago, half a minute before its end: one call of the API, and all goes on."""
    section, now = chat.gateway.settings.providers["corp"], int(time.time())
    client = made(section, "corp", several=False, keeps=frozenset(), callback="")
    at_login = crank(client.sign_in(client.account("eve", ""), "eve-pw", now), chat.api.answer)
    grant = replace(at_login.grant, begun=now - 3600, expires=now + 30)
    cookie = await chat.gateway.session_of(at_login.identity, grant)
    before = chat.api.calls()

    first = chat.rest(cookie=cookie)
    await until(lambda: chat.api.calls() == before + 1, what="a call of the API")
    statuses = [chat.rest(cookie=cookie).status_code for _ in range(10)]
    with chat.socket(cookie=cookie) as socket:
        told = json.loads(socket.recv(10))

    assert first.json()["you"] == "eve"
    assert set(statuses) == {200}
    assert told == {"you": "eve"}
    assert chat.api.calls() == before + 1
    assert "eve-pw" not in chat.gateway.log


async def test_a_logout_closes_what_it_can(chat):
    """Requests and handshakes at once; the socket that is open within its bound, and it cannot come back."""
    ann = await chat.signed_in("ann")
    cookies = chat.headers(ann)
    with chat.socket(ann) as socket:
        socket.recv(10)
        await chat.sign_out(ann)
        refused = chat.rest(cookie=cookies["cookie"])
        begun = time.monotonic()
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(SOCKET_SECONDS + 10)
        waited = time.monotonic() - begun
    with pytest.raises(InvalidStatus) as handshake:
        chat.socket(cookie=cookies["cookie"])

    assert refused.status_code == 401
    assert closed.value.rcvd.code == 1013
    print(f"the open socket ended {waited:.1f} s after the logout")
    assert handshake.value.response.status_code == 401


def test_the_example_is_as_short_as_it_says():
    """Ten lines to read before it runs, without the command lines."""
    text, _, rest = (CHAT / "README.md").read_text().partition("```console")
    prose = [line for line in (text + rest.partition("```")[2]).splitlines() if line and line[0] != "#"]

    assert len(prose) <= 10
    assert rest.partition("```")[2]
