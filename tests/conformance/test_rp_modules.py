"""Every module of the conformance suite that concerns us has a row, and no row has a name of our own making."""

import re
from collections import Counter
from pathlib import Path

from tests.kit.conformance import MODULES

_NAME = re.compile(r'id="(oidcc-[a-z0-9-]+)')


def test_every_module_of_the_list_is_the_id_of_exactly_one_row():
    """A module that is dropped, or renamed, is missed here."""
    rows = Counter(
        name
        for path in Path(__file__).parent.glob("test_rp_*.py")
        for name in _NAME.findall(path.read_text(encoding="utf-8"))
    )

    assert set(rows) == MODULES
    assert max(rows.values()) == 1, rows
