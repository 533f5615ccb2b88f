"""`gateway users`, and what `gateway check` says of a file of people, as an operator types it."""

import os

import pytest
import yaml
from click.testing import CliRunner

from gateway.cli import main
from gateway.keys.password_hash import USUAL, PasswordHash
from tests.kit.config_file import changed
from tests.kit.users_file import cheap_hash


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The working directory, with a gateway.yaml whose only provider is the file `people`."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("GATEWAY")]:
        monkeypatch.delenv(name)
    settings = changed(providers={"local": {"type": "users-file", "file": "people"}})
    (tmp_path / "gateway.yaml").write_text(yaml.safe_dump(settings))
    return tmp_path


def run(*arguments, stdin=None):
    return CliRunner().invoke(main, arguments, input=stdin, catch_exceptions=False)


def people(folder, text, mode=0o600):
    (folder / "people").write_text(text)
    (folder / "people").chmod(mode)


def test_a_password_is_asked_for_twice_and_its_hash_is_all_that_is_printed(folder):
    """What is asked stands on standard error, so that the hash alone goes into a file."""
    done = run("users", "hash", stdin="correct horse\ncorrect horse\n")

    hashed = PasswordHash.parse(done.stdout.strip())
    assert done.exit_code == 0
    assert hashed.fits("correct horse")
    assert hashed.cost == USUAL
    assert "correct" not in done.output.replace(done.stdout, "")
    assert done.stderr.splitlines()[0].rstrip() == "Password:"


def test_two_passwords_that_differ_are_asked_for_again(folder):
    """A slip of the finger would be a hash that nobody can use."""
    done = run("users", "hash", stdin="correct\nwrong\nright\nright\n")

    assert PasswordHash.parse(done.stdout.strip()).fits("right")


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_password_comes_by_a_pipe_as_one_line(folder, end):
    """The line end is none of it; a blank at its end is."""
    done = run("users", "hash", "--stdin", stdin=f"correct horse {end}")

    assert PasswordHash.parse(done.stdout.strip()).fits("correct horse ")


def test_every_hash_has_a_salt_of_its_own(folder):
    """The same password twice is two hashes."""
    first, second = (run("users", "hash", "--stdin", stdin="x").stdout for _ in range(2))

    assert PasswordHash.parse(first.strip()).salt != PasswordHash.parse(second.strip()).salt


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("", "is empty"),
        ("\n", "is empty"),
        ("a\nb\n", "line break"),
        ("a\0b", "line break"),
        ("x" * 257, "longer than 256"),
        (b"\xff\xfe", "line break"),
    ],
)
def test_what_nobody_could_type_is_hashed_by_nobody(folder, given, why):
    """With a sentence, and exit code 1."""
    done = run("users", "hash", "--stdin", stdin=given)

    assert (done.exit_code, done.stdout) == (1, "")
    assert why in done.stderr


def test_a_password_is_no_argument(folder):
    """It would stand in the history of the shell, and in the list of processes."""
    assert run("users", "hash", "correct horse").exit_code == 2


def test_a_good_file_is_fine(folder):
    """And says how many are in it."""
    people(folder, f"ann:{cheap_hash('a')}\nbob:{cheap_hash('b')}\n")

    done = run("users", "check", "people")

    assert (done.exit_code, done.stdout) == (0, "people: fine, 2 people\n")
    assert done.stderr.count("cheap to guess at") == 2


def test_a_damaged_file_is_told_line_by_line(folder):
    """Every fault at once, on standard error."""
    people(folder, f"ann:{cheap_hash('a')}\nbob:$2y$10$x\nnonsense\n")

    done = run("users", "check", "people")

    assert (done.exit_code, done.stdout) == (1, "")
    assert [line.split(" ")[0] for line in done.stderr.splitlines()] == ["people:2:", "people:3:"]


def test_check_reads_the_file_of_people(folder):
    """A gateway that starts without it would let nobody in; the check says so before."""
    missing = run("check")
    people(folder, "ann:$2y$10$x\n")
    damaged = run("check")
    people(folder, f"ann:{cheap_hash('a')}\n", 0o644)
    fine = run("check")

    assert (missing.exit_code, damaged.exit_code, fine.exit_code) == (1, 1, 0)
    assert "cannot be read: no such file" in missing.stderr
    assert "is a bcrypt hash" in damaged.stderr
    assert "mode 0644" in fine.stderr
    assert "cheap to guess at" in fine.stderr


def test_the_file_stands_beside_gateway_yaml(folder, tmp_path_factory, monkeypatch):
    """Not in the working directory, which is another one for each service manager."""
    people(folder, f"ann:{cheap_hash('a')}\n")
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))

    assert run("check", "--config", str(folder / "gateway.yaml")).exit_code == 0
