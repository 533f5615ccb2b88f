"""DingTalk: OAuth 2.0 in its own words.

Source: open.dingtalk.com, "Obtain identity credentials", oauth2_1.0 GetUserToken, contact_1.0 GetUser. The deviations
from RFC 6749, all of them: `prompt=consent` is a must and a blank in `scope` is `%20`; the code comes back as
`authCode`; the token endpoint takes JSON with camelCase names, knows neither redirect_uri nor PKCE, and answers with
`expireIn` and without `token_type`; an error is a dotted word in `code`; the access token has a header of its own.

So nothing of the protocol binds the code to this browser. What does is `state`, and a callback of this provider alone.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from gateway.errors import NotAllowed, ProviderLied, ProviderRefused
from gateway.identity.identity import Identity
from gateway.providers.claims import Claims, named_subject, text
from gateway.providers.discovery import standing_object
from gateway.providers.oauth import (
    Meaning,
    Tokens,
    json_object,
    lifetime,
    refusal,
    refuse_errors,
    token_of,
)
from gateway.providers.oauth2 import OAuth2
from gateway.providers.provider import Answer, Ask, Departure, Flow
from gateway.providers.trace import traced
from gateway.settings.tenant_presets import DingTalkProvider

_NAMES: Mapping[str, str] = MappingProxyType(
    {"grant_type": "grantType", "code": "code", "refresh_token": "refreshToken"}
)

# The error codes that are known, in lower case: they come in more than one spelling. `authCode.notFound` is said of a
# refresh token as well; the vendor's own command line takes it for the end of the grant.
_DEAD: Mapping[str, str] = MappingProxyType(
    {
        "invalidparameter.authcode.notfound": "code_spent",
        "invalid_grant": "code_spent",
        "invalid_refresh_token": "refresh_dead",
        "refresh_token_expired": "refresh_dead",
        "refresh_token_revoked": "refresh_dead",
    }
)
_OURS = frozenset({"invalidclientid", "invalidclientsecret", "invalidclient", "invalid_client"})
_DENIED = ("forbidden.accessdenied", "accesstokenpermissiondenied")
_THROTTLED = ("forbidden.accessdenied.qpslimit", "throttling")
# A word of theirs has this form, or is one of these. What has not may be anything, a part of our request included.
_CODE = re.compile(
    r"[A-Za-z]{1,40}(?:\.[A-Za-z]{1,40}){1,5}|Missing(?:Body|clientId|clientSecret|code|grantType|refreshToken)"
    r"|InvalidAuthentication|InvalidParameter|ServiceUnavailable|SystemError"
)
# The older endpoints' numbers: a code that is used up, and the limits of a minute and of an hour.
_NUMBERS: Mapping[str, Meaning] = MappingProxyType(
    {
        "40078": Meaning("errcode 40078", "dead", "code_spent"),
        "90002": Meaning("errcode 90002", "passing", "throttled"),
        "90018": Meaning("errcode 90018", "passing", "throttled"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpTokens(Tokens):
    """Tokens, and the corp that the person chose; "" where DingTalk does not say."""

    corp: str = ""


def meaning_of(body: Mapping[str, Any]) -> Meaning:
    """An error object of DingTalk: `{code, message, requestid}`, or `{errcode, errmsg}` of the older endpoints."""
    trace = traced(body, "requestid")
    number = str(body.get("errcode", ""))
    if number.isdecimal():
        return replace(_NUMBERS.get(number[:10], Meaning(f"errcode {number[:10]}")), trace=trace)
    stated = body.get("code")
    word = stated if isinstance(stated, str) else ""
    low = word.lower()
    if low in _DEAD:
        return Meaning(word, "dead", _DEAD[low], trace)
    if low in _OURS:
        return Meaning(word, "ours", "client_rejected", trace)
    code = word if _CODE.fullmatch(word) else "unreadable_error"
    if low.startswith(_THROTTLED):
        return Meaning(code, "passing", "throttled", trace)
    return Meaning(code, "refused", "permission_missing" if low.startswith(_DENIED) else "", trace)


class DingTalk(OAuth2):
    """A section of type dingtalk."""

    code_names = ("authCode", "code")

    def __init__(
        self,
        section: DingTalkProvider,
        name: str,
        *,
        several: bool,
        keeps: frozenset[str] = frozenset(),
        callback: str = "",
    ) -> None:
        super().__init__(section, name, several=several, keeps=keeps, callback=callback)
        self._corps = frozenset(section.corps)

    def depart(
        self, redirect_uri: str, state: str, nonce: str, verifier: str, extra: Mapping[str, str]
    ) -> Flow[Departure]:
        """The authorization request, in the one spelling of a blank that is understood."""
        departure = yield from super().depart(redirect_uri, state, nonce, verifier, extra)
        # A plus of ours has become %2B by now: every one that is left means a blank.
        return replace(departure, url=departure.url.replace("+", "%20"))

    def _parameters(self, extra: Mapping[str, str]) -> Mapping[str, str]:  # noqa: ARG002 (it knows none of them)
        return {"prompt": self._section.prompt or "consent"}

    def _token_ask(self, form: Mapping[str, str]) -> Ask:
        named = {_NAMES[name]: value for name, value in form.items() if name in _NAMES}
        body = {"clientId": self._client.id, "clientSecret": self._client.secret, **named}
        return Ask(self._section.token_endpoint, json=body, headers={"accept": "application/json"})

    def _tokens(self, answer: Answer, now: int) -> Tokens:
        body = answer.json
        if body is not None and "accessToken" not in body and _says_error(body, answer):
            raise refusal(self._name, meaning_of(body))
        refuse_errors(self._name, answer, now)
        body = json_object(self._name, answer)
        access = token_of(body, "accessToken")
        if not access:
            raise ProviderLied(self._name, "accessToken")
        life = lifetime(body.get("expireIn"))
        return CorpTokens(
            access_token=access,
            refresh_token=token_of(body, "refreshToken"),
            expires=now + life if life else 0,
            corp=text(body.get("corpId")),
        )

    def _kept(self, tokens: Tokens, identity: Identity) -> Tokens:
        # Whether a refresh says the corp again is written nowhere. What was proven at login stands until it does.
        if isinstance(tokens, CorpTokens) and not tokens.corp:
            return replace(tokens, corp=identity.tenant)
        return tokens

    def _documents(self, tokens: Tokens) -> Flow[tuple[Claims, ...]]:
        header = {"x-acs-dingtalk-access-token": tokens.access_token}
        answer = yield Ask(self._section.userinfo_endpoint, headers=header, retry=True)
        self._refuse_profile(answer)
        profile = standing_object(self._name, "contact/users/me", answer)
        return ({**profile, "corpId": _corp(tokens), "subject": self._subject(profile)},)

    def _refuse_profile(self, answer: Answer) -> None:
        body = answer.json
        if body is None or not _says_error(body, answer):
            return
        meaning = meaning_of(body)
        if meaning.reason != "permission_missing":
            raise refusal(self._name, meaning)
        mend = "give the application the permission Contact.User.Read, and publish it"
        remedy = f"{mend} (providers.{self._name})"
        raise ProviderRefused(
            self._name, meaning.code, remedy, reason="permission_missing", trace=meaning.trace
        )

    def _person(self, claims: Claims, tokens: Tokens) -> tuple[str, str]:
        corp, subject = _corp(tokens), self._subject(claims)
        key = ":".join([part for part in (self._name, corp, subject) if part])
        # Any DingTalk account passes the login page. An absent corp is as wrong as a foreign one.
        if self._corps and corp not in self._corps:
            raise NotAllowed(key, "is of no corp of corps:", "wrong_tenant")
        if claims.get("visitor") not in (None, False):
            raise NotAllowed(key, "is a visitor of the corp", "visitor")
        return corp, subject

    def _subject(self, claims: Claims) -> str:
        path = self._section.claims.subject
        if path != "unionId" or text(claims.get("unionId")):
            return named_subject(self._name, claims, path)
        # An openId is one application's: with the application's name it can be nobody else's.
        return f"{self._client.id}:{named_subject(self._name, claims, 'openId')}"


def _says_error(body: Mapping[str, Any], answer: Answer) -> bool:
    # A 5xx and a 429 say nothing of what was asked, whatever their body does.
    told = "code" in body or body.get("errcode", 0) != 0
    return told and answer.status < 500 and answer.status != 429


def _corp(tokens: Tokens) -> str:
    return tokens.corp if isinstance(tokens, CorpTokens) else ""
