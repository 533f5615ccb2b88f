"""Whose certificates are believed: the CAs of a provider's `ca_file`, or the system's.

It is looked at before the start and by `gateway check`, for nothing else would say so until the first login.
"""

import ssl
from collections.abc import Iterator, Mapping

from gateway.errors import SettingsFault
from gateway.settings.fault import Fault

_MEND = "write the path of a CA bundle in PEM that the gateway may read"


def trust_of(provider: str, ca_file: str | None) -> ssl.SSLContext:
    """The system's CAs, or those of the file. Raises `SettingsFault`."""
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as fault:
        raise SettingsFault((f"providers.{provider}.ca_file: {_reason(fault)}; {_MEND}",)) from None


def trust_faults(files: Mapping[str, str]) -> Iterator[Fault]:
    """What is wrong with CA bundles, by names of providers."""
    for provider, file in files.items():
        try:
            ssl.create_default_context(cafile=file)
        except OSError as fault:
            yield Fault(("providers", provider, "ca_file"), _reason(fault), _MEND)


def _reason(fault: OSError) -> str:  # ssl.SSLError is one, with an errno of its own
    reason = "it is no CA bundle" if isinstance(fault, ssl.SSLError) else str(fault.strerror or "").lower()
    return f"cannot be used: {reason or 'it does not open'}"
