"""Which language a request gets: the person's choice, then the browser's wish, then the configured one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.identity.presented import Head
from gateway.pages.languages import LANGUAGES, LONGEST, Languages, accepted
from tests.kit.page_gallery import asking

COOKIE = "__Host-gw-language"
OURS = Languages(COOKIE, "en")


@pytest.mark.parametrize(
    ("value", "language"),
    [
        ("en", "en"),
        ("en-GB", "en"),
        ("zh", "zh-Hans"),
        ("zh-CN", "zh-Hans"),
        ("zh-SG", "zh-Hans"),
        ("zh-Hans-HK", "zh-Hans"),
        ("ZH-cn", "zh-Hans"),
        ("zh-TW", "zh-Hant"),
        ("zh-HK", "zh-Hant"),
        ("zh-MO", "zh-Hant"),
        ("zh-Hant", "zh-Hant"),
        ("zh-Hant-CN-x-private1", "zh-Hant"),
        ("zh-tw-u-nu-hanidec", "zh-Hant"),
        ("fr", ""),
        ("*", ""),
        ("", ""),
        ("enx", ""),
        ("zhx-TW", ""),
    ],
)
def test_a_range_is_looked_up_from_its_end(value, language):
    """RFC 4647 section 3.4; a country stands for the script that is written there."""
    assert accepted(value.encode()) == language


@pytest.mark.parametrize(
    ("value", "language"),
    [
        ("fr, zh-TW;q=0.5", "zh-Hant"),
        ("en;q=0.3,zh-CN;q=0.9,zh-TW;q=0.8", "zh-Hans"),
        ("zh-TW,zh;q=0.9,en-US;q=0.8,en;q=0.7", "zh-Hant"),
        ("en;q=0, zh", "zh-Hans"),
        ("en;q=0.000", ""),
        ("zh-TW , en", "zh-Hant"),
        ("en;Q=0.4 , zh ; q=0.5", "zh-Hans"),
        ("en;q=1.000,zh", "en"),
        (",, ,zh-TW", "zh-Hant"),
        ("zh;q=2, en;q=0.1", "en"),
        ("zh;q=0.1234, en;q=0.1", "en"),
        ("zh;q=, en;q=0.1", "en"),
        ("zh;q=nan, en;q=0.1", "en"),
        ("zh;level=1, en;q=0.1", "en"),
        ("zh_TW, en;q=0.1", "en"),
        ("\xe4\xb8\xad, en;q=0.1", "en"),
    ],
)
def test_the_best_liked_one_counts_and_what_is_no_item_is_passed_over(value, language):
    """RFC 9110 section 12.5.4: weights, the order of equals, and nothing that is refused."""
    assert accepted(value.encode("latin-1")) == language


@pytest.mark.parametrize(
    ("cookie", "language"),
    [
        (f"{COOKIE}=zh-Hant", "zh-Hant"),
        (f"a=b; {COOKIE}=en", "en"),
        (f"{COOKIE}=zh-hant", "zh-Hans"),
        (f"{COOKIE}=zh-TW", "zh-Hans"),
        (f"{COOKIE}=zh-Hant; {COOKIE}=zh-Hant", "zh-Hans"),
        (f"{COOKIE}=", "zh-Hans"),
        (f'{COOKIE}="zh-Hant"', "zh-Hans"),
        (f"{COOKIE}=../../etc/passwd", "zh-Hans"),
        (f"{COOKIE}=<script>", "zh-Hans"),
        ("gw-language=zh-Hant", "zh-Hans"),
        ("language=zh-Hant", "zh-Hans"),
    ],
)
def test_p5_a_cookie_counts_only_where_it_is_one_word_of_ours(cookie, language):
    """CVE-2026-33525: anything else is as if there were none."""
    assert OURS.of(asking("zh-CN", cookie)) == language


def test_a_browser_that_wants_none_of_ours_gets_the_configured_one():
    """Also one that says nothing."""
    house = Languages(COOKIE, "zh-Hant")

    assert house.of(asking("fr, de")) == house.of(asking()) == house.of(asking("*;q=0.1")) == "zh-Hant"


def test_several_lines_are_one_list():
    """RFC 9110 section 5.3."""
    head = Head("GET", b"/", ((b"accept-language", b"fr"), (b"accept-language", b"zh-TW")), "")

    assert OURS.of(head) == "zh-Hant"


def test_an_endless_wish_is_not_read():
    """One byte over the limit, and the configured language is shown."""
    fits = "zh-TW" + "," * (LONGEST - 5)

    assert OURS.of(asking(fits)) == "zh-Hant"
    assert OURS.of(asking(fits + ",")) == "en"


def test_a_wish_that_comes_again_is_answered_alike():
    """At its third sight it is remembered."""
    assert {OURS.of(asking("de,zh-HK;q=0.2")) for _ in range(4)} == {"zh-Hant"}


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_p5_whatever_is_sent_the_answer_is_a_word_of_ours(wish, cookie):
    """And nothing raises."""
    name = COOKIE.encode()
    lines = ((b"accept-language", wish), (b"cookie", name + b"=" + cookie))

    assert OURS.of(Head("GET", b"/", lines, "")) in LANGUAGES
