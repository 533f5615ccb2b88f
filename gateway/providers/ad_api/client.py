"""A directory behind an HTTP API: login by a name and a password, and again with the same before the token ends.

There is nothing to refresh with but the password itself. It is kept in the grant, which only the cookie of the session
opens, and is sent again before the token ends, so that nobody is asked for it every few hours.
"""

import re
from collections.abc import Mapping
from typing import Protocol, TypeVar

from gateway.errors import NotAllowed, PasswordRefused, ProviderLied, ProviderUnavailable
from gateway.identity.identity import Identity
from gateway.providers.account import LONGEST, Account, Spellings
from gateway.providers.ad_api.answers import Accepted, Answers
from gateway.providers.ad_api.expiry import token_end
from gateway.providers.claims import Claims, find, named_subject
from gateway.providers.provider import Ask, Flow, Refreshed, SignedIn
from gateway.providers.reading import Reading
from gateway.sessions.session import Grant
from gateway.settings.ad_api import AdApiProvider

T = TypeVar("T")

LOCKED_WAIT = 60.0
"""Seconds after which a locked account is looked at again, where the API names no time."""

_PLACEHOLDER = re.compile(r"\{(username|password|domain)\}")
# Words of OpenID Connect, which mean nothing here: when somebody signed in is known to us alone.
_NOT_THEIRS = frozenset({"auth_time", "acr", "amr", "sid"})

# Stands for the operator's word that addresses are verified; whatever the API calls so gives way to it.
_TRUSTED = "\0trusted"


class Run(Protocol):
    """Drives a flow of a provider to its end, within the provider's deadline."""

    async def __call__(self, flow: Flow[T], *, provider: str) -> T: ...


class AdApi:
    """A section of type ad-api. `several`: there are other providers; `run` drives its flows."""

    def __init__(self, section: AdApiProvider, name: str, *, several: bool, run: Run) -> None:
        self._section = section
        self._name = name
        self._run = run
        self._sent_as = {written.casefold(): written for written in section.domains}
        self._spellings = Spellings(_spelt(section.domains), _usual(section))
        paths = section.claims.model_copy(update={"email_verified": _TRUSTED} if section.trust_email else {})
        self._reading = Reading.of(section, name, section.home, paths, several=several)
        self._answers = Answers(name, section.success, section.token, section.errors)
        self._headers = {key: value.get_secret_value() for key, value in section.headers.items()}

    @property
    def name(self) -> str:
        return self._name

    @property
    def title(self) -> str:
        return self._section.title or self._name

    @property
    def issuer(self) -> str:
        return self._section.home

    @property
    def domains(self) -> tuple[str, ...]:
        return tuple(self._section.domains)

    def account(self, typed: str, domain: str) -> Account:
        found = self._spellings.read(typed, domain)
        if found is None:
            raise PasswordRefused(self._name, "name_malformed")
        return found

    async def check_password(self, account: Account, password: str, now: int) -> SignedIn:
        if not 0 < len(password) <= LONGEST:
            raise PasswordRefused(self._name)
        return await self._run(self.sign_in(account, password, now), provider=self._name)

    def sign_in(self, account: Account, password: str, now: int) -> Flow[SignedIn]:
        """The login without its network. Asks once."""
        accepted = yield from self._ask(account, password, now)
        return SignedIn(self._identity(accepted, account, now), self._grant(accepted, account, password, now))

    def refresh(self, grant: Grant, identity: Identity, now: int) -> Flow[Refreshed]:
        """Signs in again. Raises `PasswordRefused` too: whether it is believed is for whoever asked."""
        account = self._kept_account(grant)
        try:
            accepted = yield from self._ask(account, grant.password, now)
        except PasswordRefused as refused:
            raise self._background(refused) from None
        renewed = self._grant(accepted, account, grant.password, now)
        try:
            person = self._identity(accepted, account, identity.authenticated_at)
        except NotAllowed:
            return Refreshed(renewed, barred=True)
        if person.key != identity.key:
            raise ProviderLied(self._name, "subject: of another person than at the login")
        return Refreshed(renewed, person)

    def _ask(self, account: Account, password: str, now: int) -> Flow[Accepted]:
        values = {
            "username": account.name,
            "password": password,
            "domain": self._sent_as.get(account.domain, ""),
        }
        body = {
            member: _filled(template, values)
            for member, template in self._section.body.items()
            if template != "{domain}" or values["domain"]
        }
        json, form = (body, None) if self._section.encoding == "json" else (None, body)
        ask = Ask(self._section.url, form=form, json=json, method=self._section.method, headers=self._headers)
        answer = yield ask
        return self._answers.read(answer, now)

    def _background(self, refused: PasswordRefused) -> PasswordRefused | ProviderLied | ProviderUnavailable:
        """A refusal when nobody has typed anything."""
        if refused.reason == "name_malformed":  # it was a name at the login
            return ProviderLied(self._name, "the API does not know a name that it knew at the login")
        if refused.reason == "account_locked":
            # The directory has not looked at the password. Anybody can lock an account from outside by wrong ones,
            # and must not sign its person out by that.
            return ProviderUnavailable(
                self._name,
                "the account is locked",
                retry_after=refused.retry_after or LOCKED_WAIT,
                reason=refused.reason,
                trace=refused.trace,
            )
        return refused

    def _identity(self, accepted: Accepted, account: Account, authenticated_at: int) -> Identity:
        person = self._person(accepted.body)
        subject = named_subject(self._name, person, self._section.subject)
        # One name may be of two people in two domains: so the domain is part of who it is.
        return self._reading.identity([person], (account.domain, subject), authenticated_at)

    def _person(self, body: Claims) -> Claims:
        found = find(body, self._section.person) if self._section.person else body
        if not isinstance(found, Mapping):
            raise ProviderLied(self._name, f"{self._section.person}: missing, or no object")
        return {
            **{member: value for member, value in found.items() if member not in _NOT_THEIRS},
            _TRUSTED: True,
        }

    def _grant(self, accepted: Accepted, account: Account, password: str, now: int) -> Grant:
        return Grant(
            provider=self._name,
            access_token=accepted.token,
            begun=now,
            expires=token_end(accepted.body, self._section.token, accepted.token, now),
            account=account.key,
            password=password if self._section.relogin else "",
        )

    def _kept_account(self, grant: Grant) -> Account:
        if not self._section.domains:
            return Account(grant.account)
        domain, _, name = grant.account.partition("\\")
        return Account(name, domain)


def _spelt(domains: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """Every spelling of a domain → the one that counts, all of them in lower case."""
    return {
        spelling.casefold(): written.casefold()
        for written, others in domains.items()
        for spelling in (written, *others)
    }


def _usual(section: AdApiProvider) -> str:
    return (section.domain or next(iter(section.domains), "")).casefold()


def _filled(template: str, values: Mapping[str, str]) -> str:
    # In one pass: a password that reads `{username}` is a password.
    return _PLACEHOLDER.sub(lambda match: values[match[1]], template)
