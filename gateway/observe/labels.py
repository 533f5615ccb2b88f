"""The values that labels of metrics may have: a bounded set of each, and none names a person, a host or a path.

A value that is not among them counts as `other`.
"""

from collections.abc import Iterator

from gateway.errors import GatewayError
from gateway.storage.store import Store

OTHER = "other"

CONTRACTS = ("forward-auth", "auth-request", "ext-authz", "ngf")
OUTCOMES = ("allow", "challenge", "step_up", "forbid", "refused", "limited", "fault")
REFRESHES = (
    "ok",
    "transient",
    "unknown",
    "misconfigured",
    "refused",
    "suspected",
    "disabled",
    "conflict",
    "gone",
    "store_fault",
)
REVOCATIONS = ("ok", "late", "dropped")
ENDINGS = (
    "logout",
    "replaced",
    "idle",
    "absolute",
    "refresh_refused",
    "refresh_exhausted",
    "password_refused",
    "unreadable",
    "revoked",
    "disabled",
    "backchannel_logout",
    "frontchannel_logout",
    "operator",
    "crowded_out",
    "logout_all",
    "refresh_reuse",
    "code_reuse",
    "code_refused",
)
ALARMS = (
    "internal_error",
    "provider_lied",
    "provider_misconfigured",
    "provider_refresh",
    "provider_unavailable",
    "store_unavailable",
    "users_file",
)
# `wait` is no verb of its own: a write that no replica had in time.
VERBS = tuple(sorted({name for name in vars(Store) if not name.startswith("_")} | {"wait"}))

MAX_WORDS = 64
"""Values of a label whose words the code does not list."""


def error_codes(root: type[GatewayError] = GatewayError) -> Iterator[str]:
    """The code of every exception of the tree."""
    yield root.code
    for child in root.__subclasses__():
        yield from error_codes(child)
