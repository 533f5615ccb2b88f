"""The small types of the configuration: durations, sizes, addresses, networks, secrets.

Each parser takes what YAML gives and returns a value, or raises `ValueError` with a sentence that says what to
write instead and never repeats the input (it may be a secret in the wrong place).
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, PlainSerializer, SecretStr, WithJsonSchema

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SIZE = re.compile(r"(\d+)(B|kB|MB)")
_BYTES = {"B": 1, "kB": 1000, "MB": 1000_000}
_PORTED = re.compile(r"(?:\[(?P<six>[0-9a-fA-F:.]+)\]|(?P<host>[^:\[\]/]+)):(?P<port>\d{1,5})")


def parse_duration(value: Any) -> float:
    """`3d`, `15m`, `500ms` → seconds."""
    if isinstance(value, float) or value == 0:  # a default of the model, or a plain 0
        return float(value)
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("write a duration with its unit: 500ms, 30s, 15m, 12h or 3d")
    return float(match[1]) * _SECONDS[match[2]]


def parse_size(value: Any) -> int:
    """`64kB` → bytes (decimal units)."""
    match = _SIZE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("write a size with its unit: 512B, 64kB or 16MB")
    return int(match[1]) * _BYTES[match[2]]


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
    if isinstance(value, str) and value.startswith("unix:/"):
        return Bind(path=value.removeprefix("unix:"))
    match = _PORTED.fullmatch(value) if isinstance(value, str) else None
    if match is None or int(match["port"]) > 65535:
        raise ValueError("write address:port, as in 127.0.0.1:4180 or [::1]:4180, or unix:/path/of.sock")
    return Bind(host=match["six"] or match["host"], port=int(match["port"]))


Network: TypeAlias = IPv4Network | IPv6Network


def parse_network(value: Any) -> Network:
    """`10.0.0.0/8`, `::1/128`, or one address."""
    if isinstance(value, (IPv4Network, IPv6Network)):
        return value
    try:
        return ip_network(value if isinstance(value, str) else "", strict=True)
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
Secret = Annotated[
    SecretStr,
    WithJsonSchema(
        _STRING
        | {
            "pattern": r"^(\$\{[A-Za-z_][A-Za-z0-9_]*\}|file:.+)$",
            "examples": ["${CLIENT_SECRET}", "file:/run/secrets/client_secret"],
        }
    ),
]
