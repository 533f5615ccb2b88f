"""The ids by which a provider finds one of its errors again: for the log, and read with suspicion."""

import re
from collections.abc import Mapping
from typing import Any

# UUIDs, hexadecimal numbers and short words. A token is longer, and a sentence has blanks.
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def traced(stated: Mapping[str, Any], *names: str) -> Mapping[str, str]:
    """Those of `names` that hold something with the form of an id, as text."""
    found = {name: str(stated[name]) for name in names if isinstance(stated.get(name), (str, int))}
    return {name: value for name, value in found.items() if _ID.fullmatch(value)}
