"""`gateway sessions`: list and end, as an operator types it beside a gateway that runs."""

import asyncio
import json
import os
import secrets
import time

import pytest
import yaml
from click.testing import CliRunner

from gateway.cli import main
from gateway.keys.keyring import Keyring
from gateway.sessions.cookie import session_cookie
from gateway.sessions.device import Device
from gateway.sessions.sessions import Sessions
from gateway.settings.load import load
from gateway.storage.key_file import read_keyring, write_keyring
from gateway.storage.sqlite import open_sqlite
from tests.kit.config_file import changed
from tests.kit.people import person, tokens

ISSUER = "https://idp.example.com"
LAPTOP = Device("Firefox on Linux", "192.0.2.0/24")


class Gateway:
    """Stands in for a gateway that runs on the store of the folder."""

    def __init__(self, folder):
        self.folder = folder
        self.settings = load(folder / "gateway.yaml", {})

    def do(self, ask):
        async def run():
            store = open_sqlite(self.folder / "gateway.db", time.time)
            ring = read_keyring(self.folder / "keys.json")
            sessions = Sessions(
                store, ring, session_cookie(self.settings), self.settings.sessions, ring.deployment,
                lambda event: None, time.time, secrets.token_bytes, {"corp": ISSUER},
            )  # fmt: skip
            try:
                return await ask(sessions)
            finally:
                await store.close()

        return asyncio.run(run())

    def begin(self, subject="42"):
        who = person(subject, issuer=ISSUER)
        return self.do(lambda sessions: sessions.begin(who, tokens(), device=LAPTOP))

    def lives(self, begun):
        return self.do(lambda sessions: sessions.open(begun.ticket)) is not None


@pytest.fixture
def gateway(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("GATEWAY")]:
        monkeypatch.delenv(name)
    written = changed(keys={"file": "keys.json"}, store="sqlite:gateway.db")
    (tmp_path / "gateway.yaml").write_text(yaml.safe_dump(written))
    write_keyring(tmp_path / "keys.json", Keyring.generate(secrets.token_bytes, time.time()))
    return Gateway(tmp_path)


def run(*arguments):
    return CliRunner().invoke(main, ["sessions", *arguments], catch_exceptions=False)


WHO = ("--provider", "corp", "--subject", "42")


def test_the_sessions_of_a_person_are_shown(gateway):
    """Since when, how lately, and from where; nothing of it opens the session."""
    begun = [gateway.begin() for _ in range(2)]
    gateway.begin("43")

    done = run("list", *WHO)

    header, *rows = done.stdout.splitlines()
    assert (done.exit_code, done.stderr) == (0, "")
    assert header.split() == ["SESSION", "SUBJECT", "SINCE", "SEEN", "DEVICE", "NETWORK"]
    assert [row.split()[:2] for row in rows] == [[one.session.id, "corp:42"] for one in begun]
    assert all("Firefox on Linux" in row and "192.0.2.0/24" in row for row in rows)
    for secret in ("corp-refresh", begun[0].cookie, begun[0].ticket.secret.hex()):
        assert secret not in done.stdout


def test_programs_are_given_json(gateway):
    """One array; times in Unix seconds, and the name that the log uses."""
    begun = gateway.begin()

    (shown,) = json.loads(run("list", "--session", begun.session.id, "--json").stdout)

    assert shown["id"] == begun.session.id
    assert shown["ends"] == begun.session.absolute_end
    assert set(shown) == {
        "id", "log_name", "subject", "provider", "device", "network", "created", "seen", "ends",
    }  # fmt: skip


def test_nobody_s_sessions_are_no_fault(gateway):
    """An empty list is an answer."""
    gateway.begin()
    nobody = ("--provider", "corp", "--subject", "nobody")

    assert run("list", *nobody).stdout == "no session\n"
    assert json.loads(run("list", *nobody, "--json").stdout) == []
    assert run("list", "--session", "nothing").exit_code == 0


def test_one_session_is_ended(gateway):
    """The other ones go on; a second time there is none to end."""
    one, other = gateway.begin(), gateway.begin()

    done = run("end", "--session", one.session.id)

    assert (done.exit_code, done.stdout) == (0, f"session {one.session.id} is over\n")
    assert (gateway.lives(one), gateway.lives(other)) == (False, True)
    again = run("end", "--session", one.session.id)
    assert (again.exit_code, again.stderr) == (1, f"there is no session {one.session.id}\n")


def test_all_sessions_of_a_person_are_ended(gateway):
    """And their records are gone when the command returns."""
    mine, other = [gateway.begin() for _ in range(3)], gateway.begin("43")

    done = run("end", *WHO)

    assert (done.exit_code, done.stdout) == (0, "every session of corp:42 is over\n")
    assert [gateway.lives(one) for one in mine] == [False] * 3
    assert gateway.lives(other)
    assert run("list", *WHO).stdout == "no session\n"


def test_a_person_is_kept_out_and_let_in(gateway):
    """Until they are enabled no session can be begun."""
    begun = gateway.begin()

    assert run("disable", *WHO).exit_code == 0
    assert not gateway.lives(begun)
    with pytest.raises(Exception, match="disabled"):
        gateway.begin()
    assert run("enable", *WHO).exit_code == 0
    assert gateway.lives(gateway.begin())


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("list",), id="nobody"),
        pytest.param(("end",), id="nothing"),
        pytest.param(("end", "--provider", "corp"), id="no-subject"),
        pytest.param(("end", "--subject", "42"), id="no-provider"),
        pytest.param(("end", *WHO, "--session", "x"), id="both"),
        pytest.param(("end", "--provider", "elsewhere", "--subject", "42"), id="unknown-provider"),
        pytest.param(("disable", "--provider", "corp"), id="disable-nobody"),
        pytest.param(("enable", "--session", "x"), id="enable-a-session"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(gateway, arguments):
    """Exit code 2, and nothing is ended."""
    begun = gateway.begin()

    assert run(*arguments).exit_code == 2
    assert gateway.lives(begun)


def test_a_store_that_is_not_there_is_a_fault(gateway):
    """Exit code 1 and one line; no store is made."""
    done = run("list", *WHO)

    assert done.exit_code == 1
    assert done.stderr.endswith("gateway.db does not exist: no gateway has kept a session there yet\n")
    assert not (gateway.folder / "gateway.db").exists()


def test_a_store_that_does_not_answer_is_a_fault(gateway):
    """It is never "no session"."""
    path = gateway.folder / "gateway.yaml"
    path.write_text(path.read_text().replace("sqlite:gateway.db", "redis://127.0.0.1:1"))

    for command in ("list", "end"):
        done = run(command, *WHO)
        assert (done.exit_code, done.stdout) == (1, "")
        assert "redis" in done.stderr
