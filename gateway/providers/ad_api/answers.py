"""What an answer of the API means: a person and a token, a refusal with its reason, or weather.

Laws:

1. A refusal goes before a success, and a token makes no success of `success: false`.
2. An answer that is not understood is nobody's wrong password: no JSON, another type, a status that nobody mapped and
   every 5xx are faults of the provider. Else an outage would tell everybody that they had mistyped.
3. Nothing of a body reaches a message but ids with the form of one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from gateway.errors import (
    PasswordRefused,
    ProviderFault,
    ProviderLied,
    ProviderMisconfigured,
    ProviderUnavailable,
)
from gateway.providers.claims import Claims, find
from gateway.providers.oauth import DEFAULT_WAIT, retry_after
from gateway.providers.provider import Answer
from gateway.providers.trace import traced
from gateway.settings.api_answers import ApiToken, Refusals, Success, Values, When

LONGEST_TOKEN = 16_384
_TRACES = ("requestId", "request_id", "traceId", "trace_id", "correlationId")
# The classes of `errors:` that are about the account or the password, and the word of `gateway.reasons` for each.
_REASONS: Mapping[str, str] = MappingProxyType(
    {
        "disabled": "account_disabled",
        "locked": "account_locked",
        "expired": "password_expired",
        "must_change": "password_change_needed",
        "account_expired": "account_expired",
        "bad_request": "name_malformed",
        "invalid_credentials": "wrong_password",
    }
)


@dataclass(frozen=True, slots=True)
class Accepted:
    """A success: the whole body, and the token in it, "" where there is none."""

    body: Claims = field(repr=False)
    token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Answers:
    """Reads the answers of one provider."""

    provider: str
    success: Success
    token: ApiToken
    errors: Refusals

    def read(self, answer: Answer, now: int) -> Accepted:
        """Raises `PasswordRefused` for a refusal, and a `ProviderFault` for whatever says nothing of the password."""
        self._refuse(answer, now)
        if answer.status >= 500:
            raise self._unavailable(answer, f"status {answer.status}", now)
        if answer.json is None:
            raise self._unavailable(answer, f"status {answer.status} without a JSON object", now)
        if answer.status not in self.success.status:
            raise self._unavailable(answer, f"status {answer.status}, which errors: does not map", now)
        return self._accepted(answer.json)

    def _accepted(self, body: Claims) -> Accepted:
        found = find(body, self.success.path) if self.success.path else True
        token = next(filter(None, [_token(find(body, path)) for path in self.token.path]), "")
        if found is None:
            self._check_silence(token)
        elif self.success.path and not _is_one(found, self.success.equals):
            # Neither a success nor a refusal that somebody mapped: it may be text where a boolean was, or a new word.
            raise ProviderLied(self.provider, f"{self.success.path}: not what success: expects")
        return Accepted(body, token)

    def _check_silence(self, token: str) -> None:
        rule = self.success.if_absent
        if rule == "refuse" or (rule == "require_token" and not token):
            raise ProviderLied(self.provider, f"{self.success.path or 'token'}: absent")

    def _refuse(self, answer: Answer, now: int) -> None:
        for name in Refusals.model_fields:
            # A page with a 403 is of whatever stands in front of the API, which has not seen the password.
            if name in _REASONS and answer.json is None:
                continue
            if any(_holds(when, answer) for when in getattr(self.errors, name)):
                raise self._refusal(name, answer, now)

    def _refusal(self, name: str, answer: Answer, now: int) -> ProviderFault | PasswordRefused:
        trace = traced(answer.json or {}, *_TRACES)
        if name == "operator":
            mend = "compare url, headers and body with what the API demands of its callers"
            return ProviderMisconfigured(self.provider, f"status {answer.status}", mend, trace=trace)
        if name == "throttled":
            wait = retry_after(answer, now) or DEFAULT_WAIT
            return ProviderUnavailable(
                self.provider, "too many requests", retry_after=wait, reason="throttled", trace=trace
            )
        if name == "outage":
            return self._unavailable(answer, f"status {answer.status}, mapped as an outage", now)
        return PasswordRefused(
            self.provider, _REASONS[name], retry_after=retry_after(answer, now), trace=trace
        )

    def _unavailable(self, answer: Answer, detail: str, now: int) -> ProviderUnavailable:
        trace = traced(answer.json or {}, *_TRACES)
        # It has answered, and may have asked its directory before: that counts as a try there.
        return ProviderUnavailable(
            self.provider, detail, ambiguous=True, retry_after=retry_after(answer, now), trace=trace
        )


def _holds(when: When, answer: Answer) -> bool:
    if when.status:
        if answer.status not in when.status:
            return False
    elif answer.status == 429 or answer.status >= 500:
        return False
    if not when.path:
        return bool(when.status)
    found = find(answer.json or {}, when.path)
    return found is not None and (not when.equals or _is_one(found, when.equals))


def _is_one(found: Any, values: Values) -> bool:
    # In this language True equals 1. `success: 1` of an API that wrote true yesterday is a change to be looked at.
    return any(type(found) is type(one) and found == one for one in values)


def _token(value: Any) -> str:
    """A text that can stand in a header as it is, else ""."""
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_TOKEN:
        return ""
    return value if value.isascii() and value.isprintable() and " " not in value else ""
