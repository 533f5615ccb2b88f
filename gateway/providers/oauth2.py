"""OAuth 2.0 without OpenID Connect: login by the authorization code flow, and who it is by asking with the token.

Nothing is signed. What binds the answer to the browser is `state`, PKCE, and a callback of this provider alone; what
binds it to the person is that we ask the userinfo endpoint ourselves, with the token that we have just been given
(RFC 9700 section 2.1.1; a token from anywhere else is never taken).
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gateway.errors import (
    NotAllowed,
    ProviderFault,
    ProviderLied,
    ProviderMisconfigured,
    ProviderUnavailable,
)
from gateway.identity.identity import Identity
from gateway.providers.claims import Claims, named_subject
from gateway.providers.client_auth import Client
from gateway.providers.discovery import standing_object
from gateway.providers.keeping import unproven
from gateway.providers.oauth import (
    DEFAULT_WAIT,
    Meaning,
    Tokens,
    check_scopes,
    explained,
    read_tokens,
    retry_after,
    s256,
)
from gateway.providers.provider import Answer, Arrival, Ask, Departure, Flow, Refreshed, SignedIn
from gateway.providers.reading import Reading
from gateway.sessions.session import Grant
from gateway.settings.providers import OAuth2Section


class OAuth2:
    """A section of type oauth2, or of a vendor's that speaks it; the arguments are those of `Oidc`.

    A preset is this class with defaults, and with other answers to the questions under "What a vendor may do
    differently".
    """

    code_names: tuple[str, ...] = ("code",)
    # `prompt` and `max_age` are words of OpenID Connect, and nothing here would prove what came of them.
    reauthenticates: bool = False

    def __init__(
        self,
        section: OAuth2Section,
        name: str,
        *,
        several: bool,
        keeps: frozenset[str] = frozenset(),
        callback: str = "",
    ) -> None:
        secret = section.client_secret.get_secret_value() if section.client_secret else ""
        self._section = section
        self._name = name
        self._client = Client(name, section.client_id, secret, section.client_auth)
        self._reading = Reading.of(section, name, section.home, section.claims, several=several)
        self._keeps = keeps
        self._callback = callback

    @property
    def name(self) -> str:
        return self._name

    @property
    def title(self) -> str:
        return self._section.title or self._name

    @property
    def issuer(self) -> str:
        return self._section.home

    # What a vendor may do differently

    def _parameters(self, extra: Mapping[str, str]) -> Mapping[str, str]:
        """What the authorization request has beyond the protocol; `extra` as in `Redirects.depart`."""
        prompt = {"prompt": self._section.prompt} if self._section.prompt else {}
        return {**prompt, **{name: extra[name] for name in ("login_hint",) if name in extra}}

    def _token_ask(self, form: Mapping[str, str]) -> Ask:
        """A request of the token endpoint."""
        return self._client.token_ask(self._section.token_endpoint, form)

    def _refresh_form(self, grant: Grant) -> Mapping[str, str]:
        """The form of a refresh."""
        return {"grant_type": "refresh_token", "refresh_token": grant.refresh_token}

    def _tokens(self, answer: Answer, now: int) -> Tokens:
        """The tokens of an answer. Raises what `read_tokens` does."""
        return read_tokens(self._name, answer, now, self._explain)

    def _explain(self, body: Mapping[str, Any]) -> Meaning:
        """What an error object of the token endpoint means."""
        return explained(body)

    def _documents(self, tokens: Tokens) -> Flow[tuple[Claims, ...]]:
        """What the provider says of the person, the document with the subject first."""
        answer = yield self._read(self._section.userinfo_endpoint, tokens)
        return (self._object("userinfo", answer),)

    def _person(self, claims: Claims, tokens: Tokens) -> tuple[str, str]:  # noqa: ARG002 (for those who look)
        """(tenant, subject). Raises `NotAllowed` for those whom the section does not let in."""
        return "", named_subject(self._name, claims, self._section.claims.subject)

    def _kept(self, tokens: Tokens, identity: Identity) -> Tokens:  # noqa: ARG002 (for those who look)
        """The tokens of a refresh, with what only the login was told."""
        return tokens

    def _throttled(self, answer: Answer) -> bool:
        """Whether it says that we have asked too often."""
        return answer.status == 429

    # For them

    def _read(self, url: str, tokens: Tokens, headers: Mapping[str, str] | None = None) -> Ask:
        """A question with the person's token."""
        bearer = {"authorization": f"Bearer {tokens.access_token}"}
        return Ask(url, headers={**bearer, **(headers or {})}, retry=True)

    def _object(self, what: str, answer: Answer) -> Claims:
        """The object of an answer to such a question. A token that we have just been given and is refused is a lie."""
        self._refuse_limit(what, answer)
        if answer.status in {401, 403}:
            raise ProviderLied(self._name, f"{what}: status {answer.status}", reason="permission_missing")
        return standing_object(self._name, what, answer)

    def _refuse_limit(self, what: str, answer: Answer) -> None:
        if self._throttled(answer):
            wait = retry_after(answer, 0) or DEFAULT_WAIT
            detail = f"{what}: too many requests"
            raise ProviderUnavailable(self._name, detail, retry_after=wait, reason="throttled")

    # The protocol

    def depart(
        self, redirect_uri: str, state: str, nonce: str, verifier: str, extra: Mapping[str, str]
    ) -> Flow[Departure]:
        """The authorization request (RFC 6749 section 4.1.1)."""
        yield from ()
        fixed = {"redirect_uri": redirect_uri, "state": state}
        if self._section.scopes:  # an empty one is none (RFC 6749 section 3.3)
            fixed["scope"] = self._scope()
        if self._section.pkce:
            fixed |= {"code_challenge": s256(verifier), "code_challenge_method": "S256"}
        url = self._client.authorization_url(
            self._section.authorization_endpoint, fixed, self._parameters(extra)
        )
        return Departure(url, nonce, verifier)

    def check_arrival(self, arrival: Arrival) -> Flow[None]:
        """RFC 9207 section 2.4, where the section says who the issuer is."""
        yield from ()
        stated = self._section.issuer
        if stated is not None and arrival.issuer is not None and arrival.issuer != stated:
            raise ProviderLied(self._name, "iss")

    def arrive(self, arrival: Arrival, now: int) -> Flow[SignedIn]:
        """Redeem the code, and ask who it was."""
        yield from self.check_arrival(arrival)
        if not arrival.code or (self._section.pkce and not arrival.verifier):
            raise ProviderLied(self._name, "code")
        form = {
            "grant_type": "authorization_code",
            "code": arrival.code,
            "redirect_uri": arrival.redirect_uri,
        }
        if self._section.pkce:
            form["code_verifier"] = arrival.verifier
        tokens = self._tokens((yield self._token_ask(form)), now)
        check_scopes(self._name, tokens, self._section.required_scopes)
        identity = yield from self._identify(tokens, now)
        return SignedIn(identity, self._grant(tokens, now))

    def refresh(self, grant: Grant, identity: Identity, now: int) -> Flow[Refreshed]:
        """Prolong a grant (RFC 6749 section 6), and read anew who it is.

        As in `Oidc.refresh`: once there are tokens, nothing raises any more.
        """
        if identity.issuer != self.issuer:
            raise ProviderLied(self._name, "issuer: the session belongs to another issuer")
        answer = yield self._token_ask(self._refresh_form(grant))
        tokens = self._kept(self._tokens(answer, now), identity)
        renewed = self._renewed(grant, tokens, now)
        try:
            check_scopes(self._name, tokens, self._section.required_scopes)
            again = yield from self._identify(tokens, identity.authenticated_at)
            if again.key != identity.key:
                raise ProviderLied(self._name, "userinfo: it is not the person of the session")
        except NotAllowed:
            return Refreshed(renewed, barred=True)
        except ProviderFault as fault:
            return unproven(renewed, fault)
        return Refreshed(renewed, replace(again, acr=identity.acr, amr=identity.amr, sid=identity.sid))

    def revoke(self, grant: Grant) -> Flow[None]:
        """RFC 7009 section 2.1, where the section has an endpoint for it."""
        token = grant.refresh_token or grant.access_token
        if not self._section.revocation_endpoint or not token:
            return
        hint = "refresh_token" if grant.refresh_token else "access_token"
        form = {"token": token, "token_type_hint": hint}
        answer = yield self._client.token_ask(self._section.revocation_endpoint, form)
        if answer.status == 401:
            raise ProviderMisconfigured(self._name, "invalid_client")
        if answer.status != 200:
            raise ProviderUnavailable(self._name, f"revocation: status {answer.status}")

    def _scope(self) -> str:
        return " ".join(dict.fromkeys(self._section.scopes))

    def _identify(self, tokens: Tokens, authenticated_at: int) -> Flow[Identity]:
        documents = yield from self._documents(tokens)
        return self._reading.identity(documents, self._person(documents[0], tokens), authenticated_at)

    def _grant(self, tokens: Tokens, now: int) -> Grant:
        """What is worth keeping: tokens for a refresh, where there can be one, and those that a rule hands through."""
        kept = bool(tokens.refresh_token) or "access_token" in self._keeps
        return Grant(
            provider=self._name,
            access_token=tokens.access_token if kept else "",
            refresh_token=tokens.refresh_token,
            begun=now,
            expires=tokens.expires if kept else 0,
            scope=tokens.scope,
        )

    def _renewed(self, grant: Grant, tokens: Tokens, now: int) -> Grant:
        # RFC 6749 section 6: no new refresh token means that the old one goes on.
        kept = replace(tokens, refresh_token=tokens.refresh_token or grant.refresh_token)
        fresh = self._grant(kept, now)
        return replace(fresh, scope=fresh.scope or grant.scope)
