"""Who is asking is told in a short way where lines are few, and the short way says what the long one says."""

from hypothesis import example, given
from hypothesis import strategies as st

from gateway.forward_auth.navigation import _is_navigation, is_navigation
from gateway.identity.presented import Head

VALUES = {
    b"sec-fetch-mode": [b"navigate", b"cors", b"Navigate", b""],
    b"sec-fetch-dest": [b"document", b"iframe", b"", b"document "],
    b"accept": [b"text/html", b"application/xhtml+xml", b"*/*", b"text/HTML", b"", b"a, text/html;q=0"],
    b"x-forwarded-proto": [b"https", b"wss", b"ws", b"WSS", b""],
    b"upgrade": [b"websocket", b"WebSocket", b"h2c", b""],
    b"sec-websocket-key": [b"x", b""],
    b"x-requested-with": [b"XMLHttpRequest", b""],
    b"sec-purpose": [b"prefetch", b"prefetch;prerender", b"x", b""],
    b"purpose": [b"prefetch", b"x", b""],
    b"cookie": [b"a=b"],
}
LINE = st.sampled_from(sorted(VALUES)).flatmap(
    lambda name: st.tuples(st.just(name), st.sampled_from(VALUES[name]))
)
USUAL = st.sampled_from([(b"accept", b"text/html"), (b"accept", b"*/*")])


@given(
    method=st.sampled_from(["GET", "HEAD", "POST", "PUT", "get", ""]),
    usual=st.lists(USUAL, max_size=1),
    lines=st.lists(LINE, max_size=6),
)
@example(method="GET", usual=[], lines=[(b"accept", b"text/html"), (b"accept", b"*/*")])
@example(method="GET", usual=[], lines=[(b"accept", b"text/html"), (b"sec-fetch-mode", b"")])
@example(method="GET", usual=[], lines=[(b"accept", b"text/html"), (b"x-forwarded-proto", b"wss")])
@example(method="HEAD", usual=[], lines=[(b"accept", b"text/html"), (b"x-forwarded-proto", b"https")])
def test_the_short_way_is_the_long_way(method, usual, lines):
    """Over every method, and lines that are missing, repeated, empty or strange."""
    head = Head("GET", b"/", (*usual, *lines), "127.0.0.1")

    assert is_navigation(head, method) == _is_navigation(head, method)
