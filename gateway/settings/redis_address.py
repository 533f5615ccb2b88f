"""The address of a Redis: one server, the one that sentinels name, or a cluster.

Read here and not by redis-py: there the query of a URL overrides deadlines and the bound of the pool, and a path that
is no number is passed over. A fault is a sentence on what to write; it never repeats the address, which may hold a
password.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from ipaddress import ip_address
from typing import TypeAlias
from urllib.parse import unquote

Place: TypeAlias = tuple[str, int]
"""Host, without brackets, and port."""


class Layout(Enum):
    """What stands at the address."""

    SERVER = "server"
    SENTINEL = "sentinel"
    CLUSTER = "cluster"


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """Where a Redis is, and how to sign in there.

    `places` are a server, sentinels, or some nodes of the cluster; for a Unix socket there is `path` instead.
    """

    layout: Layout
    places: tuple[Place, ...] = ()
    path: str = ""
    service: str = ""
    db: int = 0
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    sentinel_username: str | None = None
    sentinel_password: str | None = field(default=None, repr=False)
    min_other_sentinels: int = 0
    tls: bool = False
    ca_file: str | None = None
    certificate: str | None = None
    certificate_key: str | None = None

    @property
    def leaves_in_clear(self) -> bool:
        """Whether it is spoken to without TLS, and not on this machine alone."""
        return not self.tls and not all(_is_loopback(host) for host, _ in self.places)


SCHEMES = frozenset({"redis", "rediss", "unix"}) | {
    f"{scheme}+{layout}" for scheme in ("redis", "rediss") for layout in ("sentinel", "cluster")
}

_SERVERS = re.compile(
    r"(?P<scheme>rediss?)(?:\+(?P<layout>sentinel|cluster))?://"
    r"(?:(?P<username>[^:@/?#\s]*)(?::(?P<password>[^@/?#\s]*))?@)?"
    r"(?P<places>[^@/?#\s]+)(?:/(?P<path>[^?#\s]*))?(?:\?(?P<query>[^#\s]*))?"
)
_SOCKET = re.compile(
    r"unix://(?:(?P<username>[^:@/?#\s]*)(?::(?P<password>[^@/?#\s]*))?@)?(?P<path>/[^?#\s]+)(?:\?(?P<query>[^#\s]*))?"
)
_PLACE = re.compile(r"(?:\[(?P<six>[0-9a-fA-F:.]+)\]|(?P<host>[A-Za-z0-9_.-]+))(?::(?P<port>[0-9]{1,5}))?")
_FORMS = (
    "write redis://HOST:PORT/0, rediss://HOST:PORT/0, unix:///path/of.sock, "
    "redis+sentinel://HOST:PORT,HOST:PORT/NAME or redis+cluster://HOST:PORT,HOST:PORT; "
    "characters such as / @ # of a password are percent-encoded"
)
_SENTINEL_PORT, _REDIS_PORT = 26379, 6379
_NUMBERS = {"db": 1_000_000, "min_other_sentinels": 100}
_TLS = {"ssl_ca_certs", "ssl_certfile", "ssl_keyfile"}
_OPTIONS: dict[Layout, set[str]] = {
    Layout.SERVER: {"db"},
    Layout.SENTINEL: {"sentinel_username", "sentinel_password", "min_other_sentinels"},
    Layout.CLUSTER: set(),
}


def read_redis_address(url: str) -> RedisAddress:
    """Read the URL of a store; `ValueError` with a sentence that says what to write instead."""
    if found := _SOCKET.fullmatch(url):
        options = _options(found["query"], _OPTIONS[Layout.SERVER] | {"username", "password"})
        return RedisAddress(
            Layout.SERVER,
            path=unquote(found["path"]),
            db=_number(options, "db", 0),
            username=_secret(found["username"]) or options.get("username"),
            password=_secret(found["password"]) or options.get("password"),
        )
    found = _SERVERS.fullmatch(url)
    if found is None:
        raise ValueError(_FORMS)
    return _of_servers(found)


def _of_servers(found: re.Match[str]) -> RedisAddress:
    layout = Layout(found["layout"] or "server")
    tls = found["scheme"] == "rediss"
    options = _options(found["query"], _OPTIONS[layout] | (_TLS if tls else set()))
    places = _places(found["places"], layout)
    service, db = _path(found["path"] or "", layout)
    certificate, key = _file(options, "ssl_certfile"), _file(options, "ssl_keyfile")
    if key and not certificate:
        raise ValueError("write ssl_certfile beside ssl_keyfile: a key alone is no certificate")
    # One sentinel that has lost all others cannot know who is primary: it may name the one that was deposed.
    alone = 1 if layout is Layout.SENTINEL and len(places) > 1 else 0
    return RedisAddress(
        layout,
        places,
        service=service,
        db=_number(options, "db", db),
        username=_secret(found["username"]),
        password=_secret(found["password"]),
        sentinel_username=options.get("sentinel_username"),
        sentinel_password=options.get("sentinel_password"),
        min_other_sentinels=_number(options, "min_other_sentinels", alone),
        tls=tls,
        ca_file=_file(options, "ssl_ca_certs"),
        certificate=certificate,
        certificate_key=key,
    )


def _places(text: str, layout: Layout) -> tuple[Place, ...]:
    usual = _SENTINEL_PORT if layout is Layout.SENTINEL else _REDIS_PORT
    found = [_PLACE.fullmatch(one) for one in text.split(",")]
    places = [(one["six"] or one["host"], int(one["port"] or usual)) for one in found if one]
    if len(places) < len(found) or not all(0 < port <= 65535 for _, port in places):
        raise ValueError(
            "write each server as HOST or HOST:PORT, with commas between several; "
            "characters such as / @ # of a password are percent-encoded"
        )
    if len(places) > 1 and layout is Layout.SERVER:
        raise ValueError(
            "write redis+sentinel://HOST:PORT,HOST:PORT/NAME or redis+cluster://HOST:PORT,HOST:PORT for several servers"
        )
    return tuple(places)


def _path(path: str, layout: Layout) -> tuple[str, int]:
    """The service of the sentinels, and the number of the database."""
    service, _, db = path.partition("/") if layout is Layout.SENTINEL else ("", "", path)
    if layout is Layout.SENTINEL and not service:
        raise ValueError(
            "write the name that the sentinels know, as in redis+sentinel://HOST:26379,HOST:26379/NAME"
        )
    if layout is Layout.CLUSTER and db not in {"", "0"}:
        raise ValueError("write no database: a cluster has only number 0")
    if not re.fullmatch(r"[0-9]{0,6}", db):
        raise ValueError("write the number of the database behind the last slash, as in redis://HOST:PORT/0")
    return unquote(service), int(db or 0)


def _options(query: str | None, known: set[str]) -> dict[str, str]:
    """The options, percent-decoded; a `+` stays one, for passwords are often base64."""
    pairs = [pair.partition("=") for pair in (query or "").split("&") if pair]
    options = {name: unquote(value) for name, _, value in pairs if value}
    if len(options) < len(pairs) or not options.keys() <= known:
        allowed = f"no other options than {', '.join(sorted(known))}, each once," if known else "nothing"
        raise ValueError(f"write {allowed} behind the ?")
    return options


def _number(options: Mapping[str, str], name: str, usual: int) -> int:
    text = options.get(name)
    if text is None:
        return usual
    if not re.fullmatch(r"[0-9]{1,7}", text) or int(text) > _NUMBERS[name]:
        raise ValueError(f"write a number from 0 to {_NUMBERS[name]} for {name}")
    return int(text)


def _file(options: Mapping[str, str], name: str) -> str | None:
    path = options.get(name)
    if path is not None and not path.startswith("/"):
        raise ValueError(f"write the whole path, from the first slash on, for {name}")
    return path


def _secret(text: str | None) -> str | None:
    return unquote(text) if text else None


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
