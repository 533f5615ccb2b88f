"""An application behind a proxy: says back what reached it, as it came and as CGI and WSGI would fold it."""

import asyncio
import hashlib
import json
from typing import Any

from tests.kit.websocket import echo_frames, is_handshake
from tests.kit.wire import Answer, LoopbackServer, Request, read_request, write_answer


def folded(headers: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """Header lines as CGI's environment (RFC 3875, 4.1.18): every character but letters and digits becomes `_`."""
    environ: dict[str, str] = {}
    for name, value in headers:
        key = "HTTP_" + "".join(char if char.isalnum() else "_" for char in name.upper())
        environ[key] = f"{environ[key]},{value}" if key in environ else value
    return environ


class EchoApp:
    """Answers every request with 200 and JSON; echoes WebSocket frames; keeps all requests in `seen`."""

    def __init__(self, port: int) -> None:
        self._server = LoopbackServer(self._serve, port)
        self.port = port
        self.seen: list[Request] = []

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self._server.stop()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while request := await read_request(reader):
            self.seen.append(request)
            if is_handshake(request):
                await echo_frames(request, reader, writer)
                return
            writer.write(_echo(request))
            await writer.drain()


def _echo(request: Request) -> bytes:
    body = json.dumps(
        {
            "application": True,
            "method": request.method,
            "target": request.target,
            "headers": request.headers,
            "environ": folded(request.headers),
            "length": len(request.body),
            "sha256": hashlib.sha256(request.body).hexdigest(),
        }
    ).encode()
    status = int(request.first("x-echo-status") or 200)
    plain = b"" if request.method == "HEAD" else body
    return write_answer(
        status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))], plain
    )


def reached(answer: Answer) -> dict[str, Any] | None:
    """What the application received, or `None` where the answer is not the application's."""
    try:
        said = json.loads(answer.body)
    except ValueError:
        return None
    return said if isinstance(said, dict) and said.get("application") else None


def values(said: dict[str, Any], name: str) -> list[str]:
    """The lines of one header, as they reached the application."""
    return [value for key, value in said["headers"] if key.lower() == name.lower()]


def assert_no_forgery(said: dict[str, Any]) -> None:
    """What tests forge says `evil`; no header shows it, neither as it came nor folded."""
    assert "evil" not in json.dumps(said["headers"])
    assert "evil" not in json.dumps(said["environ"])
