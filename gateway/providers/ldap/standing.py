"""Whether an account of Active Directory still stands, by attributes that a service account may read.

Trying the old password again would say nothing: a directory takes it for another hour after a change (MS-KB 906305), and
each try that is wrong counts towards a lock. What is read here costs nobody anything.
"""

from gateway.providers.ldap.entry import Entry

CONTROL = "userAccountControl"
COMPUTED = "msDS-User-Account-Control-Computed"
EXPIRES = "accountExpires"
CHANGED = "pwdLastSet"
OF_A_PERSON = (CONTROL, COMPUTED, EXPIRES, CHANGED)
OPENLDAP_CHANGED = "pwdChangedTime"

LOCKED_SINCE = "lockoutTime"
LOCK_LASTS = "lockoutDuration"

# MS-ADTS 2.2.16 and MS-SAMR 2.2.1.12.
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
    control, computed = entry.number(CONTROL), entry.number(COMPUTED)
    expires = entry.number(EXPIRES)
    if control is not None and control & _DISABLED:
        return "account_disabled"
    if expires is not None and expires not in _NEVER and unix_time(expires) <= now:
        return "account_expired"
    if computed is not None and computed & _PASSWORD_EXPIRED:
        # Zero is what an administrator writes who wants a new password before anything else.
        return "password_change_needed" if entry.number(CHANGED) == 0 else "password_expired"
    return "password_changed" if stamp(entry, active=True) != stamped else ""


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
