"""OpenID Connect: login by the authorization code flow with PKCE, refresh, and logout at the provider.

An `Oidc` holds no state. What it knows of the provider (metadata, keys) it asks for in every flow; the transport
keeps those documents, so that most flows send one request, the one that matters.

The order is the protection: `iss` of the callback (RFC 9207) before the token request, so that a code is never
carried to a provider that did not issue it; the ID token before userinfo; its `sub` before anything else in it.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeVar

from gateway.errors import ProviderLied, ProviderUnavailable, SettingsFault, TokenInvalid, UnknownKey
from gateway.identity.identity import Identity
from gateway.keys.jwks import KeySet
from gateway.providers.claims import Claims, Reading
from gateway.providers.discovery import (
    KEPT_SECONDS,
    Metadata,
    discover,
    is_https,
    is_loopback_http,
    standing_object,
)
from gateway.providers.id_token import Expected, check_id_token
from gateway.providers.logout_token import ExpectedLogout, check_logout_token
from gateway.providers.oauth import Client, Tokens, read_tokens, s256, with_query
from gateway.providers.provider import Answer, Arrival, Ask, Departure, Flow, LoggedOut, Refreshed, SignedIn
from gateway.sessions.session import Grant
from gateway.settings.model import OidcProvider

T = TypeVar("T")


class Oidc:
    """One section `providers.NAME` of type oidc. `several`: other providers are configured beside it."""

    def __init__(self, section: OidcProvider, name: str, *, several: bool) -> None:
        if not is_https(section.issuer) and not is_loopback_http(section.issuer):
            raise SettingsFault(
                (f"providers.{name}.issuer: write an https address (http only for loopback)",)
            )
        secret = section.client_secret.get_secret_value() if section.client_secret else ""
        self._section = section
        self._name = name
        self._client = Client(name, section.client_id, secret, section.client_auth)
        self._reading = Reading(
            provider=name,
            issuer=section.issuer,
            user=section.user,
            groups_claim=section.groups_claim,
            several=several,
        )

    @property
    def name(self) -> str:
        return self._name

    @property
    def title(self) -> str:
        return self._section.title or self._name

    @property
    def issuer(self) -> str:
        return self._section.issuer

    def depart(
        self, redirect_uri: str, state: str, nonce: str, verifier: str, extra: Mapping[str, str]
    ) -> Flow[Departure]:
        """The authorization request (Core section 3.1.2.1). `extra` may add max_age, prompt, acr_values, login_hint."""
        metadata = yield from discover(self._name, self.issuer)
        fixed = {
            "redirect_uri": redirect_uri,
            # Without `openid` it would be plain OAuth, and nothing would say who signed in.
            "scope": " ".join(dict.fromkeys(("openid", *self._section.scopes))),
            "state": state,
            "nonce": nonce,
            # Sent whatever the metadata says: a provider that knows no PKCE ignores it.
            "code_challenge": s256(verifier),
            "code_challenge_method": "S256",
        }
        prompt = {"prompt": self._section.prompt} if self._section.prompt else {}
        url = self._client.authorization_url(metadata.authorization_endpoint, fixed, {**prompt, **extra})
        return Departure(url, nonce, verifier)

    def check_arrival(self, arrival: Arrival) -> Flow[None]:
        """RFC 9207 section 2.4: a callback of another issuer is refused before its code goes anywhere."""
        if arrival.issuer is not None:
            if arrival.issuer != self.issuer:
                raise ProviderLied(self._name, "iss")
            return
        metadata = yield from discover(self._name, self.issuer)
        if metadata.states_issuer:
            raise ProviderLied(self._name, "iss is missing, and the provider states that it sends it")

    def arrive(self, arrival: Arrival, now: int) -> Flow[SignedIn]:
        """Redeem the code, and believe what comes back once it is proven."""
        yield from self.check_arrival(arrival)
        if not arrival.code or not arrival.verifier:
            raise ProviderLied(self._name, "code")
        metadata = yield from discover(self._name, self.issuer)
        form = {
            "grant_type": "authorization_code",
            "code": arrival.code,
            "redirect_uri": arrival.redirect_uri,
            "code_verifier": arrival.verifier,
        }
        answer = yield self._client.token_ask(metadata.token_endpoint, form)
        tokens = read_tokens(self._name, answer, now)
        expected = self._expected(metadata, arrival.nonce, arrival.max_age)
        identity = yield from self._identify(metadata, tokens, expected, now, now)
        return SignedIn(identity, self._grant(metadata, tokens, now))

    def refresh(self, grant: Grant, identity: Identity, now: int) -> Flow[Refreshed]:
        """Prolong a grant (RFC 6749 section 6, Core section 12).

        Once the provider has answered with tokens, nothing raises any more: the old refresh token may be spent, and
        a fault in what follows must not lose the new one.
        """
        if identity.issuer != self.issuer:
            # The section was pointed at another provider since: its token is nothing to show to this one.
            raise ProviderLied(self._name, "issuer: the session belongs to another issuer")
        metadata = yield from discover(self._name, self.issuer)
        form = {"grant_type": "refresh_token", "refresh_token": grant.refresh_token}
        answer = yield self._client.token_ask(metadata.token_endpoint, form)
        tokens = read_tokens(self._name, answer, now)
        renewed = self._renewed(metadata, grant, tokens, now)
        if not tokens.id_token:
            return Refreshed(renewed)
        try:
            again = yield from self._recognise(metadata, tokens, identity, now)
        except ProviderLied as lie:
            # Claims of a document that does not verify are nobody's: the identity stays as it was proven.
            return Refreshed(replace(renewed, id_token=grant.id_token), alarm=str(lie))
        except ProviderUnavailable:
            return Refreshed(replace(renewed, id_token=grant.id_token))
        return Refreshed(renewed, again)

    def revoke(self, grant: Grant) -> Flow[None]:
        """RFC 7009 section 2.1: with a refresh token the provider drops the access tokens of its grant too."""
        metadata = yield from discover(self._name, self.issuer)
        token = grant.refresh_token or grant.access_token
        if not metadata.revocation_endpoint or not token:
            return
        hint = "refresh_token" if grant.refresh_token else "access_token"
        form = {"token": token, "token_type_hint": hint}
        answer = yield self._client.token_ask(metadata.revocation_endpoint, form)
        if answer.status != 200:
            raise ProviderUnavailable(self._name, f"revocation: status {answer.status}")

    def end_session(self, grant: Grant, return_to: str, state: str) -> Flow[str | None]:
        """RP-Initiated Logout 1.0 section 2."""
        metadata = yield from discover(self._name, self.issuer)
        if not metadata.end_session_endpoint:
            return None
        hint = {"id_token_hint": grant.id_token} if grant.id_token else {}
        parameters = {"client_id": self._client.id, "post_logout_redirect_uri": return_to, "state": state}
        return with_query(metadata.end_session_endpoint, {**hint, **parameters})

    def read_logout(self, token: str, now: float) -> Flow[LoggedOut]:
        """Back-Channel Logout 1.0 section 2.6."""
        metadata = yield from discover(self._name, self.issuer)
        expected = ExpectedLogout(
            provider=self._name,
            issuer=self.issuer,
            client_id=self._client.id,
            algorithms=metadata.algorithms,
        )

        def check(keys: KeySet) -> LoggedOut:
            return check_logout_token(token, keys, expected, now)

        return (yield from self._by_its_keys(metadata, check, "logout_token"))

    def _expected(self, metadata: Metadata, nonce: str | None, max_age: int | None = None) -> Expected:
        return Expected(
            provider=self._name,
            issuer=self.issuer,
            client_id=self._client.id,
            algorithms=metadata.algorithms,
            nonce=nonce,
            max_age=max_age,
        )

    def _identify(
        self, metadata: Metadata, tokens: Tokens, expected: Expected, authenticated_at: int, now: int
    ) -> Flow[Identity]:
        if not tokens.id_token:
            raise ProviderLied(self._name, "id_token is missing")
        claims = yield from self._verified(metadata, tokens, expected, now)
        userinfo = yield from self._userinfo(metadata, tokens, claims)
        return self._reading.identity(claims, userinfo, authenticated_at)

    def _recognise(self, metadata: Metadata, tokens: Tokens, identity: Identity, now: int) -> Flow[Identity]:
        """The person of a refreshed ID token, who must be the one of the session (Core section 12.2)."""
        expected = self._expected(metadata, nonce=None)
        again = yield from self._identify(metadata, tokens, expected, identity.authenticated_at, now)
        if again.key != identity.key:
            raise ProviderLied(self._name, "id_token: sub is not that of the session")
        # A refresh is not a new authentication: what is not said again was not taken back.
        # And it belongs to the same session of the provider, under whose name ours is listed.
        return replace(again, acr=again.acr or identity.acr, amr=again.amr or identity.amr, sid=identity.sid)

    def _verified(self, metadata: Metadata, tokens: Tokens, expected: Expected, now: int) -> Flow[Claims]:
        def check(keys: KeySet) -> Claims:
            return check_id_token(tokens.id_token, keys, expected, tokens.access_token, now)

        return (yield from self._by_its_keys(metadata, check, "id_token"))

    def _by_its_keys(self, metadata: Metadata, check: Callable[[KeySet], T], what: str) -> Flow[T]:
        """What `check` finds with the provider's keys, or with newer ones where these do not fit."""
        keys = self._keys((yield Ask(metadata.jwks_uri, retry=True, keep=KEPT_SECONDS)))
        try:
            return check(keys)
        except UnknownKey:
            renew = Ask(metadata.jwks_uri, retry=True, keep=KEPT_SECONDS, renew=True)
            keys = self._keys((yield renew))
        try:
            return check(keys)
        except UnknownKey as unknown:
            raise ProviderLied(self._name, f"{what}: {unknown.check}", unknown.seen) from None

    def _keys(self, answer: Answer) -> KeySet:
        try:
            return KeySet.parse(standing_object(self._name, "key set", answer))
        except TokenInvalid:
            raise ProviderLied(self._name, "jwks") from None

    def _userinfo(self, metadata: Metadata, tokens: Tokens, claims: Claims) -> Flow[Claims]:
        """More claims (Core section 5.3), where something is missing and the provider has them."""
        if not metadata.userinfo_endpoint or not self._reading.lacks(claims):
            return {}
        bearer = {"authorization": f"Bearer {tokens.access_token}"}
        answer = yield Ask(metadata.userinfo_endpoint, headers=bearer, retry=True)
        userinfo = standing_object(self._name, "userinfo", answer)
        # Core section 5.3.2: without this check, one person's token could fetch another person's claims.
        if userinfo.get("sub") != claims["sub"]:
            raise ProviderLied(self._name, "userinfo: sub")
        return userinfo

    def _grant(self, metadata: Metadata, tokens: Tokens, now: int) -> Grant:
        """What is worth keeping: tokens for a refresh, where there can be one, and the hint for a logout."""
        lasting = bool(tokens.refresh_token)
        return Grant(
            provider=self._name,
            access_token=tokens.access_token if lasting else "",
            refresh_token=tokens.refresh_token,
            id_token=tokens.id_token if metadata.end_session_endpoint else "",
            begun=now,
            expires=tokens.expires if lasting else 0,
            scope=tokens.scope,
        )

    def _renewed(self, metadata: Metadata, grant: Grant, tokens: Tokens, now: int) -> Grant:
        # RFC 6749 section 6: no new refresh token means that the old one goes on.
        kept = replace(tokens, refresh_token=tokens.refresh_token or grant.refresh_token)
        fresh = self._grant(metadata, kept, now)
        return replace(fresh, id_token=fresh.id_token or grant.id_token, scope=fresh.scope or grant.scope)
