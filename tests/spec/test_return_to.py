"""Where a login ends."""

import pytest

from gateway.login.return_to import MAX_LENGTH, ReturnTo
from gateway.policy.hosts import Hosts

ME = "https://auth.example.com/users/me"
HOSTS = Hosts.of(
    (
        "https://app.example.com",
        "https://*.apps.example.com",
        "https://odd.example.com:8443",
        "http://localhost:3000",
        "http://[::1]:3000",
    )
)
RETURN_TO = ReturnTo(HOSTS, "https://auth.example.com")


@pytest.mark.parametrize(
    "address",
    [
        pytest.param("https://app.example.com/", id="front page"),
        pytest.param("https://app.example.com/a/b?c=d&e=f%20g", id="path and query"),
        pytest.param("https://app.example.com/a?next=https://x/y", id="an address in the query"),
        pytest.param("https://app.example.com/a?q=c:\\dir&r={x|y}^", id="what browsers leave raw in a query"),
        pytest.param("https://app.example.com/projects/a%2fb", id="encoded slash within a path"),
        pytest.param("https://app.example.com/a//b", id="doubled slash within a path"),
        pytest.param("https://app.example.com/.well-known/x", id="a name that begins with a dot"),
        pytest.param("https://app.example.com/a...b/..c", id="dots that are no dot segment"),
        pytest.param("https://app.example.com/caf%C3%A9;v=1/@me/~x", id="what a path may hold"),
        pytest.param("https://x.apps.example.com/y", id="wildcard"),
        pytest.param("https://a.b.apps.example.com/", id="two labels below a wildcard"),
        pytest.param("https://odd.example.com:8443/", id="configured port"),
        pytest.param("http://localhost:3000/x", id="loopback in plain http"),
        pytest.param("http://[::1]:3000/x", id="an IPv6 address"),
        pytest.param(ME, id="our own page"),
        pytest.param("https://auth.example.com/account", id="our own account page"),
    ],
)
def test_an_address_of_a_protected_host_comes_back_as_it_was(address):
    """Path and query survive byte for byte: applications keep state in them."""
    assert RETURN_TO.of_request(address) == address


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        pytest.param("HTTPS://APP.Example.COM/Path", "https://app.example.com/Path", id="case of the host"),
        pytest.param("https://app.example.com:443/x", "https://app.example.com/x", id="default port"),
        pytest.param("https://app.example.com", "https://app.example.com/", id="no path"),
        pytest.param(
            "https://app.example.com?x=1", "https://app.example.com/?x=1", id="query without a path"
        ),
        pytest.param("https://app.example.com/x#y", "https://app.example.com/x", id="fragment"),
    ],
)
def test_an_address_is_written_anew_from_the_configuration(address, expected):
    """Scheme, host and port are ours; of the input only path and query remain."""
    assert RETURN_TO.of_request(address) == expected


@pytest.mark.parametrize(
    "address",
    [
        pytest.param("http://app.example.com/", id="downgrade"),
        pytest.param("https://app.example.com:8443/", id="another port"),
        pytest.param("https://odd.example.com/", id="the port is missing"),
        pytest.param("http://localhost:3001/", id="the neighbour on loopback"),
        pytest.param("https://auth.example.com/auth/login?rd=x", id="the login itself"),
        pytest.param("https://auth.example.com/", id="our own host is not protected"),
        pytest.param(f"https://app.example.com/{'x' * MAX_LENGTH}", id="longer than anything sensible"),
        pytest.param("", id="nothing"),
    ],
)
def test_everything_else_ends_at_the_page_that_says_who_is_signed_in(address):
    """A bad address is no error: the login goes on."""
    assert RETURN_TO.of_request(address) == ME


def test_on_a_shared_host_the_login_pages_are_no_destination():
    """With public_url below a protected host, the application's pages are, and ours that begin logins are not."""
    shared = ReturnTo(Hosts.of(("https://app.example.com",)), "https://app.example.com/_gateway")

    assert shared.fallback == "https://app.example.com/_gateway/users/me"
    assert shared.of_request("https://app.example.com/auth/login") == "https://app.example.com/auth/login"
    assert shared.of_request("https://app.example.com/_gateway/auth/login") == shared.fallback


def test_only_pages_for_the_person_count_as_our_own():
    """They are open to every session, whatever the rules say."""
    assert RETURN_TO.is_own(ME)
    assert not RETURN_TO.is_own("https://app.example.com/users/me")
