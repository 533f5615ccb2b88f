"""GitHub, and GitHub Enterprise Server: OAuth 2.0 with PKCE, and a REST API that says who it was.

Source: docs.github.com, "Authorizing OAuth apps", "Generating a user access token for a GitHub App", "Refreshing user
access tokens", REST "Emails", "Organizations", "Teams", "OAuth authorizations". Its quirks: a form where JSON is not asked
for; errors in a 200; an error word of its own for each; scopes separated by commas; a revocation that is a DELETE.

The key is the numeric id. A login can be given up, and taken by somebody else the same day.
"""

import base64
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from gateway.errors import NotAllowed, ProviderLied, ProviderMisconfigured, ProviderUnavailable
from gateway.keys.strict_json import parse_list
from gateway.providers.claims import Claims, named_subject, text
from gateway.providers.oauth import Meaning, Tokens, explained
from gateway.providers.oauth2 import OAuth2
from gateway.providers.provider import Answer, Ask, Flow
from gateway.sessions.session import Grant
from gateway.settings.oauth2_presets import GitHubProvider

PAGE = 100
MOST_PAGES = 10
_JSON: Mapping[str, str] = MappingProxyType({"accept": "application/vnd.github+json"})
_NEXT = re.compile(r'rel="?next"?')

_MEANINGS: Mapping[str, Meaning] = MappingProxyType(
    {
        "bad_verification_code": Meaning("bad_verification_code", "dead", "code_spent"),
        "bad_refresh_token": Meaning("bad_refresh_token", "dead", "refresh_dead"),
        "incorrect_client_credentials": Meaning("incorrect_client_credentials", "ours", "client_rejected"),
        "application_suspended": Meaning("application_suspended", "ours", "client_rejected"),
        "unverified_user_email": Meaning("unverified_user_email", "refused", "unverified_email"),
    }
)


class GitHub(OAuth2):
    """A section of type github."""

    def __init__(
        self,
        section: GitHubProvider,
        name: str,
        *,
        several: bool,
        keeps: frozenset[str] = frozenset(),
        callback: str = "",
    ) -> None:
        super().__init__(section, name, several=several, keeps=keeps, callback=callback)
        self._api = section.api_url.rstrip("/")
        self._reads = section.reads_organizations
        self._teams = section.groups == "teams"
        self._as_groups = section.groups != "none"
        self._organizations = frozenset([one.lower() for one in section.organizations])

    def _parameters(self, extra: Mapping[str, str]) -> Mapping[str, str]:
        prompt = {"prompt": self._section.prompt} if self._section.prompt else {}
        return {**prompt, **({"login": extra["login_hint"]} if "login_hint" in extra else {})}

    def _explain(self, body: Mapping[str, Any]) -> Meaning:
        error = body.get("error")
        known = _MEANINGS.get(error) if isinstance(error, str) else None
        return known or explained(body)

    def _documents(self, tokens: Tokens) -> Flow[tuple[Claims, ...]]:
        user = self._object("user", (yield self._read(self._section.userinfo_endpoint, tokens, _JSON)))
        address = yield from self._address(tokens)
        member, teams = yield from self._memberships(tokens)
        who = {"id": named_subject(self._name, user, "id")}
        groups = {"groups": [*member, *teams] if self._as_groups else [], "organizations": member}
        # The profile's address is the one that its owner shows, verified or not: it is none of ours.
        return ({**user, **who, **groups, **address},)

    def _address(self, tokens: Tokens) -> Flow[Mapping[str, Any]]:
        """The primary address, and whether it is verified: both of one entry of one document."""
        answer = yield self._read(f"{self._api}/user/emails?per_page={PAGE}", tokens, _JSON)
        if answer.status in {403, 404} and not self._throttled(answer):
            return {"email": None, "email_verified": False}  # we may not read it
        primary = [one for one in self._list("user/emails", answer) if one.get("primary") is True]
        found = primary[0] if len(primary) == 1 else {}
        return {"email": found.get("email"), "email_verified": found.get("verified") is True}

    def _memberships(self, tokens: Tokens) -> Flow[tuple[list[str], list[str]]]:
        """The organizations as ORG, and the teams as ORG/TEAM, where either is wanted."""
        if not self._reads:
            return [], []
        found = yield from self._all("user/orgs", tokens)
        member = [login for one in found if (login := text(one.get("login")))]
        if not self._teams:
            return member, []
        teams = yield from self._all("user/teams", tokens)
        return member, [name for one in teams if (name := _team(one))]

    def _all(self, what: str, tokens: Tokens) -> Flow[list[Claims]]:
        """Every page of a list. A list that is cut short takes rights away, or a ban: it is refused."""
        found: list[Claims] = []
        for number in range(1, MOST_PAGES + 1):
            url = f"{self._api}/{what}?per_page={PAGE}&page={number}"
            answer = yield self._read(url, tokens, _JSON)
            items = self._list(what, answer)
            found += items
            # The number is ours and not the header's address, which would get the token wherever it led. A full page is
            # never the last: what stands before the API may take headers away.
            if len(items) < PAGE and not _NEXT.search(answer.headers.get("link", "")):
                return found
        raise ProviderLied(self._name, f"{what}: more than {MOST_PAGES} pages", reason="overage")

    def _list(self, what: str, answer: Answer) -> list[Claims]:
        self._refuse_limit(what, answer)
        if answer.status in {401, 403, 404}:
            raise ProviderLied(self._name, f"{what}: status {answer.status}", reason="permission_missing")
        if answer.status != 200:
            raise ProviderUnavailable(self._name, f"{what}: expected a list, seen status {answer.status}")
        try:
            items = parse_list(answer.body)
        except ValueError:
            raise ProviderUnavailable(self._name, f"{what}: expected a list, seen something else") from None
        return [item for item in items if isinstance(item, Mapping)]

    def _throttled(self, answer: Answer) -> bool:
        # Its limits are a 429, or a 403 that says how much is left; the secondary ones say so in words alone. Read as a
        # refusal, such a 403 would take an address away, and with it whoever `allow:` lists by theirs.
        said = text(answer.json.get("message")) if answer.json else ""
        spent = answer.headers.get("x-ratelimit-remaining") == "0" or "retry-after" in answer.headers
        return super()._throttled(answer) or (
            answer.status == 403 and (spent or "rate limit" in said.lower())
        )

    def _person(self, claims: Claims, tokens: Tokens) -> tuple[str, str]:
        _, subject = super()._person(claims, tokens)
        held = {login.lower() for login in claims.get("organizations", ())}
        if self._organizations and not held & self._organizations:
            key = f"{self._name}:{subject}"
            raise NotAllowed(key, "is in no organization of organizations:", "not_a_member")
        return "", subject

    def _grant(self, tokens: Tokens, now: int) -> Grant:
        # The token of an OAuth app never ends. It is kept to be given back, else it would outlive every session.
        return Grant(
            provider=self._name,
            access_token=tokens.access_token,
            refresh_token=tokens.refresh_token,
            begun=now,
            expires=tokens.expires,
            scope=tokens.scope,
        )

    def revoke(self, grant: Grant) -> Flow[None]:
        """Delete the token of the grant ("Delete an app token"): what is gone already is fine."""
        if not grant.access_token or not self._client.secret:
            return
        pair = base64.b64encode(f"{self._client.id}:{self._client.secret}".encode()).decode("ascii")
        answer = yield Ask(
            f"{self._api}/applications/{self._client.id}/token",
            json={"access_token": grant.access_token},
            method="DELETE",
            headers={**_JSON, "authorization": f"Basic {pair}"},
        )
        if answer.status == 401:
            raise ProviderMisconfigured(self._name, "invalid_client")
        if answer.status not in {204, 404, 422}:
            raise ProviderUnavailable(self._name, f"revocation: status {answer.status}")


def _team(one: Claims) -> str:
    owner = one.get("organization")
    login = text(owner.get("login")) if isinstance(owner, Mapping) else ""
    slug = text(one.get("slug"))
    return f"{login}/{slug}" if login and slug else ""
