"""Errors of Microsoft Entra ID: numbers beside the words of OAuth, and what they mean.

Source: "Microsoft Entra authentication error codes". The numbers are in `error_codes` of an error object, and in the text
of a callback's `error_description`. The text itself names people and applications, and goes nowhere.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from gateway.providers.oauth import Meaning, explained
from gateway.providers.trace import traced

_NUMBER = re.compile(r"AADSTS(\d{4,7})\b")
_TRACE = re.compile(
    r"\b(Trace|Correlation) ID: ([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\b"
)
_MOST_NUMBERS = 5

# Entra answers these two from the token endpoint, where OAuth has no word for them: no refresh will succeed until the
# person has been there again.
_RELOGIN = frozenset({"interaction_required", "consent_required", "login_required"})
# A time-out, "temporarily unavailable", and too many requests in a row.
_PASSING = frozenset({90012, 90033, 50196})

_REASONS: Mapping[int, str] = MappingProxyType(
    {
        50011: "redirect_mismatch",
        50020: "not_a_member",
        50034: "not_a_member",
        50053: "account_disabled",
        50055: "interaction_required",  # the password has ended
        50057: "account_disabled",
        50072: "mfa_required",
        50074: "mfa_required",
        50076: "mfa_required",
        50078: "mfa_required",
        50079: "mfa_required",
        50089: "refresh_dead",
        50105: "not_a_member",
        50158: "mfa_required",
        50173: "refresh_dead",
        50196: "throttled",
        53000: "interaction_required",
        53001: "interaction_required",
        53002: "interaction_required",
        53003: "interaction_required",
        54005: "code_spent",
        65001: "consent_denied",  # nobody has agreed to it, the person or an administrator
        65004: "consent_denied",
        70043: "refresh_dead",
        90033: "provider_down",
        90072: "wrong_tenant",
        90094: "consent_denied",  # an administrator must agree first; a browser brings this one
        90095: "consent_denied",
        700016: "client_rejected",
        700081: "refresh_dead",
        700082: "refresh_dead",
        700084: "refresh_dead",
        7000215: "client_rejected",
        7000222: "client_rejected",
    }
)


def explained_by_entra(body: Mapping[str, Any]) -> Meaning:
    """An error object of the token endpoint."""
    plain, numbers = explained(body), _numbers(body.get("error_codes"))
    reason = _reason(numbers) or plain.reason
    trace = {**_listed(numbers), **traced(body, "trace_id", "correlation_id")}
    if _PASSING.intersection(numbers):
        return Meaning(plain.code, "passing", reason, trace)
    return Meaning(plain.code, "dead" if plain.code in _RELOGIN else plain.verdict, reason, trace)


def reason_of_callback(parameters: Mapping[str, str]) -> tuple[str, Mapping[str, str]]:
    """(reason, trace) of an error that a browser brought: numbers and ids alone come out of its text."""
    described = parameters.get("error_description", "")[:2000]
    numbers = [int(found) for found in _NUMBER.findall(described)[:_MOST_NUMBERS]]
    ids = {f"{kind.lower()}_id": found for kind, found in _TRACE.findall(described)}
    plain = explained(parameters).reason
    return _reason(numbers) or plain, {**_listed(numbers), **ids}


def _numbers(stated: Any) -> list[int]:
    entries = stated if isinstance(stated, list) else []
    return [one for one in entries if type(one) is int and 0 < one < 10_000_000][:_MOST_NUMBERS]


def _reason(numbers: list[int]) -> str:
    return next((_REASONS[number] for number in numbers if number in _REASONS), "")


def _listed(numbers: list[int]) -> dict[str, str]:
    return {"error_codes": ",".join([str(number) for number in numbers])} if numbers else {}
