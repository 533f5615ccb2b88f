"""Tokens for the gateway's own clients: applications that keep no cookie, as single-page and mobile ones."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from gateway.settings.addresses import Origin
from gateway.settings.section import Section, Word
from gateway.settings.units import Duration, parse_duration

RETURN_ADDRESS = r"^[A-Za-z][A-Za-z0-9+.-]*:[!-~]+$"
ReturnAddress = Annotated[str, StringConstraints(pattern=RETURN_ADDRESS, max_length=300)]


class TokenClient(Section):
    """An application to which a redirect login may return with a one-time code."""

    return_addresses: tuple[ReturnAddress, ...] = Field(
        min_length=1,
        description="Where a login may return to, compared byte for byte: https, http on 127.0.0.1 or [::1], or a scheme "
        "of the application's own with a dot in it, as in com.example.app:/signed-in.",
    )


class Tokens(Section):
    """Access and refresh tokens for the gateway's own clients."""

    enabled: bool = Field(
        default=False, description="Whether tokens are issued, and taken under rules with `accept: bearer`."
    )
    lifetime: Duration = Field(
        default=parse_duration("30m"), description="How long an access token is valid; at most 1d."
    )
    refresh_lifetime: Duration = Field(
        default=parse_duration("7d"),
        description="How long a refresh token may wait for its use. It ends with its session at the latest.",
    )
    algorithm: Literal["RS256", "ES256", "EdDSA"] = Field(
        default="RS256", description="What access tokens are signed with."
    )
    audience: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = Field(
        default=None, description="The claim `aud` of access tokens; public_url by default."
    )
    origins: tuple[Origin, ...] = Field(
        default=(),
        description="Origins whose scripts may sign in and refresh here (CORS), each written out.",
    )
    clients: dict[Word, TokenClient] = Field(
        default_factory=dict, description="Applications that redirect logins may return to with a code."
    )
