"""Path patterns of rules: anchored globs over whole segments, and regular expressions for those who ask for one.

`*` stays within a segment. `**` is a whole segment and stands for any number of them, none included, so that
`/admin/**` is `/admin`, `/admin/` and everything below: a pattern that is written to protect a place leaves no gap at
its edge. Everything else is literal, and letters are compared as they are.

A glob is compiled so that matching takes time linear in the path: after each wildcard the earliest place that fits is
taken for good (an atomic group). That loses no match, because a block between two `**` spans a fixed number of
segments, and a literal between two `*` a fixed number of characters. A client that chooses the path cannot make a
rule slow.
"""

import re
from dataclasses import dataclass

from gateway.errors import SettingsFault
from gateway.policy.letter_case import fold

_REGEX = "regex:"


@dataclass(frozen=True, slots=True)
class PathPattern:
    """A compiled pattern.

    `prefix` are the leading segments that every matching path has, as `/a/b` ("" where there are none).
    `literal` is true where the pattern is one path.
    `whole` is true where nothing but the prefix counts: every path that is, or is below, the prefix matches.
    `expression` is `None` for these two: the prefix says all, and to compile is what costs at the start.
    """

    text: str
    prefix: str
    expression: re.Pattern[str] | None
    literal: bool = False
    whole: bool = False

    def matches(self, path: str) -> bool:
        """Whether a canonical path fits."""
        if self.expression is not None:
            return self.expression.fullmatch(path) is not None
        return path == self.prefix or (self.whole and path.startswith(f"{self.prefix}/"))

    def folded(self) -> "PathPattern":
        """The pattern for paths that `letter_case.fold` has been over; itself where that changes nothing."""
        if not self.text.startswith(_REGEX) and fold(self.text) == self.text:
            return self
        return compile_pattern(self.text, folded=True)


def compile_pattern(text: str, *, folded: bool = False) -> PathPattern:
    """A pattern of the configuration; `folded` to match paths that `letter_case.fold` has been over.

    Raises `SettingsFault` with what to write instead.
    """
    if text.startswith(_REGEX):
        return PathPattern(text, "", _expression(text.removeprefix(_REGEX), folded=folded))
    text = fold(text) if folded else text
    segments = segments_of(text)
    plain = next((i for i, segment in enumerate(segments) if "*" in segment), len(segments))
    literal, whole = plain == len(segments), segments[plain:] == ["**"]
    return PathPattern(
        text,
        prefix="".join([f"/{segment}" for segment in segments[:plain]]),
        expression=None if literal or whole else re.compile(_glob(segments), re.DOTALL),
        literal=literal,
        whole=whole,
    )


def segments_of(text: str) -> list[str]:
    """The segments of a glob. Raises `SettingsFault` where it is none."""
    if not text.startswith(("/", "**/")) and text != "**":
        raise SettingsFault((f"path {text!r}: begin with /, as in /admin/**",))
    segments = text.removeprefix("/").split("/")
    if any("**" in segment and segment != "**" for segment in segments):
        raise SettingsFault((f"path {text!r}: write ** as a whole segment, as in /static/**/*.css",))
    return segments


def _expression(text: str, *, folded: bool) -> re.Pattern[str]:
    """A regular expression of the operator's; `fullmatch` anchors it at both ends."""
    # An ASCII letter may be part of an escape, as in `\\S`, and stays; the flag makes it fit its folded form.
    source = "".join([char if char.isascii() else fold(char) for char in text]) if folded else text
    try:
        return re.compile(source, re.DOTALL | re.IGNORECASE if folded else re.DOTALL)
    except re.error as error:
        raise SettingsFault((f"path 'regex:{text}': not a regular expression: {error}",)) from None


def _glob(segments: list[str]) -> str:
    """The blocks between the `**`, each at the earliest place after the one before, the last one at the end."""
    blocks = _blocks(segments)
    first, *middle = ["".join(f"/{_segment(segment)}" for segment in block) for block in blocks]
    if not middle:
        return first
    *middle, last = middle
    gaps = "".join(f"(?>(?:/[^/]*+)*?{block}(?=/|\\Z))" for block in middle)
    return first + gaps + (f"(?:/[^/]*+)*?{last}" if last else "(?:/.*)?")


def _blocks(segments: list[str]) -> list[list[str]]:
    """Split at `**`; neighbouring `**` are one."""
    blocks: list[list[str]] = [[]]
    for i, segment in enumerate(segments):
        if segment != "**":
            blocks[-1].append(segment)
        elif i == 0 or segments[i - 1] != "**":
            blocks.append([])
    return blocks


def _segment(segment: str) -> str:
    """One segment: literals at the earliest place after each `*`, the last one at the segment's end."""
    first, *rest = segment.split("*")
    if not rest:
        return re.escape(first)
    *middle, last = rest
    gaps = "".join(f"(?>[^/]*?{re.escape(piece)})" for piece in middle)
    return f"{re.escape(first)}{gaps}[^/]*{re.escape(last)}(?=/|\\Z)"
