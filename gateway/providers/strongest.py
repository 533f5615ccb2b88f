"""What a provider offers, in lines for the operator, and the strongest security profile that would work with it."""

from collections.abc import Iterator

from gateway.errors import ProviderLied
from gateway.providers.comparison import Compared
from gateway.providers.profile import FAPI, STRICT
from gateway.settings.providers import OidcSection

Lines = tuple[tuple[str, str], ...]

_ENDPOINTS = (
    ("authorization_endpoint", "authorization"),
    ("token_endpoint", "token"),
    ("userinfo_endpoint", "userinfo"),
    ("pushing_endpoint", "pushed requests"),
    ("revocation_endpoint", "revocation"),
    ("end_session_endpoint", "logout"),
)


def offered(it: Compared) -> Lines:
    """(name, value) lines. They hold nothing secret: the provider tells everybody."""
    metadata = it.metadata
    endpoints = [shown for name, shown in _ENDPOINTS if getattr(metadata, name)]
    prompts = metadata.listed("prompt_values_supported")
    return (
        ("issuer", metadata.issuer),
        ("endpoints", ", ".join(endpoints)),
        ("keys", ", ".join([key.alg or key.kind for key in it.keys.keys]) or "none that is usable"),
        ("tokens", f"signed with {', '.join(metadata.algorithms)}"),
        ("client", f"{it.method}; the provider takes {', '.join(it.methods)}"),
        ("request", _request(it)),
        ("refresh", _refresh(it)),
        ("logout", _logout(it)),
        ("prompts", "not said" if prompts is None else ", ".join(prompts) or "none"),
        ("strict", _strict(it)),
    )


def hindrances(it: Compared) -> Iterator[str]:
    """Why `security: strict` would not work."""
    if not it.metadata.states_issuer:
        yield "it does not say that it sends iss"
    if "private_key_jwt" not in it.methods:
        yield "it takes no private_key_jwt"
    challenge = it.metadata.listed("code_challenge_methods_supported")
    if challenge is not None and "S256" not in challenge:
        yield "it has PKCE without S256"
    if not set(STRICT) & set(it.metadata.algorithms):
        yield f"it signs with none of {', '.join(STRICT)}"


def _strict(it: Compared) -> str:
    against = list(hindrances(it))
    if against:
        return f"would not work: {'; '.join(against)}"
    if not it.strict:
        return f"would work: write {', '.join(_to_write(it.section))}"
    strong = [name for name in FAPI if name in it.metadata.algorithms]
    if it.section.algorithms or not strong:
        return "in use"
    return f"in use; for FAPI 2.0 let it sign ID tokens with {strong[0]}, and write algorithms: [{strong[0]}]"


def _to_write(section: OidcSection) -> Iterator[str]:
    yield "security: strict"
    if section.client_auth != "private_key_jwt":
        yield "client_auth: private_key_jwt"
        yield "client_key: file:/path/of/key.pem"


def _request(it: Compared) -> str:
    methods = it.metadata.listed("code_challenge_methods_supported")
    challenge = "PKCE not said" if methods is None else f"PKCE {', '.join(methods) or 'without a method'}"
    try:
        way = "pushed" if it.profile.pushing_endpoint(it.metadata) else "by the browser"
    except ProviderLied:
        way = "to be pushed"
    issuer = "iss in the callback" if it.metadata.states_issuer else "no iss in the callback"
    return f"{challenge}; {way}; {issuer}"


def _refresh(it: Compared) -> str:
    grants = it.metadata.listed("grant_types_supported")
    if grants is not None and "refresh_token" not in grants:
        return "not offered"
    known = "offline_access" in (it.metadata.listed("scopes_supported") or ())
    asked = "offline_access" in it.section.scopes
    scope = "; offline_access is known, and not asked for" if known and not asked else ""
    return f"{'not said' if grants is None else 'offered'}{scope}"


def _logout(it: Compared) -> str:
    metadata = it.metadata
    found = []
    if metadata.says("backchannel_logout_supported"):
        one = metadata.says("backchannel_logout_session_supported")
        found.append("back-channel, " + ("one session" if one else "all sessions of a person"))
    if metadata.says("frontchannel_logout_supported"):
        found.append("front-channel")
    if metadata.end_session_endpoint:
        found.append("by redirect")
    return "; ".join(found) or "none"
