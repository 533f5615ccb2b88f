"""`gateway demo`: everything on loopback, in one command, gone with Ctrl-C.

browser → proxy ─┬→ application         (X-Auth-* headers, signed assertion)
                 └→ gateway → identity provider
"""

import asyncio
import secrets
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx

from gateway.demo import cast
from gateway.demo.application import Application
from gateway.demo.assertion_check import AssertionCheck
from gateway.demo.identity_provider import IdentityProvider
from gateway.demo.people import PEOPLE
from gateway.demo.proxy import Proxy
from gateway.demo.stage import GATEWAY_PATH, LOOPBACK, Stage, free_ports, secret_text, set_up
from gateway.errors import DemoFault
from gateway.keys.keyring import Keyring
from gateway.settings.units import Bind

FRONT_PORT = 8080


def demo(front_port: int | None = None) -> int:
    """Run until Ctrl-C; returns the exit code. `front_port` is the proxy's; without it 8080, or another if that is taken."""
    return asyncio.run(_until_interrupted(front_port))


async def _until_interrupted(front_port: int | None) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        return await run_demo(stop, say=_say, nginx=shutil.which("nginx"), front_port=front_port)
    except DemoFault as fault:
        sys.stderr.write(f"{fault}\n")
        return 1


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


async def run_demo(
    stop: asyncio.Event,
    *,
    say: Callable[[str], None],
    nginx: str | None = None,
    front_port: int | None = None,
    access_lifetime: float = 300.0,
) -> int:
    """Play until `stop` is set: 0, or 1 where the gateway or the proxy ended by itself.

    `nginx` is its binary; without it the built-in proxy is used. `access_lifetime` is that of the provider's tokens,
    in seconds. Raises `DemoFault`, also where `front_port` is given and cannot be had.
    """
    with tempfile.TemporaryDirectory(prefix="gateway-demo-") as folder:
        async with on_stage(Path(folder), nginx, front_port, access_lifetime) as (stage, proxy, children):
            say(_welcome(stage, proxy))
            return await _watch(stop, children, stage, say)


@asynccontextmanager
async def on_stage(
    folder: Path, nginx: str | None, front_port: int | None, access_lifetime: float
) -> AsyncIterator[tuple[Stage, str, list[asyncio.subprocess.Process]]]:
    """Everything running: the stage, what the proxy is called, and the processes."""
    ports = free_ports(FRONT_PORT) if front_port is None else free_ports(front_port, insist=True)
    stage, random = Stage(folder, ports), secrets.token_bytes
    client_secret = secret_text(random)
    set_up(stage, Keyring.generate(random, time.time()), client_secret)
    provider = IdentityProvider(
        stage.issuer,
        (stage.client(client_secret),),
        Keyring.generate(random, time.time()),
        time.time,
        random,
        access_lifetime=access_lifetime,
    )
    async with AsyncExitStack() as entered:
        await entered.enter_async_context(cast.asgi(provider.app, stage.ports.provider))
        client = await entered.enter_async_context(httpx.AsyncClient(trust_env=False, timeout=3.0))
        application = Application(_assertions(stage, client), logout=f"{GATEWAY_PATH}/auth/logout")
        await entered.enter_async_context(cast.streams(application.handle, stage.ports.application))
        gateway = await entered.enter_async_context(cast.process(cast.gateway(stage), stage.log))
        await cast.ready(stage, gateway)
        proxy, children = await _proxy(entered, nginx, stage)
        yield stage, proxy, [gateway, *children]


def _assertions(stage: Stage, client: httpx.AsyncClient) -> AssertionCheck:
    return AssertionCheck(
        issuer=stage.public_url, audience=LOOPBACK, jwks_url=stage.jwks_url, client=client, clock=time.time
    )


async def _proxy(
    entered: AsyncExitStack, nginx: str | None, stage: Stage
) -> tuple[str, list[asyncio.subprocess.Process]]:
    ports = stage.ports
    if nginx is None:
        proxy = Proxy(
            verify=Bind(LOOPBACK, ports.verify),
            public=Bind(LOOPBACK, ports.public),
            application=Bind(LOOPBACK, ports.application),
            gateway_path=GATEWAY_PATH,
        )
        await entered.enter_async_context(cast.streams(proxy.handle, ports.front))
        return "built in, as nginx is not on PATH", []
    log = stage.folder / "nginx.log"
    child = await entered.enter_async_context(cast.process(cast.nginx(nginx, stage), log))
    await cast.answers(ports.front, child, log)
    return await cast.version(nginx), [child]


async def _watch(
    stop: asyncio.Event,
    children: list[asyncio.subprocess.Process],
    stage: Stage,
    say: Callable[[str], None],
) -> int:
    """Wait for the end, or for a process that ends too early."""
    stopped = asyncio.create_task(stop.wait())
    ended = [asyncio.create_task(child.wait()) for child in children]
    try:
        await asyncio.wait([stopped, *ended], return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (stopped, *ended):
            task.cancel()
    if stop.is_set():
        say("\nThe demo has ended; nothing is left behind.")
        return 0
    say(f"\nA part of the demo ended by itself.\n{cast.last_lines(stage.log)}")
    return 1


def _welcome(stage: Stage, proxy: str) -> str:
    people = "\n".join([f"    {p.name:<10}  groups: {', '.join(p.groups):<14}  {p.about}" for p in PEOPLE])
    return f"""
  The demo is running. Open

    {stage.front}

  Two people can sign in, with a click and without a password:

{people}

  What to try:

    /         asks you to sign in, then shows what the application is told about you
    /admin    lets Ada in; Ben gets a page with the id of the decision
    /public   is open to everybody
    /ws       a WebSocket, known by its handshake
    curl -i {stage.front}/api/whoami
              a program gets 401 and JSON, not a redirect

  Proxy: {proxy}
  Configuration: {stage.config}
  Log, with the decisions: {stage.log}
  Metrics: http://{LOOPBACK}:{stage.ports.metrics}/metrics

  Ctrl-C ends everything.
"""
