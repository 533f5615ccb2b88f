"""A worker: one process that answers, between its fork and its exit. It obeys the parent alone.

Ctrl-C reaches every process of a terminal, and systemd sends SIGTERM to all of a service; so a worker ignores the one
and takes the other as a wish to be replaced. When the parent is gone, the channel ends, and the worker with it: nobody
would replace it, reload it or end it any more.
"""

import asyncio
import signal
import socket
from contextlib import suppress
from dataclasses import replace
from functools import partial

import uvloop

from gateway.app import Application
from gateway.errors import GatewayError
from gateway.observe.sums import numbers_of, packed
from gateway.serve.channel import Message, Upward, framed
from gateway.serve.listeners import Listener, Servers
from gateway.serve.operator import operator_endpoint
from gateway.serve.process import Plan, settled, wired
from gateway.serve.signals import HEARD
from gateway.serve.sockets import Seat

AGAIN = 0.5
"""Seconds between two looks at a store that has not been seen yet."""


def be_worker(plan: Plan, seat: Seat, up: socket.socket) -> int:
    """Serve until the parent says otherwise; the exit code. Runs in a process that has neither loop nor thread."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HEARD)
    try:
        uvloop.run(_work(plan, seat, up))
    except GatewayError as fault:
        with suppress(OSError):  # a parent that is gone needs no reason
            up.setblocking(True)
            up.sendall(framed("failed", sentence=str(fault)))
        return 1
    return 0


async def _work(plan: Plan, seat: Seat, up: socket.socket) -> None:
    application = wired(plan)
    worker = _Worker(plan, application, seat)
    loop = asyncio.get_running_loop()
    await loop.create_unix_connection(lambda: worker.up, sock=up)
    loop.add_signal_handler(signal.SIGTERM, partial(worker.up.say, "leaving"))
    await worker.servers.run(worker.started, worker.stopped)


class _Worker:
    """One application, its servers, and what the parent asks of them."""

    def __init__(self, plan: Plan, application: Application, seat: Seat) -> None:
        self._plan = plan
        self._application = application
        self.up = Upward(self._hear, self._orphaned)
        self.servers = Servers(tuple(map(self._told_by_the_parent, application.listeners)), seat)
        self._seeing: asyncio.Task[None] | None = None

    def _told_by_the_parent(self, listener: Listener) -> Listener:
        """The operator asks for the whole gateway, and only the parent knows it."""
        if listener.name != "metrics_bind":
            return listener
        return replace(listener, app=operator_endpoint(listener.app, self._application.health, self.up.ask))

    async def started(self) -> None:
        if await settled(self._application):
            self.up.say("ready")
        else:
            self._seeing = asyncio.get_running_loop().create_task(self._see_the_store())

    async def _see_the_store(self) -> None:
        while (await self._application.health.readiness())[0] != 200:  # noqa: ASYNC110 - a store tells nobody that it is back
            await asyncio.sleep(AGAIN)
        self.up.say("ready")

    def _hear(self, message: Message) -> None:
        match message["word"]:
            case "report":
                self._report()
            case "retire":
                self.servers.hand_over()
            case "stop":
                self._application.health.stopping = True
                self.servers.leave(self._plan.settings.server.drain)

    def _report(self) -> None:
        self.up.say("numbers", numbers=packed(numbers_of(self._application.metrics.collect())))

    def _orphaned(self) -> None:
        self.servers.stop()

    async def stopped(self) -> None:
        if self._seeing is not None:
            self._seeing.cancel()
        await self._application.close()
        self._report()  # the last numbers: what this process counted stays in the sums
        await self.up.close()
