"""Whether an account of Active Directory still stands, by attributes that a service account may read.

Trying the old password again would say nothing: a directory takes it for another hour after a change (MS-KB 906305), and
each try that is wrong counts towards a lock. What is read here costs nobody anything.
"""

from gateway.providers.ldap.entry import Entry

CONTROL = "userAccountControl"
COMPUTED = "msDS-User-Account-Control-Computed"
EXPIRES = "accountExpires"
CHANGED = "pwdLastSet"
OUTLIVED = "msDS-UserPasswordExpiryTimeComputed"
OF_A_PERSON = (CONTROL, COMPUTED, EXPIRES, CHANGED, OUTLIVED)
OPENLDAP_CHANGED = "pwdChangedTime"

LOCKED_SINCE = "lockoutTime"
LOCK_LASTS = "lockoutDuration"

# MS-ADTS 2.2.16, and of the computed one 3.1.1.4.5.17.
_DISABLED = 0x2
_PASSWORD_EXPIRED = 0x800000
_NEVER = frozenset({0, 2**63 - 1})
_TICKS = 10_000_000
_EPOCH = 11_644_473_600
"""Seconds between 1601, where FILETIME begins, and 1970."""


def stamp(entry: Entry, *, active: bool) -> str:
    """What changes with the password, and with nothing else; "" where the directory does not say."""
    texts = entry.texts(CHANGED if active else OPENLDAP_CHANGED)
    return texts[0] if texts else ""


def fallen(entry: Entry, stamped: str, now: int) -> str:
    """Why an account does not stand any more, as a word of `gateway.reasons`; "" where it does.

    A lock is no reason: whoever types wrong passwords for somebody makes one, and would sign them out with it.
    """
    if (entry.number(CONTROL) or 0) & _DISABLED:
        return "account_disabled"
    if _is_past(entry, EXPIRES, now):
        return "account_expired"
    if (
        entry.number(CHANGED) == 0
    ):  # what an administrator writes who wants a new password before anything else
        return "password_change_needed"
    # Both say the same; a domain may compute one of them alone.
    if (entry.number(COMPUTED) or 0) & _PASSWORD_EXPIRED or _is_past(entry, OUTLIVED, now):
        return "password_expired"
    return "password_changed" if stamp(entry, active=True) != stamped else ""


def _is_past(entry: Entry, attribute: str, now: int) -> bool:
    ticks = entry.number(attribute)
    return ticks is not None and ticks not in _NEVER and unix_time(ticks) <= now


def is_readable(entry: Entry) -> bool:
    """Whether the service account sees what `fallen` judges by."""
    return entry.number(CONTROL) is not None and entry.number(CHANGED) is not None


def locked_for(entry: Entry, domain: Entry | None, now: int) -> float | None:
    """Seconds until a locked account is tried again, `None` where nobody knows."""
    since, lasts = entry.number(LOCKED_SINCE), domain.number(LOCK_LASTS) if domain else None
    if not since or not lasts or lasts == -(2**63):  # which means: until an administrator unlocks it
        return None
    return max(unix_time(since) - lasts / _TICKS - now, 0.0)


def unix_time(ticks: int) -> int:
    """A FILETIME (hundreds of nanoseconds since 1601) in Unix seconds."""
    return ticks // _TICKS - _EPOCH
