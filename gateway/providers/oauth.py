"""OAuth 2.0 as a client: what an authorization request is made of, and what a token answer may say.

Sources: RFC 6749 (the framework), RFC 7636 (PKCE, S256 only), RFC 9110 section 10.2.3 (`Retry-After`).
Nothing here sends anything: an answer is judged by its status and its body.
"""

import base64
import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from typing import Any, Literal, TypeAlias
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from gateway.errors import (
    ProviderLied,
    ProviderMisconfigured,
    ProviderRefused,
    ProviderUnavailable,
)
from gateway.providers.provider import Answer

YEAR = 365 * 86_400
LONGEST_WAIT = 600.0
DEFAULT_WAIT = 5.0

# RFC 6749 section 5.2 gives the characters of an error code; anything else is not one and does not reach a log.
_ERROR_CODE = re.compile(r"[\x20-\x21\x23-\x5b\x5d-\x7e]{1,100}")
# RFC 6749 appendix A.12: a token that is not made of these cannot stand in a header or a form as it is.
_TOKEN = re.compile(r"[\x20-\x7e]+")
_DIGITS = re.compile(r"(\d+)(?:\.\d+)?")

# What only the operator can mend: the provider rejects the client, not the person.
OURS = frozenset({"invalid_client", "unauthorized_client"})
# RFC 6749 section 4.1.2.1 defines these two for moments of weakness; some providers send them from the token
# endpoint too, with a 400.
PASSING = frozenset({"server_error", "temporarily_unavailable"})

# What the error codes of the specifications mean for the person (RFC 6749 sections 4.1.2.1 and 5.2, OpenID Connect
# Core section 3.1.2.6), in words of `gateway.reasons`.
_REASONS: Mapping[str, str] = MappingProxyType(
    {
        "access_denied": "consent_denied",
        "consent_required": "interaction_required",
        "interaction_required": "interaction_required",
        "invalid_grant": "code_spent",
        "invalid_scope": "scope_missing",
        "login_required": "interaction_required",
        "redirect_uri_mismatch": "redirect_mismatch",
    }
)


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an error object of a provider means.

    `code` is safe for a log; `verdict`: refused | dead (the grant itself) | passing | ours (it rejects the client).
    `reason` is a word of `gateway.reasons`, "" for none; `trace` holds the ids by which the provider finds the case.
    """

    code: str
    verdict: Literal["refused", "dead", "passing", "ours"] = "refused"
    reason: str = ""
    trace: Mapping[str, str] = field(default_factory=dict)


Explain: TypeAlias = Callable[[Mapping[str, Any]], Meaning]
"""Reads an error object. A vendor with words of its own brings another one than `explained`."""


def explained(body: Mapping[str, Any]) -> Meaning:
    """An error object in the words of the specifications."""
    error = body.get("error")
    code = error if isinstance(error, str) and _ERROR_CODE.fullmatch(error) else "unreadable_error"
    if code in PASSING:
        return Meaning(code, "passing", "provider_down")
    if code in OURS:
        return Meaning(code, "ours", "client_rejected")
    return Meaning(code, "dead" if code == "invalid_grant" else "refused", _REASONS.get(code, ""))


def refusal(provider: str, meaning: Meaning) -> ProviderRefused | ProviderUnavailable:
    """The exception of an error object."""
    if meaning.verdict == "passing":
        # Whoever asks too often is not asked again at once.
        wait = DEFAULT_WAIT if meaning.reason == "throttled" else None
        return ProviderUnavailable(
            provider, meaning.code, retry_after=wait, reason=meaning.reason, trace=meaning.trace
        )
    if meaning.verdict == "ours":
        return ProviderMisconfigured(provider, meaning.code, trace=meaning.trace)
    return ProviderRefused(
        provider,
        meaning.code,
        reason=meaning.reason,
        trace=meaning.trace,
        terminal=meaning.verdict == "dead",
    )


def s256(verifier: str) -> str:
    """The code challenge of a verifier (RFC 7636 section 4.2)."""
    digest = hashlib.sha256(verifier.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


def with_query(endpoint: str, parameters: Mapping[str, str]) -> str:
    """An endpoint with these parameters in its query.

    An endpoint may carry a query of its own, which stays (RFC 6749 section 3.1). A parameter that we send is sent
    once: whatever the endpoint's query says under the same name gives way.
    """
    scheme, host, path, query, _ = urlsplit(endpoint)
    own = [pair for pair in parse_qsl(query, keep_blank_values=True) if pair[0] not in parameters]
    return urlunsplit((scheme, host, path, urlencode([*own, *parameters.items()]), ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """A token answer, read. `expires` is in Unix seconds, 0 where the provider did not say."""

    access_token: str = field(repr=False)
    refresh_token: str = field(default="", repr=False)
    id_token: str = field(default="", repr=False)
    expires: int = 0
    scope: str = ""


def read_tokens(provider: str, answer: Answer, now: int, explain: Explain = explained) -> Tokens:
    """The tokens of an answer (RFC 6749 section 5.1).

    Raises `ProviderMisconfigured`, `ProviderRefused`, `ProviderUnavailable` or `ProviderLied`; none of them
    repeats anything of the body but an error code.
    """
    refuse_errors(provider, answer, now, explain)
    body = json_object(provider, answer)
    kind = body.get("token_type")
    # A token of another type (DPoP, mac) is not usable as a bearer token, and would be sent as one.
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise ProviderLied(provider, "token_type")
    access = token_of(body, "access_token")
    if not access:
        raise ProviderLied(provider, "access_token")
    life = lifetime(body.get("expires_in"))
    return Tokens(
        access_token=access,
        refresh_token=token_of(body, "refresh_token"),
        id_token=token_of(body, "id_token"),
        expires=now + life if life else 0,
        scope=token_of(body, "scope"),
    )


def missing_scopes(tokens: Tokens, required: Iterable[str]) -> tuple[str, ...]:
    """What was not granted of what is needed. A provider that does not say granted all (RFC 6749 section 5.1).

    Some list them with commas.
    """
    granted = frozenset(tokens.scope.replace(",", " ").split())
    return tuple([scope for scope in required if scope not in granted]) if granted else ()


def check_scopes(provider: str, tokens: Tokens, required: Iterable[str]) -> None:
    """Raise `ProviderRefused` where the person, or the provider, granted less than is needed."""
    missing = missing_scopes(tokens, required)
    if missing:
        raise ProviderRefused(provider, f"not granted: {' '.join(missing)}", reason="scope_missing")


def lifetime(value: Any) -> int:
    """`expires_in` in seconds, at most a year; 0 where it is missing or means nothing.

    Seen in the wild: a string (AD FS, old Azure AD), a fraction, nothing at all, and numbers past the year 10000.
    """
    if isinstance(value, str):
        match = _DIGITS.fullmatch(value)
        # Ten digits are past any limit, and `int` on thousands of digits is slow or refused.
        value = int(match[1][:10]) if match else 0
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return 0
    return int(min(max(value, 0), YEAR))


def retry_after(answer: Answer, now: int) -> float | None:
    """Seconds to wait, from a `Retry-After` in either of its two forms; at most ten minutes."""
    value = answer.headers.get("retry-after", "").strip()
    match = _DIGITS.fullmatch(value)
    if match:
        return min(float(match[1][:10]), LONGEST_WAIT)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max(moment.timestamp() - now, 0.0), LONGEST_WAIT)


def refuse_errors(provider: str, answer: Answer, now: int, explain: Explain = explained) -> None:
    """Raise what an answer that is no success means. The order matters: a 5xx is never read as a refusal."""
    wait = retry_after(answer, now)
    if answer.status == 429:
        raise ProviderUnavailable(
            provider, "too many requests (429)", retry_after=wait or DEFAULT_WAIT, reason="throttled"
        )
    if answer.status >= 500:
        raise ProviderUnavailable(provider, f"status {answer.status}", ambiguous=True, retry_after=wait)
    # Some providers send an error object with a 200: the member decides, not the status.
    if answer.json is not None and "error" in answer.json:
        raise refusal(provider, explain(answer.json))
    if answer.status == 401:  # RFC 6749 section 5.2: the status of a failed client authentication
        raise ProviderMisconfigured(provider, "invalid_client")
    if answer.status != 200:
        # An answer, though one that says nothing: it is not asked for again at once, as a lost one is.
        detail = f"status {answer.status} without an error object"
        raise ProviderUnavailable(provider, detail, retry_after=wait or DEFAULT_WAIT)


def json_object(provider: str, answer: Answer) -> Mapping[str, Any]:
    """The object of a token answer; `ProviderUnavailable` for anything else."""
    if answer.json is None:
        # A captive portal, a maintenance page, a proxy's error page. The provider may well have spent the code
        # or rotated the refresh token behind it.
        kind = answer.headers.get("content-type", "nothing")[:60]
        raise ProviderUnavailable(provider, f"not a JSON object but {kind!r}", ambiguous=True)
    return answer.json


def token_of(body: Mapping[str, Any], name: str) -> str:
    """A member that can stand in a header or a form as it is; "" for anything else."""
    value = body.get(name)
    return value if isinstance(value, str) and _TOKEN.fullmatch(value) else ""
