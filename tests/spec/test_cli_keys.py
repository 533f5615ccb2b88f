"""`gateway keys`: make, list and rotate, as an operator types it; no key is ever printed."""

import json
import os
import re
import stat

import pytest
import yaml
from click.testing import CliRunner

from gateway.cli import main
from gateway.keys.jwks import public_jwks
from gateway.storage.key_file import read_keyring
from tests.kit.config_file import changed

KID, THUMBPRINT, DAY = r"[0-9a-f]{8}", r"[A-Za-z0-9_-]{43}", r"\d{4}-\d\d-\d\d"


@pytest.fixture
def file(tmp_path, monkeypatch):
    """The key file that gateway.yaml in the working directory names; it does not exist yet."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("GATEWAY")]:
        monkeypatch.delenv(name)
    (tmp_path / "gateway.yaml").write_text(yaml.safe_dump(changed(keys={"file": "data/keys.json"})))
    return tmp_path / "data" / "keys.json"


def run(*arguments):
    return CliRunner().invoke(main, arguments, catch_exceptions=False)


def listed():
    """Kind, key id and state of each line of `gateway keys list`."""
    rows = [
        re.fullmatch(rf"(secret|assertion) +(\S+) +{DAY}  (.+)", line)
        for line in run("keys", "list").stdout.splitlines()
    ]
    assert all(rows)
    return [row.groups() for row in rows if row]


def test_generate_writes_a_file_for_its_owner_alone(file):
    """Mode 0600 in a folder of mode 0700; the answer says what to do with it."""
    done = run("keys", "generate")

    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == "data/keys.json: written; give every replica the same file\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert len(public_jwks(read_keyring(file))["keys"]) == 2


def test_generate_never_replaces_a_file(file):
    """Everybody's session would end: it says so, and leaves the file alone."""
    run("keys", "generate")
    before = file.read_bytes()

    again = run("keys", "generate")

    assert (again.exit_code, again.stdout) == (1, "")
    assert again.stderr == (
        "data/keys.json exists, and a new one would end every session: run `gateway keys rotate` for new keys beside"
        " the old ones, or move the file away first if everybody may sign in again\n"
    )
    assert file.read_bytes() == before


@pytest.mark.parametrize("command", ["generate", "list", "rotate"])
def test_the_advice_for_a_damaged_file_can_be_followed(file, command):
    """Whichever command finds it: move it away, generate, and the gateway has keys again."""
    run("keys", "generate")
    file.write_text("{")

    done = run("keys", command)

    assert (done.exit_code, done.stdout) == (1, "")
    assert "restore the file from a backup, or move it away and run `gateway keys generate`" in done.stderr
    file.rename(file.with_name("away"))
    assert run("keys", "generate").exit_code == 0
    assert run("keys", "list").exit_code == 0


def test_a_link_that_leads_nowhere_is_replaced_by_a_file(file):
    """Neither "it exists" nor "it is missing" for ever: generate makes what list asks for."""
    file.parent.mkdir()
    file.symlink_to("gone.json")
    assert "make it with `gateway keys generate`" in run("keys", "list").stderr

    assert run("keys", "generate").exit_code == 0
    assert run("keys", "list").exit_code == 0


def test_keys_need_no_secrets_of_the_configuration(file, tmp_path):
    """They can be made on a machine that has none of them, as for a Secret of Kubernetes."""
    document = yaml.safe_load((tmp_path / "gateway.yaml").read_text())
    document["providers"]["corp"]["client_secret"] = "${CORP_SECRET}"
    document["store"] = "redis://:${REDIS_PASSWORD}@redis:6379/0"
    (tmp_path / "gateway.yaml").write_text(yaml.safe_dump(document))

    assert [run("keys", command).exit_code for command in ("generate", "rotate", "list")] == [0, 0, 0]


def test_keys_are_found_beside_the_configuration(file, tmp_path, monkeypatch):
    """Wherever the command is run."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")

    done = run("keys", "generate", "--config", str(tmp_path / "gateway.yaml"))

    assert done.exit_code == 0
    assert file.exists()


def test_list_shows_ids_ages_and_states(file):
    """One line a key; the successor is there before it signs."""
    run("keys", "generate")

    assert [(kind, state) for kind, _, state in listed()] == [
        ("secret", "active"),
        ("assertion", "active"),
        ("assertion", "next"),
    ]
    assert re.fullmatch(KID, listed()[0][1])
    assert re.fullmatch(THUMBPRINT, listed()[1][1])


def test_rotate_promotes_what_was_published_and_keeps_what_was_in_use(file):
    """No session ends and no application meets an unknown key; a restart is asked for."""
    run("keys", "generate")
    (_, secret, _), (_, active, _), (_, coming, _) = listed()

    done = run("keys", "rotate")

    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == (
        "data/keys.json: rotated; restart every replica of the gateway with it "
        "(SIGHUP does where it has several workers)\n"
    )
    states = {kid: state for _, kid, state in listed()}
    assert (states[secret], states[active], states[coming]) == ("opens older sessions", "retired", "active")
    assert sorted(states.values()) == ["active", "active", "next", "opens older sessions", "retired"]
    published = {key["kid"] for key in public_jwks(read_keyring(file))["keys"]}
    assert published == {kid for kind, kid, _ in listed() if kind == "assertion"}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_rotate_drops_what_no_session_can_need_any_more(file):
    """Superseded for longer than the absolute limit of sessions."""
    run("keys", "generate")
    old = {kid for _, kid, _ in listed()}
    run("keys", "rotate")
    run("keys", "rotate")
    age(file, 31 * 86_400)

    run("keys", "rotate")

    assert old.isdisjoint({kid for _, kid, _ in listed()})
    assert len(listed()) == 5


def age(file, seconds):
    """As if every key had been made that much earlier."""
    document = json.loads(file.read_text())
    for entry in document["secrets"] + document["assertion"]:
        entry["created"] -= seconds
    file.write_text(json.dumps(document))


@pytest.mark.parametrize("command", ["generate", "list", "rotate"])
def test_no_command_prints_a_key(file, command):
    """Neither a secret nor a private key, in whatever order they are run."""
    run("keys", "generate")
    done = run("keys", command)

    document = json.loads(file.read_text())
    hidden = [entry["secret"] for entry in document["secrets"]] + [
        entry["pem"] for entry in document["assertion"]
    ]
    assert all(secret not in done.output for secret in hidden)
    assert "PRIVATE KEY" not in done.output


@pytest.mark.parametrize("command", ["list", "rotate"])
@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        pytest.param(lambda file: file.unlink(), "make it with `gateway keys generate`", id="missing"),
        pytest.param(lambda file: file.chmod(0o640), "run `chmod 600 data/keys.json`", id="open to others"),
        pytest.param(lambda file: file.write_text("{"), "restore the file from a backup", id="damaged"),
    ],
)
def test_a_file_that_cannot_be_used_is_a_sentence_that_says_what_to_do(file, command, damage, sentence):
    """On standard error, with exit code 1 and no traceback; the file stays as it is."""
    run("keys", "generate")
    damage(file)
    before = file.read_bytes() if file.exists() else b""

    done = run("keys", command)

    assert (done.exit_code, done.stdout) == (1, "")
    assert sentence in done.stderr
    assert (file.read_bytes() if file.exists() else b"") == before


def test_a_folder_that_cannot_be_written_is_a_sentence(file):
    """A file stands where the folder should be."""
    file.parent.write_text("in the way")

    done = run("keys", "generate")

    assert (done.exit_code, done.stdout) == (1, "")
    assert "data/keys.json cannot be written" in done.stderr


def test_the_file_of_another_configuration_is_named_in_front_or_behind(file, tmp_path):
    """`gateway --config F keys list` and `gateway keys list --config F` are one command."""
    other = tmp_path / "other.yaml"
    other.write_text(yaml.safe_dump(changed(keys={"file": str(tmp_path / "other.json")})))

    assert run("--config", str(other), "keys", "generate").exit_code == 0
    behind = run("keys", "list", "--config", str(other))

    assert (behind.exit_code, len(behind.stdout.splitlines())) == (0, 3)
    assert not file.exists()


def test_a_word_that_is_no_command_is_usage(file):
    """Exit code 2."""
    assert run("keys", "burn").exit_code == 2
    assert run("keys", "list", "more").exit_code == 2
