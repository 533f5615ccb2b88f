"""What a person sees when something fails: one page per kind of fault, with its status.

The page says what happened and what to do. It never repeats what a request or a provider said: such text is written
by strangers (CVE-2023-52430), and it is of no use to the reader.
"""

from dataclasses import dataclass
from types import MappingProxyType

from gateway.errors import (
    GatewayError,
    NotAllowed,
    PasswordRefused,
    ProviderFault,
    ProviderMisconfigured,
    ProviderRefused,
    Refused,
)


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
FORM_EXPIRED = FaultPage(403, "form_expired")
REQUEST_REFUSED = FaultPage(403, "request_refused")

# By the `reason` of an exception, which says more than its class. What a browser can bring about by a parameter of a
# callback is 4xx, so that nobody makes it look like our outage.
REASONS = MappingProxyType(
    {
        "account_disabled": FaultPage(403, "account_disabled"),
        "account_expired": FaultPage(403, "account_expired"),
        # The same status, and on the form the same words, as a limit of ours: only an account that exists is locked.
        "account_locked": FaultPage(429, "account_locked"),
        "claim_missing": FaultPage(403, "claim_missing"),
        "client_rejected": FaultPage(403, "client_rejected", again=False),
        "code_spent": FaultPage(400, "code_spent"),
        "consent_denied": FaultPage(403, "consent_denied"),
        "interaction_required": FaultPage(403, "interaction_required"),
        "mfa_required": FaultPage(403, "mfa_required"),
        "name_malformed": FaultPage(401, "name_malformed"),
        "not_a_member": FaultPage(403, "not_a_member"),
        "not_here": FaultPage(403, "not_here"),
        "not_now": FaultPage(403, "not_now"),
        "password_change_needed": FaultPage(403, "password_change_needed"),
        "password_expired": FaultPage(403, "password_expired"),
        "redirect_mismatch": FaultPage(403, "redirect_mismatch", again=False),
        "refresh_dead": FaultPage(403, "refresh_dead"),
        "scope_missing": FaultPage(403, "scope_missing"),
        "unverified_email": FaultPage(403, "unverified_email"),
        "visitor": FaultPage(403, "visitor"),
        "wrong_password": FaultPage(401, "wrong_password"),
        "wrong_tenant": FaultPage(403, "wrong_tenant"),
        # Said by the provider itself, mostly to us alone; the person can do no more than wait, or not even that.
        "overage": FaultPage(503, "overage"),
        "permission_missing": FaultPage(502, "permission_missing", again=False),
        "provider_down": FaultPage(503, "provider_down"),
        "throttled": FaultPage(503, "throttled"),
    }
)

# By the `code` of the exception; where a class has no row, that of its nearest ancestor counts.
PAGES = MappingProxyType(
    {
        "attempt_unknown": FaultPage(400, "attempt_unknown"),
        "attempt_not_yours": FaultPage(400, "attempt_not_yours"),
        "login_loop": FaultPage(400, "login_loop", again=False),
        "not_allowed": FaultPage(403, "not_allowed"),
        "another_person": FaultPage(403, "another_person", again=False),
        "password_refused": REASONS["wrong_password"],
        "level_not_reached": FaultPage(403, "level_not_reached", again=False),
        "provider_refused": FaultPage(403, "provider_refused"),
        "provider_unavailable": REASONS["provider_down"],
        "provider_misconfigured": FaultPage(502, "client_rejected", again=False),
        # 400 and not 502: a parameter that a browser sends can cause it, and must not look like our outage.
        "provider_fault": FaultPage(400, "provider_fault"),
        "bad_credential": UNAUTHENTICATED,
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
    """The page of an exception: by its reason where it has one that is ours, else by its class."""
    if isinstance(error, Refused) and error.reason == "not_a_navigation":
        return NOT_A_NAVIGATION
    # Their own channel has told us, and no browser: it is the operator's fault, and shows as one.
    if isinstance(error, ProviderMisconfigured):
        return PAGES[error.code]
    if isinstance(error, (ProviderFault, NotAllowed, PasswordRefused)) and error.reason in REASONS:
        return REASONS[error.reason]
    if isinstance(error, ProviderRefused) and error.error == "access_denied":
        return REASONS["consent_denied"]
    if type(error) is ProviderRefused and error.error in _OUR_REQUEST:
        return REQUEST_REFUSED
    codes = [kind.code for kind in type(error).__mro__ if issubclass(kind, GatewayError)]
    return next(PAGES[code] for code in codes if code in PAGES)
