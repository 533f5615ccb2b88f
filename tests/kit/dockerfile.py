"""A Dockerfile, read far enough to do by hand what a build of it does."""

import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.kit.servers import ROOT


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction, its continuation lines joined."""

    word: str
    rest: str

    @property
    def words(self) -> list[str]:
        """The exec form's words. A shell form, which needs a shell to run, is no JSON and raises."""
        words = json.loads(self.rest[self.rest.index("[") :])
        assert isinstance(words, list)
        return words


def stages(text: str) -> list[list[Step]]:
    """The steps behind each FROM; what stands in front of the first is left out."""
    found: list[list[Step]] = []
    for step in _steps(text):
        if step.word == "FROM":
            found.append([])
        if found:
            found[-1].append(step)
    return found


def _steps(text: str) -> Iterator[Step]:
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        word, _, rest = line.partition(" ")
        yield Step(word, rest.strip())


def build(steps: list[Step], root: Path) -> None:
    """Do COPY and RUN of a stage under `root`, without a shell; `python` is the one that runs the tests."""
    here = root
    for step in steps:
        if step.word == "WORKDIR":
            here = root / step.rest.lstrip("/")
            here.mkdir(parents=True, exist_ok=True)
        elif step.word == "COPY":
            *sources, target = step.rest.split()
            for source in sources:
                _copy(ROOT / source, here / target, into=target.endswith("/"))
        elif step.word == "RUN":
            for command in step.rest.split("&&"):
                _run(shlex.split(command), root, here)


def _copy(source: Path, target: Path, *, into: bool) -> None:
    place = target / source.name if into else target
    place.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, place, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, place)


def _run(command: list[str], root: Path, here: Path) -> None:
    moved = [f"{root}{word}" if word.startswith("/opt/") else word for word in command]
    if moved[0] == "python":
        moved[0] = sys.executable
    done = subprocess.run(moved, cwd=here, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode:
        raise BuildError(" ".join(command), done.stdout + done.stderr)


class BuildError(Exception):
    """A RUN step that failed, with what it printed."""


def environment(steps: list[Step]) -> Mapping[str, str]:
    """What ENV sets."""
    pairs = [pair for step in steps if step.word == "ENV" for pair in shlex.split(step.rest)]
    return dict(pair.split("=", 1) for pair in pairs)
