"""A request without an answer: one sentence with what was expected and what was seen, and no part of an address's query."""

import errno
import socket
import ssl

import pytest

from gateway.providers.unanswered import origin, unanswered

URL = "https://user:hush@idp.example:8443/realms/x/token?code=hush#hush"


class Failed(Exception):
    """As the layer above wraps what the network raised."""


def wrapped(cause):
    """Two layers, each with a message that repeats the address."""
    outer, middle = Failed(URL), Failed(URL)
    outer.__cause__, middle.__context__ = middle, cause
    return outer


def certificate(code, message):
    fault = ssl.SSLCertVerificationError(1, "certificate verify failed")
    fault.verify_code, fault.verify_message = code, message
    return fault


def tls(reason):
    fault = ssl.SSLError(1, "tls")
    fault.reason = reason
    return fault


@pytest.mark.parametrize(
    ("cause", "seen", "remedy"),
    [
        pytest.param(
            certificate(20, "unable to get local issuer certificate"),
            "a certificate that is not trusted (unable to get local issuer certificate)",
            "write ca_file (providers.idp)",
            id="unknown CA",
        ),
        pytest.param(
            certificate(62, "Hostname mismatch"),
            "(Hostname mismatch)",
            "that the certificate names",
            id="name",
        ),
        pytest.param(
            certificate(64, "IP address mismatch"), "(IP address mismatch)", "certificate names", id="ip"
        ),
        pytest.param(
            certificate(10, "certificate has expired"), "has expired", "renew the certificate", id="expired"
        ),
        pytest.param(tls("WRONG_VERSION_NUMBER"), "no TLS (WRONG_VERSION_NUMBER)", "the scheme", id="no TLS"),
        pytest.param(ssl.SSLEOFError(8, "EOF"), "before TLS was up", "", id="cut"),
        pytest.param(socket.gaierror(socket.EAI_NONAME, URL), "no such host", "the DNS", id="no such host"),
        pytest.param(
            socket.gaierror(socket.EAI_AGAIN, URL), "no answer of the DNS", "", id="a DNS that is down"
        ),
        pytest.param(ConnectionRefusedError(errno.ECONNREFUSED, URL), "connection refused", "", id="refused"),
        pytest.param(OSError(errno.EHOSTUNREACH, URL), "no route to host", "", id="no route"),
    ],
)
def test_what_the_network_raised_is_told_in_a_sentence(cause, seen, remedy):
    """Its kind decides; what will pass by itself has no remedy."""
    detail, mend = unanswered(wrapped(cause), URL, "idp")

    assert detail.startswith("Failed: expected an answer of https://idp.example:8443, seen ")
    assert seen in detail
    assert (remedy in mend, bool(mend)) == (True, bool(remedy))
    assert "hush" not in detail + mend


def test_what_is_not_known_is_told_by_its_kind():
    """No sentence is made up."""
    detail, remedy = unanswered(wrapped(RuntimeError(URL)), URL, "idp")

    assert (detail, remedy) == ("Failed: expected an answer of https://idp.example:8443", "")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        pytest.param("https://idp.example/x?y", "https://idp.example", id="usual"),
        pytest.param("https://[::1/x", "an address that is none", id="broken"),
    ],
)
def test_of_an_address_only_its_origin_is_told(url, shown):
    """A query can hold a code."""
    assert origin(url) == shown
