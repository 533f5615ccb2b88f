"""Forms of ours are sent from pages of ours."""

import pytest

from gateway.errors import CrossSite
from gateway.guard.csrf import check_fetch_metadata, check_form_token, form_token
from gateway.identity.presented import Head

OWN = "https://auth.example.com"
KEY = bytes(32)


def head(**lines):
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in lines.items()]
    return Head("POST", b"/", tuple(pairs), "")


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(head(sec_fetch_site="same-origin"), id="a page of ours"),
        pytest.param(head(sec_fetch_site="none"), id="the person"),
        pytest.param(
            head(sec_fetch_site="same-origin", origin="null"), id="a page of ours that hides its origin"
        ),
        pytest.param(head(origin=OWN), id="our origin"),
        pytest.param(
            head(origin=OWN, referer="https://evil.example/"), id="our origin decides before the referrer"
        ),
        pytest.param(head(referer=f"{OWN}/auth/login"), id="our page as referrer"),
    ],
)
def test_a_form_from_our_own_page_is_taken(sent):
    """By what the browser says, the strongest word first."""
    check_fetch_metadata("POST", sent, OWN)


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(head(sec_fetch_site="cross-site"), id="another site"),
        pytest.param(head(sec_fetch_site="same-site"), id="a neighbour under the same domain"),
        pytest.param(head(sec_fetch_site="same-site", origin=OWN), id="a neighbour, whatever else it says"),
        pytest.param(head(sec_fetch_site="Same-Origin"), id="an unknown word"),
        pytest.param(head(sec_fetch_site=""), id="an empty word"),
        pytest.param(
            Head("POST", b"/", ((b"sec-fetch-site", b"none"), (b"sec-fetch-site", b"cross-site")), ""),
            id="two words",
        ),
        pytest.param(head(origin="https://evil.example"), id="another origin"),
        pytest.param(head(origin="null"), id="no origin to speak of"),
        pytest.param(head(origin="http://auth.example.com"), id="another scheme"),
        pytest.param(head(origin=f"{OWN}:8443"), id="another port"),
        pytest.param(head(origin=f"{OWN}/"), id="no origin at all"),
        pytest.param(
            head(origin="https://evil.example", referer=f"{OWN}/"), id="another origin with our referrer"
        ),
        pytest.param(
            Head("POST", b"/", ((b"origin", OWN.encode()), (b"origin", b"https://evil.example")), ""),
            id="two origins",
        ),
        pytest.param(head(referer="https://evil.example/"), id="another referrer"),
        pytest.param(head(referer=f"{OWN}.evil.example/"), id="a referrer that begins like ours"),
        pytest.param(head(referer=f"https://evil.example/?{OWN}/"), id="a referrer that ends like ours"),
        pytest.param(head(), id="silence"),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "FOO"])
def test_a_form_from_anywhere_else_is_refused(sent, method):
    """And so is one that says nothing."""
    with pytest.raises(CrossSite):
        check_fetch_metadata(method, sent, OWN)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_a_method_that_changes_nothing_may_come_from_anywhere(method):
    """A link on another site is no attack."""
    check_fetch_metadata(method, head(sec_fetch_site="cross-site"), OWN)


def test_a_token_opens_the_form_that_it_was_made_for():
    """With the same key and the same session."""
    check_form_token(KEY, b"session", form_token(KEY, b"session", bytes))


def test_a_token_is_new_each_time():
    """A page that is compressed does not give it away."""
    chance = iter([b"a" * 16, b"b" * 16])

    assert form_token(KEY, b"s", lambda n: next(chance)) != form_token(KEY, b"s", lambda n: next(chance))


@pytest.mark.parametrize(
    ("key", "binding"),
    [
        pytest.param(KEY, b"another session", id="another session"),
        pytest.param(KEY, b"", id="no session"),
        pytest.param(b"x" * 32, b"session", id="another key"),
    ],
)
def test_a_token_opens_nothing_else(key, binding):
    """It belongs to one session."""
    with pytest.raises(CrossSite):
        check_form_token(key, binding, form_token(KEY, b"session", bytes))


def test_no_character_of_a_token_can_be_changed():
    """All of its bits count."""
    token = form_token(KEY, b"session", bytes)

    for i, old in enumerate(token):
        changed = token[:i] + ("A" if old != "A" else "B") + token[i + 1 :]
        with pytest.raises(CrossSite):
            check_form_token(KEY, b"session", changed)


@pytest.mark.parametrize("token", ["", "x", "A" * 63, "A" * 65, "=" * 64, "é" * 64, "A" * 63 + "\n"])
def test_what_is_no_token_is_refused(token):
    """By its form, before anything is computed."""
    with pytest.raises(CrossSite):
        check_form_token(KEY, b"session", token)
