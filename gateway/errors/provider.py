"""Identity providers, and what they sent, at fault."""

from collections.abc import Mapping

from gateway.errors.root import GatewayError
from gateway.reasons import NO_TRACE

_MEND = "compare client_id, client_secret and client_auth with what the provider has for this client"


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


class ProviderBusy(ProviderUnavailable):
    """It was not asked: too many of our own questions are waiting for it. It says nothing about the provider."""

    code = "provider_busy"
    public = "Too many people are signing in at the moment. Please try again shortly."

    def __init__(self, provider: str) -> None:
        super().__init__(provider, "too many questions are waiting", reason="throttled")


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

    def __init__(
        self, provider: str, error: str, mend: str = _MEND, *, trace: Mapping[str, str] = NO_TRACE
    ) -> None:
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
