"""Sections of providers whose people type a name and a password on a page of ours."""

from typing import Literal

from pydantic import Field

from gateway.settings.provider_section import ProviderSection
from gateway.settings.units import Duration, parse_duration


class PasswordSection(ProviderSection):
    """A way to sign in by a name and a password."""


class UsersFileProvider(PasswordSection):
    """People of a file: for the smallest installation, and for the day on which nothing else answers."""

    type: Literal["users-file"] = Field(description="People of a file, with argon2id hashes.")
    file: str = Field(
        min_length=1,
        description="The file of `gateway users`; a relative path starts at the folder of gateway.yaml.",
    )
    recheck: Duration = Field(
        default=parse_duration("1m"),
        description="How often a session of somebody in the file is held against it.",
    )
    user: str = Field(default="{username}", description="Template of X-Auth-User.")

    @property
    def home(self) -> str:
        return "users-file:"
