"""What a provider's callback said, read once from its query."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from urllib.parse import parse_qsl

from gateway.errors import Malformed, ProviderRefused, ProviderUnavailable
from gateway.providers.provider import ExplainsErrors, Provider
from gateway.reasons import NO_TRACE, REASONS

MAX_PARAMETERS = 50

# RFC 6749 section 4.1.2.1, OpenID Connect Core section 3.1.2.6, and the error code for a level that was not met of its
# own specification. Each with the word of ours for what happened to the person; "" where our request is at fault.
_TRANSIENT = frozenset({"server_error", "temporarily_unavailable"})
_FINAL: Mapping[str, str] = MappingProxyType(
    {
        "invalid_request": "",
        "unauthorized_client": "",
        "unsupported_response_type": "",
        "invalid_scope": "",
        "invalid_client": "",
        "access_denied": "consent_denied",
        "login_required": "interaction_required",
        "interaction_required": "interaction_required",
        "consent_required": "interaction_required",
        "account_selection_required": "interaction_required",
        "unmet_authentication_requirements": "mfa_required",
    }
)
UNMET = "unmet_authentication_requirements"


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


def check_error(provider: Provider, answer: Mapping[str, str]) -> None:
    """Raise what the provider's `error` parameter means.

    Anybody with an open attempt can write the link: the text is never repeated, the log knows the code where it is one
    of the specification, and none of them is an alarm. What the provider says to us alone can be (`providers.oauth`).
    """
    if "error" not in answer:
        return
    error = answer["error"]
    reason, trace = provider.explain_error(answer) if isinstance(provider, ExplainsErrors) else ("", NO_TRACE)
    reason = reason if reason in REASONS else _FINAL.get(error, "")
    if error in _TRANSIENT:
        raise ProviderUnavailable(
            provider.name, f"callback with {error}", reason=reason or "provider_down", trace=trace
        )
    said = error if error in _FINAL else "an unknown error"
    raise ProviderRefused(provider.name, said, reason=reason, trace=trace)


def the_code(answer: Mapping[str, str], names: Sequence[str] = ("code",)) -> str:
    """The authorization code, under one of the names that the provider has for it.

    `Malformed` where there is none, and where two of the names carry two codes: one of them is somebody else's.
    """
    codes = {answer[name] for name in names if answer.get(name)}
    if len(codes) > 1:
        raise Malformed("code_ambiguous")
    if not codes:
        raise Malformed("code_missing")
    return codes.pop()
