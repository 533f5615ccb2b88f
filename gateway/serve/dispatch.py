"""Which application answers on which listener, by the first part of the path."""

import json
from collections.abc import Awaitable
from dataclasses import dataclass

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.forward_auth.endpoint import Verify
from gateway.forward_auth.shell import NOT_FOUND, path_of, send_reply
from gateway.identity.presented import Reply

LOGIN = b"/verify/auth-request/login"
HEALTH = frozenset({b"/healthz", b"/readyz"})


@dataclass(frozen=True, slots=True)
class VerifyListener:
    """The verify endpoints, and nothing that a browser could want."""

    verify: Verify
    nginx_login: ASGIApp
    health: ASGIApp

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        # It hands on what the application returns: a coroutine around a coroutine is a part of each check's price.
        path = path_of(scope)
        if path in HEALTH:
            return self.health(scope, receive, send)
        if path == LOGIN:
            return self.nginx_login(scope, receive, send)
        return self.verify(scope, receive, send)


@dataclass(frozen=True, slots=True)
class PublicListener:
    """Pages and protocols. `verify` answers /verify only where the platform has one port (`verify_bind: same`)."""

    pages: ASGIApp
    health: ASGIApp
    verify: ASGIApp | None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = path_of(scope)
        if path in HEALTH:
            await self.health(scope, receive, send)
        elif path.startswith(b"/verify"):
            # Not even a page of ours: a proxy that routes /verify by mistake shows nothing that looks like an answer.
            if self.verify is None:
                await send_reply(send, NOT_FOUND)
            else:
                await self.verify(scope, receive, send)
        else:
            await self.pages(scope, receive, send)


@dataclass(frozen=True, slots=True)
class Document:
    """A JSON document that is the same for everybody, as /.well-known/jwks.json is."""

    members: dict[str, object]
    max_age: int = 300

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 (ASGI's form)
        if scope["method"] not in {"GET", "HEAD"}:
            await send_reply(send, Reply(405, ((b"allow", b"GET, HEAD"), (b"content-length", b"0"))))
            return
        body = json.dumps(self.members).encode()
        lines = (
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", f"public, max-age={self.max_age}".encode()),
            (b"x-content-type-options", b"nosniff"),
            # Keys are public; a page of an application may read them (RFC 8414 documents are, too).
            (b"access-control-allow-origin", b"*"),
        )
        await send_reply(send, Reply(200, lines, b"" if scope["method"] == "HEAD" else body))
