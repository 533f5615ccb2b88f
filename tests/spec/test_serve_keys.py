"""The key ring at a start: read, or made the first time and told; lost keys are noticed."""

import pytest
import yaml

from gateway.errors import KeyFault
from gateway.serve.start_keys import ring_at_start
from gateway.settings.load import load
from gateway.storage.key_file import read_keyring
from tests.kit.config_file import changed
from tests.kit.randomness import Randomness

NOW = 1_800_000_000


class Start:
    """A start of the gateway in a folder, and what it said."""

    def __init__(self, folder, **changes):
        (folder / "gateway.yaml").write_text(yaml.safe_dump(changed(**changes)))
        self.settings = load(folder / "gateway.yaml", {})
        self.file, self.store = folder / "data" / "gateway-keys.json", folder / "data" / "gateway.db"
        self.said = []

    def ring(self):
        return ring_at_start(
            self.settings,
            lambda level, name, fields: self.said.append((level, name, fields)),
            lambda: NOW,
            Randomness(),
        )


def test_the_first_start_makes_keys_and_says_where(tmp_path):
    """Whoever starts it a first time learns of a file that must not get lost."""
    start = Start(tmp_path)

    ring = start.ring()

    assert read_keyring(start.file) == ring
    assert [(level, name, fields["file"]) for level, name, fields in start.said] == [
        ("info", "keys.made", str(start.file))
    ]


def test_a_later_start_reads_them_and_says_nothing(tmp_path):
    """Every start but the first."""
    start = Start(tmp_path)
    first = start.ring()
    start.store.touch()
    start.said.clear()

    assert start.ring() == first
    assert start.said == []


def test_keys_that_got_lost_beside_a_store_are_a_warning(tmp_path):
    """No session in it opens with new keys: probably a backup or a mount is missing. The gateway starts all the same."""
    start = Start(tmp_path)
    start.ring()
    start.store.touch()
    start.file.unlink()
    start.said.clear()

    ring = start.ring()

    assert read_keyring(start.file) == ring
    assert [(level, name) for level, name, _ in start.said] == [
        ("warning", "keys.lost"),
        ("info", "keys.made"),
    ]
    assert start.said[0][2]["file"] == str(start.file)
    assert start.said[0][2]["store"] == str(start.store)
    assert "restore" in start.said[0][2]["message"]


def test_beside_a_shared_store_nothing_is_made(tmp_path):
    """Every replica would make its own."""
    start = Start(tmp_path, store="redis://redis:6379/0")

    with pytest.raises(KeyFault, match="make it with `gateway keys generate`"):
        start.ring()

    assert not start.file.exists()
    assert start.said == []


def test_a_damaged_file_is_never_replaced(tmp_path):
    """It may be repaired, or a better one may be in a backup."""
    start = Start(tmp_path)
    start.file.parent.mkdir()
    start.file.write_text("{")
    start.file.chmod(0o600)

    with pytest.raises(KeyFault, match="restore"):
        start.ring()

    assert start.file.read_text() == "{"


def test_a_place_that_cannot_be_read_is_a_sentence(tmp_path):
    """A link that leads to itself is not a missing file: nothing is made in its place."""
    start = Start(tmp_path)
    start.file.parent.mkdir()
    start.file.symlink_to(start.file)

    with pytest.raises(KeyFault, match="cannot be read"):
        start.ring()

    assert start.file.is_symlink()
