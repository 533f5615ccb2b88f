"""Targets: one canonical path, its other readings, and what is refused."""

import pytest

from gateway.errors import Malformed, UnknownHost
from gateway.policy.hosts import Hosts
from gateway.policy.target import MAX_PATH, parse_target

HOSTS = Hosts.of(["https://app.example.com"])


def target(uri, method=b"GET"):
    return parse_target(b"app.example.com", uri, method, HOSTS)


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        pytest.param(b"/", "/", id="root"),
        pytest.param(b"/a/b", "/a/b", id="plain"),
        pytest.param(b"/a/b?c=../d", "/a/b", id="query"),
        pytest.param(b"/?", "/", id="empty query"),
        pytest.param(b"/a?b?c", "/a", id="two question marks"),
        pytest.param(b"/a/", "/a/", id="a trailing slash stays"),
        pytest.param(b"//a", "/a", id="leading slashes"),
        pytest.param(b"/a///b//", "/a/b/", id="slashes in between"),
        pytest.param(b"/%61dmin", "/admin", id="an encoded letter"),
        pytest.param(b"/a%20b", "/a b", id="an encoded space"),
        pytest.param(b"/%C3%A9", "/é", id="encoded UTF-8"),
        pytest.param("/é".encode(), "/é", id="raw UTF-8"),
        pytest.param(b"/.well-known/x", "/.well-known/x", id="a name that begins with a dot"),
        pytest.param(b"/...", "/...", id="three dots are a name"),
        pytest.param(b"/a..b/c.", "/a..b/c.", id="dots in a name"),
        pytest.param(b"/file%2etxt", "/file.txt", id="an encoded dot in a name"),
        pytest.param(b"/100%25", "/100%", id="an encoded percent sign"),
        pytest.param(b"/@user/$x!'()*+,=:~&", "/@user/$x!'()*+,=:~&", id="delimiters"),
        pytest.param(b"/a|b^{c}[d]", "/a|b^{c}[d]", id="what browsers leave raw"),
        pytest.param(b"/?x=" + b"a" * 9000, "/", id="a long query"),
        pytest.param(b"/?q=\xc3\xa9\\", "/", id="a raw query"),
    ],
)
def test_a_path_has_one_canonical_form(uri, path):
    """Decoded once, slashes merged, without the query, letters as they are."""
    parsed = target(uri)

    assert (parsed.path, parsed.readings) == (path, ())


@pytest.mark.parametrize(
    ("uri", "path", "readings"),
    [
        pytest.param(b"/a%2Fb", "/a%2Fb", {"/a/b"}, id="an encoded slash"),
        pytest.param(b"/a%2fb%2f", "/a%2Fb%2F", {"/a/b/"}, id="two encoded slashes"),
        pytest.param(b"/a;v=1/b", "/a;v=1/b", {"/a/b"}, id="a parameter"),
        pytest.param(b"/a%3Bv=1/b", "/a;v=1/b", {"/a/b"}, id="an encoded parameter"),
        pytest.param(b"/a%3bx;y/b", "/a;x;y/b", {"/a;x/b", "/a/b"}, id="cut at the raw one, or at the first"),
        pytest.param(b"/;/a", "/;/a", {"/a"}, id="an empty segment with a parameter"),
        pytest.param(b"/a%23b", "/a#b", {"/a"}, id="an encoded number sign"),
        pytest.param(b"/a%3fb/c", "/a?b/c", {"/a"}, id="an encoded question mark"),
        pytest.param(b"/%2561dmin", "/%61dmin", {"/admin"}, id="a letter encoded twice"),
        pytest.param(b"/a%2523b", "/a%23b", {"/a#b", "/a"}, id="a number sign encoded twice"),
        pytest.param("/\uff41dmin".encode(), "/\uff41dmin", {"/admin"}, id="a full-width letter"),
        pytest.param("/a\uff1bb".encode(), "/a\uff1bb", {"/a;b", "/a"}, id="a full-width semicolon"),
        pytest.param(
            b"/a%2fb;c/d",
            "/a%2Fb;c/d",
            {"/a/b;c/d", "/a%2Fb/d", "/a/b/d"},
            id="an encoded slash and a parameter",
        ),
    ],
)
def test_what_real_applications_use_is_kept_with_every_reading(uri, path, readings):
    """The canonical path changes least; the readings are what somebody might make of it."""
    parsed = target(uri)

    assert parsed.path == path
    assert set(parsed.readings) == readings


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        pytest.param(b"", "path", id="empty"),
        pytest.param(b"*", "path", id="asterisk-form"),
        pytest.param(b"?x", "path", id="only a query"),
        pytest.param(b"a/b", "path", id="no slash"),
        pytest.param(b"http://app.example.com/x", "path", id="absolute-form"),
        pytest.param(b"app.example.com:443", "path", id="authority-form"),
        pytest.param(b"/" + b"a" * MAX_PATH, "path_too_long", id="too long"),
        pytest.param(b"/" + b"%61" * MAX_PATH, "path_too_long", id="too long in escapes"),
        pytest.param(b"/..", "dot_segment", id="only dots"),
        pytest.param(b"/a/../b", "dot_segment", id="dots"),
        pytest.param(b"/a/./b", "dot_segment", id="one dot"),
        pytest.param(b"/a/.?x", "dot_segment", id="one dot before a query"),
        pytest.param(b"/a/%2e%2E/b", "dot_segment", id="encoded dots"),
        pytest.param(b"/a/.%2e", "dot_segment", id="half encoded dots"),
        pytest.param(b"/a/..%2fb", "dot_segment", id="dots before an encoded slash"),
        pytest.param(b"/a/..;x/b", "dot_segment", id="dots with a parameter"),
        pytest.param(b"/a/..%3bx/b", "dot_segment", id="dots with an encoded parameter"),
        pytest.param(b"/a/..%23", "dot_segment", id="dots before an encoded number sign"),
        pytest.param(b"/a/%20../b", "dot_segment", id="dots beside white space"),
        pytest.param(b"/a/%252e%252e/b", "double_encoding", id="dots encoded twice"),
        pytest.param(b"/a%252fb", "double_encoding", id="a slash encoded twice"),
        pytest.param(b"/a%25252Fb", "double_encoding", id="a slash encoded three times"),
        pytest.param(b"/a%255cb", "double_encoding", id="a backslash encoded twice"),
        pytest.param(b"/a%2500", "double_encoding", id="NUL encoded twice"),
        pytest.param(b"/a%25%32%66b", "double_encoding", id="a slash encoded in parts"),
        pytest.param(b"/a%25u002fb", "double_encoding", id="an UTF-16 escape behind an escape"),
        pytest.param(b"/a%25c0%25af", "bad_utf8", id="overlong behind an escape"),
        pytest.param(b"/a%2509b", "control_byte", id="a tab encoded twice"),
        pytest.param(b"/a\\b", "backslash", id="backslash"),
        pytest.param(b"/a%5cb", "backslash", id="encoded backslash"),
        pytest.param(b"/a#b", "fragment", id="number sign"),
        pytest.param(b"/a?b#c", "fragment", id="number sign in the query"),
        pytest.param(b"/a b", "control_byte", id="space"),
        pytest.param(b"/a?b c", "control_byte", id="space in the query"),
        pytest.param(b"/a\tb", "control_byte", id="tab"),
        pytest.param(b"/a\r\nb", "control_byte", id="line end"),
        pytest.param(b"/a\x00", "control_byte", id="NUL"),
        pytest.param(b"/a\x7f", "control_byte", id="DEL"),
        pytest.param(b"/a%00", "control_byte", id="encoded NUL"),
        pytest.param(b"/a%0d%0ab", "control_byte", id="encoded line end"),
        pytest.param(b"/a%7F", "control_byte", id="encoded DEL"),
        pytest.param(b"/a%c2%85", "control_byte", id="encoded next line"),
        pytest.param(b"/%", "bad_escape", id="a lone percent sign"),
        pytest.param(b"/%4", "bad_escape", id="half an escape"),
        pytest.param(b"/%zz", "bad_escape", id="not hexadecimal"),
        pytest.param(b"/%u002fadmin", "bad_escape", id="an UTF-16 escape"),
        pytest.param(b"/%c0%ae%c0%ae/", "bad_utf8", id="overlong dots"),
        pytest.param(b"/%e0%80%af", "bad_utf8", id="an overlong slash"),
        pytest.param(b"/%ff", "bad_utf8", id="no UTF-8"),
        pytest.param(b"/\xe9", "bad_utf8", id="raw Latin-1"),
        pytest.param(b"/%ed%a0%80", "bad_utf8", id="half a surrogate pair"),
        pytest.param("/a\uff0fb".encode(), "lookalike", id="full-width slash"),
        pytest.param("/a\uff3cb".encode(), "lookalike", id="full-width backslash"),
        pytest.param("/\uff0e\uff0e/b".encode(), "lookalike", id="full-width dots"),
        pytest.param(b"/%e2%80%a4%e2%80%a4/b", "lookalike", id="one-dot leaders"),
        pytest.param("/a\u2215b".encode(), "lookalike", id="division slash"),
        pytest.param("/a\u2044b".encode(), "lookalike", id="fraction slash"),
        pytest.param("/a\u2105b".encode(), "lookalike", id="a sign that folds to letters and a slash"),
    ],
)
def test_what_has_no_harmless_reading_is_refused(uri, reason):
    """With a stable word for the log."""
    with pytest.raises(Malformed) as refused:
        target(uri)

    assert refused.value.reason == reason


def test_percent_signs_in_a_row_are_not_an_attack():
    """A second decoding makes one letter of the last of them, and that is judged."""
    parsed = target(b"/" + b"%25" * 90 + b"41")

    assert parsed.readings == ("/" + "%" * 89 + "A",)


def test_a_path_with_too_many_readings_is_refused():
    """Each way to read doubles them; nobody needs so many."""
    with pytest.raises(Malformed) as refused:
        target(b"/" + b"%2525" + b"25" * 70 + b"41")

    assert refused.value.reason == "too_many_readings"


@pytest.mark.parametrize("method", [b"GET", b"HEAD", b"PATCH", b"M-SEARCH", b"FOO"])
def test_a_method_is_kept_as_it_is(method):
    """Also one that nobody has heard of: rules decide."""
    assert target(b"/", method).method == method.decode()


@pytest.mark.parametrize(
    "method",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"get", id="lower case"),
        pytest.param(b"Post", id="mixed case"),
        pytest.param(b"CONNECT", id="tunnel"),
        pytest.param(b"GET ", id="space"),
        pytest.param(b"GET\n", id="line end"),
        pytest.param(b"G\xc3\x89T", id="not ASCII"),
        pytest.param(b"GET,POST", id="two"),
        pytest.param(b"A" * 33, id="too long"),
    ],
)
def test_a_method_with_two_readings_is_refused(method):
    """Some frameworks turn `post` into POST."""
    with pytest.raises(Malformed) as refused:
        target(b"/", method)

    assert refused.value.reason == "method"


def test_the_raw_bytes_of_the_path_are_kept():
    """The application gets them, whatever we read."""
    assert target(b"//a%2Fb?c").raw == b"//a%2Fb"


def test_the_host_is_read_before_the_path():
    """A target belongs to a configured host."""
    with pytest.raises(UnknownHost):
        parse_target(b"other.example", b"/", b"GET", HOSTS)
