"""Canaille, out of the wheel `pytest-iam`: a second opinion on OpenID Connect, one process on a loopback port."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv-live" / "bin" / "python"
SCRIPT = ROOT / "tests" / "live" / "iam" / "provider.py"


@contextmanager
def iam_provider(**options: object) -> Iterator[str]:
    """Start it; yields its issuer. Skips where its wheel is missing, and fails there in CI."""
    if not _installed():
        missing = f"no pytest-iam beside {PYTHON} (`.ci/run` installs it)"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    process = subprocess.Popen(
        [PYTHON, SCRIPT, json.dumps(options)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line, "Canaille ended before it listened"
        yield str(json.loads(line)["issuer"])
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


def _installed() -> bool:
    if not PYTHON.exists():
        return False
    tried = subprocess.run([PYTHON, "-c", "import pytest_iam"], check=False, capture_output=True)
    return tried.returncode == 0
