"""What sections of vendors have in common that speak OAuth 2.0, or something near it.

The defaults of `user` name a person by what nobody else can ever have there. A name that can be given up (a login at
GitHub, a username at Discord) may be somebody else's tomorrow; who wants it in `X-Auth-User` writes it.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import StringConstraints, model_validator

from gateway.settings.providers import OAuth2Section

Tenant = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class VendorSection(OAuth2Section):
    """A section whose vendor has given most keys a default; some of these follow from what is written."""

    @classmethod
    def following(cls, written: Mapping[str, Any]) -> Mapping[str, Any]:  # noqa: ARG003 (for those who look)
        """Defaults that follow from what is written, by key."""
        return {}

    @model_validator(mode="before")
    @classmethod
    def _filled(cls, written: Any) -> Any:
        if not isinstance(written, Mapping):
            return written
        return {**cls.following(written), **written}
