"""public_url, the protected hosts, and the cookie that has to reach them all."""

from collections.abc import Iterator
from itertools import takewhile

from gateway.settings.addresses import Address, as_ip, read_address
from gateway.settings.fault import Fault, YamlPath
from gateway.settings.model import Settings

_DOMAIN: YamlPath = ("sessions", "cookie_domain")

# Browsers drop a cookie for a suffix under which anybody may register (RFC 6265, section 5.3, step 5; the whole list
# is at publicsuffix.org). These are the ones that people try; a single label is refused in any case.
_PUBLIC_SUFFIXES = frozenset(
    """
    ac.uk co.uk gov.uk ltd.uk me.uk net.uk org.uk plc.uk com.au net.au org.au co.nz net.nz org.nz co.jp ne.jp or.jp
    ac.jp co.kr or.kr co.in net.in org.in co.za org.za com.br net.br org.br com.cn net.cn org.cn gov.cn com.tw org.tw
    com.hk org.hk com.sg com.my com.mx com.ar com.tr com.ua com.pl co.il co.id co.th com.vn com.ph com.es
    github.io gitlab.io pages.dev workers.dev web.app firebaseapp.com appspot.com run.app herokuapp.com vercel.app
    netlify.app fly.dev onrender.com azurewebsites.net cloudapp.net cloudfront.net ngrok.io ngrok.app ngrok-free.app
    duckdns.org nip.io sslip.io
    """.split()  # noqa: SIM905 - words read best as words
)


def public(settings: Settings) -> Address:
    """public_url in parts; the model has read it already."""
    return _address(settings.public_url)


def listed(settings: Settings) -> list[Address]:
    """`hosts:` in parts."""
    return [_address(host) for host in settings.hosts]


def _address(text: str) -> Address:
    address = read_address(text)
    if address is None:  # the model let it through, so this cannot be; a stand-in host matches nothing
        return Address("https", "invalid", 443)
    return address


def _every_address(settings: Settings) -> Iterator[tuple[YamlPath, Address]]:
    yield ("public_url",), public(settings)
    yield from ((("hosts", index), address) for index, address in enumerate(listed(settings)))


def plain_http_stays_at_home(settings: Settings) -> Iterator[Fault]:
    for path, address in _every_address(settings):
        if address.scheme == "http" and not address.loopback:
            yield Fault(
                path,
                "plain http would carry sessions in the clear",
                "write https://, or use a loopback host such as localhost or app.localhost",
            )


def schemes_agree(settings: Settings) -> Iterator[Fault]:
    home = public(settings)
    for index, address in enumerate(listed(settings)):
        plain = home if home.scheme == "http" else address
        if address.scheme != home.scheme and plain.loopback:  # elsewhere plain http is a fault by itself
            yield Fault(
                ("hosts", index),
                f"is {address.scheme} while public_url is {home.scheme}, so that they cannot share a cookie",
                "write both with https://",
            )


def hosts_are_distinct(settings: Settings) -> Iterator[Fault]:
    first: dict[str, int] = {}
    for index, address in enumerate(listed(settings)):
        host = address.shown_host
        if host in first:
            # Cookies know no port, and the way back after a login must have one answer.
            yield Fault(
                ("hosts", index), f"{host} stands in hosts[{first[host]}] already", "keep one of the two"
            )
        first.setdefault(host, index)


def cookie_reaches_every_host(settings: Settings) -> Iterator[Fault]:
    home, domain = public(settings), settings.sessions.cookie_domain
    others = [
        (i, address)
        for i, address in enumerate(listed(settings))
        if address.wild or address.host != home.host
    ]
    if not others:
        if domain is not None:
            yield Fault(
                _DOMAIN,
                "is not needed: every host is public_url's, which allows the stricter __Host- cookie",
                "remove cookie_domain",
            )
        return
    if domain is None:
        names = ", ".join(dict.fromkeys(address.shown_host for _, address in others))
        yield Fault(
            _DOMAIN,
            f"is missing: a cookie of {home.host} does not reach {names}",
            _suggest([home.host, *(address.host for _, address in others)]),
        )
        return
    yield from list(_domain_faults(domain)) or _uncovered(domain, home, others)


def _domain_faults(domain: str) -> Iterator[Fault]:
    if "." not in domain or domain in _PUBLIC_SUFFIXES:
        yield Fault(
            _DOMAIN,
            "is a public suffix: browsers refuse a cookie for it",
            "write the domain that is yours, as in example.com",
        )
    elif as_ip(domain) is not None:
        yield Fault(
            _DOMAIN, "is an address: a cookie cannot span addresses", "give the hosts names under one domain"
        )


def _uncovered(domain: str, home: Address, others: list[tuple[int, Address]]) -> Iterator[Fault]:
    if not _within(home.host, domain):
        yield Fault(
            ("public_url",),
            f"{home.host} is outside sessions.cookie_domain, {domain}",
            "move it under that domain, or change cookie_domain",
        )
    for index, address in others:
        if not _within(address.host, domain):
            yield Fault(
                ("hosts", index),
                f"{address.shown_host} is outside sessions.cookie_domain, {domain}: no session would reach it",
                "move it under that domain, or give it a gateway of its own",
            )


def _within(host: str, domain: str) -> bool:
    """Domain-match of RFC 6265, section 5.1.3: the same, or below it at a dot; never an address."""
    return as_ip(host) is None and (host == domain or host.endswith(f".{domain}"))


def _suggest(hosts: list[str]) -> str:
    """The longest parent domain of all, where there is one that a browser takes."""
    columns = zip(*(reversed(host.split(".")) for host in hosts), strict=False)
    shared = takewhile(lambda column: len(set(column)) == 1, columns)
    domain = ".".join(reversed([column[0] for column in shared]))
    if "." in domain and domain not in _PUBLIC_SUFFIXES and not any(as_ip(host) for host in hosts):
        return f"write cookie_domain: {domain}"
    return "give public_url and the hosts names under one domain, and write it as cookie_domain"


def plain_http_is_noted(settings: Settings) -> Iterator[Fault]:
    if public(settings).scheme == "http":
        yield Fault(
            ("public_url",),
            "is plain http, with a cookie that other programs of this machine can set",
            "use it for development only, and https:// for everything else",
        )
