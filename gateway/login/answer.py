"""What a provider's callback said, read once from its query."""

from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import parse_qsl

from gateway.errors import Malformed, ProviderRefused, ProviderUnavailable

MAX_PARAMETERS = 50

# RFC 6749 section 4.1.2.1 and OpenID Connect Core section 3.1.2.6.
_TRANSIENT = frozenset({"server_error", "temporarily_unavailable"})
_FINAL = frozenset(
    {
        "invalid_request",
        "unauthorized_client",
        "unsupported_response_type",
        "invalid_scope",
        "invalid_client",
        "access_denied",
        "login_required",
        "interaction_required",
        "consent_required",
        "account_selection_required",
    }
)


def parameters(query: bytes) -> Mapping[str, str]:
    """The parameters of a query, each at most once (RFC 6749 section 3.1); else `Malformed`.

    With two values of one name, the gateway and whatever stands before it could each believe another.
    """
    try:
        pairs = parse_qsl(
            query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MAX_PARAMETERS
        )
    except ValueError as error:
        raise Malformed("bad_query") from error
    found: dict[str, str] = {}
    for name, value in pairs:
        if name in found:
            raise Malformed("parameter_repeated")
        found[name] = value
    return MappingProxyType(found)


def check_error(provider: str, answer: Mapping[str, str]) -> None:
    """Raise what the provider's `error` parameter means.

    Anybody with an open attempt can write the link: the text is never repeated, the log knows the code where it is one
    of the specification, and none of them is an alarm. What the provider says to us alone can be (`providers.oauth`).
    """
    if "error" not in answer:
        return
    error = answer["error"]
    if error in _TRANSIENT:
        raise ProviderUnavailable(provider, f"callback with {error}")
    raise ProviderRefused(provider, error if error in _FINAL else "an unknown error")


def the_code(answer: Mapping[str, str]) -> str:
    """The authorization code; `Malformed` where there is none."""
    code = answer.get("code", "")
    if not code:
        raise Malformed("code_missing")
    return code
