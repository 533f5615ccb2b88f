"""`gateway demo` sets a whole world up on loopback, and takes it down without a trace."""

import asyncio
import os
import re
import shutil
import socket
import stat
import sys
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect

from gateway.demo import cast
from gateway.demo.people import ADA, BEN
from gateway.demo.run import run_demo
from gateway.demo.stage import Ports, Stage, free_ports, set_up
from gateway.errors import DemoFault
from gateway.keys.keyring import Keyring
from gateway.settings.load import load
from tests.kit.randomness import Randomness

PORTS = Ports(8080, 8081, 8082, 8083, 8084, 8085)


def stage_in(folder):
    stage = Stage(folder, PORTS)
    set_up(stage, Keyring.generate(Randomness(), 1_800_000_000), "demo-secret")
    return stage


def test_the_configuration_of_the_demo_is_without_fault(tmp_path):
    """It is a real gateway.yaml, read as any other."""
    settings = load(stage_in(tmp_path).config, {})

    assert settings.public_url == "http://127.0.0.1:8080/_gateway"
    assert [rule.name for rule in settings.rules] == ["open-pages", "admins-only", "everything-else"]
    assert settings.providers["demo"].client_secret.get_secret_value() == "demo-secret"
    assert (settings.headers.rule, settings.headers.decision) == ("X-Auth-Rule", "X-Auth-Decision")


def test_the_provider_knows_the_gateway_by_the_addresses_that_it_uses(tmp_path):
    """Callback and signed-out page, byte for byte."""
    client = stage_in(tmp_path).client("x")

    assert client.redirect_uris == ("http://127.0.0.1:8080/_gateway/auth/demo/callback",)
    assert client.post_logout_uris == ("http://127.0.0.1:8080/_gateway/auth/signed-out",)


def test_keys_and_secrets_are_readable_by_their_owner_alone(tmp_path):
    """Even in a demo."""
    stage_in(tmp_path)

    for name in ("keys.json", "client-secret", "gateway.yaml"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


def test_a_taken_port_is_not_insisted_on():
    """Somebody else's 8080 is left alone."""
    first = free_ports(0)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", first.front))
        taken.listen()

        second = free_ports(first.front)

    assert second.front != first.front
    assert len({*vars_of(second)}) == 6


def vars_of(ports):
    return [getattr(ports, name) for name in Ports.__slots__]


@pytest.mark.anyio
async def test_a_gateway_that_does_not_start_is_reported_with_its_last_lines(tmp_path):
    """What it wrote is what the operator needs."""
    stage = Stage(tmp_path, free_ports(0))
    broken = (sys.executable, "-c", "print('no such key'); raise SystemExit(1)")

    with pytest.raises(DemoFault, match="no such key"):
        async with cast.process(broken, stage.log) as child:
            await cast.ready(stage, child)


@pytest.mark.anyio
async def test_a_process_leaves_with_its_context(tmp_path):
    """Ended by its own id, whatever happened inside."""
    sleeper = (sys.executable, "-c", "import time; time.sleep(600)")

    with pytest.raises(RuntimeError):
        async with cast.process(sleeper, tmp_path / "log") as child:
            raise RuntimeError

    assert child.returncode is not None


class Playing:
    """A running demo: what it said, and a way to end it."""

    def __init__(self, nginx):
        self.said = []
        self.stop = asyncio.Event()
        self.begun = asyncio.Event()
        self.task = asyncio.create_task(
            run_demo(self.stop, say=self._say, nginx=nginx, front_port=0, access_lifetime=60.0)
        )

    def _say(self, text):
        self.said.append(text)
        self.begun.set()

    async def front(self):
        begun = asyncio.create_task(self.begun.wait())
        await asyncio.wait([begun, self.task], return_when=asyncio.FIRST_COMPLETED)
        begun.cancel()
        if self.task.done():
            self.task.result()
        return re.search(r"http://127\.0\.0\.1:\d+", self.said[0])[0]

    @property
    def folder(self):
        return Path(re.search(r"(/\S+)/gateway\.yaml", self.said[0])[1])


def proxies():
    yield pytest.param(None, id="built-in")
    found = shutil.which("nginx")
    mark = pytest.mark.skipif(found is None and os.environ.get("CI") != "true", reason="nginx is not on PATH")
    yield pytest.param(found or "nginx", id="nginx", marks=mark)


async def signed_in(browser, front, person):
    """Follow the way to the provider, click on a person, and come back."""
    page = await browser.get(f"{front}/", headers={"accept": "text/html"}, follow_redirects=True)
    hidden = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page.text))
    form = {name: value.replace("&amp;", "&") for name, value in hidden.items()} | {"person": person.subject}
    chosen = page.url.copy_with(path="/authorize", query=None)
    return await browser.post(chosen, data=form, headers={"accept": "text/html"}, follow_redirects=True)


@pytest.mark.live
@pytest.mark.anyio
@pytest.mark.parametrize("nginx", list(proxies()))
async def test_the_whole_demo_plays_and_leaves_nothing_behind(nginx):
    """Sign-in, rules, WebSocket, and an empty stage at the end."""
    playing = Playing(nginx)
    try:
        front = await playing.front()
        folder = playing.folder
        async with httpx.AsyncClient(trust_env=False) as ben, httpx.AsyncClient(trust_env=False) as ada:
            assert (await ben.get(f"{front}/public")).status_code == 200
            assert (await ben.get(f"{front}/api/whoami")).status_code == 401

            home = await signed_in(ben, front, BEN)
            assert "Hello, Ben User" in home.text
            assert "verified with the keys" in home.text
            assert (await ben.get(f"{front}/admin")).status_code == 403
            assert (await ben.get(f"{front}/api/whoami", headers={"x-auth-user": "ada"})).json()[
                "user"
            ] == "ben"

            await signed_in(ada, front, ADA)
            assert (await ada.get(f"{front}/admin")).status_code == 200
            ticket = f"gw={ada.cookies['gw']}"
            async with connect(
                f"{front.replace('http', 'ws')}/ws",
                additional_headers={"Cookie": ticket},
                origin=front,
                proxy=None,
            ) as socket:
                await socket.send("hello")
                assert await socket.recv() == "hello"
    finally:
        playing.stop.set()
        ended = await playing.task

    assert ended == 0
    assert not folder.exists()
    async with httpx.AsyncClient(trust_env=False) as later:
        with pytest.raises(httpx.ConnectError):
            await later.get(front)
