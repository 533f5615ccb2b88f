"""The root of the tree, and what goes wrong with ourselves, our callers and our store."""

from typing import ClassVar, Self


class GatewayError(Exception):
    """Root of the tree; `code` is stable, `public` may be shown to anybody.

    `way_back` is where the person wanted to go, an address that was judged; whoever knows it writes it down, as notes of
    an exception are, so that starting again leads there. `told_to` is where a client of ours is told instead of a person:
    its registered address, with the error in it.
    """

    code: ClassVar[str] = "gateway_error"
    public: ClassVar[str] = "Something went wrong. Please try again."
    way_back: str = ""
    told_to: str = ""

    def again(self) -> Self:
        """The same once more, for somebody else whom it stops too: what is written on one is not read on the other."""
        other = type(self).__new__(type(self), *self.args)
        other.__dict__.update(self.__dict__)
        return other


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


class TokenReused(BadCredential):
    """A token that may be used once came a second time, and its session was ended for it."""

    code = "token_reused"


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
