"""What a log line may hold: the belt and braces behind events that carry no secret to begin with.

Laws: a value under a name of `SECRET_NAMES` is never printed; nor is a parameter of that name, a bearer credential
or a JWT within any text; no character of a value can end a line, move a terminal's cursor or turn the reading
direction; and no value is longer than `MAX_TEXT`.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

REDACTED = "[redacted]"
MAX_TEXT = 2000

SECRET_NAMES = frozenset(
    {
        "access_token",
        "api_key",
        "assertion",
        "authorization",
        "client_assertion",
        "client_secret",
        "code",
        "code_verifier",
        "cookie",
        "id_token",
        "id_token_hint",
        "logout_token",
        "nonce",
        "password",
        "proxy_authorization",
        "refresh_token",
        "secret",
        "set_cookie",
        "state",
        "ticket",
        "token",
        "verifier",
    }
)

_SECRETS = re.compile(
    # A parameter of a query or a form: name=value. Longest names first, so that `token` does not cut `token_hint`.
    rf"(?i:(?<![\w-])(?P<name>{'|'.join(sorted(SECRET_NAMES, key=len, reverse=True))})=)[^&\s\"']+"
    r"|(?i:(?P<scheme>bearer|basic)) +[A-Za-z0-9._~+/=-]{8,}"
    # A JWS or JWE: its first part is the base64url of a JSON object, so it begins with `eyJ`.
    # A run without the dots is matched too, and left as it is: tried anew at each `eyJ` within, it would take a
    # quarter of a second for a path that repeats it.
    r"|(?P<jws>eyJ[A-Za-z0-9_-]{8,}+(?P<rest>(?:\.[A-Za-z0-9_-]*){2,4})?)"
    # A password in the address of a store or a provider.
    r"|(?<=://)[^/:\s@\"']*:[^/\s@\"']*(?=@)"
)


def redacted(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a log line, safe to print: numbers, booleans and `None` as they are, all else clean text."""
    return {name: REDACTED if is_secret(name) else _safe(value) for name, value in fields.items()}


@lru_cache(maxsize=256)  # names are constants of the code, and each stands in many lines
def is_secret(name: str) -> bool:
    return name.lower().replace("-", "_") in SECRET_NAMES


def _safe(value: Any) -> Any:
    if type(value) is str:  # most are, and none of its subclasses, which may print as something else
        return clean(value)
    return value if value is None or isinstance(value, (bool, int, float)) else clean(str(value))


def clean(text: str) -> str:
    """The text without secrets, cut to `MAX_TEXT`, every unprintable character written as an escape."""
    # Before the cut, which could leave half a token that nothing recognises. Most values have none of these marks,
    # and looking for them is ten times cheaper than the expression.
    if "=" in text or " " in text or "@" in text or "eyJ" in text:
        text = _SECRETS.sub(_replaced, text)
    if len(text) > MAX_TEXT:
        text = f"{text[:MAX_TEXT]}… ({len(text)} characters)"
    # Not printable: control characters, line and paragraph separators, bidirectional overrides, lone surrogates.
    return text if text.isprintable() else "".join([c if c.isprintable() else _escaped(c) for c in text])


def _replaced(match: re.Match[str]) -> str:
    if match["name"]:
        return f"{match['name']}={REDACTED}"
    if match["scheme"]:
        return f"{match['scheme']} {REDACTED}"
    if match["jws"] and not match["rest"]:
        return match[0]
    return REDACTED


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
