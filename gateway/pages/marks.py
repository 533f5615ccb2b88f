"""The mark of a provider: its initial in a round of a colour, both of our own drawing.

No logo is shown that is somebody's trade mark, and nothing is fetched: the picture would tell its host who signs in
where.
"""

from zlib import crc32

COLOURS = 6
"""Classes `mark-0` to `mark-5` of the style sheet."""


def initial(title: str) -> str:
    """The first letter or digit of a title, in upper case; the first character where there is none, "" of nothing."""
    first = next((one for one in title if one.isalnum()), title.strip()[:1])
    # One character and no more: ß would become SS.
    return first.upper() if len(first.upper()) == 1 else first


def colour(name: str) -> int:
    """The number of a mark's colour. It follows from the name alone, so that a provider keeps its own."""
    return crc32(name.encode()) % COLOURS
