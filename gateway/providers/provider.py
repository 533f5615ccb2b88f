"""What a provider is: what it implements.

Protocol code never awaits. It is a generator (`Flow`) that yields an `Ask` and receives an `Answer`, or has
`ProviderUnavailable` thrown in where no answer came; `providers.transport` drives it. So a whole login is tested by
cranking a generator by hand.
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias, TypeVar, runtime_checkable

from gateway.identity.identity import Identity
from gateway.providers.account import Account
from gateway.sessions.session import Grant

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ask:
    """One HTTP request to a provider: a POST with a `form` or with `json`, else a GET; `method` says otherwise.

    Secrets stay out of `repr`.

    A document that stands for a while (metadata, keys) says in `keep` for how many seconds its answer may serve
    again. `renew` asks for a newer one, because the kept one did not fit; the driver decides how often it does.
    """

    url: str
    form: Mapping[str, str] | None = field(default=None, repr=False)
    json: Mapping[str, Any] | None = field(default=None, repr=False)
    method: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    retry: bool = False  # whether a lost answer may be asked for again (reads only)
    keep: float = 0.0
    renew: bool = False

    @property
    def changing(self) -> bool:
        """Whether it may change something at the provider, so that a lost answer leaves it in doubt."""
        return self.form is not None or self.json is not None or self.method not in {"", "GET"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, within the size cap. `json` is the parsed object, or `None` where it was not one."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    json: Mapping[str, Any] | None = field(default=None, repr=False)


Flow: TypeAlias = Generator[Ask, Answer, T]


@dataclass(frozen=True, slots=True)
class Departure:
    """Where to send the browser, and what to remember until it is back (all of it secret)."""

    url: str
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Arrival:
    """The parameters of a callback, each at most once, and what the departure had to remember.

    `max_age` (seconds) and `acr_values` are those that were asked for; `None` and nothing where none were.
    """

    code: str = field(repr=False)
    issuer: str | None = None
    nonce: str = field(default="", repr=False)
    verifier: str = field(default="", repr=False)
    redirect_uri: str = ""
    max_age: int | None = None
    acr_values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A verified login: who it is, and the tokens that came with it."""

    identity: Identity
    grant: Grant


@dataclass(frozen=True, slots=True)
class LoggedOut:
    """What a provider says is over: its session `sid`, or where that is "" all sessions of `subject`.

    `token_id` is the name of the token that said so; it counts once.
    """

    token_id: str
    sid: str = ""
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Refreshed:
    """New tokens; `identity` is the renewed one, or `None` where the provider said nothing new about the person.

    `alarm` is a sentence for the operator: there are new tokens, and what came with them failed verification.
    `barred`: the provider has just said that this person is none of those who may sign in any more.
    """

    grant: Grant
    identity: Identity | None = None
    alarm: str = ""
    barred: bool = False


class Provider(Protocol):
    """Every provider has a name (its section in gateway.yaml), a title, and the issuer that it stands for."""

    @property
    def name(self) -> str: ...

    @property
    def title(self) -> str: ...

    @property
    def issuer(self) -> str: ...


@runtime_checkable
class Redirects(Provider, Protocol):
    """Login by sending the browser there and back.

    `code_names` are the callback's names for the authorization code, the first that is there counts.
    `reauthenticates`: it understands `prompt=login` and `max_age`, and proves what came of them.
    """

    @property
    def code_names(self) -> tuple[str, ...]: ...

    @property
    def reauthenticates(self) -> bool: ...

    def depart(
        self, redirect_uri: str, state: str, nonce: str, verifier: str, extra: Mapping[str, str]
    ) -> Flow[Departure]:
        """`extra` are parameters of OpenID Connect Core 3.1.2.1 by name: prompt, max_age, acr_values, login_hint,
        ui_locales. A provider drops those that it has no word for.
        """
        ...

    def check_arrival(self, arrival: Arrival) -> Flow[None]:
        """What can be checked without a token call (`iss`, RFC 9207): before any outbound call is made with it."""
        ...

    def arrive(self, arrival: Arrival, now: int) -> Flow[SignedIn]: ...


@runtime_checkable
class ChecksPasswords(Provider, Protocol):
    """Login by a name and a password, typed on a page of ours.

    `domains` are the choices of the form, none where there is nothing to choose. Who implements it waits for a network
    of its own, or for a hash: so these are no flows.
    """

    @property
    def domains(self) -> tuple[str, ...]: ...

    def account(self, typed: str, domain: str) -> Account:
        """What was typed, as one name for all its spellings. Raises `PasswordRefused` for what is no name."""
        ...

    async def check_password(self, account: Account, password: str, now: int) -> SignedIn:
        """Ask once, and never again after a no. Raises `PasswordRefused` or a `ProviderFault`.

        It takes as long for a name that does not exist as for one that does.
        """
        ...


@runtime_checkable
class FindsAccounts(ChecksPasswords, Protocol):
    """Can say whom a name means without a password, so that two names of one account are counted as one."""

    async def find(self, account: Account) -> str:
        """What names the account for ever, "" for nobody and where it cannot be known. Raises a `ProviderFault`."""
        ...


@runtime_checkable
class Rechecks(Provider, Protocol):
    """Looks again, without the person, whether an account still stands: where nothing is prolonged (`Grant.recheck`)."""

    async def recheck(self, grant: Grant, identity: Identity, now: int) -> Refreshed:
        """As `Refreshes.refresh`, and raises what that raises."""
        ...


@runtime_checkable
class Closes(Provider, Protocol):
    """Keeps connections, or threads, of its own."""

    async def close(self) -> None: ...


@runtime_checkable
class Refreshes(Provider, Protocol):
    """Prolongs a grant."""

    def refresh(self, grant: Grant, identity: Identity, now: int) -> Flow[Refreshed]: ...


@runtime_checkable
class Revokes(Provider, Protocol):
    """Takes tokens back (RFC 7009)."""

    def revoke(self, grant: Grant) -> Flow[None]:
        """Give back the refresh token, and so all that came from it, or the access token where there is no other.

        Returns also where the provider has no place for it. Raises `ProviderFault` where it did not take it.
        """
        ...


@runtime_checkable
class TellsLogout(Provider, Protocol):
    """Tells, server to server, that a session of its own is over."""

    def read_logout(self, token: str, now: float) -> Flow[LoggedOut]:
        """What a logout token says. Raises `ProviderLied` for one that is not good."""
        ...


@runtime_checkable
class EndsSession(Provider, Protocol):
    """Ends the provider's own session by a redirect (RP-initiated logout)."""

    def end_session(self, grant: Grant, return_to: str, state: str) -> Flow[str | None]:
        """The address to send the browser to, or `None` where the provider offers none."""
        ...


@runtime_checkable
class ExplainsErrors(Provider, Protocol):
    """Says more in the error of a callback than the code of the specification."""

    def explain_error(self, parameters: Mapping[str, str]) -> tuple[str, Mapping[str, str]]:
        """The reason, of `gateway.reasons` or "", and the ids by which the provider finds the case.

        The parameters came by the browser, so that anybody can have written them: only what has the form of the
        vendor's own codes and ids may come out.
        """
        ...
