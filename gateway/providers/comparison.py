"""A provider's own word beside ours: where its metadata and the section of gateway.yaml do not fit together.

A finding that `breaks` is a login that fails; any other is worth a look. Metadata may say less than the provider can
(scopes, prompts, PKCE), so that silence is never held against it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from gateway.errors import ProviderLied
from gateway.keys.client_key import ClientKey
from gateway.keys.key_set import KeySet
from gateway.providers.discovery import Metadata
from gateway.providers.profile import SecurityProfile
from gateway.settings.fault import Fault
from gateway.settings.providers import OidcSection

METHODS = {
    "private_key_jwt": "private_key_jwt",
    "basic": "client_secret_basic",
    "post": "client_secret_post",
}
"""What `client_auth` says, and what the metadata calls it; the strongest first."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What does not fit, where in gateway.yaml, and what to write."""

    fault: Fault
    breaks: bool = True


@dataclass(frozen=True, slots=True)
class Compared:
    """A section, and what its provider publishes."""

    name: str
    section: OidcSection
    metadata: Metadata
    keys: KeySet

    @property
    def profile(self) -> SecurityProfile:
        return SecurityProfile.of(self.section, self.name)

    @property
    def method(self) -> str:
        """How we prove who we are, in the words of the metadata."""
        public = self.section.client_secret is None and self.section.client_key is None
        return "none" if public else METHODS[self.section.client_auth]

    @property
    def methods(self) -> tuple[str, ...]:
        """Discovery section 3: client_secret_basic where nothing is said."""
        return self.metadata.listed("token_endpoint_auth_methods_supported") or ("client_secret_basic",)

    @property
    def strict(self) -> bool:
        return self.section.security == "strict"

    def finding(self, key: str, what: str, instead: str, *, breaks: bool = True) -> Finding:
        path = ("providers", self.name, key) if key else ("providers", self.name)
        return Finding(Fault(path, what, instead), breaks)


def findings(it: Compared) -> Iterator[Finding]:
    """Everything that does not fit."""
    for look in (
        _flow,
        _proof,
        _signature,
        _challenge,
        _algorithms,
        _pushing,
        _issuer,
        _scopes,
        _prompt,
        _logout,
    ):
        yield from look(it)


def _flow(it: Compared) -> Iterator[Finding]:
    types = it.metadata.listed("response_types_supported")
    if types is not None and "code" not in types:
        what = f"the provider has no authorization code flow ({', '.join(types)})"
        yield it.finding("", what, "switch response type code on at the provider")


def _proof(it: Compared) -> Iterator[Finding]:
    if it.method in it.methods:
        return
    takes = f"the provider takes {', '.join(it.methods)}"
    if it.method == "none":
        # Few name it, though they take public clients.
        instead = "write client_secret, or let the client be public at the provider"
        yield it.finding("client_secret", f"is missing, and {takes}", instead, breaks=False)
        return
    usable = [word for word, method in METHODS.items() if method in it.methods]
    instead = (
        f"write client_auth: {usable[-1] if it.section.client_secret else usable[0]}"
        if usable
        else f"let the provider take {it.method}"
    )
    yield it.finding("client_auth", f"is {it.section.client_auth}, and {takes}", instead)


def _signature(it: Compared) -> Iterator[Finding]:
    takes = it.metadata.listed("token_endpoint_auth_signing_alg_values_supported")
    if it.section.client_key is None or takes is None:
        return
    ours = ClientKey.parse(it.section.client_key.get_secret_value()).algorithms
    if not set(ours) & set(takes):
        what = f"signs with {' or '.join(ours)}, and the provider takes {', '.join(takes)}"
        yield it.finding("client_key", what, "use a key of another kind")


def _challenge(it: Compared) -> Iterator[Finding]:
    methods = it.metadata.listed("code_challenge_methods_supported")
    if methods is not None and "S256" not in methods:
        what = f"the provider has PKCE without S256 ({', '.join(methods) or 'no method'})"
        yield it.finding("", what, "switch S256 on at the provider", breaks=it.strict)


def _algorithms(it: Compared) -> Iterator[Finding]:
    try:
        believed = it.profile.algorithms(it.metadata)
    except ProviderLied as lied:
        yield it.finding("security", lied.detail, lied.remedy)
        return
    offered = it.metadata.algorithms
    if not set(believed) & set(offered):
        what = f"has none of those that the provider signs with ({', '.join(offered)})"
        yield it.finding("algorithms", what, f"write algorithms: [{offered[0]}], or leave it out")
    elif not any(key.fits(name) for key in it.keys.keys for name in believed):
        what = f"the provider publishes no key for {', '.join(believed)}"
        yield it.finding("", what, "let it sign ID tokens with one of these, with a key of 2048 bits or more")


def _pushing(it: Compared) -> Iterator[Finding]:
    try:
        it.profile.pushing_endpoint(it.metadata)
    except ProviderLied as lied:
        yield it.finding("", lied.detail, lied.remedy)


def _issuer(it: Compared) -> Iterator[Finding]:
    if it.strict and not it.metadata.states_issuer:
        what = (
            "is strict, and the provider does not say that it sends iss, without which no callback is taken"
        )
        yield it.finding("security", what, "write security: standard, or switch RFC 9207 on at the provider")


def _scopes(it: Compared) -> Iterator[Finding]:
    named = it.metadata.listed("scopes_supported")
    unknown = [scope for scope in it.section.scopes if named is not None and scope not in named]
    if unknown:
        what = f"asks for {', '.join(unknown)}, which the provider does not name"
        yield it.finding("scopes", what, "leave out what it does not know", breaks=False)


def _prompt(it: Compared) -> Iterator[Finding]:
    named = it.metadata.listed("prompt_values_supported")
    unknown = [word for word in (it.section.prompt or "").split() if named is not None and word not in named]
    if unknown:
        what = f"has {', '.join(unknown)}, and the provider names {', '.join(named or ()) or 'none'}"
        yield it.finding("prompt", what, "write one that it names, or leave it out", breaks=False)


def _logout(it: Compared) -> Iterator[Finding]:
    if not it.section.frontchannel_logout:
        return
    if it.metadata.says("backchannel_logout_supported"):
        what = "lets a page end sessions, and the provider has back-channel logout, which is signed"
        instead = f"register PUBLIC_URL/auth/{it.name}/backchannel-logout there, and leave it out"
        yield it.finding("frontchannel_logout", what, instead, breaks=False)
    elif not it.metadata.says("frontchannel_logout_supported"):
        what = "is true, and the provider does not say that it has front-channel logout"
        yield it.finding("frontchannel_logout", what, "leave it out", breaks=False)
