"""What every section of `providers:` has in common, whatever its type."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, StringConstraints, WithJsonSchema, model_validator

from gateway.settings.access import Criteria
from gateway.settings.section import HOST_PATTERN, Section, Word
from gateway.settings.units import Duration, Secret, parse_duration

ClaimPath = Annotated[str, StringConstraints(min_length=1, max_length=200)]
SomePath = Annotated[str, StringConstraints(max_length=200)]
PictureHost = Annotated[str, StringConstraints(pattern=HOST_PATTERN, max_length=253)]
ClientId = Annotated[str, StringConstraints(min_length=1, max_length=500)]


class GroupsFrom(Section):
    """One place where a provider lists groups or roles."""

    path: ClaimPath = Field(description="The claim, or a dotted path to it.")
    prefix: str = Field(
        default="",
        max_length=40,
        description="Put in front of each, so that a role is no group of that name.",
    )
    strip: str = Field(default="", max_length=40, description="Taken off the front of each, as in `/`.")


def _places(value: Any) -> Any:
    """A path alone, or among others, means a place without more."""
    values = [value] if isinstance(value, (str, dict)) else value
    if not isinstance(values, (list, tuple)):
        return value
    return tuple([{"path": one} if isinstance(one, str) else one for one in values])


_GROUPS_FROM: dict[str, Any] = {
    "type": "object",
    "properties": {name: {"type": "string"} for name in ("path", "prefix", "strip")},
    "required": ["path"],
    "additionalProperties": False,
}
GroupPlaces = Annotated[
    tuple[GroupsFrom, ...],
    BeforeValidator(_places),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string"},
                {"type": "array", "items": {"anyOf": [{"type": "string"}, _GROUPS_FROM]}},
            ],
            "examples": ["groups", ["groups", {"path": "realm_access.roles", "prefix": "role:"}]],
        }
    ),
]


class ClaimPaths(Section):
    """Where the claims of a person stand: names, or dotted paths. An empty path means that there is none."""

    name: SomePath = Field(default="name", description="The name to show.")
    email: SomePath = Field(default="email", description="The e-mail address.")
    email_verified: SomePath = Field(
        default="email_verified",
        description='Whether the provider has verified the address: true, or the text "true".',
    )
    picture: SomePath = Field(default="picture", description="The address of a picture.")


def _completed(written: Mapping[str, Any], usual: Any) -> Mapping[str, Any]:
    """Some paths, and the usual ones beside them: who writes where one claim stands takes back no other."""
    default = usual if isinstance(usual, ClaimPaths) else ClaimPaths()
    # The flag speaks of the address that it stands beside. For another one nobody vouches until that is written: with
    # the usual flag, whoever has verified an address of their own could write anybody's into the other claim.
    moved = written.get("email", default.email) != default.email
    unvouched = {"email_verified": ""} if moved else {}
    return {**default.model_dump(), **unvouched, **written}


class ProviderSection(Section):
    """A way to sign in. `membership` is the key of its own, if any, that says whose people may."""

    membership: ClassVar[str] = ""

    title: str = Field(
        default="", max_length=60, description="What the sign-in button says; the section's name by default."
    )
    mark: str = Field(
        default="",
        max_length=2,
        description="One or two characters in front of the title; its first one by default.",
    )
    user: str = Field(description="Template of X-Auth-User over claims of the person.")
    namespace: Word | None = Field(
        default=None,
        description="Providers of one namespace vouch for the same people under the same X-Auth-User.",
    )
    groups_claim: GroupPlaces = Field(
        default="groups",  # type: ignore[arg-type]  # in its short form, as people write it
        description="The claim that lists the person's groups, or a list of such claims.",
    )
    keep_groups: tuple[Annotated[str, StringConstraints(min_length=1, max_length=200)], ...] = Field(
        default=(), description="Globs; groups that match none are dropped. Without any, all are kept."
    )
    qualify_groups: bool | None = Field(
        default=None,
        description="Whether groups are written provider:group; where there are several providers, by default.",
    )
    required_claims: dict[ClaimPath, tuple[str, ...]] = Field(
        default_factory=dict,
        description="Claims, or dotted paths, and the values one of which each must have (none: any). Who lacks one is "
        "not let in.",
    )
    anyone: bool = Field(
        default=False, description="Everybody who can sign in at the provider may sign in here."
    )
    allow: Criteria | None = Field(default=None, description="Who may sign in.")
    avatar_hosts: tuple[PictureHost, ...] = Field(
        default=(), description="Hosts, exact or *.suffix, from which a picture's address is believed."
    )
    ca_file: str | None = Field(
        default=None,
        description="A CA bundle for this provider, in PEM; relative to the folder of gateway.yaml.",
    )
    timeout: Duration = Field(
        default=parse_duration("5s"), description="Total deadline of one request to the provider."
    )

    @model_validator(mode="before")
    @classmethod
    def _with_the_usual_claims(cls, written: Any) -> Any:
        claims = written.get("claims") if isinstance(written, Mapping) else None
        if not isinstance(claims, Mapping):
            return written
        return {**written, "claims": _completed(claims, cls.model_fields["claims"].get_default())}

    @property
    def vouches(self) -> bool:
        """Whether anything of this provider says that it has verified an address."""
        return False

    @property
    def home(self) -> str:
        """The address by which the provider is known: where people meet it."""
        raise NotImplementedError

    @property
    def public(self) -> bool:
        """Whether everybody can make an account there, at whatever address it is reached."""
        return False

    @property
    def limited(self) -> bool:
        """Whether the section itself says who may sign in: a tenant, an organisation, a domain."""
        return False

    @property
    def endpoints(self) -> dict[str, str]:
        """The addresses that are written in the section, by key: each gets secrets, or browsers."""
        return {}


class ClientSection(ProviderSection):
    """A way to sign in by sending the browser there and back: the provider knows us as a client."""

    client_id: ClientId = Field(description="What the provider calls the gateway.")
    client_secret: Secret | None = Field(
        default=None, description="Without it the gateway is a public client (PKCE alone)."
    )
    scopes: tuple[str, ...] = Field(default=(), description="What is asked for.")
    required_scopes: tuple[str, ...] = Field(
        default=(),
        description="What must have been granted, where the provider says what was; else nobody signs in.",
    )
    prompt: str | None = Field(
        default=None, description="Sent as `prompt`, for example `consent` where offline_access needs it."
    )
