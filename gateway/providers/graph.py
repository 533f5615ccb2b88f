"""Microsoft Graph: the groups of a person who has too many of them for a token.

Source: Graph's "List a user's memberships (direct and transitive)" and "Paging". A list that is not complete is none: a
rule that asks for a group must never take "not read" for "not in it", nor a ban for its absence.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from gateway.errors import ProviderRefused, ProviderUnavailable
from gateway.providers.claims import text
from gateway.providers.provider import Answer, Ask, Flow

PAGE = 999
"""The most that Graph gives at a time."""
MOST_PAGES = 20
_PATH = "/v1.0/me/transitiveMemberOf"
_GROUP = "#microsoft.graph.group"


@dataclass(frozen=True, slots=True)
class Graph:
    """Graph at `url`, asked for the people of one provider."""

    provider: str
    url: str

    def groups(self, access_token: str) -> Flow[tuple[str, ...]]:
        """The object IDs of all groups of the person whose token this is.

        Raises `ProviderRefused` (overage, permission_missing) or `ProviderUnavailable`.
        """
        headers = {"authorization": f"Bearer {access_token}", "consistencylevel": "eventual"}
        found: list[str] = []
        url = f"{self.url}{_PATH}?$select=id&$top={PAGE}&$count=true"
        for _ in range(MOST_PAGES):
            body = self._page((yield Ask(url, headers=headers, retry=True)))
            found += self._ids(body.get("value"))
            if "@odata.nextLink" not in body:
                return tuple(found)
            url = self._onward(body["@odata.nextLink"])
        raise self._incomplete(f"more than {MOST_PAGES} pages")

    def _page(self, answer: Answer) -> Mapping[str, Any]:
        if answer.status == 429 or answer.status >= 500:
            reason = "throttled" if answer.status == 429 else "provider_down"
            raise ProviderUnavailable(self.provider, f"Graph: status {answer.status}", reason=reason)
        if answer.status in {401, 403}:
            remedy = f"grant the application User.Read (delegated), and name it in scopes (providers.{self.provider})"
            raise self._incomplete(f"status {answer.status}", remedy, "permission_missing")
        if answer.status != 200 or answer.json is None:
            raise self._incomplete(f"status {answer.status}, or no JSON object")
        return answer.json

    def _ids(self, members: Any) -> list[str]:
        """Groups alone: directory roles and administrative units are memberships too."""
        if not isinstance(members, list) or not all(isinstance(one, Mapping) for one in members):
            raise self._incomplete("no list of members")
        groups = [one for one in members if one.get("@odata.type") == _GROUP]
        ids = [text(one.get("id")) for one in groups]
        if not all(ids):
            raise self._incomplete("a group without an id")
        return ids

    def _onward(self, link: Any) -> str:
        """The next page, where it is one of this list: the link carries the person's token to wherever it points."""
        plain = isinstance(link, str) and link.isascii() and link.isprintable() and " " not in link
        if plain and _place(link) == _place(self.url + _PATH):
            return str(link)
        raise self._incomplete("its next page is at another address")

    def _incomplete(self, why: str, remedy: str = "", reason: str = "overage") -> ProviderRefused:
        return ProviderRefused(self.provider, f"groups of Graph: {why}", remedy, reason=reason)


def _place(url: str) -> tuple[str, str, str] | None:
    """Scheme, host with port, and path; `None` of what is no address."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return parts.scheme, parts.netloc, parts.path
