"""Suspicion: a directory refuses a password that was kept for the next login, and nobody knows yet whose fault it is.

The person may have changed it; or the directory's API refuses us, and answers everybody as if they had mistyped. So a
refusal is first suspected, and written into the person's record:

    refused     for a minute no session of the person tries again, and all of them go on
    judged      by whichever session of theirs is opened after that minute, without asking the directory
                three people or more were refused about then: the operator's fault, an alarm, and nothing is destroyed
                else: every session of theirs that holds the old password ends, and the password with it

So a changed password costs one refusal in the directory, whatever the number of sessions: three of them for each session
would lock the account (`docs/reliability.md`).
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from gateway.identity.identity import Identity
from gateway.sessions.person import person_of, provider_name
from gateway.sessions.report import Report
from gateway.sessions.rights import Right, Rights, Suspicion
from gateway.sessions.session import Grant
from gateway.storage.store import Store

PAUSE = 60
"""Seconds between a refusal and its verdict; and how far apart refusals of several people may be to be one."""
LONGEST_PAUSE = 300
PEOPLE = 3
"""People refused at once whose passwords were hardly all changed in the same minute."""
TROUBLE = 450
"""Seconds: where one refusal was the operator's fault, so is every other of this span of time, the last and the next."""
MEMORY = 7 * 86_400.0
MOST = 1000
"""Refusals of one provider that are remembered."""

REFUSED, DISABLED = "password_refused", "disabled"


class Suspicions:
    """One for a process; what it knows is in the store.

    `end_before` ends the sessions of a person as the new rights say. `refusals` are needed before a verdict; `clock`
    gives Unix seconds.
    """

    def __init__(
        self,
        store: Store,
        rights: Rights,
        end_before: Callable[[str, Right, str], Awaitable[None]],
        refusals: int,
        report: Report,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._rights = rights
        self._end_before = end_before
        self._refusals = refusals
        self._report = report
        self._clock = clock

    async def signed_in(self, identity: Identity, grant: Grant) -> None:
        """Somebody has typed a password that is kept: sessions of older logins may hold another one."""
        if not grant.password:
            return
        at = identity.authenticated_at
        await self._rights.change(
            person_of(identity), lambda right: replace(right, newest=max(right.newest, at))
        )

    async def take_turn(self, identity: Identity, seconds: float) -> bool:
        """Be the one session of a person that asks the directory, for `seconds`; or hear that another one is.

        Else five sessions whose tokens end in one moment would be five wrong passwords before the first is heard of.
        """
        return await self._store.add(_turn_key(identity), b"1", seconds)

    async def give_turn_back(self, identity: Identity) -> None:
        await self._store.delete((_turn_key(identity),))

    async def holds_back(self, identity: Identity) -> bool:
        """Whether another session of the person was refused a moment ago, or that is still to be judged."""
        (right,) = await self._rights.of((person_of(identity),))
        mark = right.suspicion
        return mark is not None and (self._clock() < mark.until or mark.refusals >= self._refusals)

    async def refused(self, identity: Identity, grant: Grant) -> float:
        """Note a refusal; for how many seconds nobody tries again."""
        now, person = int(self._clock()), person_of(identity)
        # Among the others first: whoever judges this one has to see it there.
        await self._store.index_add(_refused_key(identity.issuer), f"{now}.{person}", MEMORY, MOST, now)
        right = await self._rights.change(person, lambda right: _suspected(right, grant, now))
        return right.suspicion.until - now if right.suspicion else 0.0

    async def accepted(self, identity: Identity) -> None:
        """A kept password was good. Where it is the one that was refused before, that is forgotten."""
        person = person_of(identity)
        (right,) = await self._rights.of((person,))
        if right.suspicion is not None:
            await self._rights.change(person, lambda found: _cleared(found, identity.authenticated_at))

    async def switched_off(self, identity: Identity) -> None:
        """The directory says that the account is disabled: every session of the person ends now."""
        until_now = int(self._clock()) + 1
        person = person_of(identity)
        right = await self._rights.change(
            person, lambda right: replace(right, since=until_now, why=DISABLED, suspicion=None)
        )
        await self._end_before(person, right, DISABLED)

    async def judged(self, identity: Identity, right: Right) -> Right:
        """The rights of a person, where a refusal has waited for its minute after the verdict on it."""
        mark, now = right.suspicion, int(self._clock())
        if mark is None or now < mark.until or mark.refusals < self._refusals:
            return right
        person = person_of(identity)
        if await self._is_operators(identity.issuer, mark, now):
            self._report.alarm(
                identity.provider,
                f"provider {identity.provider} refuses the passwords of several people at once: look at its state, "
                "and at its API key where it has one; nobody is signed out by this",
            )
            return await self._rights.change(person, lambda found: _excused(found, mark, now))
        over = await self._rights.change(person, lambda found: _convicted(found, mark))
        # Unchanged where another process has judged meanwhile, and found no fault of theirs.
        if over.since != right.since:
            await self._end_before(person, over, REFUSED)
        return over

    async def _is_operators(self, issuer: str, mark: Suspicion, now: int) -> bool:
        # By when it was refused, and not by now: somebody may come back hours after all of it was mended, and when more
        # were refused since than are remembered.
        trouble, span = f"refused-all:{{{provider_name(issuer)}}}", mark.at // TROUBLE
        if {str(span + step) for step in (-1, 0, 1)} & set(await self._store.index_list(trouble, now)):
            return True
        listed = await self._store.index_list(_refused_key(issuer), now)
        refusals = [(int(at), person) for at, _, person in (one.partition(".") for one in listed)]
        if len({person for at, person in refusals if abs(at - mark.at) <= PAUSE}) < PEOPLE:
            return False
        # Those who were refused a little later are judged by others' later minutes: for the same fault they must not
        # be signed out one by one.
        await self._store.index_add(trouble, str(span), MEMORY, int(MEMORY / TROUBLE), now)
        return True


def _suspected(right: Right, grant: Grant, now: int) -> Right:
    before = right.suspicion or Suspicion(now, now, refusals=0)
    mark = Suspicion(
        at=now,
        until=now + PAUSE,
        refusals=before.refusals + 1,
        proven=max(before.proven, grant.begun),
        excused=before.excused,
    )
    return replace(right, suspicion=mark)


def _cleared(right: Right, signed_in: int) -> Right:
    # A later login may be by another password, which says nothing about the one that was refused.
    refuted = right.suspicion is not None and signed_in <= right.suspicion.proven
    return replace(right, suspicion=None) if refuted else right


def _excused(right: Right, mark: Suspicion, now: int) -> Right:
    if right.suspicion != mark:  # judged by another process meanwhile
        return right
    # Each further try may be one more wrong password of somebody who did change it: they become rare.
    later = replace(mark, refusals=0, until=now + _pause(mark.excused), excused=mark.excused + 1)
    return replace(right, suspicion=later)


def _convicted(right: Right, mark: Suspicion) -> Right:
    if right.suspicion != mark:
        return right
    # Which sessions hold the refused password cannot be read off them: nobody keeps a fingerprint of it. What was
    # begun before it was last seen to be good does; what was begun later and before the newest login is not worth
    # another wrong password to find out.
    since = right.newest if right.newest > mark.proven else mark.proven + 1
    return replace(right, since=max(right.since, since), why=REFUSED, suspicion=None)


def _pause(excused: int) -> int:
    return min(PAUSE << min(excused, 10), LONGEST_PAUSE)


def _turn_key(identity: Identity) -> str:
    return f"relogin:{{{person_of(identity)}}}"


def _refused_key(issuer: str) -> str:
    return f"refused:{{{provider_name(issuer)}}}"
