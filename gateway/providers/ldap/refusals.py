"""What a directory means by a result code (RFC 4511 appendix A), and Active Directory by the words beside it.

    49 with data 52e or 525    name or password is wrong; which of them is never said
    49 with any other data     the password was right, and something else forbids (MS-ADTS 5.1.1.1.1, Win32 error codes)
    49 with data 775           nothing about the password: too many were wrong before
    8                          the directory wants TLS: our configuration, and no failed login

So all sentences but those of 52e, 525 and 775 are read by nobody who does not know the password. And where nobody has
typed anything, because a kept password was sent, they are the last word on the account: only the first of the three can
be somebody else's fault.
"""

import re
from dataclasses import dataclass
from types import MappingProxyType

from gateway.errors import (
    PasswordRefused,
    ProviderFault,
    ProviderMisconfigured,
    ProviderRefused,
    ProviderUnavailable,
)

SUCCESS = 0
OPERATIONS_ERROR = 1
SIZE_LIMIT_EXCEEDED = 4
STRONGER_AUTH_REQUIRED = 8
REFERRAL = 10
CONFIDENTIALITY_REQUIRED = 13
NO_SUCH_OBJECT = 32
INVALID_DN = 34
INVALID_CREDENTIALS = 49
INSUFFICIENT_ACCESS = 50

# 34: what was typed makes no DN; 48: an entry without a password; 53: an account that signs in by no password.
_NOES = frozenset({INVALID_CREDENTIALS, INVALID_DN, 48, 53})
_NOT_THERE = frozenset({REFERRAL, NO_SUCH_OBJECT, INVALID_DN})
_DATA = re.compile(r"\bdata ([0-9a-f]{3,4})\b")

LOCKED_WAIT = 60.0
"""Seconds after which a kept password is sent again to an account that was locked."""

REASONS = MappingProxyType(
    {
        "525": "wrong_password",
        "52e": "wrong_password",
        "530": "not_now",
        "531": "not_here",
        "532": "password_expired",
        "533": "account_disabled",
        "701": "account_expired",
        "773": "password_change_needed",
        "775": "account_locked",
    }
)
"""Sub-codes of result 49, and the words of `gateway.reasons`."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of an operation. `message` is the server's, for its sub-code alone: it goes nowhere else."""

    code: int
    message: str = ""

    @property
    def data(self) -> str:
        """The sub-code of Active Directory, "" for none."""
        match = _DATA.search(self.message)
        return match[1] if match else ""


def refused_login(provider: str, outcome: Outcome) -> PasswordRefused | ProviderFault:
    """Why a person's bind did not succeed, as what to raise."""
    code = outcome.code
    if code in _NOES:
        trace = {"result": str(code), **({"data": outcome.data} if outcome.data else {})}
        return PasswordRefused(provider, REASONS.get(outcome.data, "wrong_password"), trace=trace)
    return failed(provider, "a sign-in", outcome)


def refused_unasked(refused: PasswordRefused) -> PasswordRefused | ProviderFault:
    """What it means that a kept password was refused, which nobody has just typed."""
    provider, reason, trace = refused.provider, refused.reason, refused.trace
    if reason == "wrong_password":
        return refused
    if reason == "account_locked":
        # The password was not looked at. Anybody can lock an account from outside, and must not sign its person out.
        return ProviderUnavailable(
            provider, "the account is locked", retry_after=LOCKED_WAIT, reason=reason, trace=trace
        )
    return ProviderRefused(provider, reason, reason=reason, trace=trace, terminal=True)


def refused_service(provider: str, outcome: Outcome) -> ProviderFault:
    """Why the service account's bind did not succeed."""
    if outcome.code not in _NOES:
        return failed(provider, "the service account", outcome)
    word = REASONS.get(outcome.data, "wrong_password")
    mend = "compare bind_dn and bind_password with the directory"
    return ProviderMisconfigured(
        provider, f"service account: {word}", mend, trace={"result": str(outcome.code), "data": outcome.data}
    )


def failed(provider: str, what: str, outcome: Outcome) -> ProviderFault:
    """An operation that ended with something else than success: weather, or the operator's to mend."""
    code = outcome.code
    trace = {"result": str(code)}
    if code in {STRONGER_AUTH_REQUIRED, CONFIDENTIALITY_REQUIRED}:
        return ProviderMisconfigured(
            provider,
            f"{what}: result {code}",
            "it takes no password without TLS: write ldaps://, or starttls: true",
            trace=trace,
        )
    if code in {OPERATIONS_ERROR, INSUFFICIENT_ACCESS, *_NOT_THERE}:
        return ProviderMisconfigured(
            provider,
            f"{what}: result {code}",
            f"{'base is not there: ' if code in _NOT_THERE else ''}compare base and bind_dn with what the service account "
            "may read",
            trace=trace,
        )
    return ProviderUnavailable(provider, f"{what} ended with result {code}", trace=trace)
