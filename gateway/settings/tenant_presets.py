"""Sections of vendors where everybody has an account, and belongs to tenants: DingTalk and Feishu."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Literal

from pydantic import Field

from gateway.settings.provider_section import ClaimPath, PictureHost
from gateway.settings.providers import IssuerUrl, OAuth2Claims
from gateway.settings.vendor_section import Tenant, VendorSection

_DINGTALK: Mapping[str, str] = MappingProxyType({"china": "com", "international": "io"})
_LARK = "larksuite.com"


class DingTalkProvider(VendorSection):
    """DingTalk (钉钉): the login page for whole windows."""

    membership: ClassVar[str] = "corps"

    type: Literal["dingtalk"] = Field(description="DingTalk (钉钉).")
    title: str = Field(default="钉钉 DingTalk", max_length=60, description="What the sign-in button says.")
    corps: tuple[Tenant, ...] = Field(
        default=(), description="The corpIds whose people may sign in, and nobody else."
    )
    hosts: Literal["china", "international"] = Field(
        default="china", description="Whose hosts: those of dingtalk.com, or those of dingtalk.io."
    )
    authorization_endpoint: IssuerUrl = Field(
        default="https://login.dingtalk.com/oauth2/auth", description="Where browsers are sent."
    )
    token_endpoint: IssuerUrl = Field(
        default="https://api.dingtalk.com/v1.0/oauth2/userAccessToken",
        description="Where codes become tokens.",
    )
    userinfo_endpoint: IssuerUrl = Field(
        default="https://api.dingtalk.com/v1.0/contact/users/me",
        description="Where the person's claims are read with the token.",
    )
    revocation_endpoint: None = Field(default=None, description="DingTalk takes no token back.")
    client_auth: Literal["post"] = Field(default="post", description="The secret goes into the body.")
    scopes: tuple[str, ...] = Field(
        default=("openid", "corpid"),
        description="What is asked for, in this order; without corpid nobody says which corp it is.",
    )
    prompt: str | None = Field(default="consent", description="Sent as `prompt`; DingTalk wants `consent`.")
    pkce: Literal[False] = Field(default=False, description="DingTalk knows no PKCE.")
    user: str = Field(
        default="dingtalk:{subject}", description="Template of X-Auth-User over claims of the person."
    )
    claims: OAuth2Claims = Field(
        # An address there is what its owner has written.
        default=OAuth2Claims(subject="unionId", name="nick", picture="avatarUrl", email_verified=""),
        description="Where the claims of a person stand.",
    )
    avatar_hosts: tuple[PictureHost, ...] = Field(
        default=("*.dingtalk.com", "*.alicdn.com"),
        description="Hosts from which a picture's address is believed.",
    )

    @classmethod
    def following(cls, written: Mapping[str, Any]) -> Mapping[str, Any]:
        hosts = written.get("hosts")
        end = _DINGTALK.get(hosts, "com") if isinstance(hosts, str) else "com"
        return {
            "authorization_endpoint": f"https://login.dingtalk.{end}/oauth2/auth",
            "token_endpoint": f"https://api.dingtalk.{end}/v1.0/oauth2/userAccessToken",
            "userinfo_endpoint": f"https://api.dingtalk.{end}/v1.0/contact/users/me",
        }

    @property
    def public(self) -> bool:
        return True

    @property
    def limited(self) -> bool:
        return bool(self.corps)


class FeishuProvider(VendorSection):
    """Feishu (飞书), or Lark with the type of that name: the same product on other hosts."""

    membership: ClassVar[str] = "tenants"

    type: Literal["feishu", "lark"] = Field(description="Feishu (飞书), or Lark.")
    title: str = Field(default="飞书 Feishu", max_length=60, description="What the sign-in button says.")
    tenants: tuple[Tenant, ...] = Field(
        default=(), description="The tenant keys whose people may sign in, and nobody else."
    )
    authorization_endpoint: IssuerUrl = Field(
        default="https://accounts.feishu.cn/open-apis/authen/v1/authorize",
        description="Where browsers are sent.",
    )
    token_endpoint: IssuerUrl = Field(
        default="https://accounts.feishu.cn/oauth/v3/token", description="Where codes become tokens."
    )
    userinfo_endpoint: IssuerUrl = Field(
        default="https://open.feishu.cn/open-apis/authen/v1/user_info",
        description="Where the person's claims are read with the token.",
    )
    revocation_endpoint: None = Field(default=None, description="Feishu takes no token back.")
    client_auth: Literal["post"] = Field(default="post", description="The secret goes into the body.")
    scopes: tuple[str, ...] = Field(
        default=("offline_access",),
        description="What is asked for; there is a refresh token for offline_access alone.",
    )
    user: str = Field(
        default="feishu:{union_id}", description="Template of X-Auth-User over claims of the person."
    )
    claims: OAuth2Claims = Field(
        default=OAuth2Claims(subject="union_id", picture="avatar_url", email_verified=""),
        description="Where the claims of a person stand.",
    )
    tenant_claim: ClaimPath = Field(default="tenant_key", description="The claim that names the tenant.")
    avatar_hosts: tuple[PictureHost, ...] = Field(
        default=("*.feishucdn.com", "*.larksuitecdn.com"),
        description="Hosts from which a picture's address is believed.",
    )

    @classmethod
    def following(cls, written: Mapping[str, Any]) -> Mapping[str, Any]:
        if written.get("type") != "lark":
            return {}
        return {
            "title": "Lark",
            "user": "lark:{union_id}",
            "authorization_endpoint": f"https://accounts.{_LARK}/open-apis/authen/v1/authorize",
            "token_endpoint": f"https://accounts.{_LARK}/oauth/v3/token",
            "userinfo_endpoint": f"https://open.{_LARK}/open-apis/authen/v1/user_info",
        }

    @property
    def several_tenants(self) -> bool:
        """Whether people of more than one tenant may sign in."""
        return len(self.tenants) != 1

    @property
    def public(self) -> bool:
        return True

    @property
    def limited(self) -> bool:
        return bool(self.tenants)
