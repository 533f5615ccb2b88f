"""The catalogue: every sentence a person may read, by a key, in one file per language."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Sentences of one language. `language` is a BCP 47 tag."""

    language: str
    sentences: Mapping[str, str]

    @classmethod
    def load(cls, language: str = "en") -> "Catalogue":
        """The catalogue that ships with the package."""
        text = files("gateway.pages").joinpath("locales", f"{language}.json").read_text("utf-8")
        return cls(language, json.loads(text))

    def say(self, key: str, **values: str) -> str:
        """The sentence of a key, with `{names}` filled in. `KeyError` where there is none: a test finds it first."""
        return self.sentences[key].format_map(values)

    def __contains__(self, key: str) -> bool:
        return key in self.sentences
