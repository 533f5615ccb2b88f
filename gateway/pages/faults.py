"""What a person sees when something fails: one page per kind of fault, with its status.

The page says what happened and what to do. It never repeats what a request or a provider said: such text is written
by strangers (CVE-2023-52430), and it is of no use to the reader.
"""

from dataclasses import dataclass
from types import MappingProxyType

from gateway.errors import GatewayError, ProviderRefused, Refused


@dataclass(frozen=True, slots=True)
class FaultPage:
    """A status, the key of its sentences, and whether starting the login again could help."""

    status: int
    key: str
    again: bool = True


NOT_FOUND = FaultPage(404, "not_found", again=False)
METHOD_NOT_ALLOWED = FaultPage(405, "method_not_allowed", again=False)
TOO_LARGE = FaultPage(413, "too_large", again=False)
HEADERS_TOO_LARGE = FaultPage(431, "too_large", again=False)
NOT_A_NAVIGATION = FaultPage(400, "not_a_navigation", again=False)
# 202: the browser is signed out, and the rest is accepted (RFC 9110 section 15.3.3).
LOGOUT_DEFERRED = FaultPage(202, "logout_deferred", again=False)
LOGOUT_UNFINISHED = FaultPage(503, "logout_unfinished", again=False)
UNAUTHENTICATED = FaultPage(401, "unauthenticated")
CANCELLED = FaultPage(403, "cancelled")
REQUEST_REFUSED = FaultPage(403, "request_refused")

# By the `code` of the exception; where a class has no row, that of its nearest ancestor counts.
PAGES = MappingProxyType(
    {
        "attempt_unknown": FaultPage(400, "attempt_unknown"),
        "attempt_not_yours": FaultPage(400, "attempt_not_yours"),
        "login_loop": FaultPage(400, "login_loop", again=False),
        "not_allowed": FaultPage(403, "not_allowed"),
        "provider_refused": FaultPage(403, "provider_refused"),
        "provider_unavailable": FaultPage(503, "provider_unavailable"),
        "provider_misconfigured": FaultPage(502, "provider_misconfigured", again=False),
        # 400 and not 502: a parameter that a browser sends can cause it, and must not look like our outage.
        "provider_fault": FaultPage(400, "provider_fault"),
        "store_fault": FaultPage(503, "store_fault", again=False),
        "limited": FaultPage(429, "limited", again=False),
        "cross_site": FaultPage(403, "cross_site", again=False),
        "refused": FaultPage(400, "refused"),
        "gateway_error": FaultPage(500, "gateway_error"),
    }
)


# RFC 6749 section 4.1.2.1: what a provider objects to in our request, and in no person.
_OUR_REQUEST = frozenset(
    {"invalid_request", "unauthorized_client", "unsupported_response_type", "invalid_scope", "invalid_client"}
)


def page_of(error: GatewayError) -> FaultPage:
    """The page of an exception."""
    if isinstance(error, Refused) and error.reason == "not_a_navigation":
        return NOT_A_NAVIGATION
    if isinstance(error, ProviderRefused) and error.error == "access_denied":
        return CANCELLED
    if type(error) is ProviderRefused and error.error in _OUR_REQUEST:
        return REQUEST_REFUSED
    codes = [kind.code for kind in type(error).__mro__ if issubclass(kind, GatewayError)]
    return next(PAGES[code] for code in codes if code in PAGES)
