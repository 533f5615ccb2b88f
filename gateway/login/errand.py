"""The errand: why a browser is sent to a provider, and what is asked for there beside a login."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from gateway.login.level import Level

LOGIN, REAUTHENTICATE, FOR_CLIENT = "login", "reauthenticate", "client"

# Languages of our pages, and how providers call them: BCP 47 tags in the order of preference.
_LOCALES: Mapping[str, str] = MappingProxyType({"zh-Hans": "zh-Hans zh-CN zh", "zh-Hant": "zh-Hant zh-TW zh"})


@dataclass(frozen=True, slots=True)
class Errand:
    """`person` names in an attempt whose login is to be repeated at `level`; both belong to `REAUTHENTICATE` alone.

    `client`, `challenge` and `client_state` belong to `FOR_CLIENT`: whom the login is for, and what its code is bound to.
    `login_hint` says who will sign in, `language` is that of our pages. `round` counts how often the gateway began
    again by itself.
    """

    purpose: str = LOGIN
    person: str = field(default="", repr=False)
    level: Level | None = None
    login_hint: str = field(default="", repr=False)
    language: str = ""
    round: int = 0
    client: str = ""
    challenge: str = field(default="", repr=False)
    client_state: str = field(default="", repr=False)

    def parameters(self) -> dict[str, str]:
        """The names of OpenID Connect Core section 3.1.2.1; a provider drops those that it does not know."""
        hint = {"login_hint": self.login_hint} if self.login_hint else {}
        locales = {"ui_locales": _LOCALES.get(self.language, self.language)} if self.language else {}
        return {**hint, **locales, **(self.level.parameters() if self.level else {})}
