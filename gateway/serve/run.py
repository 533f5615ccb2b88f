"""From settings to a running gateway, and back to an exit."""

import asyncio
import os
import secrets
import signal
import sys
import time
from collections.abc import Callable

import uvicorn
import uvloop

from gateway.observe.log import Log
from gateway.serve.listeners import Servers
from gateway.serve.process import Plan, settled, wired
from gateway.serve.quick import is_tested
from gateway.serve.start_keys import ring_at_start
from gateway.serve.supervisor import supervise
from gateway.settings.model import Settings


def run(settings: Settings, read: Callable[[], Settings] | None = None, workers: int | None = None) -> None:
    """Serve until SIGINT or SIGTERM.

    `workers` goes over the settings. With several, `read` reads the configuration anew at SIGHUP. Raises
    `SettingsFault`, `KeyFault`, `StoreFault` or `WorkerFault` where it cannot start.
    """
    # The log of its own is for what must be said before there is an application: it may fail to come up.
    log = Log(settings.log, sys.stderr, time.time)
    if settings.server.quick and not is_tested():
        log.write("warning", "quick.off", {"uvicorn": uvicorn.__version__})
    plan = Plan(settings, ring_at_start(settings, log.write, time.time, secrets.token_bytes))
    count = workers or settings.server.workers
    if count > 1:
        supervise(plan, count, read or (lambda: settings), log.write)
    else:
        uvloop.run(_serve(plan))


async def _serve(plan: Plan) -> None:
    application = wired(plan)
    servers = Servers(application.listeners)
    loop = asyncio.get_running_loop()

    def stop(number: int) -> None:
        if application.health.stopping:
            os._exit(128 + number)  # told twice: now. The exit code is what a shell makes of the signal
        application.health.stopping = True
        servers.leave(plan.settings.server.drain)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop, number)

    async def started() -> None:
        for listener in servers.listeners:
            fields = {"name": listener.name, "bind": str(listener.bind)}
            application.log.write("info", "listener.open", fields)
        await settled(application)

    await servers.run(started, application.close)
