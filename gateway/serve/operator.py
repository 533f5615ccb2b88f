"""The operator's listener of a worker: /metrics and /readyz speak for all workers, so the parent is asked."""

import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.forward_auth.shell import send_reply
from gateway.identity.presented import Reply
from gateway.observe.sums import CONTENT_TYPE
from gateway.serve.health import Health

PATIENCE = 3.0
"""Seconds for the parent's answer. It waits a second for workers that do not report."""

Ask: TypeAlias = Callable[[str, float], Awaitable[Any]]
"""Asks the parent about `metrics` or `workers`; raises `TimeoutError`."""


def operator_endpoint(own: ASGIApp, health: Health, ask: Ask) -> ASGIApp:
    """`own` answers everything that concerns this process alone."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        answers = {"/metrics": _metrics, "/readyz": _readiness}.get(scope["path"])
        if answers is None:
            await own(scope, receive, send)
            return
        try:
            reply = await answers(health, ask)
        except TimeoutError:
            reply = _reply(503, b"text/plain", b"the parent process does not answer\n")
        await send_reply(send, reply)

    return app


async def _metrics(health: Health, ask: Ask) -> Reply:  # noqa: ARG001 (the form of both answers)
    return _reply(200, CONTENT_TYPE, str(await ask("metrics", PATIENCE)).encode())


async def _readiness(health: Health, ask: Ask) -> Reply:
    status, word = await health.readiness()
    crew = await ask("workers", PATIENCE)
    if status == 200 and not crew["whole"]:
        status, word = 503, "starting"
    body = json.dumps({**health.members(word), "workers": crew["workers"]}).encode()
    return _reply(status, b"application/json", body)


def _reply(status: int, kind: bytes, body: bytes) -> Reply:
    lines = (
        (b"content-type", kind),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    )
    return Reply(status, lines, body)
