"""The certified npm `oidc-provider`, one process on a loopback port."""

import json
import os
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.kit.browser import origin_of

FOLDER = Path(__file__).resolve().parent.parent / "live" / "node"


class OidcProvider:
    """A running provider: its issuer, and what was asked of its token endpoint."""

    def __init__(self, issuer: str, process: subprocess.Popen[str]) -> None:
        self.issuer = issuer
        self.process = process

    def asked(self, grant: str) -> int:
        """How many token requests of this grant type succeeded."""
        return sum(1 for entry in self._asked() if entry["grant"] == grant and entry["ok"])

    def refused(self) -> list[str]:
        """Why token requests failed: a token that was used twice, for one."""
        return [str(entry["error"]) for entry in self._asked() if not entry["ok"]]

    def _asked(self) -> list[dict[str, Any]]:
        with urllib.request.urlopen(f"{origin_of(self.issuer)}/test/asked", timeout=5) as answer:
            return list(json.load(answer))

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)
        if self.process.stdout:
            self.process.stdout.close()


@contextmanager
def oidc_provider(**options: object) -> Iterator[OidcProvider]:
    """Start it; skip where Node or its packages are missing, and fail there in CI."""
    missing = None if shutil.which("node") else "node is not on PATH"
    if missing is None and not (FOLDER / "node_modules" / "oidc-provider").is_dir():
        missing = f"run `npm ci` in {FOLDER.relative_to(FOLDER.parents[2])}"
    if missing:
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    process = subprocess.Popen(
        ["node", "provider.mjs", json.dumps(options)],
        cwd=FOLDER,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, "oidc-provider ended before it listened"
    provider = OidcProvider(json.loads(line)["issuer"], process)
    try:
        yield provider
    finally:
        provider.stop()
