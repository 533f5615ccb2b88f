"""HTTP/1.1 byte for byte: a client that sends what it is told, and a server that keeps what it received.

Real clients and servers repair requests; the attacks live in what they repair.
"""

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

PATIENCE = 60
"""Seconds to wait for another thread: on a busy machine it may not run for a while."""
Lines = tuple[tuple[str, str], ...]
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came in; names keep their case."""

    method: str
    target: str
    headers: Lines
    body: bytes

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def first(self, name: str) -> str:
        return next(iter(self.all(name)), "")


@dataclass(frozen=True, slots=True)
class Answer:
    """A response as it came back. Status 0: the connection ended without one."""

    status: int
    headers: Lines
    body: bytes

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def first(self, name: str) -> str:
        return next(iter(self.all(name)), "")


def parse_lines(head: bytes) -> tuple[str, Lines]:
    """The first line, and the header lines, of a head."""
    first, *rest = head.decode("latin-1").split("\r\n")
    pairs = [line.partition(":") for line in rest if line]
    return first, tuple((name, value.strip(" \t")) for name, _, value in pairs)


def write_request(method: str, target: str, headers: Iterable[tuple[str, str]], body: bytes = b"") -> bytes:
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def exchange(port: int, raw: bytes, timeout: float = 40, *, certificate: Path | None = None) -> Answer:
    """Send these bytes to a port of this machine, and read one response; over TLS where a certificate is given."""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as plain:
        wire = _secured(plain, certificate, host_of(raw)) if certificate else plain
        with wire:
            # A server may answer and close before it has read everything: its answer still counts.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                wire.sendall(raw)
            return read_answer(wire, head_only=raw.startswith(b"HEAD "))


def host_of(raw: bytes) -> str:
    """The name of the Host line, for SNI."""
    _, headers = parse_lines(raw.partition(b"\r\n\r\n")[0])
    return next(value for name, value in headers if name == "Host").partition(":")[0]


def _secured(plain: socket.socket, certificate: Path, name: str) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=str(certificate))
    return context.wrap_socket(plain, server_hostname=name)


def read_answer(wire: socket.socket, *, head_only: bool = False) -> Answer:
    """One response, with its body by Content-Length, chunks, or the end of the connection."""
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = _receive(wire)
        if not chunk:
            return Answer(0, (), data)
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    first, headers = parse_lines(head)
    answer = Answer(int(first.split(" ")[1]), headers, b"")
    if answer.status == 100:
        return read_answer(wire, head_only=head_only)
    if head_only or answer.status in {101, 204, 304}:
        return answer
    return Answer(answer.status, headers, _body(wire, answer, body))


def _body(wire: socket.socket, answer: Answer, body: bytes) -> bytes:
    length = answer.first("content-length")
    chunked = "chunked" in answer.first("transfer-encoding")
    while not (length and len(body) >= int(length)) and not (chunked and body.endswith(b"0\r\n\r\n")):
        chunk = _receive(wire)
        if not chunk:
            break
        body += chunk
    if not chunked:
        return body
    plain, rest = b"", body
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        count = int(size or b"0", 16)
        plain, rest = plain + rest[:count], rest[count + 2 :]
    return plain


def _receive(wire: socket.socket) -> bytes:
    try:
        return wire.recv(65536)
    except ConnectionResetError:
        return b""


async def read_request(reader: asyncio.StreamReader) -> Request | None:
    """The next request of a connection, or `None` at its end."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionResetError):
        return None
    first, headers = parse_lines(head.removesuffix(b"\r\n\r\n"))
    method, target, _ = first.split(" ", 2)
    request = Request(method, target, headers, b"")
    if "chunked" in request.first("transfer-encoding"):
        return Request(method, target, headers, await _chunks(reader))
    length = int(request.first("content-length") or 0)
    return Request(method, target, headers, await reader.readexactly(length))


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int((await reader.readline()).strip() or b"0", 16):
        body += await reader.readexactly(size)
        await reader.readline()
    await reader.readline()
    return body


def write_answer(status: int, headers: Iterable[tuple[str, str]], body: bytes = b"") -> bytes:
    lines = [f"HTTP/1.1 {status} Status", *(f"{name}: {value}" for name, value in headers)]
    if not any(name.lower() == "content-length" for name, _ in headers):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


class LoopbackServer:
    """A server of a test, on a port of this machine or a Unix socket, and in a thread of its own."""

    def __init__(self, handler: Handler, place: int | str) -> None:
        self._handler = handler
        self._place = place
        self.connections = 0
        self._loop: asyncio.AbstractEventLoop
        self._thread: threading.Thread | None = None
        self._server: asyncio.Server | None = None
        self._served: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    def start(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(PATIENCE)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        if self._thread is None:
            return
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(PATIENCE)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._loop.close()
        self._thread = None

    async def _open(self) -> None:
        if isinstance(self._place, str):
            self._server = await asyncio.start_unix_server(self._connected, self._place, limit=1 << 20)
        else:
            self._server = await asyncio.start_server(
                self._connected, "127.0.0.1", self._place, limit=1 << 20
            )

    async def _close(self) -> None:
        if self._server is None:  # the place was taken
            return
        # What was accepted a moment ago is a connection of ours only after the loop's next turns, and asyncio loses it
        # where its server is closed by then. It would be collected in the middle of some other test, which then
        # fails for the warning.
        for listening in self._server.sockets:
            self._loop.remove_reader(listening.fileno())
        await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task(), *self._served}))
        self._server.close()
        served = dict(self._served)
        for task in served:
            task.cancel()
        await asyncio.gather(*served, return_exceptions=True)
        await asyncio.gather(*(writer.wait_closed() for writer in served.values()), return_exceptions=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = self._loop.create_task(self._serve(reader, writer))
        self._served[task] = writer
        task.add_done_callback(self._ended)  # and not in the task: one that is cancelled at once never begins

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._served.pop(task).transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # The peer went away, or the test is over.
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await self._handler(reader, writer)
