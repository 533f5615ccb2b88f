"""The return address: where a browser goes when a login is over.

Laws:

1. An address is read once, by one small grammar of visible ASCII. What a browser would have to repair (tabs, line
   ends, backslashes, missing slashes) is refused and never repaired (CVE-2020-5233, CVE-2020-11053, CVE-2020-4037).
2. What comes out is built from the configuration: scheme, host and port are those of the host entry that matched.
   Of the input only path and query remain.
3. A bad address is not an error. The login goes on and ends at the fallback page.
"""

import re
from dataclasses import dataclass

from gateway.errors import Malformed
from gateway.policy.hosts import HostEntry, Hosts, canonical_host
from gateway.settings.model import Settings

MAX_LENGTH = 4096

# RFC 3986 without userinfo. No `@`, `\`, `<`, `>`, `"`, space, control or non-ASCII character gets past this line.
_ADDRESS = re.compile(
    r"(?P<scheme>https?)://"
    r"(?P<host>[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>/[!$-;=@-\[\]-~]*)?"
    r"(?P<query>\?[!$-;=?-~]*)?"
    r"(?:#[!#-;=?-~]*)?",
    re.IGNORECASE | re.ASCII,
)
# A control or a backslash in disguise, a bad escape, or a path that some reader takes for `//host` or walks up from.
_UNSAFE_PATH = re.compile(
    r"%(?:[01][0-9a-f]|7f|5c|(?![0-9a-f]{2}))"
    r"|^/(?:/|%2f)"
    r"|(?:/|%2f)(?:\.|%2e){1,2}(?:[/;?]|%2f|$)",
    re.IGNORECASE | re.ASCII,
)
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class ReturnTo:
    """Judges return addresses. `public_url` is the gateway's own, without a slash at its end."""

    hosts: Hosts
    public_url: str

    @classmethod
    def of(cls, settings: Settings) -> "ReturnTo":
        return cls(Hosts.of(settings.hosts), settings.public_url.rstrip("/"))

    @property
    def fallback(self) -> str:
        """Where a login ends that has nowhere better to go: the page that says who is signed in."""
        return f"{self.public_url}/users/me"

    def of_request(self, raw: str) -> str:
        """A safe absolute address for what the request asked for; the fallback where it is not one of ours."""
        match = _ADDRESS.fullmatch(raw) if len(raw) <= MAX_LENGTH else None
        if match is None or _UNSAFE_PATH.search(match["path"] or "/"):
            return self.fallback
        origin = self._origin(match)
        address = f"{origin}{match['path'] or '/'}{match['query'] or ''}"
        # The login pages themselves are no destination: a login that ends at a login never ends.
        login = address.startswith(f"{self.public_url}/auth/")
        return self.fallback if login or not origin else address

    def is_own(self, address: str) -> bool:
        """Whether an address that `of_request` returned is a page of the gateway itself."""
        return address.startswith((f"{self.public_url}/users/", f"{self.public_url}/account"))

    def _origin(self, match: re.Match[str]) -> str:
        """The configured origin that the address names; "" where it names none of them."""
        try:
            host = canonical_host(match["host"].encode("ascii"))
        except Malformed:
            return ""
        asked = HostEntry(host, match["scheme"].lower(), _port(match)).origin_for(host)
        # On its own origin the gateway vouches for its own pages, whether or not the host is a protected one too.
        if self.is_own(f"{asked}{match['path'] or '/'}"):
            return asked
        entry = self.hosts.match(host)
        # The whole origin has to fit: the same host on plain http or on another port may be somebody else's.
        return asked if entry is not None and entry.origin_for(host) == asked else ""


def _port(match: re.Match[str]) -> int | None:
    """The port, without the scheme's own; -1 for port 0, which nothing is on."""
    if match["port"] is None:
        return None
    port = int(match["port"]) or -1
    return None if port == _DEFAULT_PORTS[match["scheme"].lower()] else port
