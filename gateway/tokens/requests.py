"""What a client sends to the token endpoints: one JSON object, read strictly, and nothing that could be read two ways."""

from collections.abc import Mapping
from typing import Any

from gateway.errors import Malformed
from gateway.keys.strict_json import parse_object

LONGEST = 4096


def members(body: bytes) -> Mapping[str, Any]:
    """The members of a body; none of an empty one. `Malformed` for what is no JSON object."""
    if not body:
        return {}
    try:
        return parse_object(body)
    except ValueError:
        raise Malformed("json") from None


def text(sent: Mapping[str, Any], name: str, *, needed: bool = True) -> str:
    """A member that is text; `Malformed` for anything else, and where it is needed and missing."""
    value = sent.get(name, "")
    if not isinstance(value, str) or len(value) > LONGEST or (needed and not value):
        raise Malformed(f"member_{name}")
    return value


def flag(sent: Mapping[str, Any], name: str) -> bool:
    """A member that is true or false; false where it is missing."""
    value = sent.get(name, False)
    if not isinstance(value, bool):
        raise Malformed(f"member_{name}")
    return value
