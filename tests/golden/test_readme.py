"""The README shows what is true."""

import re
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_readme_shows_the_smallest_configuration_as_it_is():
    """Whoever copies it starts with a file that a test loads."""
    readme = (ROOT / "README.md").read_text()
    block = re.search(r"   ```yaml\n(.*?)   ```", readme, re.DOTALL)
    smallest = [line for line in (ROOT / "config/minimal.yaml").read_text().splitlines() if line[:1] != "#"]

    assert block is not None
    assert textwrap.dedent(block[1]).strip().splitlines() == smallest
    assert len([line for line in smallest if line]) < 15


def test_every_link_of_the_readme_leads_somewhere():
    """Pages, pictures and files."""
    links = re.findall(r"\]\(([^)#]+)\)", (ROOT / "README.md").read_text())

    assert [link for link in links if not (ROOT / link).exists()] == []
