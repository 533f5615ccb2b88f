"""The shape of gateway.yaml. Every key has a default that is safe; what has none must be written.

Rules that need two keys, or the meaning of a value, stand in `settings.checks`. Where secrets, `${ENV}` and
`file:` come from stands in `settings.load`.
"""

from typing import Literal

from pydantic import Field

from gateway.settings.access import Access, Allow, Criteria, PolicySettings, RuleSettings
from gateway.settings.addresses import Origin, PublicUrl
from gateway.settings.login import Login
from gateway.settings.pages import Link, Pages
from gateway.settings.presets import ProviderSettings
from gateway.settings.provider_section import ClientSection, ProviderSection
from gateway.settings.providers import OAuth2Provider, OidcProvider, OidcSection
from gateway.settings.section import HeaderName, Pattern, Section, Word
from gateway.settings.sessions import Sessions
from gateway.settings.tokens import TokenClient, Tokens
from gateway.settings.units import (
    BindAddress,
    Duration,
    LinesPerSecond,
    NetworkSetting,
    Secret,
    SomeLinesPerSecond,
    StoreAddress,
    StoreUrl,
    VerifyBind,
    parse_bind,
    parse_duration,
)

__all__ = [
    "Access",
    "Allow",
    "Assertion",
    "ClientSection",
    "Criteria",
    "HeaderName",
    "HeaderNames",
    "Keys",
    "Link",
    "Log",
    "Login",
    "OAuth2Provider",
    "OidcProvider",
    "OidcSection",
    "Origin",
    "Pages",
    "Pattern",
    "PolicySettings",
    "ProviderSection",
    "ProviderSettings",
    "RuleSettings",
    "Section",
    "Server",
    "Sessions",
    "Settings",
    "TokenClient",
    "Tokens",
    "Word",
]


class Server(Section):
    """Three listeners, and whom they believe."""

    bind: BindAddress = Field(
        default=parse_bind("127.0.0.1:4180"), description="Pages and protocols: what stands under public_url."
    )
    verify_bind: VerifyBind = Field(
        default=parse_bind("127.0.0.1:4181"),
        description="The verify endpoints, for the proxy alone; `same` puts them on `bind` and demands verify_secret.",
    )
    metrics_bind: BindAddress = Field(
        default=parse_bind("127.0.0.1:9180"), description="Metrics and health with detail, for the operator."
    )
    trusted_proxies: tuple[NetworkSetting, ...] = Field(
        default=(),
        description="Networks whose forwarded headers count. A Unix socket is trusted by its file permissions.",
    )
    verify_secret: Secret | None = Field(
        default=None,
        description="What the proxy sends in X-Gateway-Secret (and removes before the application).",
    )
    workers: int = Field(
        default=1, ge=1, le=64, description="Processes that answer; `gateway serve --workers` goes over it."
    )
    drain: Duration = Field(
        default=parse_duration("0s"),
        description="How long a stop goes on answering while /readyz fails already, so that balancers look elsewhere.",
    )
    quick: bool = Field(
        default=True,
        description="Answer checks while their heads are read, past the ASGI server; the answers are the same.",
    )


class HeaderNames(Section):
    """Names of the identity headers; null leaves one out everywhere."""

    user: HeaderName | None = Field(
        default="X-Auth-User", description="Who it is, by the provider's `user:` template."
    )
    subject: HeaderName | None = Field(
        default="X-Auth-Subject", description="The stable identifier: provider:subject."
    )
    email: HeaderName | None = Field(
        default="X-Auth-Email", description="The e-mail address, if the provider has verified it."
    )
    name: HeaderName | None = Field(default="X-Auth-Name", description="The name to show.")
    groups: HeaderName | None = Field(default="X-Auth-Groups", description="Groups, separated by commas.")
    provider: HeaderName | None = Field(
        default="X-Auth-Provider", description="The section of `providers:` that signed the person in."
    )
    expires: HeaderName | None = Field(
        default="X-Auth-Expires", description="When the session ends, in Unix seconds."
    )
    assertion: HeaderName | None = Field(
        default="X-Auth-Assertion",
        description="The signed identity (JWT); its keys are at /.well-known/jwks.json.",
    )
    access_token: HeaderName | None = Field(
        default="X-Auth-Access-Token",
        description="The provider's access token; left out everywhere unless a rule passes it.",
    )
    id_token: HeaderName | None = Field(
        default="X-Auth-Id-Token",
        description="The provider's latest ID token; left out everywhere unless a rule passes it.",
    )
    rule: HeaderName | None = Field(
        default=None, description="The name of the rule that let the request pass; left out by default."
    )
    decision: HeaderName | None = Field(
        default=None, description="The id of the decision, as the log has it; left out by default."
    )
    encoding: Literal["percent", "utf-8", "latin1"] = Field(
        default="percent", description="How characters outside visible ASCII are written."
    )


class Keys(Section):
    """The gateway's own keys."""

    file: str = Field(
        default="data/gateway-keys.json",
        min_length=1,
        description="The key ring; made at the first start with the embedded store, else by `gateway keys generate`. "
        "A relative path starts at the folder of gateway.yaml.",
    )


class Assertion(Section):
    """The signed identity (JWT)."""

    lifetime: Duration = Field(
        default=parse_duration("5m"), description="How long a signed assertion is valid."
    )


class Log(Section):
    """What is logged, and how."""

    format: Literal["auto", "json", "pretty"] = Field(
        default="auto", description="auto: pretty on a terminal, JSON elsewhere."
    )
    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least severe line that is written."
    )
    allows: LinesPerSecond = Field(
        default=10,
        description="Lines a second, in each worker, for checks that were allowed; the others are counted alone. 0 for "
        "none, `all` for every one.",
    )
    denials: SomeLinesPerSecond = Field(
        default=100,
        description="Lines a second, in each worker, for each other outcome of a check (challenge, step_up, forbid, "
        "refused, limited); the others are counted alone. `all` for every one. A fault always has a line.",
    )


class Settings(Section):
    """The whole file."""

    public_url: PublicUrl = Field(
        description="Where browsers meet the gateway, as in https://auth.example.com or https://app.example.com/_gateway."
    )
    hosts: tuple[Origin, ...] = Field(
        min_length=1,
        description="What is protected, as browsers see it: scheme, host (exact or *.suffix) and port.",
    )
    rules: tuple[RuleSettings, ...] = Field(
        min_length=1,
        description="Who may pass where; the first rule that fits decides, and no rule means no.",
    )
    case_sensitive_paths: bool = Field(
        default=False,
        description="Every application tells /Admin from /admin. By default none is trusted to, and a path that would "
        "meet another rule in another case is refused.",
    )
    policies: dict[Word, PolicySettings] = Field(
        default_factory=dict, description="Rules under a name, for proxies that name the policy themselves."
    )
    providers: dict[Word, ProviderSettings] = Field(
        default_factory=dict, description="Where people sign in, each under a name of yours."
    )
    server: Server = Field(default=Server(), description="Three listeners, and whom they believe.")
    sessions: Sessions = Field(
        default=Sessions(), description="How long a session lives, and where its cookie goes."
    )
    login: Login = Field(
        default=Login(), description="Limits of the login redirects, and which provider is offered where."
    )
    tokens: Tokens = Field(
        default=Tokens(), description="Access and refresh tokens for the gateway's own clients."
    )
    headers: HeaderNames = Field(
        default=HeaderNames(), description="Names of the identity headers; null leaves one out everywhere."
    )
    assertion: Assertion = Field(default=Assertion(), description="The signed identity (JWT).")
    keys: Keys = Field(default=Keys(), description="The gateway's own keys.")
    store: StoreAddress = Field(
        default=StoreUrl("sqlite:data/gateway.db"),
        description="Where sessions are kept: sqlite:PATH (relative to the folder of gateway.yaml), redis://, rediss:// or "
        "unix://, redis+sentinel:// or redis+cluster://; a password by ${NAME}.",
    )
    shared_origin: Literal["refuse", "accept"] = Field(
        default="refuse",
        description="Whether account pages may run on a host that an application shares.",
    )
    log: Log = Field(default=Log(), description="What is logged, and how.")
    pages: Pages = Field(default=Pages(), description="What pages show.")
