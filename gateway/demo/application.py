"""A sample application without a line of sign-in code: it shows what the gateway told it.

It listens on loopback behind the proxy and believes the X-Auth-* headers, as any application may whose only way in is
a proxy that clears them; and it verifies the assertion, which needs no such trust.
"""

import asyncio
import contextlib
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from gateway.demo import application_pages as pages
from gateway.demo.assertion_check import AssertionCheck
from gateway.demo.look import style_sheet
from gateway.demo.websocket import echo, handshake, wants_websocket
from gateway.demo.wire import linger, read_head, response_bytes, write_reply
from gateway.errors import Malformed, TokenInvalid
from gateway.identity.presented import Head, Headers, Reply

HEAD_SECONDS = 30.0


class Application:
    """`handle` serves one connection. `logout` is the path of the gateway's page for it."""

    def __init__(self, assertions: AssertionCheck, logout: str) -> None:
        self._assertions = assertions
        self._logout = logout

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request and its answer, or one WebSocket."""
        peer = writer.get_extra_info("peername")[0]
        with contextlib.suppress(ConnectionError, TimeoutError):
            try:
                async with asyncio.timeout(HEAD_SECONDS):
                    head = await read_head(reader, peer)
                if head is not None:
                    await self._serve(head, reader, writer)
            except Malformed:
                await write_reply(writer, _text(400, "This request could not be understood."))
        await linger(reader, writer)

    async def _serve(self, head: Head, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if wants_websocket(head) and _path(head) == "/ws":
            writer.write(response_bytes(101, handshake(head)))
            await echo(reader, writer)
            return
        await write_reply(writer, await self.answer(head), head_only=head.method == "HEAD")

    async def answer(self, head: Head) -> Reply:
        """The page of a path."""
        if head.method not in {"GET", "HEAD"}:
            return _text(405, "Only GET here.")
        match _path(head):
            case "/":
                return _page(pages.home(await self._visit(head), head.headers, self._logout))
            case "/admin":
                return _page(pages.admin(await self._visit(head), self._logout))
            case "/ws":
                return _page(pages.socket())
            case "/public":
                return _page(pages.public())
            case "/api/whoami":
                visit = await self._visit(head)
                return _reply(200, "application/json", json.dumps(visit.told).encode())
            case "/public/look.css":
                return _reply(200, "text/css", style_sheet())
            case "/public/demo.js":
                return _reply(200, "text/javascript", pages.SCRIPT.encode())
        return _page(pages.missing(), 404)

    async def _visit(self, head: Head) -> pages.Visit:
        told = {
            name.removeprefix(b"x-auth-").decode(): unquote(value.decode("latin-1"))
            for name, value in head.headers
            if name.startswith(b"x-auth-") and name != b"x-auth-assertion"
        }
        # A list is split first and decoded item by item: a comma inside a group is `%2C` on the wire.
        groups = [unquote(item) for item in _one(head, b"x-auth-groups").split(",") if item]
        assertion = _one(head, b"x-auth-assertion")
        claims: Mapping[str, Any] = {}
        fault = "" if assertion else "none was sent"
        if assertion:
            try:
                claims = await self._assertions.claims(assertion)
            except TokenInvalid as invalid:
                fault = invalid.check
        return pages.Visit(told | {"groups": ", ".join(groups)}, tuple(groups), claims, fault)


def _path(head: Head) -> str:
    return head.target.partition(b"?")[0].decode("ascii")


def _one(head: Head, name: bytes) -> str:
    values = head.all(name)
    return values[0].decode("latin-1") if len(values) == 1 else ""


def _page(html: bytes, status: int = 200) -> Reply:
    return _reply(status, "text/html; charset=utf-8", html)


def _text(status: int, sentence: str) -> Reply:
    return _reply(status, "text/plain; charset=utf-8", f"{sentence}\n".encode())


def _reply(status: int, kind: str, content: bytes) -> Reply:
    policy = (
        b"default-src 'none'; style-src 'self'; script-src 'self'; img-src data:; connect-src 'self';"
        b" frame-ancestors 'none'"
    )
    headers: Headers = (
        (b"content-type", kind.encode()),
        (b"cache-control", b"no-store"),
        (b"content-security-policy", policy),
        (b"x-content-type-options", b"nosniff"),
    )
    return Reply(status, headers, content)
