"""The shape of gateway.yaml. Every key has a default that is safe; what has none must be written.

Rules that need two keys, or the meaning of a value, stand in `settings.checks`. Where secrets, `${ENV}` and
`file:` come from stands in `settings.load`.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from gateway.settings.units import (
    BindAddress,
    Duration,
    NetworkSetting,
    Secret,
    VerifyBind,
    parse_bind,
    parse_duration,
)


class Section(BaseModel):
    """A mapping of the file: frozen, and an unknown key is a fault."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=True)


Word = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*$", max_length=40)]
HeaderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9-]*$", max_length=64)]
Pattern = Annotated[str, StringConstraints(min_length=1, max_length=500)]
Origin = Annotated[
    str,
    StringConstraints(
        pattern=r"^https?://(\*\.)?[A-Za-z0-9.-]+(:\d{1,5})?$|^https?://\[[0-9a-fA-F:]+\](:\d{1,5})?$"
    ),
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


class Criteria(Section):
    """Who may pass. Values of one list are alternatives; every list that is written must hold."""

    users: tuple[str, ...] = Field(default=(), description="Values of X-Auth-User.")
    emails: tuple[str, ...] = Field(
        default=(), description="E-mail addresses that the provider has verified."
    )
    email_domains: tuple[str, ...] = Field(default=(), description="Domains of verified e-mail addresses.")
    groups: tuple[str, ...] = Field(
        default=(), description="Groups; `provider:group` where there are several providers."
    )


Access = Literal["public", "optional", "authenticated"]


class RuleSettings(Section):
    """One rule. The first whose host, path, method and network fit decides; where none fits, the answer is no."""

    name: Word | None = Field(
        default=None, description="Shown in logs, on the 403 page and in messages; `rule-N` by default."
    )
    hosts: tuple[str, ...] = Field(
        default=(), description="Hosts out of `hosts:`, exact or *.suffix; none means all."
    )
    paths: tuple[Pattern, ...] = Field(
        default=(),
        description="Anchored globs: `*` stays within a segment, `**` crosses; `regex:` in front opts into an anchored regular expression.",
    )
    methods: tuple[str, ...] = Field(default=(), description="Methods in upper case; GET includes HEAD.")
    networks: tuple[NetworkSetting, ...] = Field(
        default=(), description="The client's networks, seen past trusted_proxies."
    )
    providers: tuple[Word, ...] = Field(
        default=(), description="A login of one of these providers is asked for and judged."
    )
    allow: Access | Criteria | tuple[Criteria, ...] = Field(
        description="public, optional, authenticated, or criteria; of a list of criteria one must hold."
    )


class PolicySettings(Section):
    """Rules that a proxy names itself, at /verify/policy/NAME/CONTRACT, in place of the rules by host."""

    rules: tuple[RuleSettings, ...] = Field(min_length=1)


class OidcProvider(Section):
    """Any OpenID Connect provider, by its discovery document."""

    type: Literal["oidc"] = "oidc"
    title: str = Field(
        default="", max_length=60, description="What the sign-in button says; the section's name by default."
    )
    issuer: Annotated[str, StringConstraints(pattern=r"^https?://[^\s?#]+$")] = Field(
        description="The issuer, byte for byte as the provider states it."
    )
    client_id: Annotated[str, StringConstraints(min_length=1, max_length=500)]
    client_secret: Secret | None = Field(
        default=None, description="Without it the gateway is a public client (PKCE alone)."
    )
    client_auth: Literal["basic", "post"] = Field(
        default="basic", description="client_secret_basic or client_secret_post."
    )
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    user: str = Field(
        default="{preferred_username}",
        description="Template of X-Auth-User over claims of the ID token and userinfo.",
    )
    namespace: Word | None = Field(
        default=None,
        description="Providers of one namespace vouch for the same people under the same X-Auth-User.",
    )
    groups_claim: str = "groups"
    anyone: bool = Field(
        default=False, description="Everybody who can sign in at the provider may sign in here."
    )
    allow: Criteria | None = Field(default=None, description="Who may sign in.")
    prompt: str | None = Field(
        default=None, description="Sent as `prompt`, for example `consent` where offline_access needs it."
    )
    ca_file: str | None = Field(default=None, description="A CA bundle for this provider, in PEM.")
    timeout: Duration = Field(
        default=parse_duration("5s"), description="Total deadline of one request to the provider."
    )


class Sessions(Section):
    """How long a session lives, and where its cookie goes."""

    idle: Duration = Field(
        default=parse_duration("3d"), description="A session that is not used for this long ends."
    )
    absolute: Duration = Field(
        default=parse_duration("30d"), description="A session ends after this long, used or not."
    )
    outage_grace: Duration = Field(
        default=parse_duration("15m"),
        description="How long past the end of its token a session outlives a failing provider.",
    )
    cookie_name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*$", max_length=30)] = Field(
        default="gw", description="Without prefix: __Host- or __Secure- is put in front where it applies."
    )
    cookie_domain: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)*$")] | None = Field(
        default=None, description="The parent domain of all hosts, where they differ from public_url's host."
    )


class Login(Section):
    """Limits of the login redirects."""

    attempt_lifetime: Duration = Field(
        default=parse_duration("10m"), description="How long a person may take at the provider."
    )
    open_attempts: int = Field(
        default=50_000,
        ge=100,
        description="Ceiling on stored attempts of everybody; the heaviest address prefixes give way first.",
    )
    per_prefix: int = Field(
        default=60, ge=1, description="Attempts that one address prefix (/24, /64) may begin in a minute."
    )


class HeaderNames(Section):
    """Names of the identity headers; null leaves one out everywhere."""

    user: HeaderName | None = "X-Auth-User"
    subject: HeaderName | None = "X-Auth-Subject"
    email: HeaderName | None = "X-Auth-Email"
    name: HeaderName | None = "X-Auth-Name"
    groups: HeaderName | None = "X-Auth-Groups"
    provider: HeaderName | None = "X-Auth-Provider"
    expires: HeaderName | None = "X-Auth-Expires"
    assertion: HeaderName | None = "X-Auth-Assertion"
    encoding: Literal["percent", "utf-8", "latin1"] = "percent"


class Keys(Section):
    file: str = Field(
        default="data/gateway-keys.json",
        description="The key ring; made at the first start with the embedded store, else by `gateway keys generate`.",
    )


class Assertion(Section):
    lifetime: Duration = Field(
        default=parse_duration("5m"), description="How long a signed assertion is valid."
    )


class Log(Section):
    format: Literal["auto", "json", "pretty"] = Field(
        default="auto", description="auto: pretty on a terminal, JSON elsewhere."
    )
    level: Literal["debug", "info", "warning", "error"] = "info"


class Pages(Section):
    title: str = Field(default="Sign in", max_length=60, description="The name that pages carry.")


class Settings(Section):
    """The whole file."""

    public_url: Annotated[str, StringConstraints(pattern=r"^https?://[^\s?#]+$")] = Field(
        description="Where browsers meet the gateway, as in https://auth.example.com or https://app.example.com/_gateway."
    )
    hosts: tuple[Origin, ...] = Field(
        min_length=1,
        description="What is protected, as browsers see it: scheme, host (exact or *.suffix) and port.",
    )
    rules: tuple[RuleSettings, ...] = Field(min_length=1)
    policies: dict[Word, PolicySettings] = Field(default_factory=dict)
    providers: dict[Word, OidcProvider] = Field(default_factory=dict)
    server: Server = Server()
    sessions: Sessions = Sessions()
    login: Login = Login()
    headers: HeaderNames = HeaderNames()
    assertion: Assertion = Assertion()
    keys: Keys = Keys()
    store: Secret = Field(
        default=SecretStr("sqlite:data/gateway.db"),
        description="sqlite:PATH, redis://, rediss:// or unix:// (secrets by ${ENV}).",
    )
    shared_origin: Literal["refuse", "accept"] = "refuse"
    log: Log = Log()
    pages: Pages = Pages()
