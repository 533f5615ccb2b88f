"""The reverse proxy of the demo, for machines without nginx: it asks the gateway about every request.

It speaks the forward-auth contract, one request per connection, and fails closed: without a clear 200 nothing reaches
the application.
"""

import asyncio
import contextlib
from dataclasses import dataclass

from gateway.demo.passing_on import question, to_application, to_client, to_gateway
from gateway.demo.websocket import wants_websocket
from gateway.demo.wire import (
    MAX_HEAD,
    Status,
    body,
    copy_body,
    hang_up,
    linger,
    read_head,
    read_status,
    request_bytes,
    request_length,
    response_bytes,
    response_length,
    write_reply,
)
from gateway.errors import Malformed
from gateway.identity.presented import Head, Headers, Reply
from gateway.settings.units import Bind

HEAD_SECONDS = 30.0
CHECK_SECONDS = 5.0
CONNECT_SECONDS = 5.0
MAX_ANSWER = 256 * 1024

_BAD = Reply(400, ((b"content-type", b"text/plain"),), b"This request could not be understood.\n")
_NO_APPLICATION = Reply(502, ((b"content-type", b"text/plain"),), b"The application does not answer.\n")
_NO_GATEWAY = Reply(
    503,
    ((b"content-type", b"text/plain"), (b"retry-after", b"5"), (b"cache-control", b"no-store")),
    b"The gateway does not answer, so nothing passes.\n",
)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the gateway said to a check, with its body."""

    status: Status
    body: bytes


class Proxy:
    """`handle` serves one connection. `gateway_path` (as in `/_gateway`) belongs to the gateway's own pages."""

    def __init__(self, *, verify: Bind, public: Bind, application: Bind, gateway_path: str) -> None:
        self._verify = verify
        self._public = public
        self._application = application
        self._prefix = f"{gateway_path}/".encode("ascii")
        metadata = f"/.well-known/oauth-authorization-server{gateway_path}"
        self._paths = {gateway_path.encode("ascii"), metadata.encode("ascii")}

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request of a client, and its answer."""
        peer = writer.get_extra_info("peername")[0]
        with contextlib.suppress(ConnectionError):
            try:
                async with asyncio.timeout(HEAD_SECONDS):
                    head = await read_head(reader, peer)
                if head is not None:
                    await self._serve(head, reader, writer)
            except Malformed:
                await write_reply(writer, _BAD)
            except TimeoutError:
                pass  # whoever says nothing for so long gets no answer
        await linger(reader, writer)

    async def _serve(self, head: Head, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        length = request_length(head)  # refuses what is framed in two ways before anybody is asked
        if length and wants_websocket(head):
            raise Malformed("handshake_with_body")
        if not head.target.startswith(b"/"):
            raise Malformed("target")  # the absolute form names a second host
        path = head.target.partition(b"?")[0]
        if path.startswith(self._prefix) or path in self._paths:
            await self._pass(self._public, head, to_gateway(head), reader, writer, _NO_GATEWAY)
            return
        answer = await self._asked(head)
        if answer is None:
            await write_reply(writer, _NO_GATEWAY)
        elif answer.status.code == 200:
            lines = to_application(head, answer.status)
            await self._pass(self._application, head, lines, reader, writer, _NO_APPLICATION)
        else:
            lines = tuple([line for line in to_client(answer.status) if line[0] not in _FRAMING])
            reply = Reply(answer.status.code, lines, answer.body)
            await write_reply(writer, reply, head_only=head.method == "HEAD")

    async def _asked(self, head: Head) -> _Answer | None:
        """The gateway's answer; `None` where there is none, or none that a check may give."""
        lines = question(head)
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                answer = await self._check(lines)
        except (OSError, TimeoutError, Malformed):
            return None
        # Allow is exactly 200. Any other 2xx, or a 1xx, is nothing that the gateway says.
        return answer if answer.status.code == 200 or answer.status.code >= 300 else None

    async def _check(self, lines: Headers) -> _Answer:
        reader, writer = await _connect(self._verify)
        try:
            writer.write(request_bytes("GET", b"/verify/forward-auth", lines))
            status = await read_status(reader)
            said = b""
            async for piece in body(reader, response_length(status, "GET")):
                said += piece
                if len(said) > MAX_ANSWER:
                    raise Malformed("answer_too_large")
            return _Answer(status, said)
        finally:
            await hang_up(writer)

    async def _pass(
        self,
        to: Bind,
        head: Head,
        lines: Headers,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        otherwise: Reply,
    ) -> None:
        """Send a request on, and its answer back, both as they arrive."""
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                upstream = await _connect(to)
        except (OSError, TimeoutError):
            await write_reply(writer, otherwise)
            return
        try:
            await _exchange(head, lines, (reader, writer), upstream, otherwise)
        finally:
            await hang_up(upstream[1])


_FRAMING = frozenset((b"content-length", b"transfer-encoding", b"connection"))
_Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _connect(to: Bind) -> _Streams:
    return await asyncio.open_connection(to.host, to.port, limit=MAX_HEAD)


async def _exchange(
    head: Head, lines: Headers, client: _Streams, upstream: _Streams, otherwise: Reply
) -> None:
    """The body goes up while the answer comes down: an upstream may answer before it has read everything."""
    upstream[1].write(request_bytes(head.method, head.target, lines))
    if head.all(b"expect"):
        client[1].write(response_bytes(100, ()))
    sending = asyncio.create_task(_send_body(head, client[0], upstream[1]))
    try:
        status = await read_status(upstream[0])
    except (Malformed, ConnectionError):
        await write_reply(client[1], otherwise)
    else:
        await _answered(head, status, client, upstream)
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)


async def _send_body(head: Head, client: asyncio.StreamReader, upstream: asyncio.StreamWriter) -> None:
    try:
        await copy_body(client, request_length(head), upstream)
    except (Malformed, ConnectionError):
        upstream.close()  # half a request is none; the upstream would wait for the rest for ever


async def _answered(head: Head, status: Status, client: _Streams, upstream: _Streams) -> None:
    if status.code == 101 and not wants_websocket(head):
        raise Malformed("upgrade")
    client[1].write(response_bytes(status.code, to_client(status)))
    if status.code == 101:
        await _tunnel(client, upstream)
        return
    with contextlib.suppress(Malformed):  # the head is out: a body that breaks off is shown by breaking off
        await copy_body(upstream[0], response_length(status, head.method), client[1])


async def _tunnel(client: _Streams, upstream: _Streams) -> None:
    """Bytes both ways, until one side has said its last."""
    ways = [
        asyncio.create_task(_pipe(client[0], upstream[1])),
        asyncio.create_task(_pipe(upstream[0], client[1])),
    ]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(65_536):
        writer.write(piece)
        await writer.drain()
