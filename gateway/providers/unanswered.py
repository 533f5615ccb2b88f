"""A request that got no answer, in a sentence for the operator: what was expected, what was seen, what can be mended.

The messages of the network layers are not repeated: they can hold the address with its query. Their kinds are enough.
"""

import os
import socket
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

_DEEPEST = 8
# OpenSSL's X509_V_ERR_* for certificates that no CA bundle helps.
_EXPIRED = 10
_ANOTHER_NAME = frozenset({62, 64})


def origin(url: str) -> str:
    """Scheme, host and port of an address, without the rest of it."""
    try:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    except ValueError:
        return "an address that is none"


def unanswered(fault: BaseException, url: str, provider: str) -> tuple[str, str]:
    """What happened, and what the operator can mend; "" where it may pass by itself."""
    seen, remedy = next(filter(None, (_known(cause, provider) for cause in _causes(fault))), ("", ""))
    detail = f"{type(fault).__name__}: expected an answer of {origin(url)}"
    return (f"{detail}, seen {seen}" if seen else detail), remedy


def _causes(fault: BaseException) -> Iterator[BaseException]:
    current: BaseException | None = fault
    for _ in range(_DEEPEST):
        if current is None:
            return
        yield current
        current = current.__cause__ or current.__context__


def _known(fault: BaseException, provider: str) -> tuple[str, str] | None:
    match fault:
        case ssl.SSLCertVerificationError():
            return f"a certificate that is not trusted ({fault.verify_message})", _certificate(
                fault, provider
            )
        case ssl.SSLEOFError():
            return "the end of the connection before TLS was up", ""
        case ssl.SSLError():
            return f"no TLS ({fault.reason})", "compare the scheme and the port with what listens there"
        case socket.gaierror():
            if fault.errno != socket.EAI_NONAME:
                return "no answer of the DNS", ""
            return "no such host", "compare the host with the provider's, and ask the DNS"
        case OSError() if fault.errno:
            return os.strerror(fault.errno).lower(), ""
    return None


def _certificate(fault: ssl.SSLCertVerificationError, provider: str) -> str:
    if fault.verify_code == _EXPIRED:
        return "renew the certificate"
    if fault.verify_code in _ANOTHER_NAME:
        return "use a host that the certificate names"
    return f"write ca_file (providers.{provider}): the bundle of the CA that signed it"
