"""/healthz and /readyz: alive, and ready to be asked.

Ready begins with the first answer of the store. A later outage shows as `degraded` and stays 200: one Redis that is
down must not take every replica, and with them every public rule, out of service.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.errors import StoreFault
from gateway.forward_auth.shell import NOT_FOUND, send_reply
from gateway.identity.presented import Reply
from gateway.sessions.shared_look import SharedLook
from gateway.storage.outage import Trouble
from gateway.storage.store import Store


@dataclass(slots=True)
class Health:
    """What the process knows about its own health. `trouble` tells of an outage of the store, and `None` of none."""

    store: Store
    trouble: Callable[[], Trouble | None] = field(default=lambda: None)
    seen_store: bool = field(default=False)
    stopping: bool = field(default=False)
    _looks: SharedLook[None] = field(default_factory=SharedLook)

    async def readiness(self) -> tuple[int, str]:
        """Status code and word: starting, ready, degraded or stopping."""
        if self.stopping:
            return 503, "stopping"
        try:
            # Anybody may ask on the public listener: a crowd of them must not look like a store that fails.
            await self._looks.at("ping", self.store.ping)
        except StoreFault:
            return (200, "degraded") if self.seen_store else (503, "starting")
        self.seen_store = True
        # A store that answers a ping may still refuse what is asked of it.
        return (200, "degraded") if self.trouble() else (200, "ready")

    def members(self, word: str) -> dict[str, str]:
        """What the operator reads beside the word: which store fails, since when, and how."""
        trouble = self.trouble()
        if trouble is None:
            return {"status": word}
        since = datetime.fromtimestamp(trouble.since, UTC).isoformat(timespec="seconds")
        return {
            "status": word,
            "store": trouble.store,
            "since": since.replace("+00:00", "Z"),
            "last_error": trouble.last_error,
        }

    def endpoint(self, *, detail: bool) -> "HealthEndpoint":
        return HealthEndpoint(self, detail)


@dataclass(frozen=True, slots=True)
class HealthEndpoint:
    """Answers the two paths; without `detail` on the public listener."""

    health: Health
    detail: bool

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 (ASGI's form)
        if scope["path"] == "/healthz":
            await send_reply(send, _json(200, {"status": "alive"} if self.detail else {}))
        elif scope["path"] == "/readyz":
            status, word = await self.health.readiness()
            await send_reply(send, _json(status, self.health.members(word) if self.detail else {}))
        else:
            await send_reply(send, NOT_FOUND)


def _json(status: int, members: dict[str, str]) -> Reply:
    body = json.dumps(members).encode() if members else b""
    return Reply(
        status,
        (
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
        ),
        body,
    )


def metrics_endpoint(render: Callable[[], tuple[bytes, bytes]], health: HealthEndpoint) -> ASGIApp:
    """The operator's listener: /metrics beside the health paths."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] != "/metrics":
            await health(scope, receive, send)
            return
        body, kind = render()
        lines = ((b"content-type", kind), (b"content-length", str(len(body)).encode()))
        await send_reply(send, Reply(200, lines, body))

    return app
