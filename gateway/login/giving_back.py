"""Tokens of a session that somebody has ended, on their way back to the providers (RFC 7009).

Laws:

1. A logout neither waits for this nor fails by it: the session's record is gone before a token is given back.
2. Everything has a bound: how many wait, how many are in the air, how long each may take. What is over the bound is
   dropped, and said; a token that was not given back ends by its own time.
3. Each provider has a line of its own, so that one that hangs keeps no other's tokens.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from gateway.errors import GatewayError
from gateway.login.way import Run
from gateway.observe.events import Emit, GrantRevoked
from gateway.providers.provider import Revokes
from gateway.sessions.session import Grant

MOST = 500
"""Grants of one provider that wait."""
AT_ONCE = 4
"""Requests to one provider in the air."""
DEADLINE = 10.0
"""Seconds for one of them, whatever the provider's `timeout` and the wait for its turn come to."""

Tell: TypeAlias = Callable[[str, str], None]
"""Outcome and detail of one grant."""


class Line:
    """What waits for one provider, and the tasks that see to it."""

    def __init__(self, provider: Revokes, run: Run, tell: Tell, deadline: float) -> None:
        self._provider = provider
        self._run = run
        self._tell = tell
        self._deadline = deadline
        self._waiting: deque[Grant] = deque()
        self._tasks: set[asyncio.Task[None]] = set()

    def add(self, grant: Grant) -> None:
        """See to a grant, beside everything else."""
        if len(self._waiting) >= MOST:
            self._tell("dropped", "too many are waiting")
            return
        self._waiting.append(grant)
        if len(self._tasks) < AT_ONCE:
            task = asyncio.get_running_loop().create_task(self._work())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def close(self, patience: float) -> None:
        """Go on for at most `patience` seconds; say what is dropped then."""
        tasks = set(self._tasks)
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=patience)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)
        for _ in range(len(self._waiting)):
            self._waiting.popleft()
            self._tell("dropped", "the process ends")

    async def _work(self) -> None:
        while self._waiting:
            await self._revoke(self._waiting.popleft())

    async def _revoke(self, grant: Grant) -> None:
        outcome, detail = "dropped", "the process ends"  # what a cancellation leaves it at
        try:
            async with asyncio.timeout(self._deadline):
                await self._run(self._provider.revoke(grant), provider=self._provider.name)
            outcome, detail = "ok", ""
        except TimeoutError:
            outcome, detail = "late", ""
        except GatewayError as error:
            outcome, detail = error.code, str(error)
        except Exception as error:  # noqa: BLE001 - a bug of ours must not take the others in the line along
            outcome, detail = GatewayError.code, type(error).__name__
        finally:
            self._tell(outcome, detail)


class GivingBack:
    """Gives grants back. `providers` are those that take them; for any other there is nothing to do."""

    def __init__(
        self, providers: Mapping[str, Revokes], run: Run, emit: Emit, deadline: float = DEADLINE
    ) -> None:
        def tell(name: str) -> Tell:
            return lambda outcome, detail: emit(GrantRevoked(name, outcome, detail))

        self._lines = {name: Line(one, run, tell(name), deadline) for name, one in providers.items()}

    def give_back(self, grants: Iterable[Grant]) -> None:
        """Give these back some time; returns at once, and raises nothing."""
        for grant in grants:
            line = self._lines.get(grant.provider)
            if line is not None and (grant.refresh_token or grant.access_token):
                line.add(grant)

    async def close(self, patience: float) -> None:
        """Finish what is in the air, for at most `patience` seconds, and drop the rest."""
        await asyncio.gather(*[line.close(patience) for line in self._lines.values()])
