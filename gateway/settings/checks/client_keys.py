"""Keys by which providers know us, and where one is a must."""

from collections.abc import Iterator

from gateway.errors import KeyFault
from gateway.keys.client_key import ClientKey
from gateway.settings.fault import Fault
from gateway.settings.model import OidcSection, Settings

_WRITE_A_KEY = "write client_auth: private_key_jwt and client_key: file:/path/of/key.pem"


def keys_are_keys(settings: Settings) -> Iterator[Fault]:
    for name, section in _sections(settings):
        pem = section.client_key.get_secret_value() if section.client_key else ""
        if not pem:  # none, or one that was not looked up
            continue
        try:
            ClientKey.parse(pem)
        except KeyFault as fault:
            yield Fault(
                ("providers", name, "client_key"),
                str(fault),
                "give it an unencrypted private key in PEM: RSA of 2048 to 8192 bits, EC P-256 or Ed25519 "
                "(`gateway keys client --new FILE` makes one)",
            )


def keys_are_used(settings: Settings) -> Iterator[Fault]:
    """Exactly one method of authentication (RFC 6749 section 2.3), so that nobody believes in one that is not used."""
    for name, section in _sections(settings):
        path = ("providers", name)
        if section.client_auth == "private_key_jwt":
            if section.client_key is None:
                instead = "write client_key: file:/path/of/key.pem, or client_auth: basic or post"
                yield Fault((*path, "client_auth"), "has no key to sign with", instead)
            if section.client_secret is not None:
                yield Fault(
                    (*path, "client_secret"), "is not used beside a key", "remove it, and at the provider too"
                )
        elif section.client_key is not None:
            what = f"is not used with client_auth: {section.client_auth}"
            yield Fault((*path, "client_key"), what, "write client_auth: private_key_jwt, or remove it")
        if section.client_key_id and section.client_key is None:
            yield Fault((*path, "client_key_id"), "names a key that is not there", "write client_key: too")


def strict_ones_have_a_key(settings: Settings) -> Iterator[Fault]:
    """FAPI 2.0 section 5.3.3.1: a client that proves itself by a key. A secret can be read wherever it is sent to."""
    for name, section in _sections(settings):
        if section.security == "strict" and section.client_auth != "private_key_jwt":
            yield Fault(
                ("providers", name, "security"),
                "strict authenticates by a key and never by a secret",
                f"{_WRITE_A_KEY}, or security: standard",
            )


def _sections(settings: Settings) -> Iterator[tuple[str, OidcSection]]:
    for name, section in settings.providers.items():
        if isinstance(section, OidcSection):
            yield name, section
