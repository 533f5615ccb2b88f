"""What a proxy has to do for one gateway.yaml, before it is said in that proxy's own language."""

from dataclasses import dataclass
from itertools import groupby

from gateway.errors import SettingsFault
from gateway.sessions.cookie import own_cookies
from gateway.settings.addresses import Address, read_address
from gateway.settings.credentials import takes_authorization
from gateway.settings.hand_through import identity_headers
from gateway.settings.model import Settings
from gateway.settings.units import Bind

APPLICATION = "http://127.0.0.1:8080"
"""Stands in a snippet where the operator writes the address of the application."""

ALIAS_CHARACTERS = "!#$%&'*+.^_`|~"
"""What may stand in a header name (RFC 9110 section 5.6.2) and folds onto a dash in CGI, WSGI and PHP."""

ASKED = (
    "Cookie",
    "Authorization",
    "Accept",
    "Accept-Language",
    "Origin",
    "X-Requested-With",
    "Sec-Fetch-Mode",
    "Sec-Fetch-Dest",
    "Sec-Fetch-Site",
    "Sec-Purpose",
    "Sec-WebSocket-Key",
)
"""Headers of the client that a verify endpoint reads, beside those that the proxy writes itself."""

FAMILY = "X-Auth-"
"""Identity headers are ours by this prefix, so that one which is switched off cannot be sent by a client either."""

KNOWN_IDENTITY = tuple(
    FAMILY + name
    for name in (
        "User",
        "Subject",
        "Email",
        "Name",
        "Groups",
        "Roles",
        "Provider",
        "Scopes",
        "Premium-Until",
        "Expires",
        "Assertion",
        "Access-Token",
        "Id-Token",
    )
)

FORWARDED = (
    "Forwarded",
    "X-Real-IP",
    "X-Scheme",
    "X-Rewrite-URL",
    "X-Original-URL",
    "X-Original-URI",
    "X-Original-Method",
    "X-Original-Host",
    "X-Forwarded-Uri",
    "X-Forwarded-Method",
    "X-Forwarded-Prefix",
    "X-Forwarded-Port",
    "X-Forwarded-Server",
    "X-Forwarded-Scheme",
)
"""Names by which a client could speak to the application or to us in a proxy's voice; cleared on every route."""

GATEWAY = ("X-Gateway-Secret", "X-Gateway-Status", "X-Gateway-Decision-Id", "X-Gateway-Login-Providers")
"""Our own words between proxy and gateway; cleared likewise."""

SECRET_VARIABLE = "GATEWAY_VERIFY_SECRET"  # noqa: S105 - the name of the variable, never its value
METADATA = "/.well-known/oauth-authorization-server"


@dataclass(frozen=True, slots=True)
class Site:
    """One origin at the proxy. `gateway` is the path that belongs to us: `/` for all of it, `""` for none."""

    origin: Address
    protected: bool
    gateway: str

    @property
    def gateway_paths(self) -> tuple[str, ...]:
        """Paths of ours where the rest is the application's, with what is below those that end in a slash.

        The bare one leads people on; RFC 8414 section 3 puts one beside the others.
        """
        if self.gateway in {"", "/"}:
            return ()
        return (self.gateway, self.gateway + "/", METADATA + self.gateway)

    @property
    def name(self) -> str:
        """What the parts that belong to this origin are called in a proxy's configuration."""
        host = self.origin.host.replace(":", "-")
        return f"{'any.' if self.origin.wild else ''}{host}-{self.origin.port}"

    @property
    def port_suffix(self) -> str:
        """`:8443`, or nothing where the port is the scheme's own."""
        return str(self.origin).removeprefix(f"{self.origin.scheme}://{self.origin.shown_host}")

    @property
    def listen(self) -> str:
        """Where the proxy listens: a loopback host is never opened to the network."""
        return f"127.0.0.1:{self.origin.port}" if self.origin.loopback else f":{self.origin.port}"


@dataclass(frozen=True, slots=True)
class Plan:
    """Sites in the order in which they must be tried, and what holds for all of them.

    `takes`: some rule keeps what it read of `Authorization` from the application, so the gateway's answer says what is
    left of it.
    """

    sites: tuple[Site, ...]
    identity: tuple[str, ...]
    own_cookies: tuple[str, ...]
    verify: Bind
    public: Bind
    secret: bool
    application: Address
    takes: bool = False

    @property
    def cleared(self) -> tuple[str, ...]:
        """Header names that no client may send, identity headers first."""
        names = dict.fromkeys((*self.identity, *KNOWN_IDENTITY, *FORWARDED, *GATEWAY))
        return tuple(names)

    @property
    def outside_family(self) -> tuple[str, ...]:
        """Configured identity headers that the prefix does not cover."""
        return tuple(name for name in self.identity if not name.lower().startswith(FAMILY.lower()))

    def listeners(self) -> tuple[tuple[Site, tuple[Site, ...]], ...]:
        """Sites that share a port, each group under its first."""

        def key(site: Site) -> tuple[int, str]:
            return (site.origin.port, site.listen)

        groups = [tuple(group) for _, group in groupby(sorted(self.sites, key=key), key=key)]
        return tuple((group[0], group) for group in groups)


def plan(settings: Settings, application: str = APPLICATION) -> Plan:
    """Read the settings as a proxy sees them; `SettingsFault` where no proxy could be told."""
    upstream = read_address(application)
    if upstream is None or upstream.wild or upstream.path not in {"", "/"}:
        raise SettingsFault(("application: write scheme, host and port, as in http://127.0.0.1:8080",))
    public = settings.server.bind
    verify = settings.server.verify_bind
    return Plan(
        sites=_sites(settings),
        identity=tuple(identity_headers(settings).values()),
        own_cookies=own_cookies(settings),
        verify=_reached(public if verify == "same" else verify),
        public=_reached(public),
        secret=settings.server.verify_secret is not None,
        application=upstream,
        takes=takes_authorization(settings),
    )


def _sites(settings: Settings) -> tuple[Site, ...]:
    home = _address(settings.public_url)
    path = home.path or "/"
    sites = []
    for text in settings.hosts:
        origin = _address(text)
        shared = (origin.scheme, origin.shown_host, origin.port) == (home.scheme, home.shown_host, home.port)
        if shared and path == "/":
            raise SettingsFault(
                (f"public_url: give it a path of its own, as in {text}/_gateway; {text} is an application's",)
            )
        sites.append(Site(origin, protected=True, gateway=path if shared else ""))
    if not any(site.gateway for site in sites):
        sites.append(Site(Address(home.scheme, home.host, home.port), protected=False, gateway=path))
    # A star comes last: the gateway's own host, or an application that is listed by name, may stand beneath it.
    return tuple(sorted(sites, key=lambda site: (site.origin.wild, not site.protected)))


def _address(text: str) -> Address:
    address = read_address(text)
    if address is None:
        raise SettingsFault((f"{text}: not an address",))
    return address


def _reached(bind: Bind) -> Bind:
    """A listener on all interfaces is reached on this machine."""
    if bind.host in {"0.0.0.0", "::"}:
        return Bind(host="127.0.0.1" if bind.host == "0.0.0.0" else "::1", port=bind.port)
    return bind
