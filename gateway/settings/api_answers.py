"""What the answers of an HTTP directory API mean: parts of a section of type `ad-api`."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints, WithJsonSchema

from gateway.settings.section import Section
from gateway.settings.units import Duration, parse_duration

Place = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Status = Annotated[int, Field(ge=100, le=599)]
Plain = bool | int | str
"""A value of JSON that a condition may name. Types count: `true` is not `1`, and not `"true"`."""


def _listed(value: Any) -> Any:
    """One value alone means a list of it."""
    return (value,) if isinstance(value, (str, int)) else value


Places = Annotated[
    tuple[Place, ...],
    BeforeValidator(_listed),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]
_STATUSES: dict[str, Any] = {"anyOf": [{"type": "integer"}, {"type": "array", "items": {"type": "integer"}}]}
_PLAIN: dict[str, Any] = {"type": ["boolean", "integer", "string"]}
_VALUES: dict[str, Any] = {"anyOf": [_PLAIN, {"type": "array", "items": _PLAIN}]}
Statuses = Annotated[tuple[Status, ...], BeforeValidator(_listed), WithJsonSchema(_STATUSES)]
Values = Annotated[tuple[Plain, ...], BeforeValidator(_listed), WithJsonSchema(_VALUES)]


class When(Section):
    """A condition on an answer: all that is written must hold."""

    status: Statuses = Field(
        default=(), description="One of these statuses; without any, all but 429 and those of outages (5xx)."
    )
    path: Annotated[str, StringConstraints(max_length=200)] = Field(
        default="", description="A member of the body, or a dotted path to it."
    )
    equals: Values = Field(
        default=(), description="What stands there is one of these; without any, anything does."
    )


def _conditions(value: Any) -> Any:
    """Statuses alone mean a condition on them, and a condition alone a list of it."""
    if isinstance(value, int) and not isinstance(value, bool):
        return ({"status": value},)
    if isinstance(value, (list, tuple)) and value and all(isinstance(one, int) for one in value):
        return ({"status": tuple(value)},)
    return (value,) if isinstance(value, Mapping) else value


_WHEN: dict[str, Any] = {
    "type": "object",
    "properties": {"status": _STATUSES, "path": {"type": "string"}, "equals": _VALUES},
    "additionalProperties": False,
}
Conditions = Annotated[
    tuple[When, ...],
    BeforeValidator(_conditions),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer"},
                {"type": "array", "items": {"type": "integer"}},
                _WHEN,
                {"type": "array", "items": _WHEN},
            ],
            "examples": [[401, 403], {"path": "code", "equals": ["E_LOCKED"]}],
        }
    ),
]


class Success(Section):
    """What an answer must be to mean that name and password belong together. A token alone never does."""

    status: Statuses = Field(default=(200,), description="The status is one of these,")
    path: Annotated[str, StringConstraints(max_length=200)] = Field(
        default="success", description="and this member of the body, or the one at this dotted path,"
    )
    equals: Values = Field(default=(True,), description="is one of these.")
    if_absent: Literal["refuse", "require_token", "accept"] = Field(
        default="require_token",
        description="Where that member is absent: no success, a success if there is a token, or a success.",
    )


class ApiToken(Section):
    """Where the token stands, and for how long it is good. Of several places the first that holds something counts."""

    path: Places = Field(default=(), description="The token.")
    expires_in: Places = Field(default=(), description="Its life, in seconds.")
    expires_at: Places = Field(
        default=(),
        description="Its end: ISO 8601 (UTC where no zone is written), or Unix time in seconds or milliseconds.",
    )
    jwt_exp: bool = Field(
        default=True,
        description="Where neither is there and the token is a JWT, its claim exp says when it ends.",
    )
    default_ttl: Duration = Field(default=parse_duration("8h"), description="Its life where nothing says so.")
    max_ttl: Duration = Field(
        default=parse_duration("12h"),
        description="The longest life that is believed, whatever the answer says.",
    )


class Refusals(Section):
    """Which answers mean what, where they are no success. The first class that fits counts, in this order."""

    operator: Conditions = Field(
        default=(),
        description="Our own access is refused, as by an expired API key: nobody's password is at fault.",
    )
    throttled: Conditions = Field(default=(429,), description="Too many requests.")  # type: ignore[arg-type]  # as written
    outage: Conditions = Field(
        default=(), description="The API, or the directory behind it, is down. Every other 5xx means so too."
    )
    disabled: Conditions = Field(default=(), description="The account is switched off.")
    locked: Conditions = Field(default=(423,), description="The account takes no password for a while.")  # type: ignore[arg-type]  # as written
    expired: Conditions = Field(default=(), description="The password is too old.")
    must_change: Conditions = Field(default=(), description="The password has to be changed first.")
    account_expired: Conditions = Field(
        default=(), description="The account was made for a time, which is over."
    )
    bad_request: Conditions = Field(
        default=(400, 422),  # type: ignore[arg-type]  # as written
        description="Name or domain are none that the API knows.",
    )
    invalid_credentials: Conditions = Field(
        default=(401, 403),  # type: ignore[arg-type]  # as written
        description="Name and password do not belong together.",
    )
