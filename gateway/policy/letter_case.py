"""Letter case: a path as an application reads it that tells no upper case from lower.

Many do: IIS, ASP.NET, Express by default, whatever serves files from Windows or macOS. For them `/Admin` is `/admin`,
and a rule that is written in one case would be passed by in another. So a path is judged by its folded form as well,
against patterns that are folded alike (`policy.rules`).
"""

import re

# Escapes of regular expressions that are written with a capital letter, and mean no letter.
_CLASS = re.compile(r"\\[ABDSWZ]|\(\?P")
# Escapes that spell a character by its number or its name, a capital letter perhaps.
_SPELT = re.compile(r"\\[xuUN0-9]")


def fold(text: str) -> str:
    """The text in one case: texts that any common comparison without case takes for equal come out equal.

    Python's own case folding leaves apart what others take for equal: the dotless i (U+0131) and the i with a dot
    (U+0130) are an i for Java and for everybody who compares in upper case, the long s (U+017F) an s.
    """
    folded = text.lower() if text.isascii() else text.upper().casefold().replace("i\u0307", "i")
    # A slash within a segment stands as %2F in paths and patterns; it is a mark and no letter.
    return folded.replace("%2f", "%2F") if "%" in folded else folded


def has_case(pattern: str) -> bool:
    """Whether a pattern, a glob or a regular expression, has letters that folding changes, or may have."""
    plain = _CLASS.sub("", pattern)
    return fold(plain) != plain or _SPELT.search(pattern) is not None
