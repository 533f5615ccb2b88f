"""The Dockerfile: clean, and its steps proven by doing them; what it starts is a gateway that is healthy and stops."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.kit.dockerfile import BuildError, build, environment, stages
from tests.kit.servers import ROOT, find_binary, free_ports, is_listening, missing

pytestmark = pytest.mark.live

DOCKERFILE = ROOT / "Dockerfile"
BUILD, FINAL = stages(DOCKERFILE.read_text())
NO_INDEX = ("Could not find a version that satisfies", "No matching distribution", "Connection")


def step(word: str):
    (found,) = [step for step in FINAL if step.word == word]
    return found


@pytest.fixture(scope="module")
def image(tmp_path_factory) -> Path:
    """A folder in the place of the image's root: the build stage done, /opt/gateway as the final stage copies it."""
    root = tmp_path_factory.mktemp("image")
    try:
        build(BUILD, root)
    except BuildError as error:
        if any(word in error.args[1] for word in NO_INDEX):
            missing(f"the package index does not answer: {error.args[1][-300:]}")
        raise
    return root


def test_hadolint_has_nothing_to_say():
    """Not even a hint."""
    linted = subprocess.run(
        [find_binary("hadolint"), str(DOCKERFILE)], capture_output=True, text=True, timeout=60, check=False
    )

    assert linted.stdout + linted.stderr == ""
    assert linted.returncode == 0


def test_nothing_enters_the_build_that_is_not_named():
    """What is copied is admitted, what is admitted is copied, and everything else stays out."""
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    admitted = {line[1:] for line in lines if line.startswith("!")}

    copied = {word for step in BUILD if step.word == "COPY" for word in step.rest.split()[:-1]}

    assert lines[0] == "*"
    assert copied == admitted


def test_the_final_stage_runs_without_root_and_without_a_shell():
    """Exec forms, a numeric user, and one folder that is written to."""
    assert step("ENTRYPOINT").words == ["gateway"]
    assert step("CMD").words == ["serve"]
    assert step("HEALTHCHECK").words[0] == "python"
    user, group = step("USER").rest.split(":")
    assert int(user) == int(group) == 10001
    assert step("STOPSIGNAL").rest == "SIGTERM"
    assert step("VOLUME").words == ["/data"]
    assert step("EXPOSE").rest.split() == ["4180", "4181", "9180"]


def test_store_and_keys_are_in_the_volume_by_default():
    """A relative path starts at the folder of gateway.yaml; there `data` is a link to the volume."""
    (volume,) = step("VOLUME").words
    folder = Path(environment(FINAL)["GATEWAY_CONFIG"]).parent

    commands = [part.strip() for part in step("RUN").rest.split("&&")]

    assert commands[-1] == f"ln -s {volume} {folder}/data"


def test_every_requirement_is_installed_by_its_hash(image):
    """And nothing else is there: no pip, no builder."""
    installs = [
        part for step in BUILD if step.word == "RUN" for part in step.rest.split("&&") if " install " in part
    ]

    assert all("--require-hashes" in part or "--no-index" in part for part in installs)
    python = image / "opt/gateway/bin/python"
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "--python", str(python), "list", "--format=freeze"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    names = {line.partition("==")[0].lower() for line in listed.stdout.splitlines()}
    assert {"auth-gateway", "uvicorn", "cryptography"} <= names
    assert not names & {"pip", "setuptools", "wheel", "pytest"}


def test_the_image_starts_is_healthy_writes_to_data_alone_and_stops(image):
    """Entry point, health check and stop signal as the Dockerfile writes them, with ports of this machine."""
    public, verify, metrics = free_ports(3)
    home = image / "home"
    home.mkdir()
    (home / "data").mkdir()
    config = home / "gateway.yaml"
    config.write_text((ROOT / "config/minimal.yaml").read_text())
    bin_folder = image / "opt/gateway/bin"
    given = environment(FINAL) | {
        "PATH": f"{bin_folder}:/usr/bin:/bin",
        "GATEWAY_CONFIG": str(config),
        "GATEWAY__server__bind": f"127.0.0.1:{public}",
        "GATEWAY__server__verify_bind": f"127.0.0.1:{verify}",
        "GATEWAY__server__metrics_bind": f"127.0.0.1:{metrics}",
    }
    _, *arguments = step("HEALTHCHECK").words
    assert "9180" in arguments[-1]
    arguments[-1] = arguments[-1].replace("9180", str(metrics))

    def health() -> int:
        command = [str(bin_folder / "python"), *arguments]
        return subprocess.run(command, env=given, capture_output=True, timeout=20, check=False).returncode

    before = files_under(image / "opt")
    assert health() != 0
    command = [str(bin_folder / step("ENTRYPOINT").words[0]), *step("CMD").words]
    log = image / "log"
    with log.open("wb") as told, subprocess.Popen(command, cwd=home, env=given, stderr=told) as process:
        try:
            end = time.monotonic() + 20
            while not all(is_listening(port) for port in (public, verify, metrics)):
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < end, log.read_text()
                time.sleep(0.05)
            assert health() == 0
            process.send_signal(signal.Signals[step("STOPSIGNAL").rest])
            status = process.wait(30)
        finally:
            process.kill()

    assert status == 0
    assert health() != 0
    assert files_under(image / "opt") == before
    assert {path.name for path in home.iterdir()} == {"data", "gateway.yaml"}
    assert {"gateway-keys.json", "gateway.db"} <= {path.name for path in (home / "data").iterdir()}


def files_under(folder: Path) -> set[str]:
    return {str(path) for path in folder.rglob("*") if path.is_file()}
