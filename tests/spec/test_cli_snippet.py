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


def said(done):
    """What became of the files: the lines before the advice."""
    return done.stdout.partition("\n\n")[0].splitlines()


@pytest.mark.parametrize("proxy", PROXIES)
def test_output_writes_the_files_and_names_them(folder, proxy):
    """A folder that does not exist yet is made."""
    done = run("snippet", proxy, "--output", "etc/proxy")

    files = written(folder / "etc" / "proxy")
    assert (done.exit_code, done.stderr) == (0, "")
    assert sorted(said(done)) == sorted([f"etc/proxy/{name}: written" for name in files])
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


@pytest.mark.parametrize("proxy", PROXIES)
def test_a_second_time_nothing_changes(folder, proxy):
    """The same text is not written again, and is called unchanged."""
    run("snippet", proxy, "--output", "out")
    before = {path: path.stat().st_mtime_ns for path in (folder / "out").iterdir()}

    done = run("snippet", proxy, "--output", "out")

    assert (done.exit_code, done.stderr) == (0, "")
    assert sorted(said(done)) == sorted(f"out/{path.name}: unchanged" for path in before)
    assert {path: path.stat().st_mtime_ns for path in (folder / "out").iterdir()} == before


def test_a_file_with_other_text_is_not_overwritten(folder):
    """Certificates and addresses may have been filled in: nothing at all is written, and the way out is said."""
    run("snippet", "nginx", "--output", "out")
    edited, missing = folder / "out" / "gateway.conf", folder / "out" / "gateway-ask.conf"
    edited.write_text("# with my certificates\n")
    missing.unlink()

    done = run("snippet", "nginx", "--output", "out")

    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == (
        "out/gateway.conf holds other text, and nothing was written: write to another folder and compare, or replace it"
        " with --force\n"
    )
    assert edited.read_text() == "# with my certificates\n"
    assert not missing.exists()


def test_what_is_not_text_is_not_overwritten_either(folder):
    """Bytes are compared."""
    (folder / "out").mkdir()
    (folder / "out" / "Caddyfile").write_bytes(b"\xff\xfe")

    done = run("snippet", "caddy", "--output", "out")

    assert done.exit_code == 1
    assert "holds other text" in done.stderr
    assert (folder / "out" / "Caddyfile").read_bytes() == b"\xff\xfe"


def test_force_replaces_other_text(folder):
    """Because it was asked for."""
    run("snippet", "nginx", "--output", "out")
    (folder / "out" / "gateway.conf").write_text("# mine\n")

    done = run("snippet", "nginx", "--output", "out", "--force")

    assert done.exit_code == 0
    assert "out/gateway.conf: written" in said(done)
    assert "out/gateway-ask.conf: unchanged" in said(done)
    assert "# mine" not in (folder / "out" / "gateway.conf").read_text()


def test_force_alone_is_wrong_usage(folder):
    """It says nothing without --output."""
    done = run("snippet", "nginx", "--force")

    assert done.exit_code == 2
    assert "--output" in done.stderr


@pytest.mark.parametrize(
    ("proxy", "steps"),
    [
        pytest.param("nginx", ["`include gateway.conf;`", "nginx -t", "nginx -s reload"], id="nginx"),
        pytest.param("traefik", ["/etc/traefik/gateway-dynamic.yml", "systemctl restart traefik"], id="traefik"),
        pytest.param("caddy", ["caddy validate --config", "systemctl reload caddy"], id="caddy"),
        pytest.param("haproxy", ["/etc/haproxy/gateway.lua", "haproxy -c -f", "systemctl reload haproxy"], id="haproxy"),
    ],
)  # fmt: skip
def test_what_to_do_next_is_said_when_the_files_are_written(folder, proxy, steps):
    """Where they go, how to test them, how to load them, and the page that knows more."""
    advice = run("snippet", proxy, "--output", "out").stdout.partition("\n\n")[2]

    assert advice.startswith("Next:\n  1. ")
    assert all(step in advice for step in steps)
    assert f"docs/proxies/{proxy}.md" in advice
    assert "Next:" not in run("snippet", proxy).stdout


@pytest.mark.parametrize("proxy", PROXIES)
def test_an_address_that_only_stands_in_is_to_be_replaced(folder, proxy):
    """Without --application the files name an example."""
    known = run("snippet", proxy, "--application", "http://127.0.0.1:8080", "--output", "known").stdout

    advice = run("snippet", proxy, "--output", "out").stdout

    assert "in the place of http://127.0.0.1:8080" in advice
    assert "address of your application" not in known


@pytest.mark.parametrize("proxy", PROXIES)
def test_the_variable_of_the_secret_is_named_where_there_is_one(folder, monkeypatch, proxy):
    """Without it the proxy does not start, or is refused."""
    advice = run("snippet", proxy, "--output", "out").stdout
    (folder / "gateway.yaml").write_text(
        yaml.safe_dump(changed(server={"verify_secret": "${VERIFY_SECRET}"}))
    )

    with_secret = run("snippet", proxy, "--output", "other").stdout

    assert "GATEWAY_VERIFY_SECRET" not in advice
    assert "GATEWAY_VERIFY_SECRET" in with_secret


def test_the_files_of_nginx_include_each_other_from_the_directory_of_nginx_conf(folder):
    """A relative include is read from there, so that is where the advice sends all of them."""
    advice = run("snippet", "nginx", "--output", "out").stdout.partition("\n\n")[2]
    included = {
        name
        for text in written(folder / "out").values()
        for name in re.findall(r"^ *include (.+);", text, re.MULTILINE)
    }

    assert included < set(written(folder / "out"))
    assert "the directory of nginx.conf" in advice


@pytest.mark.parametrize("proxy", PROXIES)
def test_a_snippet_needs_no_secret(folder, proxy):
    """It is rendered where the proxy is, which has none of them; a snippet holds none."""
    corp = {"issuer": "https://idp.example.com", "client_id": "gateway"}
    changes = {
        "providers": {
            "corp": corp | {"client_secret": "${CORP_SECRET}", "user": "corp:{sub}"},
            "staff": corp | {"client_secret": "file:/run/secrets/none", "user": "staff:{sub}"},
        },
        "server": {"verify_secret": "${VERIFY_SECRET}"},
        "store": "redis://:${REDIS_PASSWORD}@redis:6379/0",
    }
    (folder / "gateway.yaml").write_text(yaml.safe_dump(changed(**changes)))

    done = run("snippet", proxy)

    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout
    assert run("check").exit_code == 1


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        pytest.param(
            {"server": {"verify_secret": "written-out-0123456789"}}, "is a secret written out", id="literal"
        ),
        pytest.param(
            {"store": "redis://:hunter2@redis:6379/0"}, "holds a password written out", id="password"
        ),
        pytest.param(
            {"public_url": "https://${NAME}.example.com"},
            "refers to ${NAME}, which is not set",
            id="no-secret",
        ),
    ],
)
def test_other_faults_of_secrets_and_variables_are_faults_here_too(folder, changes, sentence):
    """Only a value that is not needed may be missing."""
    (folder / "gateway.yaml").write_text(yaml.safe_dump(changed(**changes)))

    done = run("snippet", "nginx")

    assert (done.exit_code, done.stdout) == (1, "")
    assert sentence in done.stderr
