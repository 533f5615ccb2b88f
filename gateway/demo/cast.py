"""Who plays in the demo, and how each enters and leaves: servers of this process, and processes of their own.

Each is a context manager, so whatever happens, all leave in the reverse of their order, ended by their own process id.
"""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import httpx
import uvicorn
from starlette.types import ASGIApp

from gateway.demo.stage import LOOPBACK, Stage
from gateway.demo.wire import MAX_HEAD
from gateway.errors import DemoFault
from gateway.forward_auth.snippets.nginx import snippet
from gateway.settings.load import load

START_SECONDS = 20.0
STOP_SECONDS = 10.0

Handle = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def streams(handle: Handle, port: int) -> AsyncIterator[None]:
    """A server of ours on plain streams: the application, and the built-in proxy."""
    running: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            running.add(task)
        try:
            await handle(reader, writer)
        except asyncio.CancelledError:
            pass  # the end of the demo; asyncio 3.11 would print a traceback for each connection
        finally:
            writer.close()
            running.difference_update({task})

    server = await asyncio.start_server(connected, LOOPBACK, port, limit=MAX_HEAD)
    try:
        yield
    finally:
        server.close()
        for task in tuple(running):  # a WebSocket would stay open for ever
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await server.wait_closed()
        await asyncio.sleep(0)  # a closed transport lets go of its socket in the next turn of the loop


class _Server(uvicorn.Server):
    """A server that leaves signals to the demo."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def asgi(app: ASGIApp, port: int) -> AsyncIterator[None]:
    """An ASGI application: the identity provider."""
    config = uvicorn.Config(
        app, LOOPBACK, port, ws="none", proxy_headers=False, lifespan="off", access_log=False, log_config=None
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve())
    try:
        await _begun(server, task)
        yield
    finally:
        server.should_exit = server.force_exit = True
        await asyncio.gather(task, return_exceptions=True)


async def _begun(server: uvicorn.Server, task: asyncio.Task[None]) -> None:
    """Uvicorn tells nobody when it listens; it can only be looked at."""
    for _ in range(int(START_SECONDS / 0.01)):
        if server.started or task.done():
            return
        await asyncio.sleep(0.01)


@asynccontextmanager
async def process(arguments: tuple[str, ...], log: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process of its own, whose output goes to `log`; ended by its own id."""
    with log.open("ab") as sink:
        child = await asyncio.create_subprocess_exec(
            *arguments, stdin=asyncio.subprocess.DEVNULL, stdout=sink, stderr=sink
        )
    try:
        yield child
    finally:
        with suppress(ProcessLookupError):
            child.terminate()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await child.wait()
        except TimeoutError:
            child.kill()
            await child.wait()


def gateway(stage: Stage) -> tuple[str, ...]:
    """The command line of the gateway, run by the same Python."""
    return (sys.executable, "-m", "gateway", "serve", "--config", str(stage.config))


async def ready(stage: Stage, child: asyncio.subprocess.Process) -> None:
    """Return when the gateway says that it is ready; else `DemoFault` with what it wrote last."""
    async with httpx.AsyncClient(trust_env=False, timeout=1.0) as client:
        with suppress(TimeoutError):
            async with asyncio.timeout(START_SECONDS):
                while child.returncode is None:
                    with suppress(httpx.HTTPError):
                        if (await client.get(stage.ready_url)).status_code == 200:
                            return
                    await asyncio.sleep(0.05)
    raise DemoFault(f"the gateway did not start\n{last_lines(stage.log)}")


def last_lines(log: Path, number: int = 20) -> str:
    lines = log.read_text("utf-8", "replace").splitlines() if log.exists() else []
    return "\n".join(lines[-number:])


def nginx(binary: str, stage: Stage) -> tuple[str, ...]:
    """Write the proxy's configuration, which is the gateway's own snippet, and return the command line."""
    folder = stage.folder / "nginx"
    folder.mkdir(mode=0o700)
    for name, text in snippet(load(stage.config, os.environ), stage.application).items():
        (folder / name).write_text(text, "utf-8")
    (folder / "nginx.conf").write_text(_NGINX.replace("FOLDER", str(folder)), "utf-8")
    return (binary, "-p", str(folder), "-c", "nginx.conf", "-e", "stderr")


_NGINX = """# One process in the foreground. Everything else is the gateway's own snippet.
daemon off;
master_process off;
pid FOLDER/nginx.pid;
error_log stderr warn;
events {}
http {
    access_log off;
    client_body_temp_path FOLDER/body;
    proxy_temp_path FOLDER/proxy;
    fastcgi_temp_path FOLDER/fastcgi;
    uwsgi_temp_path FOLDER/uwsgi;
    scgi_temp_path FOLDER/scgi;
    include gateway.conf;
}
"""


async def answers(port: int, child: asyncio.subprocess.Process, log: Path) -> None:
    """Return when something listens on `port`; else `DemoFault`."""
    for _ in range(int(START_SECONDS / 0.05)):
        if child.returncode is not None:
            break
        with suppress(OSError):
            _, writer = await asyncio.open_connection(LOOPBACK, port)
            writer.close()
            return
        await asyncio.sleep(0.05)
    raise DemoFault(f"the proxy did not start\n{last_lines(log)}")


async def version(binary: str) -> str:
    """`nginx 1.22.1`; just `nginx` where it does not say."""
    child = await asyncio.create_subprocess_exec(
        binary, "-v", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await child.communicate()
    match = re.search(rb"nginx/([0-9.]+)", said)
    return f"nginx {match[1].decode()}" if match else "nginx"
