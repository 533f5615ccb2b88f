"""Path patterns of rules: globs that can match a request path, and regular expressions that are safe to run."""

import re
import warnings
from collections.abc import Iterator

from gateway.errors import SettingsFault
from gateway.policy.patterns import segments_of
from gateway.settings.checks.naming import all_rules, whose
from gateway.settings.fault import Fault
from gateway.settings.model import Settings

REGEX = "regex:"

# A rule is compared with the canonical path: decoded once, without empty segments, query and fragment. A glob that
# asks for anything else never matches, and the rule that was to protect a place is passed by in silence.
_NEVER: tuple[tuple[re.Pattern[str], str, str], ...] = (
    (
        re.compile(r"[\\?#]"),
        "holds a character that no path has here",
        "write the path alone, without query, fragment and backslash",
    ),
    (
        re.compile(r"%(?!2F)"),
        "holds an escape, but paths are compared decoded",
        "write the character itself; only a slash within a segment is written %2F",
    ),
    (re.compile(r"//"), "holds an empty segment, which paths lose before", "write single slashes"),
    (
        re.compile(r"/\.{1,2}(/|$)"),
        "holds a dot segment, which is always refused",
        "write the path that it leads to",
    ),
)
# A whole segment in a group, `(/[^/]+)*`, is the common repetition that cannot backtrack: a slash ends each round.
_SEGMENT_GROUP = re.compile(r"\((\?:)?/\[\^/\][+*]\)")
_ESCAPE_OR_CLASS = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)
_UNBOUNDED = re.compile(r"[*+]|\{[0-9]*,\}")


def paths_are_patterns(settings: Settings) -> Iterator[Fault]:
    for path, rule in all_rules(settings):
        for index, pattern in enumerate(rule.paths):
            if found := _fault(pattern):
                what, instead = found
                yield Fault((*path, "paths", index), f"{whose(rule)}the pattern {what}", instead)


def _fault(pattern: str) -> tuple[str, str] | None:
    if pattern.startswith(REGEX):
        return _regex_fault(pattern.removeprefix(REGEX))
    return _glob_fault(pattern)


def _glob_fault(pattern: str) -> tuple[str, str] | None:
    if not pattern.startswith(("/", "**")):
        return (
            "does not begin with a slash",
            "write a path, as in /admin/**, or regex: in front of an expression",
        )
    for sign, what, instead in _NEVER:
        if sign.search(pattern):
            return what, instead
    try:
        segments_of(pattern)
    except SettingsFault:  # its sentence quotes the pattern
        return "holds ** within a segment", "write ** as a whole segment, as in /static/**/*.css"
    return None


def _regex_fault(expression: str) -> tuple[str, str] | None:
    if not expression:
        return "is an empty expression", "write an expression for the whole path, as in regex:/v[0-9]+/.*"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "error"
            )  # such as "possible nested set": the expression means something else
            re.compile(expression)
    except (re.error, RecursionError, OverflowError, Warning) as error:
        # The message of `re` describes the place and does not quote the expression, unless by a group's name.
        place = f" at character {error.pos}" if isinstance(error, re.error) and error.pos is not None else ""
        return f"is no regular expression: an error{place}", "mend the expression, or write a glob"
    if repeats_a_repetition(expression):
        # CWE-1333: time exponential in the length of a path that anybody may send.
        return "repeats a repetition, which can take for ever", "write ** in a glob, or repeat only once"
    return None


def repeats_a_repetition(expression: str) -> bool:
    """Whether an unbounded repetition stands inside a group that is itself repeated without bound."""
    flat = _ESCAPE_OR_CLASS.sub("x", _SEGMENT_GROUP.sub("x", expression))
    inside: list[bool] = [False]  # for each open group: does it hold an unbounded repetition?
    for index, char in enumerate(flat):
        if char == "(":
            inside.append(False)
        elif char == ")" and len(inside) > 1:
            repeating, repeated = inside.pop(), bool(_UNBOUNDED.match(flat, index + 1))
            if repeating and repeated:
                return True
            inside[-1] |= repeating or repeated
        elif _UNBOUNDED.match(flat, index) and flat[max(index - 1, 0)] != ")":
            inside[-1] = True
    return False
