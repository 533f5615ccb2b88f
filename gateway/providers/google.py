"""Google: OpenID Connect with two spellings of one issuer, and refresh tokens by a parameter of its own.

Source: Google's documents "OpenID Connect" and "Using OAuth 2.0 for Web Server Applications". The domain of a
Workspace account is the claim `hd` of the ID token; the address says nothing, for a consumer account may be made with
a company's. The request parameter of the same name only chooses what the account page shows.
"""

from collections.abc import Iterable, Mapping

from gateway.errors import NotAllowed
from gateway.keys.unproven import unproven_claims
from gateway.providers.claims import Claims, text
from gateway.providers.client_auth import Chance
from gateway.providers.oidc import Oidc
from gateway.providers.provider import Departure, Flow
from gateway.settings.oidc_presets import GoogleProvider

_PROMPTS = frozenset({"none", "consent", "select_account"})
_KNOWN = frozenset({"login_hint"})


class Google(Oidc):
    """A section of type google."""

    # It knows neither prompt=login nor max_age, and its ID tokens have no auth_time.
    reauthenticates = False

    def __init__(
        self,
        section: GoogleProvider,
        name: str,
        *,
        several: bool,
        keeps: frozenset[str] = frozenset(),
        callback: str = "",
        chance: Chance | None = None,
    ) -> None:
        super().__init__(section, name, several=several, keeps=keeps, callback=callback, chance=chance)
        self._domains = section.hosted_domains
        self._offline = section.offline

    def depart(
        self, redirect_uri: str, state: str, nonce: str, verifier: str, extra: Mapping[str, str]
    ) -> Flow[Departure]:
        """As everywhere, without the parameters that end on a page of Google's own."""
        known = {name: value for name, value in extra.items() if name in _KNOWN}
        if extra.get("prompt") in _PROMPTS:
            # Choosing an account anew must not cost the refresh token, which hangs on the page of consent.
            both = self._offline and extra["prompt"] == "select_account"
            known["prompt"] = "select_account consent" if both else extra["prompt"]
        return super().depart(redirect_uri, state, nonce, verifier, known)

    def _parameters(self) -> Mapping[str, str]:
        parameters = dict(super()._parameters())
        if self._offline:
            # A refresh token comes with the page of consent alone, which is shown once unless it is asked for.
            parameters = {"access_type": "offline", "prompt": "consent", **parameters}
        if self._domains:
            parameters["hd"] = self._domains[0] if len(self._domains) == 1 else "*"
        return parameters

    def _scopes(self) -> Iterable[str]:
        # Google knows no scope of that name: access_type stands for it.
        return [scope for scope in super()._scopes() if scope != "offline_access"]

    def _issuer_of(self, token: str) -> str:
        # "Always https://accounts.google.com or accounts.google.com for Google ID tokens": these two, and nothing else.
        bare = self.issuer.removeprefix("https://")
        return bare if unproven_claims(token).get("iss") == bare else self.issuer

    def _person(self, claims: Claims) -> tuple[str, str]:
        tenant, subject = super()._person(claims)
        domain = text(claims.get("hd"))
        if self._domains and domain not in self._domains:
            key = f"{self._name}:{subject}"
            raise NotAllowed(key, "is of none of hosted_domains", "wrong_tenant")
        return tenant, subject
