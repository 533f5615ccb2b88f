"""Microsoft Entra ID, version 2 endpoints: an issuer for each tenant, and groups that may be left out.

Source: "OpenID Connect on the Microsoft identity platform", "ID token claims reference", "Access tokens: validate the
issuer", "Configure group claims", "Microsoft Entra authentication error codes".

A token proves its tenant in this order: `tid` has the form of an id and is one that may sign in, the issuer is that
tenant's, and the signature is by a key that this tenant publishes. The person is (`tid`, `oid`): addresses and names
there are what an administrator of any tenant writes.
"""

import re
from collections.abc import Mapping
from typing import Any

from gateway.errors import NotAllowed, ProviderLied, ProviderRefused
from gateway.keys.unproven import unproven_claims
from gateway.providers.claims import Claims
from gateway.providers.client_auth import Chance
from gateway.providers.discovery import KEPT_SECONDS, Metadata, discover, document_url, read_metadata
from gateway.providers.entra_errors import explained_by_entra, reason_of_callback
from gateway.providers.graph import Graph
from gateway.providers.id_token import Expected
from gateway.providers.oauth import Meaning, Tokens
from gateway.providers.oidc import Oidc
from gateway.providers.provider import Answer, Arrival, Ask, Flow, LoggedOut
from gateway.settings.oidc_presets import CONSUMERS, SHARED_TENANTS, MicrosoftProvider
from gateway.settings.section import DIRECTORY_ID

_ID = re.compile(DIRECTORY_ID)
_TEMPLATE = "{tenantid}"


class Microsoft(Oidc):
    """A section of type microsoft."""

    def __init__(
        self,
        section: MicrosoftProvider,
        name: str,
        *,
        several: bool,
        keeps: frozenset[str] = frozenset(),
        callback: str = "",
        chance: Chance | None = None,
    ) -> None:
        super().__init__(section, name, several=several, keeps=keeps, callback=callback, chance=chance)
        self._login = section.login_url.rstrip("/")
        self._tenant = CONSUMERS if section.tenant == "consumers" else section.tenant
        self._tenants = frozenset(section.tenants)
        self._graph = Graph(name, section.graph_url.rstrip("/")) if section.graph else None
        self._reads_groups = any(place.path == "groups" for place in section.groups_claim)

    def explain_error(self, parameters: Mapping[str, str]) -> tuple[str, Mapping[str, str]]:
        """What the error of a callback means."""
        return reason_of_callback(parameters)

    def read_logout(self, token: str, now: float) -> Flow[LoggedOut]:  # noqa: ARG002 (nothing to read)
        """Entra sends no logout tokens: what looks like one is not from there."""
        yield from ()
        raise ProviderLied(self._name, "logout_token: Entra ID sends none")

    def check_arrival(self, arrival: Arrival) -> Flow[None]:
        """RFC 9207: should Entra come to name an issuer, it can only name that of a tenant that may sign in."""
        named = arrival.issuer or ""
        tenant = named.removeprefix(f"{self._login}/").removesuffix("/v2.0")
        if named == self._issuer_at(tenant) and _ID.fullmatch(tenant) and self._lets_in(tenant):
            return
        yield from super().check_arrival(arrival)

    def _discover(self) -> Flow[Metadata]:
        ask = Ask(document_url(self.issuer), retry=True, keep=KEPT_SECONDS)
        try:
            return self._metadata((yield ask))
        except ProviderLied:
            return self._metadata((yield Ask(ask.url, retry=True, keep=KEPT_SECONDS, renew=True)))

    def _metadata(self, answer: Answer) -> Metadata:
        """The document of the section's address, which names the issuer of a tenant, or the template of all of them."""
        stated = _TEMPLATE if self._tenant in SHARED_TENANTS else self._tenant
        return read_metadata(self._name, self._issuer_at(stated), answer)

    def _issuer_at(self, tenant: str) -> str:
        return f"{self._login}/{tenant}/v2.0"

    def _issuer_of(self, token: str) -> str:
        tenant = unproven_claims(token).get("tid")
        if not isinstance(tenant, str) or not _ID.fullmatch(tenant):
            raise ProviderLied(self._name, "id_token: tid")
        if not self._lets_in(tenant):
            raise NotAllowed(f"{self._name}:{tenant}", "is a tenant that may not sign in", "wrong_tenant")
        return self._issuer_at(tenant)

    def _lets_in(self, tenant: str) -> bool:
        if self._tenants and tenant not in self._tenants:
            return False
        if self._tenant == "organizations":
            return tenant != CONSUMERS
        return self._tenant in {"common", tenant}

    def _verified(self, metadata: Metadata, tokens: Tokens, expected: Expected, now: int) -> Flow[Claims]:
        # The shared document has the keys of all tenants, and a key does not say in its signature whose it is.
        own = metadata if expected.issuer == metadata.issuer else (yield from self._of_tenant(expected))
        return (yield from super()._verified(own, tokens, expected, now))

    def _of_tenant(self, expected: Expected) -> Flow[Metadata]:
        return (yield from discover(self._name, expected.issuer))

    def _person(self, claims: Claims) -> tuple[str, str]:
        tenant, person = claims.get("tid"), claims.get("oid")
        if not isinstance(tenant, str) or self._issuer_at(tenant) != claims["iss"]:
            raise ProviderLied(self._name, "id_token: tid")
        if not isinstance(person, str) or not _ID.fullmatch(person):
            raise ProviderLied(self._name, "id_token: oid", remedy="ask for the scope profile")
        return tenant, person

    def _documents(self, metadata: Metadata, tokens: Tokens, claims: Claims) -> Flow[tuple[Claims, ...]]:  # noqa: ARG002
        """The ID token, and the groups out of Graph where it leaves them out. Userinfo knows nothing more."""
        vouched = claims.get("xms_edov") in (True, "true", "1")  # it has been seen as each of them, and as 1
        document = {**claims, "xms_edov": vouched}
        if not self._reads_groups or not _left_out(claims):
            return (document,)
        if self._graph is None:
            remedy = f"write graph: true, or assign groups to the application (providers.{self._name})"
            raise ProviderRefused(self._name, "groups left out of the token", remedy, reason="overage")
        groups = yield from self._graph.groups(tokens.access_token)
        return ({**document, "groups": groups},)

    def _explain(self, body: Mapping[str, Any]) -> Meaning:
        return explained_by_entra(body)


def _left_out(claims: Claims) -> bool:
    """Whether there are too many groups for the token ("groups overage")."""
    sources = claims.get("_claim_names")
    elsewhere = isinstance(sources, Mapping) and "groups" in sources
    return elsewhere or claims.get("hasgroups") in (True, "true")
