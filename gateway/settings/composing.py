"""The text of a YAML document → its tree of nodes. Two parsers, and one answer.

PyYAML's own parser decides what a text is. libyaml is several times as quick, which a file of ten thousand rules is
worth, and reads a few things otherwise: tabs, tags, block scalars, question marks. So it is asked where nothing of
the kind stands in the text; and where it finds a fault, PyYAML judges anew and has the word.
"""

import re
from typing import Any

import yaml
from yaml.composer import Composer

CORE = "tag:yaml.org,2002:"

# Anything but plain characters and line feeds; a question mark; the sign of a tag, an anchor, a block scalar or a
# directive where a value could begin; and the marks between documents.
_DISPUTED = re.compile(
    r"[^\n -~\u00a1-\u2027\u202a-\ud7ff]|\?|(?:^|[\s\[\]{},:'\"-])[!&|>%]|^---|^\.\.\.", re.MULTILINE
)


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader with the resolvers below in place of those of YAML 1.1."""


_Loader.yaml_implicit_resolvers = {}
for _kind, _form, _first in (
    ("null", r"(?:~|null|Null|NULL|)\Z", ["~", "n", "N", ""]),
    ("bool", r"(?:true|True|TRUE|false|False|FALSE)\Z", list("tTfF")),
    ("int", r"[-+]?[0-9]{1,18}\Z", list("-+0123456789")),
):
    _Loader.add_implicit_resolver(f"{CORE}{_kind}", re.compile(_form), _first)


def _quick_loader() -> Any:
    """The same over libyaml's events; `None` where PyYAML was built without it, so that a large file takes longer.

    Nodes are made by PyYAML's composer all the same: that of libyaml recurses without bound, and a deeply nested text
    would end the process.
    """
    libyaml: Any = getattr(yaml, "CSafeLoader", None)
    if libyaml is None:
        return None

    class Quick(Composer, libyaml):  # type: ignore[misc]
        yaml_implicit_resolvers = _Loader.yaml_implicit_resolvers

        def __init__(self, text: str) -> None:
            libyaml.__init__(self, text)
            Composer.__init__(self)

    return Quick


_QUICK = _quick_loader()


def compose(text: str) -> yaml.Node | None:
    """The tree; `None` for an empty text. Raises what PyYAML's parser raises."""
    if _QUICK is not None and _DISPUTED.search(text) is None:
        try:
            return yaml.compose(text, Loader=_QUICK)
        except (yaml.YAMLError, RecursionError):
            pass
    return compose_slowly(text)


def compose_slowly(text: str) -> yaml.Node | None:
    """As `compose`, by PyYAML's own parser."""
    return yaml.compose(text, Loader=_Loader)
