"""What is installed: files that are no modules have to be named in pyproject.toml, or an installation goes without."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATTERNS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"][
    "gateway"
]
FOLDER = ROOT / "gateway"


def test_every_file_that_the_gateway_reads_is_installed():
    """A page, a script or a sentence that only a working copy has is missed at the first start elsewhere."""
    ours = {
        path
        for path in FOLDER.rglob("*")
        if path.is_file() and path.suffix not in {".py", ".pyc"} and not path.name.startswith(".")
    }
    named = {path for pattern in PATTERNS for path in FOLDER.glob(pattern)}

    assert {path.suffix for path in ours} >= {".html", ".js", ".lua"}
    assert {str(path.relative_to(ROOT)) for path in ours - named} == set()
