"""What a request asks for: host, method and path, each in the one form that rules are written in.

Laws:

1. The application gets the bytes that we were asked about, and may read them in its own way. So a path with two
   readings is judged in all of them (`policy.readings`), and refused where no reading is harmless.
2. Bytes are read here once, by hand. URL libraries repair what they read: `urlsplit("//admin/x")` takes `admin` for a
   host, and deletes tabs (CVE-2026-26205).
3. The query never takes part (CVE-2025-54576, CVE-2026-32811).
"""

import re
from typing import NamedTuple

from gateway.errors import Malformed
from gateway.policy.hosts import HostEntry, Hosts
from gateway.policy.readings import readings_of

MAX_PATH = 8192  # bytes; the line of a request is no longer at any proxy's default

# A path with one reading, and a query without what no request target may hold (RFC 9112 section 3.2). Nearly every
# request ends here, so it is one match: no empty segment, no dot segment, no escape.
_PLAIN = re.compile(
    rb"((?:/(?!\.\.?(?:[/?]|\Z))[A-Za-z0-9_.~:@!$&'()*+,=-]++)*+/?)(?:\?[^\x00-\x20\x7f#]*)?",
)
_BAD_TARGET = re.compile(rb"[\x00-\x20\x7f#\\]")
BAD_QUERY = re.compile(rb"[\x00-\x20\x7f#]")
"""What no query may hold."""
# Upper case alone. Methods are case-sensitive (RFC 9110 section 9.1), but Werkzeug and others turn `post` into POST,
# so that a rule for POST would be passed by under another name. CONNECT asks for a tunnel and has no path.
_METHOD = re.compile(rb"(?!CONNECT\Z)[A-Z][A-Z0-9_-]{0,31}")


class Target(NamedTuple):
    """One request target, canonical.

    `path` is decoded once, without empty segments; a %2F in it stays `%2F`. `readings` are the other paths for which
    an application might take it. `raw` are the bytes of the path as they came.
    """

    host: str
    entry: HostEntry
    method: str
    path: str
    readings: tuple[str, ...]
    raw: bytes


def parse_target(host: bytes, uri: bytes, method: bytes, hosts: Hosts) -> Target:
    """Read what the proxy says the client asked for.

    Raises `UnknownHost`, or `Malformed` with one of the reasons: host_empty host host_port · method · path
    path_too_long control_byte backslash fragment bad_escape bad_utf8 lookalike double_encoding dot_segment
    too_many_readings.
    """
    name, entry = hosts.resolve(host)
    verb = read_method(method)
    plain = _PLAIN.fullmatch(uri)
    if plain is not None and 0 < len(raw := plain[1]) <= MAX_PATH:
        return Target(name, entry, verb, raw.decode("ascii"), (), raw)
    raw = raw_path(uri)
    path, readings = readings_of(raw)
    return Target(name, entry, verb, path, readings, raw)


def read_method(method: bytes) -> str:
    """The method as it stands. Raises `Malformed`."""
    if _METHOD.fullmatch(method) is None:
        raise Malformed("method")
    return method.decode("ascii")


def raw_path(uri: bytes) -> bytes:
    """The path of a request target in origin-form (RFC 9112 section 3.2.1); every other form is refused."""
    path, _, query = uri.partition(b"?")
    if not path.startswith(b"/"):
        raise Malformed("path")
    if len(path) > MAX_PATH:
        raise Malformed("path_too_long")
    found = _BAD_TARGET.search(path) or BAD_QUERY.search(query)
    if found is not None:
        raise Malformed({b"#": "fragment", b"\\": "backslash"}.get(found[0], "control_byte"))
    return path
