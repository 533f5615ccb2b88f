"""A chat without a line of sign-in code: who speaks is what the gateway says, over REST and the WebSocket alike.

It must be reachable through the proxy alone, which clears every X-Auth header that it did not write itself.
"""

import asyncio
import os
from collections import deque
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

LONGEST = 2000
"""Letters of a message."""
SOCKET_SECONDS = float(os.environ.get("CHAT_SOCKET_SECONDS", "300"))
"""A proxy asks the gateway at the handshake alone, so this is how late a logout can be seen on an open WebSocket."""
POLICY_VIOLATION, TRY_AGAIN = 1008, 1013
"""RFC 6455 section 7.4.1, and the IANA registry beside it."""


class Room:
    """The last messages, and the sockets that hear the next one."""

    def __init__(self) -> None:
        self._messages: deque[dict[str, str]] = deque(maxlen=200)
        self._sockets: set[WebSocket] = set()

    async def page(self, _: Request) -> Response:
        return FileResponse(Path(__file__).with_name("chat.html"))

    async def messages(self, request: Request) -> Response:
        if request.method == "GET":
            return JSONResponse({"you": who(request), "messages": list(self._messages)})
        if (
            request.headers.get("content-type") != "application/json"
        ):  # which no form of another site can send
            return JSONResponse({"error": "application/json is expected"}, 415)
        text = (await request.json()).get("text")
        if not isinstance(text, str) or not 0 < len(text) <= LONGEST:
            return JSONResponse({"error": f"text: 1 to {LONGEST} letters"}, 422)
        return JSONResponse(await self._say(who(request), text), 201)

    async def socket(self, socket: WebSocket) -> None:
        if not is_of_this_site(socket):
            await socket.close(POLICY_VIOLATION)
            return
        await socket.accept()
        self._sockets.add(socket)
        try:
            async with asyncio.timeout(SOCKET_SECONDS):
                await socket.send_json({"you": who(socket)})
                while True:
                    await self._say(who(socket), (await socket.receive_text())[:LONGEST])
        except TimeoutError:
            await socket.close(TRY_AGAIN)
        except WebSocketDisconnect:
            pass
        finally:
            self._sockets.discard(socket)

    async def _say(self, user: str, text: str) -> dict[str, str]:
        message = {"from": user, "text": text}
        self._messages.append(message)
        for one in tuple(self._sockets):
            with suppress(RuntimeError, WebSocketDisconnect):  # it went away meanwhile
                await one.send_json(message)
        return message


def who(connection: HTTPConnection) -> str:
    return unquote(connection.headers["x-auth-user"])


def is_of_this_site(socket: WebSocket) -> bool:
    """A browser opens a WebSocket for any page, with our cookies, and says whose page it is (RFC 6455 section 10.2)."""
    own = urlsplit(f"//{socket.headers.get('host', '')}").hostname
    return urlsplit(socket.headers.get("origin", "")).hostname == own


room = Room()
app = Starlette(
    routes=[
        Route("/", room.page),
        Route("/api/messages", room.messages, methods=["GET", "POST"]),
        WebSocketRoute("/socket", room.socket),
    ]
)
