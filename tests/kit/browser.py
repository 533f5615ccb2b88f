"""A browser without a window: it keeps cookies by the rules of RFC 6265bis, follows redirects over several origins,
and remembers every hop.

An origin is served by an ASGI application in this process, or by a real server on loopback (its base address).
Names need no resolver: `Browser({"https://app.example.com": app, "https://auth.example.com": "http://127.0.0.1:8"})`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

import httpx

NAVIGATION = {
    "accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "accept-language": "en",
    "sec-fetch-mode": "navigate",
    "sec-fetch-dest": "document",
    "sec-fetch-user": "?1",
    "user-agent": "Mozilla/5.0 (X11; Linux x86_64) test",
}
REDIRECTS = {301, 302, 303, 307, 308}


@dataclass
class Cookie:
    """One cookie as the jar holds it; `ends` in Unix seconds, `None` with the browser."""

    name: str
    value: str
    host: str
    host_only: bool
    path: str
    secure: bool
    http_only: bool
    same_site: str
    ends: float | None


@dataclass(frozen=True)
class Hop:
    """One request and its answer."""

    method: str
    url: str
    sent: Mapping[str, str]
    response: httpx.Response

    @property
    def status(self) -> int:
        return self.response.status_code

    @property
    def location(self) -> str:
        return self.response.headers.get("location", "")


class Jar:
    """The cookies of one browser (RFC 6265bis section 5.7, prefixes of section 4.1.3)."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.cookies: list[Cookie] = []
        self.refused: list[str] = []

    def store(self, url: str, line: str) -> None:
        """Take one Set-Cookie line, or refuse it as a browser would."""
        cookie = self._parse(url, line)
        if cookie is None:
            self.refused.append(line)
            return
        same = (cookie.name, cookie.host, cookie.path)
        self.cookies = [one for one in self.cookies if (one.name, one.host, one.path) != same]
        if cookie.ends is None or cookie.ends > self.clock():
            self.cookies.append(cookie)

    def _parse(self, url: str, line: str) -> Cookie | None:
        pair, *rest = line.split(";")
        name, _, value = pair.partition("=")
        attributes = {
            key.strip().lower(): text.strip() for key, _, text in (one.partition("=") for one in rest)
        }
        parts = urlsplit(url)
        host, https = parts.hostname or "", parts.scheme == "https"
        domain = attributes.get("domain", "").lstrip(".").lower()
        if domain and not within(host, domain):
            return None
        secure, path = "secure" in attributes, attributes.get("path") or "/"
        if secure and not https:
            return None
        if name.startswith("__Secure-") and not secure:
            return None
        if name.startswith("__Host-") and (not secure or domain or path != "/"):
            return None
        ends = None
        if "max-age" in attributes:
            ends = self.clock() + int(attributes["max-age"])
        return Cookie(
            name.strip(),
            value.strip(),
            domain or host,
            not domain,
            path,
            secure,
            "httponly" in attributes,
            attributes.get("samesite", "lax").lower(),
            ends,
        )

    def line(self, url: str, *, cross_site: bool, method: str) -> str:
        """The Cookie line for a request: longer paths first, older before newer."""
        parts = urlsplit(url)
        fitting = [
            one
            for one in self.cookies
            if (one.host == parts.hostname if one.host_only else within(parts.hostname or "", one.host))
            and path_matches(parts.path or "/", one.path)
            and (parts.scheme == "https" or not one.secure)
            and (one.ends is None or one.ends > self.clock())
            # Lax: from another site only with a navigation that changes nothing.
            and (not cross_site or one.same_site == "none" or (one.same_site == "lax" and method == "GET"))
        ]
        fitting.sort(key=lambda one: -len(one.path))
        return "; ".join([f"{one.name}={one.value}" for one in fitting])

    def get(self, name: str) -> Cookie | None:
        return next((one for one in self.cookies if one.name == name), None)

    def plant(self, url: str, name: str, value: str, **changes: Any) -> None:
        """Put a cookie in as an attacker would who can write cookies for that page."""
        host = urlsplit(url).hostname or ""
        planted = {"host_only": True, "path": "/", "secure": True, "http_only": True, "same_site": "lax"}
        self.cookies.append(Cookie(name=name, value=value, host=host, ends=None, **(planted | changes)))


@dataclass
class Browser:
    """`origins` serves each origin; whatever leads elsewhere is recorded and not followed.

    `patience` is how many seconds a real server may take for one answer.
    """

    origins: Mapping[str, Any]
    clock: Callable[[], float]
    peer: tuple[str, int] = ("127.0.0.1", 50000)
    headers: Mapping[str, str] = field(default_factory=dict)
    hops: list[Hop] = field(default_factory=list)
    most_hops: int = 20
    patience: float = 20.0

    def __post_init__(self) -> None:
        self.jar = Jar(self.clock)

    async def open(self, url: str, **named: Any) -> Hop:
        """Type an address, and follow where it leads; the last hop. Every hop is in `hops`."""
        return await self._go("GET", url, **named)

    async def submit(self, url: str, form: Mapping[str, str], **named: Any) -> Hop:
        """Send a form from a page of the same origin (or of `origin`), and follow where it leads."""
        return await self._go("POST", url, form=form, **named)

    async def _go(
        self,
        method: str,
        url: str,
        *,
        form: Mapping[str, str] | None = None,
        follow: bool = True,
        origin: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Hop:
        """`origin` is that of the page that sends the browser; without it the person does (a form: our own page)."""
        came_from = origin or (origin_of(url) if method == "POST" else None)
        for _ in range(self.most_hops):
            hop = await self._request(method, url, form, came_from, headers or {})
            target = urljoin(url, hop.location) if hop.status in REDIRECTS else ""
            if not follow or not target or origin_of(target) not in self.origins:
                return hop
            # A redirect keeps its method with 307 and 308 alone; the chain stays as foreign as its start.
            if hop.status not in {307, 308}:
                method, form = "GET", None
            if came_from is None and origin_of(target) != origin_of(url):
                came_from = origin_of(url)
            url = target
        raise AssertionError(
            f"still going round after {self.most_hops} hops: {[h.url for h in self.hops[-5:]]}"
        )

    async def _request(
        self, method: str, url: str, form: Any, came_from: str | None, extra: Mapping[str, str]
    ) -> Hop:
        site = relation(came_from, url)
        sent = {**NAVIGATION, "sec-fetch-site": site, **self.headers}
        if method == "POST":
            sent |= {"origin": came_from or "null", "content-type": "application/x-www-form-urlencoded"}
        cookies = self.jar.line(url, cross_site=site == "cross-site", method=method)
        if cookies:
            sent["cookie"] = cookies
        sent |= extra
        response = await self._send(method, url, sent, urlencode(form).encode() if form is not None else b"")
        for line in response.headers.get_list("set-cookie"):
            self.jar.store(url, line)
        hop = Hop(method, url, sent, response)
        self.hops.append(hop)
        return hop

    async def _send(self, method: str, url: str, sent: Mapping[str, str], body: bytes) -> httpx.Response:
        served = self.origins[origin_of(url)]
        address, transport = url, None
        if isinstance(served, str):
            parts = urlsplit(url)
            address = served + parts._replace(scheme="", netloc="").geturl()
            sent = {**sent, "host": parts.netloc}
        else:
            transport = httpx.ASGITransport(served, client=self.peer)
        async with httpx.AsyncClient(transport=transport, trust_env=False, timeout=self.patience) as client:
            wire = [(name.encode(), value.encode("latin-1")) for name, value in sent.items()]
            return await client.request(method, address, headers=wire, content=body or None)


def origin_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def within(host: str, domain: str) -> bool:
    return host == domain or host.endswith(f".{domain}")


def path_matches(path: str, prefix: str) -> bool:
    """RFC 6265 section 5.1.4."""
    return path == prefix or (path.startswith(prefix) and (prefix.endswith("/") or path[len(prefix)] == "/"))


def relation(came_from: str | None, url: str) -> str:
    """Sec-Fetch-Site: the site is taken to be the last two labels of the host."""
    if came_from is None:
        return "none"
    if came_from == origin_of(url):
        return "same-origin"
    first, second = urlsplit(came_from), urlsplit(url)
    if first.scheme == second.scheme and site_of(first.hostname) == site_of(second.hostname):
        return "same-site"
    return "cross-site"


def site_of(host: str | None) -> str:
    return ".".join((host or "").split(".")[-2:])
