"""JSON with one meaning: no member twice, no NaN, bounded depth (RFC 8725 section 2.4, RFC 8259 section 4)."""

import json
from typing import Any


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member stands twice")
    return members


def _refuse(_constant: str) -> None:
    raise ValueError("NaN and Infinity are not JSON")


# Made once: the library makes a new one for each text that is read with hooks.
_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse)


def parse_object(raw: bytes) -> dict[str, Any]:
    """The object that `raw` spells in UTF-8; `ValueError` if it is none, or could be read in two ways."""
    value = _parsed(raw)
    if not isinstance(value, dict):
        raise ValueError("not an object")  # noqa: TRY004 (what was sent is at fault, not the call)
    return value


def parse_list(raw: bytes) -> list[Any]:
    """The list that `raw` spells in UTF-8; `ValueError` as for an object."""
    value = _parsed(raw)
    if not isinstance(value, list):
        raise ValueError("not a list")  # noqa: TRY004 (what was sent is at fault, not the call)
    return value


def _parsed(raw: bytes) -> Any:
    try:
        return _DECODER.decode(raw.decode("utf-8"))
    except RecursionError:
        raise ValueError("nested too deeply") from None
