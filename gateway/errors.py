"""Every exception the gateway raises on purpose, in one tree.

GatewayError
├── SettingsFault             gateway.yaml, its environment or its files are wrong (all faults at once)
├── KeyFault                  the key file cannot be read, written or understood
├── DemoFault                 a part of `gateway demo` did not start; the message holds the last lines that it wrote
├── Refused                   a request that has no single meaning, or no right to ask
│   ├── Malformed             a header, a target or a host with two readings, or none
│   ├── UntrustedPeer         forwarded headers from somebody who may not send them
│   ├── UnknownHost           a host that gateway.yaml does not list
│   └── CrossSite             a form that was not sent from a page of ours
├── BadCredential             a credential that is ours and is not good: it never falls through to a weaker one
├── TokenInvalid              a signed token that fails verification; `check` says at what
│   └── UnknownKey            no key of the set fits it: fetching the set anew may help
├── Unsealable                sealed bytes that do not open: forged, truncated, foreign or of a dropped key
├── StoreFault                the store did not answer; never to be read as "no session"
│   └── StoreBusy             it was not asked: too many of our own calls are waiting. Nobody's outage
├── Limited                   too many tries; carries the seconds to wait
├── LoginFault                a login that cannot go on; carries what the person should do
│   ├── AttemptUnknown        no such login attempt: expired, used, or never ours
│   ├── AttemptNotYours       the attempt was begun by another browser
│   ├── LoginLoop             sign-in succeeds, yet the browser keeps coming back without a session
│   ├── NotAllowed            signed in at the provider, and not among those who may sign in here
│   ├── AnotherPerson         who was to sign in again is not who did
│   └── LevelNotReached       the provider did not raise the authentication as it was asked to
└── ProviderFault             the identity provider, or what it sent, is at fault
    ├── ProviderUnavailable   no answer, a broken answer, 5xx, 429: transient
    ├── ProviderRefused       an OAuth error object; `terminal` says whether it is final
    ├── ProviderMisconfigured the provider rejects *us* (invalid_client …): the operator's fault
    └── ProviderLied          a token, a document or a callback that fails verification

Each class has a stable `code` (for logs, metrics and machines). `str(error)` is for the log; `public` is the
sentence that a stranger may read. Neither ever holds a secret, a token or a cookie.

A `reason` is a word of `gateway.reasons`, "" for none. A `trace` holds the ids by which the provider finds the case.
"""

from collections.abc import Mapping
from typing import ClassVar

from gateway.reasons import NO_TRACE


class GatewayError(Exception):
    """Root of the tree; `code` is stable, `public` may be shown to anybody.

    `way_back` is where the person wanted to go, an address that was judged; whoever knows it writes it down, as notes of
    an exception are, so that starting again leads there.
    """

    code: ClassVar[str] = "gateway_error"
    public: ClassVar[str] = "Something went wrong. Please try again."
    way_back: str = ""


class SettingsFault(GatewayError):
    """The configuration is wrong. `faults` holds every finding, ready to print, one per line group."""

    code = "settings_fault"

    def __init__(self, faults: tuple[str, ...]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class KeyFault(GatewayError):
    code = "key_fault"


class WorkerFault(GatewayError):
    """The worker processes do not come up, or had to be killed."""

    code = "worker_fault"


class DemoFault(GatewayError):
    code = "demo_fault"


class Refused(GatewayError):
    """The request is not judged at all; `reason` is a stable word for log and metric, `detail` for the log alone."""

    code = "refused"
    public = "This request could not be understood."

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


class Malformed(Refused):
    code = "malformed"


class UntrustedPeer(Refused):
    code = "untrusted_peer"


class UnknownHost(Refused):
    code = "unknown_host"


class CrossSite(Refused):
    code = "cross_site"
    public = "This form was not sent from this site. Please open the page again and retry."


class BadCredential(GatewayError):
    code = "bad_credential"
    public = "The credential that was presented is not valid."


class TokenInvalid(GatewayError):
    """A JWS that fails verification. `check` names the failed check, in the words of the specification.

    `seen` is what stood there where that is no secret: an algorithm, the id of a key, an issuer.
    """

    code = "token_invalid"
    public = "The token could not be verified."

    def __init__(self, check: str, seen: str = "") -> None:
        super().__init__(f"verification failed: {check}")
        self.check = check
        self.seen = seen


class UnknownKey(TokenInvalid):
    """No key of the set fits the token's header; the issuer may have rotated its keys."""

    code = "unknown_key"


class Unsealable(GatewayError):
    code = "unsealable"


class StoreFault(GatewayError):
    """The store could not answer. Retry in `retry_after` seconds."""

    code = "store_fault"
    public = "The sign-in service is temporarily unavailable. Please try again in a moment."
    retry_after: ClassVar[int] = 5


class StoreBusy(StoreFault):
    """More calls of our own wait for the store than it can be asked at once. It says nothing about the store."""


class Limited(GatewayError):
    code = "limited"
    public = "Too many attempts. Please wait a little and try again."

    def __init__(self, retry_after: float) -> None:
        super().__init__(f"limited for {retry_after:.0f} s")
        self.retry_after = retry_after


class LoginFault(GatewayError):
    code = "login_fault"
    public = "The sign-in could not be completed."


class AttemptUnknown(LoginFault):
    code = "attempt_unknown"
    public = "This sign-in has expired or was already used. Please start again."


class AttemptNotYours(LoginFault):
    code = "attempt_not_yours"
    public = "This sign-in was started in another browser. Please start again in this one."


class LoginLoop(LoginFault):
    code = "login_loop"
    public = "You are signed in, but your browser keeps arriving without its session cookie."


class NotAllowed(LoginFault):
    """`subject` is who was turned away, as in `Identity.key`; `why` goes on from there."""

    code = "not_allowed"
    public = "Your account is not on the list of those who may sign in here."

    def __init__(self, subject: str, why: str, reason: str = "") -> None:
        super().__init__(f"{subject} {why}")
        self.subject = subject
        self.reason = reason


class AnotherPerson(LoginFault):
    code = "another_person"
    public = "You signed in as somebody else than before. Nothing has changed."


class LevelNotReached(LoginFault):
    code = "level_not_reached"
    public = "The identity provider did not confirm the sign-in at the level that is needed here."


class ProviderFault(GatewayError):
    """`provider` is the name of its section in gateway.yaml.

    `remedy` says what to write or to mend where nobody but the operator can; then it is an alarm too. So nothing that
    a browser sends may lead to one.
    """

    code = "provider_fault"
    public = "The identity provider did not answer as expected. Please try again."

    def __init__(
        self,
        provider: str,
        detail: str,
        remedy: str = "",
        *,
        reason: str = "",
        trace: Mapping[str, str] = NO_TRACE,
    ) -> None:
        super().__init__(f"provider {provider}: {detail}" + (f"; {remedy}" if remedy else ""))
        self.provider = provider
        self.detail = detail
        self.remedy = remedy
        self.reason = reason
        self.trace = trace


class ProviderUnavailable(ProviderFault):
    """`ambiguous` is true where the request may have reached the provider and only the answer was lost."""

    code = "provider_unavailable"
    public = "The identity provider cannot be reached at the moment. Please try again shortly."

    def __init__(
        self,
        provider: str,
        detail: str,
        *,
        ambiguous: bool = False,
        retry_after: float | None = None,
        remedy: str = "",
        reason: str = "provider_down",
        trace: Mapping[str, str] = NO_TRACE,
    ) -> None:
        super().__init__(provider, detail, remedy, reason=reason, trace=trace)
        self.ambiguous = ambiguous
        self.retry_after = retry_after


class ProviderRefused(ProviderFault):
    """The provider answered with an OAuth error object (RFC 6749 sections 4.1.2.1 and 5.2)."""

    code = "provider_refused"
    public = "The identity provider refused the sign-in."

    def __init__(
        self,
        provider: str,
        error: str,
        remedy: str = "",
        *,
        reason: str = "",
        trace: Mapping[str, str] = NO_TRACE,
        terminal: bool = False,
    ) -> None:
        super().__init__(provider, f"refused with {error!r}", remedy, reason=reason, trace=trace)
        self.error = error
        self._terminal = terminal

    @property
    def terminal(self) -> bool:
        """Whether the grant itself is dead, so that asking again cannot help: RFC 6749 section 5.2 has one word for
        it, and some providers have their own.
        """
        return self._terminal or self.error == "invalid_grant"


class ProviderMisconfigured(ProviderRefused):
    code = "provider_misconfigured"
    public = "Sign-in is not set up correctly. The operator has been told."

    def __init__(self, provider: str, error: str, *, trace: Mapping[str, str] = NO_TRACE) -> None:
        mend = "compare client_id, client_secret and client_auth with what the provider has for this client"
        remedy = f"{mend} (providers.{provider})"
        super().__init__(provider, error, remedy, reason="client_rejected", trace=trace)


class ProviderLied(ProviderFault):
    """Verification failed. `check` names the failed check, in the words of the specification; `seen` what was there."""

    code = "provider_lied"
    public = "The answer of the identity provider could not be verified."

    def __init__(
        self, provider: str, check: str, seen: str = "", remedy: str = "", *, reason: str = ""
    ) -> None:
        detail = f"verification failed: {check}"
        super().__init__(provider, f"{detail}: {seen}" if seen else detail, remedy, reason=reason)
        self.check = check
