"""`gateway check`: fine, or every fault; nothing else, and never a traceback."""

import json
import os
import re
import subprocess
import sys

import pytest
import yaml
from click.testing import CliRunner

from gateway.cli import main
from gateway.keys.keyring import Keyring
from gateway.storage.key_file import write_keyring
from tests.kit.config_file import changed
from tests.kit.randomness import Randomness
from tests.kit.redis_server import RedisServer
from tests.kit.servers import free_port


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory with a configuration that is fine, and an environment without ours."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("GATEWAY")]:
        monkeypatch.delenv(name)
    (tmp_path / "gateway.yaml").write_text(yaml.safe_dump(changed()))
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(main, arguments, catch_exceptions=False)


def test_a_fine_configuration_is_called_fine(folder):
    """Standard output says what it sets up; standard error stays empty."""
    result = run("check")

    assert result.exit_code == 0
    assert result.stdout.startswith("gateway.yaml: fine\n")
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("content", "reason"), [(None, "no such file or directory"), ("no certificate", "it is no CA bundle")]
)
def test_a_ca_file_that_cannot_be_used_is_a_fault_with_its_line(folder, content, reason):
    """The gateway would not start with it."""
    if content:
        (folder / "ca.pem").write_text(content)
    corp = {"issuer": "https://idp.example.com", "client_id": "gateway", "ca_file": "ca.pem"}
    (folder / "gateway.yaml").write_text(yaml.safe_dump(changed(providers={"corp": corp})))

    result = run("check")

    assert result.exit_code == 1
    assert result.stdout == ""
    assert re.fullmatch(
        rf"gateway\.yaml:\d+: providers\.corp\.ca_file: cannot be used: {reason}; write the path of .+\n",
        result.stderr,
    )


def test_the_summary_says_what_is_set_up(folder):
    """Hosts, cookie, listeners, keys, store, providers and rules, one line each."""
    lines = dict(line.strip().split(None, 1) for line in run("check").stdout.splitlines()[1:])

    assert lines == {
        "public": "https://auth.example.com",
        "hosts": "https://app.example.com, https://*.apps.example.com",
        "cookie": "__Secure-gw, every host under example.com",
        "pages": "127.0.0.1:4180",
        "verify": "127.0.0.1:4181, trusting 127.0.0.1/32",
        "metrics": "127.0.0.1:9180",
        "keys": "data/gateway-keys.json, made at the next start",
        "store": "sqlite:data/gateway.db",
        "providers": "corp (oidc)",
        "rules": "1",
    }


@pytest.mark.parametrize(
    ("changes", "cookie"),
    [
        pytest.param({"public_url": "https://a.example.com", "hosts": ["https://a.example.com"], "sessions": {"cookie_domain": None}}, "__Host-gw, this host alone", id="one-host"),
        pytest.param({"public_url": "http://localhost", "hosts": ["http://localhost"], "sessions": {"cookie_domain": None}}, "gw, this host alone, over plain http", id="plain-http"),
    ],
)  # fmt: skip
def test_the_summary_names_the_layout_of_the_cookie(folder, changes, cookie):
    """As browsers will show it."""
    (folder / "gateway.yaml").write_text(yaml.safe_dump(changed(**changes)))

    assert f"  cookie     {cookie}\n" in run("check").stdout


def test_faults_go_to_standard_error(folder):
    """One a line, with nothing in front of file and line; exit code 1."""
    (folder / "gateway.yaml").write_text("public_url: 5\nhosts: []\n")

    result = run("check")

    assert result.exit_code == 1
    assert result.stdout == ""
    assert [line.split(": ")[0] for line in result.stderr.splitlines()][:2] == [
        "gateway.yaml:1",
        "gateway.yaml:1",
    ]
    assert "gateway.yaml:2: hosts: is empty; write at least one entry" in result.stderr


def test_warnings_do_not_change_the_exit_code(folder):
    """They go to standard error, and the configuration is fine."""
    (folder / "gateway.yaml").write_text(yaml.safe_dump(changed(rules=[{"allow": "public"}])))

    result = run("check")

    assert result.exit_code == 0
    assert re.match(
        r"warning: gateway\.yaml:\d+: rules\[0\]\.allow: lets everybody into every path", result.stderr
    )
    assert result.stdout.startswith("gateway.yaml: fine\n")


def test_a_fault_is_told_from_a_warning(folder):
    """A warning says so in front; a fault begins with file and line."""
    rules = [{"allow": "public"}, {"name": "late", "allow": "authenticated"}]
    (folder / "gateway.yaml").write_text(yaml.safe_dump(changed(rules=rules)))

    result = run("check")

    assert result.exit_code == 1
    assert [line.split(":")[0] for line in result.stderr.splitlines()] == ["gateway.yaml"]


def keys(folder, text=None, mode=0o600):
    """The key file where the configuration has it: a good one, or this text."""
    file = folder / "data" / "gateway-keys.json"
    write_keyring(file, Keyring.generate(Randomness(), 1_800_000_000))
    if text is not None:
        file.write_text(text)
    file.chmod(mode)
    return file


def test_keys_that_exist_are_read(folder):
    """The summary says since when they seal; no key is shown."""
    file = keys(folder)

    result = run("check")

    assert (result.exit_code, result.stderr) == (0, "")
    assert "  keys       data/gateway-keys.json, the newest of 2027-01-15\n" in result.stdout
    assert all(entry["secret"] not in result.stdout for entry in json.loads(file.read_text())["secrets"])


@pytest.mark.parametrize(
    ("text", "mode", "sentence"),
    [
        pytest.param(None, 0o644, "is open to other users (mode 0644): run `chmod 600", id="open-to-others"),
        pytest.param("{", 0o600, "the key file is not a JSON object: restore the file", id="damaged"),
    ],
)
def test_keys_that_cannot_be_used_are_a_fault(folder, text, mode, sentence):
    """What would stop the start is found before it."""
    keys(folder, text, mode)

    result = run("check")

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("data/gateway-keys.json")
    assert sentence in result.stderr


def test_a_check_makes_no_keys(folder):
    """It looks, and leaves everything as it is."""
    run("check")

    assert [path.name for path in folder.iterdir()] == ["gateway.yaml"]


def test_lost_keys_are_a_warning(folder):
    """The store is there and its keys are not: nothing in it would open."""
    (folder / "data").mkdir()
    (folder / "data" / "gateway.db").touch()

    result = run("check")

    assert result.exit_code == 0
    assert result.stderr.startswith(
        "warning: keys.file: data/gateway-keys.json does not exist, but the store"
    )
    assert "restore" in result.stderr
    assert result.stderr.count("\n") == 1


def test_keys_that_replicas_lack_are_a_warning(folder):
    """The gateway would not start; where this runs, the file may be missing for a good reason."""
    (folder / "gateway.yaml").write_text(yaml.safe_dump(changed(store="redis://redis:6379/0")))

    result = run("check")

    assert result.exit_code == 0
    assert result.stderr.startswith("warning: keys.file: data/gateway-keys.json does not exist")
    assert "gateway keys generate" in result.stderr
    assert "  store      redis\n" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "environ", "file"),
    [
        pytest.param(["check"], {}, "gateway.yaml", id="working-directory"),
        pytest.param(["check"], {"GATEWAY_CONFIG": "b.yaml"}, "b.yaml", id="variable"),
        pytest.param(["--config", "c.yaml", "check"], {"GATEWAY_CONFIG": "b.yaml"}, "c.yaml", id="option-in-front"),
        pytest.param(["check", "--config", "c.yaml"], {"GATEWAY_CONFIG": "b.yaml"}, "c.yaml", id="option-behind"),
        pytest.param(["--config", "b.yaml", "check", "--config", "c.yaml"], {}, "c.yaml", id="nearer-option"),
    ],
)  # fmt: skip
def test_the_file_is_found(folder, monkeypatch, arguments, environ, file):
    """By option, else by variable, else in the working directory."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    for name in ("b.yaml", "c.yaml"):
        (folder / name).write_text((folder / "gateway.yaml").read_text())

    assert run(*arguments).stdout.startswith(f"{file}: fine\n")


def test_the_environment_is_read(folder, monkeypatch):
    """Overrides reach the command."""
    monkeypatch.setenv("GATEWAY__server__bind", "0.0.0.0:8000")

    assert "  pages      0.0.0.0:8000\n" in run("check").stdout


def test_wrong_usage_is_exit_code_2(folder):
    """As with every command line tool."""
    assert run("check", "--colour").exit_code == 2
    assert run("chekc").exit_code == 2


def test_the_schema_is_json_and_always_the_same(folder):
    """It needs no configuration, and can be kept under version control."""
    (folder / "gateway.yaml").unlink()

    first, second = run("check", "--schema"), run("check", "--schema")

    assert first.exit_code == 0
    assert first.stdout == second.stdout
    assert set(json.loads(first.stdout)["properties"]) >= {"public_url", "hosts", "rules", "store"}


def test_the_schema_shows_defaults_as_they_are_written(folder):
    """Durations with their unit, listeners as addresses."""
    defined = json.loads(run("check", "--schema").stdout)["$defs"]

    assert defined["Sessions"]["properties"]["idle"]["default"] == "3d"
    assert defined["Server"]["properties"]["bind"]["default"] == "127.0.0.1:4180"


def test_online_asks_the_store_and_leaves_no_trace(folder):
    """A store that will be made at the start is fine, and is not made by the question."""
    (folder / "gateway.yaml").write_text(yaml.safe_dump(changed(providers={}, rules=[{"allow": "optional"}])))

    result = run("check", "--online")

    assert result.exit_code == 0
    assert result.stderr == ""
    assert [one.name for one in folder.iterdir()] == ["gateway.yaml"]


@pytest.mark.live
def test_online_warns_of_a_store_that_could_lose_sessions(folder, tmp_path_factory):
    """Each warning is a line on standard error, and the exit code stays 0."""
    write_keyring(folder / "keys.json", Keyring.generate(Randomness("keys"), 1_800_000_000.0))
    with RedisServer(tmp_path_factory.mktemp("redis"), ("--maxmemory-policy", "allkeys-lru")) as server:
        nobody = {"providers": {}, "rules": [{"allow": "optional"}]}
        text = yaml.safe_dump(changed(store=server.url, keys={"file": "keys.json"}, **nobody))
        (folder / "gateway.yaml").write_text(text)

        result = run("check", "--online")

    assert result.exit_code == 0
    assert [line.partition(": ")[0] for line in result.stderr.splitlines()] == ["warning", "warning"]
    assert result.stderr.startswith("warning: store: maxmemory-policy is allkeys-lru")


def test_online_ends_with_a_fault_where_the_store_does_not_answer(folder):
    """Exit code 1 and one line, without the password."""
    write_keyring(folder / "keys.json", Keyring.generate(Randomness("keys"), 1_800_000_000.0))
    store = f"redis://:${{SECRET}}@127.0.0.1:{free_port()}"
    (folder / "gateway.yaml").write_text(yaml.safe_dump(changed(store=store, keys={"file": "keys.json"})))

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SECRET", "hush")
        result = run("check", "--online")

    assert result.exit_code == 1
    assert result.stderr.startswith("redis: ")
    assert result.stderr.count("\n") == 1
    assert "hush" not in result.stderr


def test_the_module_is_the_command(folder):
    """`python -m gateway` is the same, also as a process."""
    done = subprocess.run(
        [sys.executable, "-m", "gateway", "check", "--config", "missing.yaml"],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path)},
    )

    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("missing.yaml: cannot be read: no such file or directory; ")
    assert done.stderr.count("\n") == 1
