"""`gateway snippet`: the exact configuration of a proxy, printed or written."""

import os
import re
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from gateway.cli import main
from tests.kit.config_file import changed

ROOT = Path(__file__).resolve().parents[2]
PROXIES = ["nginx", "traefik", "caddy", "haproxy"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory with a configuration that is fine."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("GATEWAY")]:
        monkeypatch.delenv(name)
    (tmp_path / "gateway.yaml").write_text(yaml.safe_dump(changed()))
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(main, arguments, catch_exceptions=False)


def written(folder):
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("proxy", PROXIES)
def test_output_writes_the_files_and_names_them(folder, proxy):
    """A folder that does not exist yet is made."""
    done = run("snippet", proxy, "--output", "etc/proxy")

    files = written(folder / "etc" / "proxy")
    assert (done.exit_code, done.stderr) == (0, "")
    assert sorted(done.stdout.splitlines()) == sorted([f"etc/proxy/{name}: written" for name in files])
    assert set(files) == {path.name for path in (ROOT / "config" / proxy / "parent-domain").iterdir()}
    assert all(text.strip() for text in files.values())


@pytest.mark.parametrize("proxy", PROXIES)
def test_what_is_printed_is_what_is_written(folder, proxy):
    """Each file whole, under a line with its name that the proxy takes for a comment."""
    run("snippet", proxy, "--output", "out")
    files = written(folder / "out")

    printed = run("snippet", proxy).stdout

    assert all(text in printed for text in files.values())
    if len(files) > 1:
        titles = re.findall(r"^(?:#|--) ----- (.+) -----$", printed, re.MULTILINE)
        assert sorted(titles) == sorted(files)


@pytest.mark.parametrize("proxy", PROXIES)
def test_the_application_takes_the_place_of_the_example(folder, proxy):
    """`--application` goes where requests are passed on to."""
    done = run("snippet", proxy, "--application", "http://10.9.8.7:6543")

    assert done.exit_code == 0
    assert "10.9.8.7:6543" in done.stdout
    assert "10.9.8.7:6543" not in run("snippet", proxy).stdout


@pytest.mark.parametrize("proxy", PROXIES)
def test_every_host_of_the_file_is_served(folder, proxy):
    """The hosts of gateway.yaml, and of public_url."""
    printed = run("snippet", proxy).stdout

    for host in ("auth.example.com", "app.example.com"):
        assert host in printed or host.replace(".", r"\.") in printed


def test_an_application_that_is_none_is_a_sentence(folder):
    """Exit code 1, nothing on standard output."""
    done = run("snippet", "nginx", "--application", "not an address")

    assert (done.exit_code, done.stdout) == (1, "")
    assert "application" in done.stderr


def test_a_configuration_with_faults_makes_no_snippet(folder):
    """The faults are reported as `gateway check` does."""
    (folder / "gateway.yaml").write_text("hosts: []\n")

    done = run("snippet", "nginx")

    assert (done.exit_code, done.stdout) == (1, "")
    assert "gateway.yaml:1" in done.stderr


def test_an_unknown_proxy_is_usage(folder):
    """Exit code 2, and the ones that there are."""
    done = run("snippet", "apache")

    assert done.exit_code == 2
    assert all(proxy in done.stderr for proxy in PROXIES)


def test_a_folder_that_cannot_be_written_is_a_sentence(folder):
    """A file stands in its place: exit code 1 and no traceback."""
    (folder / "taken").write_text("")

    done = run("snippet", "nginx", "--output", "taken/below")

    assert done.exit_code == 1
    assert "taken/below" in done.stderr
    assert "cannot be written" in done.stderr
