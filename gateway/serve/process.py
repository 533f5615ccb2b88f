"""What every process that answers does alike, be it the only one or one of several."""

import gc
import secrets
import time
from dataclasses import dataclass

from gateway.app import Application, Chance
from gateway.keys.keyring import Keyring
from gateway.settings.model import Settings


@dataclass(frozen=True, slots=True)
class Plan:
    """What is run: checked settings, and the keys."""

    settings: Settings
    ring: Keyring


def wired(plan: Plan) -> Application:
    """The application, on this process' clock and randomness. Raises `StoreFault` where its file cannot be used."""
    return Application(plan.settings, plan.ring, Chance(clock=time.time, random=secrets.token_bytes))


async def settled(application: Application) -> bool:
    """When the listeners accept: whether the store has answered, so that the process is ready."""
    await application.open()
    status, _ = await application.health.readiness()
    # What is alive now lives as long as the process: the collector need not look at it again.
    gc.collect()
    gc.freeze()
    return status == 200
