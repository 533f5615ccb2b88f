"""The section of a directory that is asked by LDAP: Active Directory, or OpenLDAP and its like with a mapping."""

import re
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, StringConstraints, model_validator

from gateway.settings.ldap_address import LDAP_URL
from gateway.settings.password_sections import PasswordSection
from gateway.settings.provider_section import ClaimPaths, SomePath
from gateway.settings.units import Duration, Secret, parse_duration

LdapUrl = Annotated[str, StringConstraints(pattern=LDAP_URL, max_length=300)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=300)]
Filter = Annotated[str, StringConstraints(max_length=2000)]
GroupWay: TypeAlias = Literal["token-groups", "in-chain", "search", "none"]

_DC = re.compile(r"(?i)(?:^|,)\s*dc\s*=\s*([a-z0-9-]+)\s*(?=,|$)")

# What differs between the two kinds, where the section says nothing.
_USUAL: dict[str, dict[str, str]] = {
    "active-directory": {
        "user": "{sAMAccountName}",
        "key": "objectGUID",
        "groups": "token-groups",
        "group_name": "sAMAccountName",
    },
    "openldap": {
        "user": "{uid}",
        "key": "entryUUID",
        "groups": "search",
        "group_name": "cn",
        "filter": "(&(objectClass=inetOrgPerson)(uid={name}))",
        "group_filter": "(&(objectClass=groupOfNames)(member={dn}))",
    },
}


class LdapClaims(ClaimPaths):
    """The attributes that hold the claims of a person."""

    name: SomePath = Field(default="displayName", description="The name to show.")
    email: SomePath = Field(default="mail", description="The e-mail address.")
    email_verified: SomePath = Field(
        default="",
        description="An attribute that is TRUE where the address was verified; `trust_email` does without.",
    )
    picture: SomePath = Field(default="", description="The address of a picture.")


class LdapProvider(PasswordSection):
    """A directory by LDAP: Active Directory, or OpenLDAP with a mapping."""

    type: Literal["ldap"] = Field(
        description="A directory by LDAP: Active Directory, or OpenLDAP with a mapping."
    )
    directory: Literal["active-directory", "openldap"] = Field(
        default="active-directory", description="Which kind it is; it chooses the defaults of the keys below."
    )
    urls: tuple[LdapUrl, ...] = Field(
        min_length=1, max_length=16, description="Controllers, in the order in which they are asked."
    )
    starttls: bool = Field(
        default=False, description="Whether ldap:// is raised to TLS before anything is said."
    )
    base: Name = Field(description="Where people are searched: a DN.")
    bind_dn: Name | None = Field(
        default=None,
        description="The service account that searches, as a DN or as user@domain; without one people search "
        "themselves after they have signed in, and nobody looks at their account again unless `relogin` says so.",
    )
    bind_password: Secret | None = Field(default=None, description="Its password.")
    domains: dict[Name, tuple[Name, ...]] = Field(
        default_factory=dict,
        description="Domains by the name that accounts are counted under, each with its other spellings (NetBIOS name, "
        "UPN suffix); for Active Directory the DNS name of `base` by default.",
    )
    domain: str = Field(
        default="",
        max_length=300,
        description="The domain of who writes none; the first of `domains` by default.",
    )
    filter: Filter = Field(
        default="",
        description="Filter that finds one person, with {name} and {domain}; by sAMAccountName and userPrincipalName "
        "by default.",
    )
    key: Name = Field(default="objectGUID", description="The attribute that names a person for ever.")
    user: str = Field(default="{sAMAccountName}", description="Template of X-Auth-User over attributes.")
    claims: LdapClaims = Field(default=LdapClaims(), description="Where the claims of a person stand.")
    trust_email: bool = Field(
        default=False,
        description="Whether addresses count as verified, because administrators alone can write them.",
    )
    groups: GroupWay = Field(
        default="token-groups",
        description="How groups are found: token-groups and in-chain (Active Directory, nested ones too), search (by "
        "group_filter), or none.",
    )
    group_base: str = Field(
        default="",
        max_length=300,
        description="Where groups are searched; the whole domain of `base` by default.",
    )
    group_filter: Filter = Field(
        default="",
        description="For `groups: search`: filter that finds the groups of a person, with {dn} and attributes as in {uid}.",
    )
    group_name: Name = Field(default="sAMAccountName", description="The attribute that names a group.")
    wanted_groups: tuple[Name, ...] = Field(
        default=(),
        max_length=200,
        description="For `groups: in-chain`: the groups that are asked for, by name; the rule is costly in large directories.",
    )
    recheck: Duration = Field(
        default=parse_duration("15m"),
        description="How often the service account looks whether somebody's account still stands, and at the groups.",
    )
    relogin: bool = Field(
        default=False,
        description="Keep the password, sealed under a key that the browser's cookie holds alone, and sign in with it "
        "every `recheck`: for directories without a service account.",
    )
    connect_timeout: Duration = Field(
        default=parse_duration("2s"), description="For one controller to take a connection."
    )
    receive_timeout: Duration = Field(
        default=parse_duration("3s"), description="For one answer of a controller, TLS included."
    )
    pool_size: int = Field(default=8, ge=1, le=64, description="Threads, and so questions at a time.")

    @model_validator(mode="before")
    @classmethod
    def _as_usual(cls, written: Any) -> Any:
        kind = written.get("directory", "active-directory") if isinstance(written, dict) else None
        usual = _USUAL.get(kind, {}) if isinstance(kind, str) else {}
        return {**usual, **written} if usual else written

    @property
    def home(self) -> str:
        # Without a host (RFC 4516): the order of the controllers may change, and whose people they are does not.
        return f"ldap:///{self.base.lower()}"

    @property
    def active(self) -> bool:
        """Whether it is Active Directory."""
        return self.directory == "active-directory"

    @property
    def dns_domain(self) -> str:
        """The domain that the `DC=` parts of `base` spell, "" for none."""
        return ".".join(_DC.findall(self.base)).lower()

    @property
    def groups_under(self) -> str:
        """Where groups are searched."""
        parts = self.dns_domain.split(".") if self.dns_domain else []
        return self.group_base or ",".join([f"DC={part}" for part in parts]) or self.base

    @property
    def spellings(self) -> dict[str, str]:
        """Every spelling of a domain, in lower case, and the canonical one."""
        own = {self.dns_domain: ()} if self.active and self.dns_domain else {}
        known = {name.casefold(): others for name, others in (self.domains or own).items()}
        return {spelt.casefold(): name for name, others in known.items() for spelt in (name, *others)}

    @property
    def usual_domain(self) -> str:
        """The domain of a name without one; "" where there is none."""
        return self.domain.casefold() or next(iter(self.spellings.values()), "")
