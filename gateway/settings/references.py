"""`${NAME}` and `file:PATH`: values that stand outside the file.

`${NAME}` works in every text; `file:` where a secret belongs, and a secret may come in no other way. No message
repeats a value, whether it was written in the file, in a variable or in another file.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from gateway.settings.fault import Fault, YamlPath
from gateway.settings.shape import holds_secrets, secret_type
from gateway.settings.units import PrivateKeyText, StoreUrl

_TOKEN = re.compile(r"\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)\}|\$\{")
_WHOLE = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
# A password that is at least in part written out: in the user part of a URL, or as a parameter of its query.
_LITERAL_PASSWORD = re.compile(
    r"//[^/@]*:(?!\$\{\w+\}@)[^@]+@|[?&](?:sentinel_)?password=(?!\$\{\w+\}(?:&|$))[^&]+", re.IGNORECASE
)
_MOST_BYTES = 64 * 1024
# Stands in for a secret that could not be had, so that the other checks still run; such settings are never used.
_STAND_IN = "stand-in-for-a-secret-that-is-missing"
_STAND_INS: Mapping[type[SecretStr], str] = {StoreUrl: "sqlite:stand-in", PrivateKeyText: ""}


@dataclass(slots=True)
class References:
    """One pass over the data. `damaged` are paths whose value could not be had: what follows from that is no news.

    A relative `file:` starts at `folder`, that of gateway.yaml. Without `secrets`, no secret is looked up: each that is
    referred to is a stand-in.
    """

    environ: Mapping[str, str]
    overridden: Mapping[YamlPath, str]
    folder: Path = Path()
    secrets: bool = True
    faults: list[Fault] = field(default_factory=list)
    damaged: set[YamlPath] = field(default_factory=set)

    def resolve(self, value: Any, path: YamlPath = ()) -> Any:
        """A copy of `value` with every reference replaced."""
        if not holds_secrets(path):
            return self._without_secrets(value, path)
        if kind := secret_type(path):
            return self._secret_of(kind, value, path)
        if isinstance(value, dict):
            return {key: self.resolve(child, (*path, key)) for key, child in value.items()}
        if isinstance(value, list):
            return [self.resolve(child, (*path, index)) for index, child in enumerate(value)]
        return self._shown(value, path) if isinstance(value, str) else value

    def _without_secrets(self, value: Any, path: YamlPath) -> Any:
        """As `resolve`, without a look at the model for each value: rules are thousands, and none holds a secret."""
        if isinstance(value, dict):
            return {key: self._without_secrets(child, (*path, key)) for key, child in value.items()}
        if isinstance(value, list):
            return [self._without_secrets(child, (*path, index)) for index, child in enumerate(value)]
        return self._shown(value, path) if isinstance(value, str) else value

    def _shown(self, text: str, path: YamlPath) -> str:
        found = self._substitute(text, path) if "${" in text else text
        if found is None:
            self.damaged.add(path)
            return text
        if _CONTROL.search(found):
            self._fault(path, "holds a control character", "write it without line breaks and tabs")
            self.damaged.add(path)
        return found

    def _secret_of(self, kind: type[SecretStr], value: Any, path: YamlPath) -> str:
        found = self._store(value, path) if issubclass(kind, StoreUrl) else self._secret(value, path)
        # A key in PEM is a text of lines, and goes into no header, form or address.
        if found is not None and not issubclass(kind, PrivateKeyText) and _CONTROL.search(found):
            found = self._fault(path, "holds a control character", "write it on one line")
        if found is None:
            return next((text for of, text in _STAND_INS.items() if issubclass(kind, of)), _STAND_IN)
        return found

    def _secret(self, value: Any, path: YamlPath) -> str | None:
        """A secret by `${NAME}` or `file:`; an override is in the environment already."""
        if value is None:  # not the same as a key left out: somebody meant a secret to stand here
            return self._fault(
                path, "is empty", "write ${NAME} or file:/path/of/secret, or leave the key out"
            )
        if isinstance(value, str) and (_WHOLE.fullmatch(value) or value.startswith("file:")):
            return self._referred(value, path)
        if isinstance(value, str) and path in self.overridden:
            return value or self._fault(path, "is empty", "set the variable to the secret, or unset it")
        return self._fault(
            path, "is a secret written out", "write ${NAME} or file:/path/of/secret in its place"
        )

    def _store(self, value: Any, path: YamlPath) -> str | None:
        if not isinstance(value, str):
            return self._fault(path, "must be text", "write sqlite:PATH, redis://…, rediss://… or unix://…")
        if _WHOLE.fullmatch(value) or value.startswith("file:"):
            return self._referred(value, path)
        if path not in self.overridden and _LITERAL_PASSWORD.search(value):
            return self._fault(
                path, "holds a password written out", "write ${NAME} in its place, percent-encoded there"
            )
        if not self.secrets and "${" in value:
            return None
        return self._substitute(value, path)

    def _referred(self, value: str, path: YamlPath) -> str | None:
        if not self.secrets:
            return None
        if not value.startswith("file:"):
            found = self._substitute(value, path)
            return (
                self._fault(path, f"is empty: {value} is set to nothing", "set the variable")
                if found == ""
                else found
            )
        return self._read(value.removeprefix("file:"), path)

    def _substitute(self, text: str, path: YamlPath) -> str | None:
        missing = [match[1] for match in _TOKEN.finditer(text) if match[1] and match[1] not in self.environ]
        for name in dict.fromkeys(missing):
            self._fault(
                path, f"refers to ${{{name}}}, which is not set", f"set the environment variable {name}"
            )
        if any(match[0] == "${" for match in _TOKEN.finditer(text)):
            return self._fault(
                path, "holds `${` without a name", "write ${NAME}, or $${ for the characters themselves"
            )
        return None if missing else _TOKEN.sub(lambda m: self.environ[m[1]] if m[1] else "${", text)

    def _read(self, name: str, path: YamlPath) -> str | None:
        try:
            reason, found = _read_secret(self.folder / name)
        except OSError as error:
            reason, found = (error.strerror or "it does not open").lower(), ""
        except ValueError:
            reason, found = "it is not UTF-8 text", ""
        if reason:
            return self._fault(
                path,
                f"refers to a file that cannot be read: {reason}",
                "write file:/path of a file that the gateway may read",
            )
        return found or self._fault(path, "refers to a file that is empty", "write the secret into it")

    def _fault(self, path: YamlPath, what: str, instead: str) -> str | None:
        """Note a fault; `None` stands for the value that could not be had."""
        self.faults.append(Fault(path, what, instead))
        return None


def _read_secret(path: Path) -> tuple[str, str]:
    """The reason why it cannot be read, or "" and the text without the line break that editors put at its end."""
    if path.exists() and not path.is_file():  # a FIFO would wait for ever
        return "it is not a regular file", ""
    if path.stat().st_size > _MOST_BYTES:
        return "it is larger than 64 kB", ""
    return "", path.read_bytes().decode("utf-8").removesuffix("\n").removesuffix("\r")
