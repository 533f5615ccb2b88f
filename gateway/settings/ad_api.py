"""A directory behind an HTTP API, as a section: where a name and a password go, and how the answer is read.

`shape` gives the keys below it the values of an API that was seen; whatever is written beside it goes first.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator

from gateway.settings.api_answers import ApiToken, Refusals, Success
from gateway.settings.password_sections import PasswordSection
from gateway.settings.provider_section import ClaimPath, ClaimPaths
from gateway.settings.providers import IssuerUrl
from gateway.settings.section import HeaderName
from gateway.settings.units import Duration, Secret, parse_duration

Text = Annotated[str, StringConstraints(min_length=1, max_length=1000)]
Shape = Literal["token", "user", "user-by-status"]

_SAID = {"path": "success", "equals": False}
_USER: Mapping[str, Any] = MappingProxyType(
    {
        "success": {"if_absent": "refuse"},
        "person": "user",
        "subject": "username",
        "claims": {"name": "displayName", "email": "mail"},
    }
)
SHAPES: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        # {success, data: {token, expiresAt, userInfo: {id, username, name, email}}}
        "token": {
            "success": {"if_absent": "require_token"},
            "token": {
                "path": ["data.token", "data.access_token", "token", "access_token"],
                "expires_in": ["data.expiresIn", "data.expires_in", "expires_in"],
                "expires_at": ["data.expiresAt", "data.expires_at", "expiresAt"],
            },
            "person": "data.userInfo",
            "subject": "id",
            "claims": {"name": "name", "email": "email"},
            "errors": {"invalid_credentials": [{"status": [401, 403]}, _SAID]},
        },
        # {success, user: {username, displayName, mail, department, domain}}: `success` alone says how it went.
        "user": {
            **_USER,
            "errors": {"bad_request": [], "invalid_credentials": [_SAID, {"status": [400, 401, 403]}]},
        },
        # The same body, and the status says how it went: 400 for an unknown domain, 401 and 403 for the rest.
        "user-by-status": {
            **_USER,
            "errors": {"invalid_credentials": [{"status": [401, 403]}, {"status": [200], **_SAID}]},
        },
    }
)


class AdApiProvider(PasswordSection):
    """Active Directory behind an HTTP API."""

    type: Literal["ad-api"] = Field(description="Active Directory behind an HTTP API.")
    url: IssuerUrl = Field(description="Where names and passwords are sent.")
    shape: Shape = Field(
        default="token",
        description="The answers: data with a token, or a user, or a user with a status that says how it went.",
    )
    method: Literal["POST", "PUT"] = Field(default="POST", description="The method of the request.")
    encoding: Literal["json", "form"] = Field(default="json", description="How the body is written.")
    body: dict[Text, str] = Field(
        default={"username": "{username}", "password": "{password}", "domain": "{domain}"},
        description="Members of the body. {username}, {password} and {domain} are filled in; what is {domain} alone "
        "is left out where there is none.",
    )
    headers: dict[HeaderName, Secret] = Field(
        default_factory=dict,
        description="Further headers of the request, as an API key: ${NAME} or file:PATH.",
    )
    domains: dict[Text, tuple[Text, ...]] = Field(
        default_factory=dict,
        description="Domains as the API calls them, each with its other spellings (DNS name, UPN suffix).",
    )
    domain: str = Field(
        default="",
        max_length=200,
        description="The domain of who writes none; the first of `domains` by default.",
    )
    success: Success = Field(default=Success(), description="Which answer is a success.")
    token: ApiToken = Field(default=ApiToken(), description="The token in it, and its life.")
    errors: Refusals = Field(default=Refusals(), description="What the other answers mean.")
    person: Annotated[str, StringConstraints(max_length=200)] = Field(
        default="data.userInfo",
        description="Where the person stands in the body: an object, or nothing for the body itself.",
    )
    subject: ClaimPath = Field(default="id", description="Which member of it names the person for ever.")
    user: str = Field(default="{username}", description="Template of X-Auth-User over members of the person.")
    claims: ClaimPaths = Field(
        default=ClaimPaths(email_verified=""), description="Where its other members stand."
    )
    trust_email: bool = Field(
        default=False,
        description="Whether addresses count as verified, because administrators alone can write them.",
    )
    relogin: bool = Field(
        default=True,
        description="Keep the password, sealed under a key that the browser's cookie holds alone, and sign in with it "
        "before the token ends.",
    )
    timeout: Duration = Field(
        default=parse_duration("8s"), description="Total deadline of one request to the provider."
    )

    @model_validator(mode="before")
    @classmethod
    def _in_shape(cls, written: Any) -> Any:
        shape = SHAPES.get(str(written.get("shape", "token"))) if isinstance(written, Mapping) else None
        if shape is None:
            return written
        return {**written, **{key: _merged(written.get(key), usual) for key, usual in shape.items()}}

    @property
    def home(self) -> str:
        return self.url

    @property
    def endpoints(self) -> dict[str, str]:
        return {"url": self.url}


def _merged(written: Any, usual: Any) -> Any:
    """What is written, with the usual values of the shape beside it where both are mappings."""
    if written is None:
        return usual
    if isinstance(written, Mapping) and isinstance(usual, Mapping):
        return {**usual, **written}
    return written
