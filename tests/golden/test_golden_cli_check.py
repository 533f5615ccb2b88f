"""What `gateway check` prints, word for word. `make golden` writes the files anew; the diff is the review."""

import os
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli import main

ROOT = Path(__file__).resolve().parents[2]
CLI = Path(__file__).parent / "cli"


def compare(path, text):
    """With the golden file; or write it, where that is asked for."""
    if os.environ.get("GATEWAY_WRITE_GOLDEN"):
        path.write_text(text)
    assert path.read_text() == text


def transcript(folder, *arguments):
    """Command, standard output, standard error and exit code, as one text."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name in [name for name in os.environ if name.startswith("GATEWAY_")]:
            if name != "GATEWAY_WRITE_GOLDEN":
                patch.delenv(name)
        done = CliRunner().invoke(main, arguments, prog_name="gateway")
    return f"$ gateway {' '.join(arguments)}\n{done.stdout}{done.stderr}[exit code {done.exit_code}]\n"


@pytest.mark.parametrize(
    ("name", "folder", "arguments"),
    [
        pytest.param("check-help", CLI, ["check", "--help"], id="help"),
        pytest.param("check-many-faults", CLI, ["check", "--config", "many-faults.yaml"], id="many-faults"),
        pytest.param("check-missing", CLI, ["check", "--config", "missing.yaml"], id="no-file"),
        pytest.param("check-usage", CLI, ["check", "--confg"], id="wrong-usage"),
    ],
)
def test_the_transcript_is_as_reviewed(name, folder, arguments):
    """Operators and scripts read these lines."""
    compare(CLI / f"{name}.txt", transcript(folder, *arguments))


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        pytest.param("check-fine", ["check"], id="the-reference-configuration"),
        pytest.param("check-minimal", ["check", "--config", "config/minimal.yaml"], id="the-smallest-one"),
    ],
)
def test_what_comes_with_the_gateway_is_fine(tmp_path, name, arguments):
    """As in a fresh clone, where no gateway has made keys yet."""
    shutil.copy(ROOT / "gateway.yaml", tmp_path)
    shutil.copytree(ROOT / "config", tmp_path / "config")

    compare(CLI / f"{name}.txt", transcript(tmp_path, *arguments))


def test_the_schema_is_as_reviewed():
    """A change of it is a change of everybody's configuration."""
    done = CliRunner().invoke(main, ["check", "--schema"])

    compare(CLI / "schema.json", done.stdout)
