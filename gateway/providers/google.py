"""Google: OpenID Connect with two spellings of one issuer, and refresh tokens by a parameter of its own.

Source: Google's documents "OpenID Connect", "Using OAuth 2.0 for Web Server Applications" and "Verify the Google ID
token on your server side". The domain of a Workspace account is the claim `hd` of the ID token; the address says
nothing, for a consumer account may be made with a company's. The request parameter of the same name only chooses what
the account page shows.
"""

from collections.abc import Iterable, Mapping

from gateway.errors import NotAllowed
from gateway.keys.unproven import unproven_claims
from gateway.providers.claims import Claims, text
from gateway.providers.client_auth import Chance
from gateway.providers.discovery import Metadata
from gateway.providers.oauth import Tokens
from gateway.providers.oidc import Oidc
from gateway.providers.provider import Departure, Flow
from gateway.settings.oidc_presets import GoogleProvider

_PROMPTS = frozenset({"none", "consent", "select_account"})
_KNOWN = frozenset({"login_hint"})
_OWN_MAIL = ("@gmail.com", "@googlemail.com")


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

    def _documents(self, metadata: Metadata, tokens: Tokens, claims: Claims) -> Flow[tuple[Claims, ...]]:
        """As everywhere, with addresses verified only where Google itself gives them out.

        `email_verified` of another address says that it was the person's when the account was made. Who has left a
        company keeps such an account.
        """
        documents = yield from super()._documents(metadata, tokens, claims)
        if text(claims.get("hd")):
            return documents
        return tuple([one if _is_own_mail(one) else {**one, "email_verified": False} for one in documents])


def _is_own_mail(claims: Claims) -> bool:
    return text(claims.get("email")).lower().endswith(_OWN_MAIL)
