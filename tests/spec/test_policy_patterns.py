"""Path patterns: anchored globs over whole segments."""

import re
from itertools import product

import pytest

from gateway.errors import SettingsFault
from gateway.policy.patterns import compile_pattern


@pytest.mark.parametrize(
    ("pattern", "fits", "fits_not"),
    [
        pytest.param("/", ["/"], ["/a"], id="root"),
        pytest.param("/a", ["/a"], ["/a/", "/ab", "/A", "/x/a", "/a/b"], id="literal"),
        pytest.param("/a/", ["/a/"], ["/a", "/a/b"], id="literal with a slash"),
        pytest.param("/*", ["/", "/a"], ["/a/", "/a/b"], id="one segment"),
        pytest.param("/a/*", ["/a/", "/a/b"], ["/a", "/a/b/c"], id="one segment below"),
        pytest.param("/a*", ["/a", "/abc"], ["/a/b", "/ba"], id="the rest of a segment"),
        pytest.param(
            "/*.css", ["/x.css", "/.css"], ["/x.cssx", "/a/x.css", "/xcss"], id="the end of a segment"
        ),
        pytest.param("/a*b*c", ["/abc", "/axbbyc", "/abcbc"], ["/acb", "/ab/c", "/a"], id="several stars"),
        pytest.param("/a*a", ["/aa", "/axa"], ["/a"], id="a star does not share its neighbours' letters"),
        pytest.param("/*/b", ["/a/b", "//b"], ["/b", "/a/c/b"], id="a segment in the middle"),
        pytest.param("/**", ["/", "/a", "/a/b/"], [], id="everything"),
        pytest.param("**", ["/", "/a", "/a/b/"], [], id="everything, shorter"),
        pytest.param("/a/**", ["/a", "/a/", "/a/b/c"], ["/ab", "/", "/b/a"], id="a place and all below it"),
        pytest.param("/a/**/", ["/a/", "/a/b/"], ["/a", "/a/b"], id="only what ends in a slash"),
        pytest.param("/**/b", ["/b", "/a/b", "/a/c/b"], ["/ab", "/b/c", "/b/"], id="at any depth"),
        pytest.param(
            "/a/**/b", ["/a/b", "/a/x/y/b", "/a/b/b"], ["/a/bx", "/ab", "/a/b/c"], id="any depth between"
        ),
        pytest.param(
            "/a/**/*.css", ["/a/x.css", "/a/b/x.css"], ["/x.css", "/a/x.css/y"], id="a kind of file below"
        ),
        pytest.param("/**/a/**", ["/a", "/x/a/y", "/a/a"], ["/ab", "/x"], id="a segment anywhere"),
        pytest.param(
            "/**/a/**/b/c", ["/a/b/c", "/a/b/b/c", "/x/a/y/b/c"], ["/a/b", "/b/c"], id="blocks in order"
        ),
        pytest.param(
            "/**/a*/x/**/y", ["/ab/x/y", "/ab/c/a/x/y"], ["/ab/y"], id="a later place where the first fails"
        ),
        pytest.param("/a/**/**/b", ["/a/b", "/a/x/b"], ["/ab"], id="two in a row are one"),
        pytest.param("/a.b", ["/a.b"], ["/axb"], id="a dot is a dot"),
        pytest.param("/a?b", ["/a?b"], ["/axb"], id="a question mark is one"),
        pytest.param("/[a]", ["/[a]"], ["/a"], id="brackets are brackets"),
        pytest.param("/é/*", ["/é/x"], ["/e/x"], id="letters of any script"),
        pytest.param(
            "regex:/a/[0-9]+", ["/a/1", "/a/42"], ["/a/", "/a/1/b", "/x/a/1"], id="expression, anchored"
        ),
        pytest.param("regex:/a|/b", ["/a", "/b"], ["/ax", "/x/b"], id="expression with a choice, anchored"),
    ],
)
def test_a_pattern_fits_whole_paths(pattern, fits, fits_not):
    """Anchored at both ends, `*` within a segment, `**` over any number of them, case-sensitive."""
    compiled = compile_pattern(pattern)

    assert [path for path in fits if not compiled.matches(path)] == []
    assert [path for path in fits_not if compiled.matches(path)] == []


def naive(pattern):
    """The same language, with plain backtracking."""
    body = ""
    for segment in pattern.removeprefix("/").split("/"):
        body += "(?:/[^/]*)*" if segment == "**" else "/" + "[^/]*".join(map(re.escape, segment.split("*")))
    return re.compile(body)


def test_taking_the_earliest_place_loses_no_match():
    """All short patterns and paths, against an expression that tries every place."""
    segments = ["a", "a*", "*a", "a*b*a", "**"]
    names = ["a", "b", "aba", "abba"]
    paths = ["/" + "/".join(parts) for n in range(1, 5) for parts in product(names, repeat=n)]

    wrong = []
    for n in range(1, 5):
        for parts in product(segments, repeat=n):
            pattern = "/" + "/".join(parts)
            compiled, plain = compile_pattern(pattern), naive(pattern)
            wrong += [
                (pattern, path) for path in paths if compiled.matches(path) != bool(plain.fullmatch(path))
            ]

    assert wrong == []


@pytest.mark.parametrize(
    ("pattern", "prefix", "literal", "whole"),
    [
        pytest.param("/a/b", "/a/b", True, False, id="literal"),
        pytest.param("/a/**", "/a", False, True, id="whole place"),
        pytest.param("/a/b*/c", "/a", False, False, id="star in a segment"),
        pytest.param("/**", "", False, True, id="everything"),
        pytest.param("regex:/a", "", False, False, id="expression"),
    ],
)
def test_a_pattern_says_where_it_can_be_found(pattern, prefix, literal, whole):
    """The index of rules stands on these three."""
    compiled = compile_pattern(pattern)

    assert (compiled.prefix, compiled.literal, compiled.whole) == (prefix, literal, whole)


@pytest.mark.parametrize(
    "pattern",
    [
        pytest.param("a/b", id="no slash in front"),
        pytest.param("*", id="a star matches no slash"),
        pytest.param("/a**", id="two stars in a segment"),
        pytest.param("/**.css", id="two stars before an ending"),
        pytest.param("/***", id="three stars"),
        pytest.param("regex:/(", id="broken expression"),
    ],
)
def test_a_pattern_that_means_nothing_is_a_fault_of_the_configuration(pattern):
    """With what to write instead."""
    with pytest.raises(SettingsFault):
        compile_pattern(pattern)


@pytest.mark.parametrize("pattern", ["/", "/a", "/a/", "/a/**", "/**", "**", "/a.b/**"])
def test_a_place_needs_no_expression(pattern):
    """Most rules are for one path, or for all below one: ten thousand of them are compiled in no time."""
    compiled, plain = compile_pattern(pattern), naive(pattern)
    paths = ["/", "/a", "/a/", "/ab", "/a/b", "/a/b/", "/b/a", "/a.b", "/a.b/c", "/axb", "/a\nb", "/a/\n"]

    assert compiled.expression is None
    assert [path for path in paths if compiled.matches(path) != bool(plain.fullmatch(path))] == []


@pytest.mark.parametrize(
    ("pattern", "fits", "stays"),
    [
        pytest.param("/a/*", "/a/b", True, id="no capital"),
        pytest.param("/A/*", "/a/b", False, id="a capital in front"),
        pytest.param("/*/B", "/a/b", False, id="a capital behind"),
        pytest.param("/%2F", "/%2F", True, id="an escape"),
        pytest.param("regex:/a", "/a", False, id="an expression, which may hold any letter"),
        pytest.param("regex:/[A-B]", "/b", False, id="an expression with capitals"),
    ],
)
def test_a_folded_pattern_fits_folded_paths(pattern, fits, stays):
    """It is the same pattern where nothing would change."""
    compiled = compile_pattern(pattern)

    assert compiled.folded().matches(fits)
    assert (compiled.folded() is compiled) is stays
