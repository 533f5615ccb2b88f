"""Logins that cannot go on, and what a person should do."""

from collections.abc import Mapping

from gateway.errors.root import GatewayError
from gateway.reasons import NO_TRACE


class LoginFault(GatewayError):
    code = "login_fault"
    public = "The sign-in could not be completed."


class AttemptUnknown(LoginFault):
    code = "attempt_unknown"
    public = "This sign-in has expired or was already used. Please start again."


class AttemptNotYours(LoginFault):
    code = "attempt_not_yours"
    public = "This sign-in was started in another browser. Please start again in this one."


class LoginLoop(LoginFault):
    code = "login_loop"
    public = "You are signed in, but your browser keeps arriving without its session cookie."


class AnotherPerson(LoginFault):
    code = "another_person"
    public = "You signed in as somebody else than before. Nothing has changed."


class NotAllowed(LoginFault):
    """`subject` is who was turned away, as in `Identity.key`; `why` goes on from there."""

    code = "not_allowed"
    public = "Your account is not on the list of those who may sign in here."

    def __init__(self, subject: str, why: str, reason: str = "") -> None:
        super().__init__(f"{subject} {why}")
        self.subject = subject
        self.reason = reason


class PasswordRefused(LoginFault):
    """A provider said no to a name and a password. `reason` is a word of `gateway.reasons`; `trace` is for the log.

    `retry_after`: seconds after which the account may be tried again, where the provider says so.
    """

    code = "password_refused"
    public = "The name and the password do not belong together."

    def __init__(
        self,
        provider: str,
        reason: str = "wrong_password",
        *,
        retry_after: float | None = None,
        trace: Mapping[str, str] = NO_TRACE,
    ) -> None:
        super().__init__(f"provider {provider} refused a password: {reason}")
        self.provider = provider
        self.reason = reason
        self.retry_after = retry_after
        self.trace = trace


class LevelNotReached(LoginFault):
    code = "level_not_reached"
    public = "The identity provider did not confirm the sign-in at the level that is needed here."
