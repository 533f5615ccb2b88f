"""What a running gateway may change by SIGHUP, and what needs a restart."""

import os
import time

import pytest

from gateway.errors import KeyFault, SettingsFault
from gateway.keys.keyring import Keyring
from gateway.serve.reload import needs_restart, read_again
from gateway.settings.model import Server, Settings
from gateway.storage.key_file import write_keyring


def server(**changes):
    return Server.model_validate({"trusted_proxies": ["127.0.0.1/32"], **changes})


@pytest.mark.parametrize(
    ("then", "key"),
    [
        pytest.param({"bind": "127.0.0.1:5000"}, "server.bind", id="pages"),
        pytest.param({"verify_bind": "unix:/run/v.sock"}, "server.verify_bind", id="verify"),
        pytest.param({"verify_bind": "same"}, "server.verify_bind", id="same"),
        pytest.param({"metrics_bind": "[::1]:9180"}, "server.metrics_bind", id="metrics"),
        pytest.param({"workers": 3}, "server.workers", id="workers"),
    ],
)
def test_what_is_bound_once_cannot_change(then, key):
    """The sentence names the key and both values."""
    (sentence,) = needs_restart(server(), server(**then))

    assert sentence.startswith(f"{key}: ")
    assert "restart" in sentence


def test_everything_else_may_change():
    """Whom the listeners believe, and how long a stop takes."""
    then = server(trusted_proxies=["10.0.0.0/8"], drain="5s")

    assert needs_restart(server(), then) == []


def settings(folder, **changes):
    return Settings.model_validate(
        {
            "public_url": "https://app.example.com/_gateway",
            "hosts": ["https://app.example.com"],
            "rules": [{"allow": "authenticated"}],
            "server": {"trusted_proxies": ["127.0.0.1/32"], **changes},
            "keys": {"file": str(folder / "keys.json")},
        }
    )


def test_the_keys_are_read_anew_too(tmp_path):
    """So that a rotation needs no restart."""
    ring = Keyring.generate(os.urandom, time.time())
    write_keyring(tmp_path / "keys.json", ring)

    plan = read_again(lambda: settings(tmp_path, drain="5s"), server())

    assert plan.ring.active == ring.active
    assert plan.settings.server.drain == 5.0


def test_a_fault_is_raised_and_nothing_is_made(tmp_path):
    """A missing key file is not replaced by a new one: that would end every session."""
    with pytest.raises(KeyFault):
        read_again(lambda: settings(tmp_path), server())
    with pytest.raises(SettingsFault, match=r"server\.bind"):
        read_again(lambda: settings(tmp_path, bind="127.0.0.1:1"), server())

    assert list(tmp_path.iterdir()) == []
