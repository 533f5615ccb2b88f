"""Who is asking: a person that navigates, or a program."""

import pytest

from gateway.forward_auth.navigation import foreign_origin, is_navigation, is_websocket
from gateway.identity.presented import Head

HTML = (b"accept", b"text/html,application/xhtml+xml,*/*;q=0.8")


def head(*lines: tuple[bytes, bytes]) -> Head:
    return Head("GET", b"/verify/forward-auth", lines, "127.0.0.1")


@pytest.mark.parametrize(
    ("method", "lines", "expected"),
    [
        pytest.param("GET", [HTML], True, id="an old browser"),
        pytest.param("HEAD", [HTML], True, id="HEAD"),
        pytest.param("GET", [HTML, (b"sec-fetch-mode", b"navigate"), (b"sec-fetch-dest", b"document")], True, id="a new browser"),
        pytest.param("POST", [HTML], False, id="a form that is sent"),
        pytest.param("GET", [], False, id="no Accept"),
        pytest.param("GET", [(b"accept", b"*/*")], False, id="curl, fetch in an old browser"),
        pytest.param("GET", [(b"accept", b"application/json")], False, id="an API client"),
        pytest.param("GET", [HTML, (b"sec-fetch-mode", b"cors")], False, id="fetch"),
        pytest.param("GET", [HTML, (b"sec-fetch-dest", b"iframe")], False, id="a frame"),
        pytest.param("GET", [HTML, (b"sec-fetch-dest", b"image")], False, id="an image"),
        pytest.param("GET", [HTML, (b"sec-purpose", b"prefetch")], False, id="a prefetch"),
        pytest.param("GET", [HTML, (b"sec-purpose", b"prefetch;prerender")], False, id="a prerender"),
        pytest.param("GET", [HTML, (b"x-requested-with", b"XMLHttpRequest")], False, id="XHR by its header"),
        pytest.param("GET", [HTML, (b"sec-websocket-key", b"x")], False, id="a WebSocket handshake"),
        pytest.param("GET", [HTML, (b"upgrade", b"WebSocket")], False, id="an Upgrade"),
    ],
)  # fmt: skip
def test_case7_only_a_top_level_navigation_is_redirected(method, lines, expected):
    """A redirect is an answer for people."""
    assert is_navigation(head(*lines), method) is expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ((b"sec-websocket-key", b"x"), True),
        ((b"upgrade", b"websocket"), True),
        ((b"upgrade", b"h2c"), False),
        ((b"x-forwarded-proto", b"wss"), True),
        ((b"x-forwarded-proto", b"https"), False),
    ],
)
def test_a_websocket_handshake_shows_in_several_ways(line, expected):
    """Most proxies pass on the key and not the Upgrade."""
    assert is_websocket(head(line)) is expected


@pytest.mark.parametrize(
    ("origin", "foreign"),
    [
        (None, False),
        (b"https://app.example.com", False),
        (b"https://evil.test", True),
        (b"http://app.example.com", True),
        (b"https://app.example.com:444", True),
        (b"null", True),
    ],
)
def test_a40_a_websocket_from_another_origin_is_foreign(origin, foreign):
    """Cross-site WebSocket hijacking."""
    lines = [(b"sec-websocket-key", b"x")] + ([(b"origin", origin)] if origin else [])

    assert foreign_origin(head(*lines), "https://app.example.com") is foreign
