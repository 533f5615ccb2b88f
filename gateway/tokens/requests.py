"""What a client sends to the token endpoints: one JSON object, read strictly, and nothing that could be read two ways."""

from collections.abc import Mapping
from typing import Any

from gateway.errors import Malformed
from gateway.keys.strict_json import parse_object
from gateway.login.call import Call, content_type

JSON = b"application/json"
LONGEST = 4096


def is_json(call: Call) -> bool:
    """Whether the body says that it is JSON: no form of another site can send that without asking first (CORS)."""
    return content_type(call.head) == JSON


def members(call: Call) -> Mapping[str, Any]:
    """The members of the body. `Malformed` (content_type, json) for what is no JSON object."""
    if not is_json(call):
        raise Malformed("content_type")
    if not call.body:
        return {}
    try:
        return parse_object(call.body)
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
