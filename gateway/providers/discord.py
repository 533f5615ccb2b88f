"""Discord: OAuth 2.0 by the book, and a picture whose address has to be put together.

Source: discord.com/developers/docs, "OAuth2", "User Resource", "Image Formatting". It takes forms alone, wants
verifiers of 43 characters at least (ours have them), spends a refresh token with its first use, and limits by 429 with
`Retry-After`, which every flow here honours.
"""

import re
from collections.abc import Mapping

from gateway.providers.claims import Claims, text
from gateway.providers.oauth import Tokens
from gateway.providers.oauth2 import OAuth2
from gateway.providers.provider import Flow

_SNOWFLAKE = re.compile(r"[0-9]{1,20}")
_HASH = re.compile(r"(?:a_)?[0-9a-f]{32}")


class Discord(OAuth2):
    """A section of type discord."""

    def _parameters(self, extra: Mapping[str, str]) -> Mapping[str, str]:  # noqa: ARG002 (it knows none of them)
        return {"prompt": self._section.prompt} if self._section.prompt else {}

    def _documents(self, tokens: Tokens) -> Flow[tuple[Claims, ...]]:
        answer = yield self._read(self._section.userinfo_endpoint, tokens)
        user = self._object("users/@me", answer)
        # Who has set no display name is shown by the username.
        name = text(user.get("global_name")) or text(user.get("username"))
        return ({**user, "name": name, "picture": avatar(user)},)


def avatar(user: Claims) -> str:
    """The address of a person's picture; "" where they have none, or its parts are not what they should be."""
    person, picture = text(user.get("id")), text(user.get("avatar"))
    if not _SNOWFLAKE.fullmatch(person) or not _HASH.fullmatch(picture):
        return ""
    kind = "gif" if picture.startswith("a_") else "png"
    return f"https://cdn.discordapp.com/avatars/{person}/{picture}.{kind}"
