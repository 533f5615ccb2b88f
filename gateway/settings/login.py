"""How people sign in and out: limits of the redirects, and which provider is offered where."""

from typing import Annotated

from pydantic import Field, StringConstraints

from gateway.settings.section import DOMAIN, HOST_PATTERN, Section, Word
from gateway.settings.units import Duration, parse_duration

HostPattern = Annotated[str, StringConstraints(pattern=HOST_PATTERN, max_length=253)]
MailDomain = Annotated[str, StringConstraints(pattern=DOMAIN, max_length=253)]
Offered = Annotated[tuple[Word, ...], Field(min_length=1)]


class PasswordLimits(Section):
    """Limits of passwords that are typed on a page of ours, or sent by a program.

    They count before a directory is asked: `per_account` has to be below the number of wrong passwords at which the
    directory locks an account.
    """

    per_account: int = Field(
        default=7,
        ge=1,
        le=1000,
        description="Tries of one account at once, the last third for browsers in which it has signed in before; below "
        "the number at which the directory locks it.",
    )
    # One try in 50 minutes, once those at once are used up. Active Directory forgets only after a pause without a wrong
    # password, 10 or 15 minutes as Microsoft ships and advises it, and locks at 10: tries that come back faster than
    # it forgets would add up there, however few they are at once.
    account_period: Duration = Field(
        default=parse_duration("350m"),
        description="Time in which these come back, one after another; a right password brings all of them back.",
    )
    per_address: int = Field(
        default=30,
        ge=1,
        le=100_000,
        description="Wrong tries of one address prefix (/24, /64) at once, whatever the accounts.",
    )
    address_period: Duration = Field(
        default=parse_duration("15m"), description="Time in which these come back, one after another."
    )
    at_once: int = Field(
        default=16,
        ge=1,
        le=1000,
        description="Passwords that one provider is asked about at the same time, by each worker; others wait.",
    )
    deadline: Duration = Field(
        default=parse_duration("8s"),
        description="How long a person waits for an answer, the wait for their turn included; then it is a 503.",
    )

    @property
    def for_strangers(self) -> int:
        """Those of `per_account` that a browser may use in which the account has never signed in; never none."""
        return self.per_account - self.per_account // 3

    @property
    def comes_back(self) -> float:
        """Seconds after which one try of an account comes back."""
        return self.account_period / self.per_account


class Login(Section):
    """Limits of the login redirects, and which provider is offered where."""

    attempt_lifetime: Duration = Field(
        default=parse_duration("10m"), description="How long a person may take at the provider."
    )
    open_attempts: int = Field(
        default=50_000,
        ge=100,
        description="Ceiling on stored attempts of everybody; the heaviest address prefixes give way first.",
    )
    per_prefix: int = Field(
        default=60, ge=1, description="Attempts that one address prefix (/24, /64) may begin in a minute."
    )
    hosts: dict[HostPattern, Offered] = Field(
        default_factory=dict,
        description="By protected host, exact or *.suffix: the providers that the login page offers for it. It only "
        "shortens the choice; `providers:` of a rule is what counts.",
    )
    domains: dict[MailDomain, Word] = Field(
        default_factory=dict,
        description="By domain of an e-mail address: the provider that an address in `login_hint=` leads to.",
    )
    passwords: PasswordLimits = Field(
        default=PasswordLimits(), description="Limits of passwords, for providers that take them."
    )
    revoke_at_logout: bool = Field(
        default=True,
        description="Give the provider's tokens back when somebody signs out (RFC 7009), where the provider takes them.",
    )
