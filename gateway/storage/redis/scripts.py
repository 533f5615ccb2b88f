"""The Lua scripts, one file each under `lua/`, known to the server by their digest."""

import hashlib
from dataclasses import dataclass
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Script:
    """`sha` is the name that Redis gives to the text."""

    text: str
    sha: str


def _load(name: str) -> Script:
    text = (files(__package__) / "lua" / f"{name}.lua").read_text("ascii")
    return Script(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


REPLACE = _load("replace")
READ = _load("read")
CREATE = _load("create")
ACQUIRE = _load("acquire")
COMMIT = _load("commit")
FAIL = _load("fail")
GIVE_BACK = _load("give_back")
TOUCH = _load("touch")
BUMP = _load("bump")
COUNT = _load("count")
RESERVE = _load("reserve")
RELEASE = _load("release")
INDEX_ADD = _load("index_add")
