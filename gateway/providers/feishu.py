"""Feishu and Lark: OAuth 2.0 with PKCE, in wrappings and with numbers of its own.

Source: open.feishu.cn, "Obtain an authorization code" (authen v1), "Obtain a user access token" (oauth v3), "Get user
information" (authen v1). The token endpoint follows RFC 6749 and adds a number; whatever else it answers is
`{code, msg, data}`, where a `code` other than 0 is an error even with a 200. A refresh token works once.

Everybody may have a tenant of their own: who is let in is said by the tenants of the section.
"""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Literal

from gateway.errors import NotAllowed, ProviderLied
from gateway.providers.claims import Claims, find, named_subject, text
from gateway.providers.discovery import standing_object
from gateway.providers.oauth import Meaning, Tokens, explained, read_tokens, refusal
from gateway.providers.oauth2 import OAuth2
from gateway.providers.provider import Answer, Flow
from gateway.providers.trace import traced
from gateway.settings.tenant_presets import FeishuProvider

# What the numbers of the token endpoint mean. The others are no more than refusals.
_NUMBERS: Mapping[int, tuple[Literal["refused", "dead", "passing", "ours"], str]] = MappingProxyType(
    {
        20002: ("ours", "client_rejected"),  # the secret
        20003: ("dead", "code_spent"),  # no such code
        20004: ("dead", "code_spent"),  # too old a code
        20008: ("refused", "account_disabled"),  # no such user any more
        20010: ("refused", "not_a_member"),  # may not use this application
        20026: ("dead", "refresh_dead"),  # no refresh token
        20037: ("dead", "refresh_dead"),  # too old a one
        20048: ("ours", "client_rejected"),  # no such application
        20050: ("passing", "provider_down"),
        20064: ("dead", "refresh_dead"),  # withdrawn
        20065: ("dead", "code_spent"),  # used before
        20066: ("refused", "account_disabled"),
        20069: ("ours", "client_rejected"),  # the application is switched off
        20071: ("refused", "redirect_mismatch"),
        20073: ("dead", "refresh_dead"),  # used before
        20074: ("refused", "permission_missing"),  # refreshing is switched off
        99991400: ("passing", "throttled"),
    }
)


def meaning_of(body: Mapping[str, Any]) -> Meaning:
    """An error of either kind: the number says more than the word, which may be missing."""
    worded = explained(body) if isinstance(body.get("error"), str) else None
    number = body.get("code")
    if isinstance(number, bool) or not isinstance(number, int):
        return worded or Meaning("unreadable_error")
    code = f"{worded.code} {number}" if worded else f"code {number}"
    if number in _NUMBERS:
        verdict, reason = _NUMBERS[number]
        return Meaning(code, verdict, reason)
    return replace(worded, code=code) if worded else Meaning(code)


class Feishu(OAuth2):
    """A section of type feishu, or of type lark."""

    def __init__(
        self,
        section: FeishuProvider,
        name: str,
        *,
        several: bool,
        keeps: frozenset[str] = frozenset(),
        callback: str = "",
    ) -> None:
        super().__init__(section, name, several=several, keeps=keeps, callback=callback)
        self._tenants = frozenset(section.tenants)
        self._tenant_claim = section.tenant_claim

    def _parameters(self, extra: Mapping[str, str]) -> Mapping[str, str]:  # noqa: ARG002 (it knows none of them)
        return {"prompt": self._section.prompt} if self._section.prompt else {}

    def _tokens(self, answer: Answer, now: int) -> Tokens:
        body = answer.json
        if body is not None and answer.status < 500 and answer.status != 429:
            self._refuse(body, answer)
            inside = body.get("data")
            if "access_token" not in body and isinstance(inside, Mapping):
                answer = replace(answer, json=inside)
        return read_tokens(self._name, answer, now, meaning_of)

    def _documents(self, tokens: Tokens) -> Flow[tuple[Claims, ...]]:
        answer = yield self._read(self._section.userinfo_endpoint, tokens)
        body = answer.json
        if body is not None and answer.status < 500 and answer.status != 429:
            self._refuse(body, answer)
        inside = standing_object(self._name, "user_info", answer).get("data")
        if not isinstance(inside, Mapping):
            raise ProviderLied(self._name, "user_info: data")
        return (inside,)

    def _refuse(self, body: Mapping[str, Any], answer: Answer) -> None:
        if "error" not in body and body.get("code", 0) == 0:
            return
        told = body.get("error")  # an object, but at the token endpoint
        log_id = told.get("log_id") if isinstance(told, Mapping) else answer.headers.get("x-tt-logid")
        trace = traced({"trace_id": log_id}, "trace_id")
        raise refusal(self._name, replace(meaning_of(body), trace=trace))

    def _person(self, claims: Claims, tokens: Tokens) -> tuple[str, str]:  # noqa: ARG002 (they say nothing of it)
        tenant = text(find(claims, self._tenant_claim))
        subject = named_subject(self._name, claims, self._section.claims.subject)
        # Absent is as wrong as foreign.
        if self._tenants and tenant not in self._tenants:
            key = ":".join([part for part in (self._name, tenant, subject) if part])
            raise NotAllowed(key, "is of no tenant of tenants:", "wrong_tenant")
        return tenant, subject
