"""The small types of the configuration: durations, sizes, addresses, networks, secrets.

Each parser takes what YAML gives and returns a value, or raises `ValueError` with a sentence that says what to
write instead and never repeats the input (it may be a secret in the wrong place).
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Annotated, Any, Literal, TypeAlias, cast

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, SecretStr, WithJsonSchema

from gateway.settings.redis_address import read_redis_address

# [0-9] and not \d: that also takes the digits of other scripts.
_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|s|m|h|d)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_LONGEST = 3650 * 86400.0
_SIZE = re.compile(r"([0-9]{1,12})(B|kB|MB)")
_BYTES = {"B": 1, "kB": 1000, "MB": 1000_000}
_PORTED = re.compile(
    r"(?:\[(?P<six>[0-9a-fA-F:.]+)\]|(?P<host>[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?)):(?P<port>[0-9]{1,5})"
)
_SOCKET = re.compile(
    r"unix:(?P<path>/[\x21-\x7e]{0,105}[^\s/])"
)  # 107 bytes: sun_path of unix(7), with its NUL


def parse_duration(value: Any) -> float:
    """`3d`, `15m`, `500ms` → seconds; at most ten years."""
    seconds = _seconds(value)
    if not 0 <= seconds <= _LONGEST:  # refuses NaN too: every comparison with it is false
        raise ValueError("write a duration of at most 3650d")
    return seconds


def _seconds(value: Any) -> float:
    if isinstance(value, float) or (
        value == 0 and value is not False
    ):  # a default of the model, or a plain 0
        return float(value)
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("write a duration with its unit: 500ms, 30s, 15m, 12h or 3d")
    return float(match[1]) * _SECONDS[match[2]]


def format_duration(seconds: float) -> str:
    """Seconds → the largest unit that says it in a whole number: 259200.0 → `3d`."""
    for unit in ("d", "h", "m", "s"):
        if seconds >= _SECONDS[unit] and seconds % _SECONDS[unit] == 0:
            return f"{int(seconds // _SECONDS[unit])}{unit}"
    return f"{round(seconds * 1000)}ms" if seconds else "0s"


def parse_size(value: Any) -> int:
    """`64kB` → bytes (decimal units)."""
    match = _SIZE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("write a size with its unit: 512B, 64kB or 16MB")
    return int(match[1]) * _BYTES[match[2]]


Lines: TypeAlias = int | Literal["all"]


def parse_lines(value: Any) -> Lines:
    """`10` lines a second, 0 for none, or `all`."""
    if value != "all" and (not isinstance(value, int) or isinstance(value, bool) or value < 0):
        raise ValueError("write how many lines a second, as in 10; 0 for none, or all")
    return cast("Lines", value)


def parse_some_lines(value: Any) -> Lines:
    """`100` lines a second, at least one, or `all`."""
    if value == "all" or (isinstance(value, int) and not isinstance(value, bool) and value > 0):
        return cast("Lines", value)
    raise ValueError(
        "write how many lines a second, as in 100, or all; without any nobody would see who was refused"
    )


@dataclass(frozen=True, slots=True)
class Bind:
    """Where a listener stands: a TCP address, or the path of a Unix socket (then `host` is empty)."""

    host: str = ""
    port: int = 0
    path: str = ""

    def __str__(self) -> str:
        if self.path:
            return f"unix:{self.path}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_bind(value: Any) -> Bind:
    """`127.0.0.1:4180`, `[::1]:4180` or `unix:/run/gateway/verify.sock`."""
    if isinstance(value, Bind):
        return value
    text = value if isinstance(value, str) else ""
    if socket := _SOCKET.fullmatch(text):
        return Bind(path=socket["path"])
    match = _PORTED.fullmatch(text)
    if match is None or int(match["port"]) > 65535 or (match["six"] and not _is_ipv6(match["six"])):
        raise ValueError("write address:port, as in 127.0.0.1:4180 or [::1]:4180, or unix:/path/of.sock")
    return Bind(host=match["six"] or match["host"], port=int(match["port"]))


def _is_ipv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except ValueError:
        return False
    return True


Network: TypeAlias = IPv4Network | IPv6Network


def parse_network(value: Any) -> Network:
    """`10.0.0.0/8`, `::1/128`, or one address."""
    if isinstance(value, (IPv4Network, IPv6Network)):
        return value
    try:
        # An IPv6 scope (fe80::/64%eth0) would be kept, and then never match an address of a header.
        return ip_network(value if isinstance(value, str) and "%" not in value else "", strict=True)
    except ValueError:
        raise ValueError("write a network without host bits, as in 10.0.0.0/8, or one address") from None


_STRING: dict[str, Any] = {"type": "string"}

Duration = Annotated[
    float,
    BeforeValidator(parse_duration),
    WithJsonSchema(_STRING | {"pattern": r"^\d+(\.\d+)?(ms|s|m|h|d)$", "examples": ["3d", "15m", "500ms"]}),
]
Size = Annotated[
    int,
    BeforeValidator(parse_size),
    WithJsonSchema(_STRING | {"pattern": r"^\d+(B|kB|MB)$", "examples": ["64kB"]}),
]
LinesPerSecond = Annotated[
    Lines,
    BeforeValidator(parse_lines),
    WithJsonSchema(
        {"anyOf": [{"type": "integer", "minimum": 0}, {"const": "all"}], "examples": [10, 0, "all"]}
    ),
]
SomeLinesPerSecond = Annotated[
    Lines,
    BeforeValidator(parse_some_lines),
    WithJsonSchema(
        {"anyOf": [{"type": "integer", "minimum": 1}, {"const": "all"}], "examples": [100, "all"]}
    ),
]
BindAddress = Annotated[
    Bind,
    BeforeValidator(parse_bind),
    PlainSerializer(str),
    WithJsonSchema(_STRING | {"examples": ["127.0.0.1:4180", "unix:/run/gateway/verify.sock"]}),
]
VerifyBind = Annotated[
    Bind | Literal["same"],
    BeforeValidator(lambda value: value if value == "same" else parse_bind(value)),
    PlainSerializer(str),
    WithJsonSchema(_STRING | {"examples": ["127.0.0.1:4181", "unix:/run/gateway/verify.sock", "same"]}),
]
NetworkSetting = Annotated[
    Network,
    BeforeValidator(parse_network),
    PlainSerializer(str),
    WithJsonSchema(_STRING | {"examples": ["10.0.0.0/8"]}),
]
_REFERENCE = r"^(\$\{[A-Za-z_][A-Za-z0-9_]*\}|file:.+)$"

Secret = Annotated[
    SecretStr,
    WithJsonSchema(_STRING | {"pattern": _REFERENCE, "examples": ["${SECRET}", "file:/run/secrets/secret"]}),
]


class PrivateKeyText(SecretStr):
    """A private key in PEM: a secret of several lines."""


PrivateKey = Annotated[
    PrivateKeyText,
    WithJsonSchema(_STRING | {"pattern": _REFERENCE, "examples": ["file:/run/secrets/client-key.pem"]}),
]


class StoreUrl(SecretStr):
    """Where the store is. It can hold a password, so it is as silent as a secret."""

    @property
    def kind(self) -> str:
        """`sqlite`, `redis`, `rediss+sentinel` or so: the part that may be shown."""
        return self.get_secret_value().partition(":")[0]

    @property
    def file(self) -> str:
        """The path of the embedded store, which holds no secret; "" for a store that is reached by address."""
        kind, _, rest = self.get_secret_value().partition(":")
        return rest if kind == "sqlite" else ""


_FILE_STORE = re.compile(r"sqlite:(?!//)[^?#\s][^?#]*")
_SHARED_STORE = re.compile(r"(?:rediss?(?:\+[a-z]*)?|unix):")


def check_store(value: StoreUrl) -> StoreUrl:
    """`sqlite:data/gateway.db`, or an address that `read_redis_address` reads."""
    text = value.get_secret_value()
    if _SHARED_STORE.match(text):
        read_redis_address(text)
    elif _FILE_STORE.fullmatch(text) is None:
        raise ValueError(
            "write sqlite:PATH, redis://HOST:PORT/0, rediss://HOST:PORT/0 or unix:///path/of.sock; "
            "redis+sentinel://HOST:PORT,HOST:PORT/NAME or redis+cluster://HOST:PORT,HOST:PORT for several servers"
        )
    return value


StoreAddress = Annotated[
    StoreUrl,
    AfterValidator(check_store),
    WithJsonSchema(
        _STRING
        | {
            "examples": [
                "sqlite:data/gateway.db",
                "redis://:${REDIS_PASSWORD}@redis:6379/0",
                "redis+sentinel://:${REDIS_PASSWORD}@sentinel-0:26379,sentinel-1:26379/mymaster",
                "redis+cluster://:${REDIS_PASSWORD}@redis-0:6379,redis-1:6379",
            ]
        }
    ),
]
