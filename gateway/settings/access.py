"""Who may pass where, as written: criteria, rules, and policies that a proxy names itself."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, WithJsonSchema

from gateway.settings.addresses import HostPattern
from gateway.settings.section import Pattern, Section, Word
from gateway.settings.units import NetworkSetting


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


def _allow_form(value: Any) -> str | None:
    """Which form of `allow` was written, so that a fault speaks of that one and not of all three."""
    if isinstance(value, str):
        return "<word>"
    if isinstance(value, (Mapping, Criteria)):
        return "<criteria>"
    return "<list>" if isinstance(value, (list, tuple)) else None


Allow = Annotated[
    Annotated[Access, Tag("<word>")]
    | Annotated[Criteria, Tag("<criteria>")]
    | Annotated[tuple[Criteria, ...], Tag("<list>")],
    Discriminator(_allow_form),
]


Token = Literal["access_token", "id_token"]
"""A token of the provider that a rule may hand through."""


def _listed(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


_TOKEN = {"enum": ["access_token", "id_token"], "type": "string"}
PassedTokens = Annotated[
    tuple[Token, ...],
    BeforeValidator(_listed),
    WithJsonSchema({"anyOf": [_TOKEN, {"type": "array", "items": _TOKEN}]}),
]
"""One token, or a list of them."""

Credential = Literal["session", "basic", "bearer"]
"""What may prove who is asking: the session's cookie, HTTP Basic, or a token in `Authorization: Bearer`."""

_CREDENTIAL = {"enum": ["session", "basic", "bearer"], "type": "string"}
Accepted = Annotated[
    tuple[Credential, ...],
    Field(min_length=1),
    BeforeValidator(_listed),
    WithJsonSchema({"anyOf": [_CREDENTIAL, {"type": "array", "items": _CREDENTIAL, "minItems": 1}]}),
]


class BasicSettings(Section):
    """HTTP Basic under one rule."""

    provider: Word = Field(description="Where the name and the password are checked.")


class RuleSettings(Section):
    """One rule. The first whose host, path, method and network fit decides; where none fits, the answer is no."""

    name: Word | None = Field(
        default=None, description="Shown in logs, on the 403 page and in messages; `rule-N` by default."
    )
    hosts: tuple[HostPattern, ...] = Field(
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
    allow: Allow = Field(
        description="public, optional, authenticated, or criteria; of a list of criteria one must hold."
    )
    freshness: Literal["cached", "strict"] = Field(
        default="cached",
        description="strict: every check asks the store, and none is answered from memory.",
    )
    pass_token: PassedTokens = Field(
        default=(),
        description="Tokens of the provider that the application gets: access_token, id_token, or both in a list.",
    )
    accept: Accepted = Field(
        default=("session",),
        description="What proves who is asking: session (the cookie), basic (HTTP Basic), bearer (a token), or a list.",
    )
    basic: BasicSettings | None = Field(
        default=None,
        description="Where HTTP Basic is checked; needed where several providers take passwords.",
    )
    pass_authorization: bool = Field(
        default=False,
        description="Hand an Authorization header that was read here to the application too; else it is taken away.",
    )


class PolicySettings(Section):
    """Rules that a proxy names itself, at /verify/policy/NAME/CONTRACT, in place of the rules by host."""

    case_sensitive_paths: bool = Field(default=False, description="As for the rules by host.")
    rules: tuple[RuleSettings, ...] = Field(min_length=1, description="As the rules by host.")
