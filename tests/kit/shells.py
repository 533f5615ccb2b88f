"""The verify listener on real sockets, behind one shell or both: the server and the settings are those of `gateway serve`.

Both shells of one house ask the same `Verify`; so whatever differs in their answers is the shell's doing.
"""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvloop

from gateway.serve import listeners
from gateway.serve.listeners import Listener
from gateway.settings.units import parse_bind
from tests.kit.verify_house import VerifyHouse, family

SHELLS = ("quick", "asgi")
PATIENCE = 10.0
LOCAL = {"server": {"trusted_proxies": ["127.0.0.1/32"]}}


def listener_of(house: VerifyHouse, shell: str) -> Listener:
    """On a free port of this machine."""
    answer = house.verify.answer_at if shell == "quick" else None
    return Listener("verify_bind", parse_bind("127.0.0.1:0"), house.app, answer)


@contextmanager
def listening(house: VerifyHouse, *shells: str) -> Iterator[list[int]]:
    """The ports of a listener for each shell, all in one loop, in a thread of its own."""
    found = [listener_of(house, shell) for shell in shells]
    sockets = [listeners.open_socket(listener) for listener in found]
    servers = [listeners._Server(listeners._config(listener)) for listener in found]
    started = threading.Event()

    async def serve() -> None:
        serving = [
            asyncio.create_task(server.serve([sock])) for server, sock in zip(servers, sockets, strict=True)
        ]
        while not all(server.started for server in servers):  # noqa: ASYNC110 - uvicorn tells it by a flag alone
            await asyncio.sleep(0.005)
        started.set()
        await asyncio.gather(*serving)

    thread = threading.Thread(target=lambda: uvloop.run(serve()))
    thread.start()
    try:
        assert started.wait(PATIENCE)
        yield [sock.getsockname()[1] for sock in sockets]
    finally:
        for server in servers:
            server.should_exit = True
        thread.join(PATIENCE)
        assert not thread.is_alive()


def question(
    house: VerifyHouse,
    contract: str = "forward-auth",
    uri: bytes = b"/admin/x",
    who: str = "nobody",
    more: bytes = b"",
    version: bytes = b"1.1",
    method: bytes = b"GET",
    host: bytes = b"app.example.com",
) -> bytes:
    """A check as a proxy sends it, as bytes, with `more` lines behind its own."""
    lines = [(b"host", b"verify"), *family(contract, method, host, uri)]
    if who != "nobody":
        lines.append((b"cookie", house.cookie(who).encode()))
    first = b"GET /verify/" + contract.encode() + b" HTTP/" + version + b"\r\n"
    return first + b"".join([name + b": " + value + b"\r\n" for name, value in lines]) + more + b"\r\n"
