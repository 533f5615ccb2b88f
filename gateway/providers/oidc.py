"""OpenID Connect: login by the authorization code flow with PKCE, refresh, and logout at the provider.

An `Oidc` holds no state. What it knows of the provider (metadata, keys) it asks for in every flow; the transport
keeps those documents, so that most flows send one request, the one that matters.

The order is the protection: `iss` of the callback (RFC 9207) before the token request, so that a code is never
carried to a provider that did not issue it; the ID token before userinfo; its `sub` before anything else in it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from gateway.errors import (
    NotAllowed,
    ProviderFault,
    ProviderLied,
    ProviderUnavailable,
    SettingsFault,
)
from gateway.identity.identity import Identity
from gateway.keys.key_set import KeySet
from gateway.providers.claims import Claims, subject
from gateway.providers.client_auth import Chance, Client
from gateway.providers.discovery import (
    Metadata,
    discover,
    is_https,
    is_loopback_http,
)
from gateway.providers.documents import by_its_keys, published_keys, userinfo
from gateway.providers.id_token import Expected, check_id_token
from gateway.providers.keeping import Keeping, unproven
from gateway.providers.logout_token import ExpectedLogout, check_logout_token
from gateway.providers.oauth import (
    Meaning,
    Tokens,
    check_scopes,
    explained,
    read_tokens,
    s256,
    with_query,
)
from gateway.providers.profile import SecurityProfile
from gateway.providers.provider import Arrival, Departure, Flow, LoggedOut, Refreshed, SignedIn
from gateway.providers.pushed import way_there
from gateway.providers.reading import Reading
from gateway.sessions.session import Grant
from gateway.settings.providers import OidcSection


class Oidc:
    """A section of type oidc, or of a vendor's that speaks it.

    `several`: other providers are configured beside it. `keeps` are the tokens (access_token, id_token) that a rule
    hands through. `callback` is our address that the provider knows. `chance` is for a section with a key.

    A preset is this class with other answers to the questions under "What a vendor may do differently"; the order of
    the checks stays.
    """

    code_names: tuple[str, ...] = ("code",)
    reauthenticates: bool = True

    def __init__(
        self,
        section: OidcSection,
        name: str,
        *,
        several: bool,
        keeps: frozenset[str] = frozenset(),
        callback: str = "",
        chance: Chance | None = None,
    ) -> None:
        if not is_https(section.issuer) and not is_loopback_http(section.issuer):
            raise SettingsFault(
                (f"providers.{name}.issuer: write an https address (http only for loopback)",)
            )
        self._section = section
        self._name = name
        self._client = Client.of(section, name, chance)
        self._profile = SecurityProfile.of(section, name)
        self._reading = Reading.of(section, name, section.issuer, section.claims, several=several)
        self._keeping = Keeping(name, keeps)
        self._callback = callback

    @property
    def name(self) -> str:
        return self._name

    @property
    def title(self) -> str:
        return self._section.title or self._name

    @property
    def issuer(self) -> str:
        return self._section.issuer

    # What a vendor may do differently

    def _discover(self) -> Flow[Metadata]:
        """The metadata, verified."""
        return discover(self._name, self.issuer)

    def _issuer_of(self, token: str) -> str:  # noqa: ARG002 (for those who look)
        """The issuer that a token must state. It may be read off the token where the token's own claims prove it."""
        return self.issuer

    def _parameters(self) -> Mapping[str, str]:
        """What the authorization request has beyond the protocol; a caller's own goes before it."""
        return {"prompt": self._section.prompt} if self._section.prompt else {}

    def _scopes(self) -> Iterable[str]:
        # Without `openid` it would be plain OAuth, and nothing would say who signed in.
        return ("openid", *self._section.scopes)

    def _refresh_form(self, grant: Grant) -> Mapping[str, str]:
        """The form of a refresh."""
        return {"grant_type": "refresh_token", "refresh_token": grant.refresh_token}

    def _explain(self, body: Mapping[str, Any]) -> Meaning:
        """What an error object of the token endpoint means."""
        return explained(body)

    def _person(self, claims: Claims) -> tuple[str, str]:
        """(tenant, subject) of a verified ID token. Raises `NotAllowed` for those whom the section does not let in."""
        return "", subject(self._name, claims)

    def _documents(self, metadata: Metadata, tokens: Tokens, claims: Claims) -> Flow[tuple[Claims, ...]]:
        """What is known of the person, the most trustworthy first: the ID token, and userinfo where something lacks."""
        lacking = metadata.userinfo_endpoint and self._reading.lacks(claims)
        return (claims, (yield from userinfo(self._name, metadata, tokens, claims))) if lacking else (claims,)

    def _unsigned(self, grant: Grant, identity: Identity) -> Flow[Refreshed]:  # noqa: ARG002 (for those who ask)
        """What a refresh says that brought no ID token: nothing of the person."""
        yield from ()
        return Refreshed(grant)

    # The protocol

    def published(self) -> Flow[tuple[Metadata, KeySet]]:
        """Metadata and keys, as a login believes them."""
        metadata = yield from self._discover()
        return metadata, (yield from published_keys(self._name, metadata))

    def depart(
        self, redirect_uri: str, state: str, nonce: str, verifier: str, extra: Mapping[str, str]
    ) -> Flow[Departure]:
        """The authorization request (Core section 3.1.2.1). `extra` may add max_age, prompt, acr_values, login_hint."""
        metadata = yield from self._discover()
        self._profile.check_challenge(metadata)
        fixed = {
            "redirect_uri": redirect_uri,
            "scope": " ".join(dict.fromkeys(self._scopes())),
            "state": state,
            "nonce": nonce,
            # Sent whatever the metadata says: a provider that knows no PKCE ignores it.
            "code_challenge": s256(verifier),
            "code_challenge_method": "S256",
        }
        own = self._parameters()
        # Two reasons to ask are two words: to sign in anew must not cost the refresh token that consent brings.
        words = f"{extra.get('prompt', '')} {own.get('prompt', '')}".split()
        prompt = {"prompt": " ".join(dict.fromkeys(words))} if words else {}
        parameters = self._client.parameters(fixed, {**own, **extra, **prompt})
        url = yield from way_there(self._client, self._profile, metadata, parameters, self._explain)
        return Departure(url, nonce, verifier)

    def check_arrival(self, arrival: Arrival) -> Flow[None]:
        """RFC 9207 section 2.4: a callback of another issuer is refused before its code goes anywhere."""
        if arrival.issuer is not None:
            if arrival.issuer != self.issuer:
                raise ProviderLied(self._name, "iss")
            return
        if self._profile.demands_issuer((yield from self._discover())):
            raise ProviderLied(self._name, "iss is missing, and it is demanded")

    def arrive(self, arrival: Arrival, now: int) -> Flow[SignedIn]:
        """Redeem the code, and believe what comes back once it is proven."""
        yield from self.check_arrival(arrival)
        if not arrival.code or not arrival.verifier:
            raise ProviderLied(self._name, "code")
        metadata = yield from self._discover()
        form = {
            "grant_type": "authorization_code",
            "code": arrival.code,
            "redirect_uri": arrival.redirect_uri,
            "code_verifier": arrival.verifier,
        }
        answer = yield self._client.token_ask(metadata.token_endpoint, form, metadata)
        tokens = read_tokens(self._name, answer, now, self._explain)
        check_scopes(self._name, tokens, self._section.required_scopes)
        expected = self._expected(metadata, tokens.id_token, arrival)
        identity = yield from self._identify(metadata, tokens, expected, now)
        return SignedIn(identity, self._keeping.grant(metadata, tokens, now))

    def refresh(self, grant: Grant, identity: Identity, now: int) -> Flow[Refreshed]:
        """Prolong a grant (RFC 6749 section 6, Core section 12).

        Once the provider has answered with tokens, nothing raises any more: the old refresh token may be spent, and
        a fault in what follows must not lose the new one.
        """
        if identity.issuer != self.issuer:
            # The section was pointed at another provider since: its token is nothing to show to this one.
            raise ProviderLied(self._name, "issuer: the session belongs to another issuer")
        metadata = yield from self._discover()
        answer = yield self._client.token_ask(metadata.token_endpoint, self._refresh_form(grant), metadata)
        tokens = read_tokens(self._name, answer, now, self._explain)
        renewed = self._keeping.renewed(metadata, grant, tokens, now)
        if not tokens.id_token:
            return (yield from self._unsigned(renewed, identity))
        try:
            check_scopes(self._name, tokens, self._section.required_scopes)
            again = yield from self._recognise(metadata, tokens, identity, now)
        except NotAllowed:
            # It has proven who this is, and said that it is nobody whom the section lets in.
            return Refreshed(renewed, barred=True)
        except ProviderFault as fault:
            return unproven(renewed, fault, grant.id_token)
        return Refreshed(renewed, again)

    def revoke(self, grant: Grant) -> Flow[None]:
        """RFC 7009 section 2.1: with a refresh token the provider drops the access tokens of its grant too."""
        metadata = yield from self._discover()
        token = grant.refresh_token or grant.access_token
        if not metadata.revocation_endpoint or not token:
            return
        hint = "refresh_token" if grant.refresh_token else "access_token"
        form = {"token": token, "token_type_hint": hint}
        answer = yield self._client.token_ask(metadata.revocation_endpoint, form, metadata)
        if answer.status != 200:
            raise ProviderUnavailable(self._name, f"revocation: status {answer.status}")

    def end_session(self, grant: Grant, return_to: str, state: str) -> Flow[str | None]:
        """RP-Initiated Logout 1.0 section 2."""
        metadata = yield from self._discover()
        if not metadata.end_session_endpoint:
            return None
        hint = {"id_token_hint": grant.id_token} if grant.id_token else {}
        parameters = {"client_id": self._client.id, "post_logout_redirect_uri": return_to, "state": state}
        return with_query(metadata.end_session_endpoint, {**hint, **parameters})

    def read_logout(self, token: str, now: float) -> Flow[LoggedOut]:
        """Back-Channel Logout 1.0 section 2.6."""
        metadata = yield from self._discover()
        expected = ExpectedLogout(
            provider=self._name,
            issuer=self._issuer_of(token),
            client_id=self._client.id,
            algorithms=self._profile.algorithms(metadata),
        )

        def check(keys: KeySet) -> LoggedOut:
            return check_logout_token(token, keys, expected, now)

        return (yield from by_its_keys(self._name, metadata, check, "logout_token"))

    def _expected(self, metadata: Metadata, token: str, arrival: Arrival | None = None) -> Expected:
        return Expected(
            provider=self._name,
            issuer=self._issuer_of(token),
            client_id=self._client.id,
            algorithms=self._profile.algorithms(metadata),
            nonce=arrival.nonce if arrival else None,
            max_age=arrival.max_age if arrival else None,
            code=arrival.code if arrival else "",
        )

    def _identify(
        self, metadata: Metadata, tokens: Tokens, expected: Expected, now: int, known: Identity | None = None
    ) -> Flow[Identity]:
        if not tokens.id_token:
            raise ProviderLied(self._name, "id_token is missing")
        claims = yield from self._verified(metadata, tokens, expected, now)
        person = self._person(claims)
        # Before anything is asked with a token that may be somebody else's (Core section 12.2).
        if known and person != (known.tenant, known.subject):
            raise ProviderLied(self._name, "id_token: sub is not that of the session")
        documents = yield from self._documents(metadata, tokens, claims)
        return self._reading.identity(documents, person, known.authenticated_at if known else now)

    def _recognise(self, metadata: Metadata, tokens: Tokens, identity: Identity, now: int) -> Flow[Identity]:
        """The person of a refreshed ID token, who must be the one of the session."""
        expected = self._expected(metadata, tokens.id_token)
        again = yield from self._identify(metadata, tokens, expected, now, identity)
        # A refresh is not a new authentication: what is not said again was not taken back.
        # And it belongs to the same session of the provider, under whose name ours is listed.
        return replace(again, acr=again.acr or identity.acr, amr=again.amr or identity.amr, sid=identity.sid)

    def _verified(self, metadata: Metadata, tokens: Tokens, expected: Expected, now: int) -> Flow[Claims]:
        def check(keys: KeySet) -> Claims:
            return check_id_token(tokens.id_token, keys, expected, tokens.access_token, now)

        return (yield from by_its_keys(self._name, metadata, check, "id_token"))
