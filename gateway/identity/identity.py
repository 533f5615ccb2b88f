"""A person, as one provider knows them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who signed in. The key is (provider, tenant, subject), never an e-mail address and never a name.

    `groups` are final names (qualified with the provider where there are several providers).
    `authenticated_at` is in Unix seconds, as the provider states it (`auth_time`), else the moment of the login.
    `issuer` says which provider stood behind the section name when this was written; `sid` is what the provider calls
    its own session (claim `sid`), by which it can end ours. `picture` is an https address on a host that the section lists.
    """

    provider: str
    issuer: str
    subject: str
    user: str
    authenticated_at: int
    tenant: str = ""
    email: str = ""
    email_verified: bool = False
    name: str = ""
    groups: tuple[str, ...] = ()
    acr: str = ""
    amr: tuple[str, ...] = ()
    sid: str = ""
    picture: str = ""

    @property
    def key(self) -> str:
        """The stable subject: `provider:subject`, with the tenant inside where there is one."""
        return f"{self.provider}:{self.local}"

    @property
    def local(self) -> str:
        """What follows the provider in the key: two tenants may give one subject to two people."""
        return f"{self.tenant}:{self.subject}" if self.tenant else self.subject

    @property
    def verified_email(self) -> str:
        """The address, if the provider vouches for it; else nothing. Policy reads only this one."""
        return self.email if self.email_verified else ""
