"""What the attack tests are made of: their hostile paths, hosts, header lines and cookies, read out of their source.

A test that is written tomorrow adds to it by itself.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
SOURCES = sorted([*TESTS.glob("attacks/test_verify_*.py"), *TESTS.glob("attacks/test_*path*.py")])
_LONGEST = 2000


@dataclass(frozen=True, slots=True)
class Harvest:
    """All of it as bytes, without repetitions, in the order of the sources."""

    uris: tuple[bytes, ...]
    values: tuple[bytes, ...]
    lines: tuple[tuple[bytes, bytes], ...]


def harvest() -> Harvest:
    """From every source."""
    trees = [ast.parse(source.read_text()) for source in SOURCES]
    texts = dict.fromkeys(text for tree in trees for text in _texts(tree))
    uris = tuple(text for text in texts if text.startswith((b"/", b"//", b"\\")))
    values = tuple(text for text in texts if not text.startswith(b"/") and b"\n" not in text)
    lines = dict.fromkeys(line for tree in trees for line in _lines(tree))
    return Harvest(uris, values, tuple(lines))


def _texts(tree: ast.AST) -> Iterator[bytes]:
    """Every constant but docstrings, which end with a full stop and are sentences."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes)):
            text = node.value if isinstance(node.value, bytes) else node.value.encode("utf-8", "replace")
            if len(text) < _LONGEST and not text.endswith((b".", b".\n")):
                yield text


def _lines(tree: ast.AST) -> Iterator[tuple[bytes, bytes]]:
    """Every pair of bytes, the first of which might be a header's name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Tuple) and len(node.elts) == 2:
            pair = [one.value for one in node.elts if isinstance(one, ast.Constant)]
            if len(pair) == 2 and all(isinstance(one, bytes) for one in pair) and b" " not in pair[0]:
                yield pair[0], pair[1]
