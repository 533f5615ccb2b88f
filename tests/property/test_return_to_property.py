"""Whatever is asked for, the browser ends up at an origin of the configuration."""

from hypothesis import example, given
from hypothesis import strategies as st

from gateway.login.return_to import ReturnTo
from gateway.policy.hosts import Hosts
from tests.kit.address_bar import destination

APP, AUTH = "https://app.example.com", "https://auth.example.com"
RETURN_TO = ReturnTo(Hosts.of((APP, "https://*.apps.example.com")), AUTH)

# Pieces of addresses: random text alone would never come near the grammar.
PIECES = st.sampled_from(
    [
        *("https", "http", "javascript", ":", "/", "//", "\\", "@", "?", "#", ".", "..", "%", ";", ",", "&"),
        *(
            "%2f",
            "%5c",
            "%09",
            "%00",
            "%2e",
            "%40",
            "\t",
            "\n",
            "\r",
            "\x00",
            " ",
            "\u2028",
            "。",
            "／",
            "＠",
            "〵",
        ),
        *("app.example.com", "auth.example.com", ".apps.example.com", "example.com", "evil.test", "x", "443"),
        *(f"{APP}/", AUTH, "https://x.apps.example.com", "/users/me", "/auth/login", "[::1]"),
    ]
)
ADDRESSES = (
    st.lists(PIECES, max_size=12).map("".join) | st.text() | st.text().map(lambda tail: f"{APP}/{tail}")
)


@given(ADDRESSES)
@example(f"{APP}\\@evil.test/")
@example("https://a.apps.example.com/%2e%2e//evil.test")
def test_the_browser_ends_up_at_a_configured_origin(raw):
    """Judged by how browsers read addresses, and not by how we do."""
    address = RETURN_TO.of_request(raw)

    origin = destination(address, AUTH)
    assert origin in {APP, AUTH} or (origin.startswith("https://") and origin.endswith(".apps.example.com"))


@given(ADDRESSES)
def test_an_address_that_was_accepted_is_accepted_again(raw):
    """It is judged at the departure and at the return: the two must agree."""
    once = RETURN_TO.of_request(raw)

    assert RETURN_TO.of_request(once) == once


@given(ADDRESSES)
def test_an_address_is_a_safe_header_value(raw):
    """Visible ASCII alone: no line of a response can be broken by it."""
    address = RETURN_TO.of_request(raw)

    assert all("\x21" <= character <= "\x7e" for character in address)
    assert not set(address) & set('"<>')
