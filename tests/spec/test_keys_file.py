"""The key ring's file: private, whole or not there, with a sentence for every fault."""

import os
import stat
from pathlib import Path

import pytest

from gateway.errors import KeyFault
from gateway.keys.keyring import Keyring
from gateway.storage.key_file import read_keyring, write_keyring
from tests.kit.randomness import Randomness


@pytest.fixture
def ring():
    return Keyring.generate(Randomness(), 1_800_000_000)


def test_what_is_written_is_read_back(tmp_path, ring):
    """The folder is made, and both are for their owner alone, whatever the umask."""
    path = tmp_path / "data" / "keys.json"
    umask = os.umask(0)
    try:
        write_keyring(path, ring)
    finally:
        os.umask(umask)

    assert read_keyring(path) == ring
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_ring_takes_the_place_of_another_in_one_step(tmp_path, ring):
    """A reader that has the old file open reads the old ring to its end; nothing else is left in the folder."""
    path = tmp_path / "keys.json"
    write_keyring(path, ring)
    rotated = ring.rotated(Randomness("more"), 1_800_000_100)

    with path.open("rb") as old:
        write_keyring(path, rotated)

        assert Keyring.parse(old.read()) == ring
    assert read_keyring(path) == rotated
    assert [entry.name for entry in tmp_path.iterdir()] == ["keys.json"]


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620, 0o660, 0o666])
def test_a_file_that_others_can_read_or_write_is_refused(tmp_path, ring, monkeypatch, mode):
    """The sentence names the command that mends it."""
    path = tmp_path / "keys.json"
    write_keyring(path, ring)
    path.chmod(mode)
    monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid)

    with pytest.raises(KeyFault, match=f"mode {mode:04o}.*chmod 600"):
        read_keyring(path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can own a file as root")
@pytest.mark.parametrize(
    ("owner", "mode", "fits"),
    [
        pytest.param(0, 0o440, True, id="root-and-group"),
        pytest.param(0, 0o444, False, id="root-and-everybody"),
        pytest.param(0, 0o460, False, id="root-and-a-group-that-writes"),
        pytest.param(1000, 0o440, False, id="somebody-and-group"),
    ],
)
def test_a_mounted_secret_of_root_may_be_read_by_its_group(tmp_path, ring, monkeypatch, owner, mode, fits):
    """A Kubernetes Secret with an fsGroup is root's, mode 0440; anything more is too open, and so is anybody else's."""
    path = tmp_path / "keys.json"
    write_keyring(path, ring)
    path.chmod(mode)
    os.chown(path, owner, -1)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    if fits:
        assert read_keyring(path) == ring
    else:
        with pytest.raises(KeyFault, match=f"mode {mode:04o}"):
            read_keyring(path)


def test_a_missing_file_names_the_command_that_makes_it(tmp_path):
    """Not a traceback."""
    with pytest.raises(KeyFault, match="gateway keys generate"):
        read_keyring(tmp_path / "keys.json")


def test_a_folder_in_its_place_is_a_fault(tmp_path):
    """Whatever stands there, the answer is a sentence."""
    with pytest.raises(KeyFault, match="cannot be read"):
        read_keyring(tmp_path)


def test_a_broken_file_is_named_with_its_fault(tmp_path):
    """The path stands in front."""
    path = tmp_path / "keys.json"
    path.touch(0o600)

    with pytest.raises(KeyFault, match=r"keys\.json: the key file is not a JSON object"):
        read_keyring(path)


def test_a_place_that_cannot_be_written_is_a_fault(tmp_path, ring):
    """A file where the folder should be."""
    (tmp_path / "data").touch()

    with pytest.raises(KeyFault, match="cannot be written"):
        write_keyring(tmp_path / "data" / "keys.json", ring)


def test_a_planted_link_is_not_followed(tmp_path, ring):
    """The draft is a new file of ours, not what somebody put under its name."""
    loot = tmp_path / "loot"
    path = tmp_path / "keys.json"
    (tmp_path / f".keys.json.{os.getpid()}").symlink_to(loot)

    write_keyring(path, ring)

    assert not loot.exists()
    assert read_keyring(path) == ring


def test_a_link_planted_at_the_last_moment_is_a_fault(tmp_path, ring, monkeypatch):
    """Somebody is quicker than the clean-up: nothing is written through it."""
    loot = tmp_path / "loot"
    (tmp_path / f".keys.json.{os.getpid()}").symlink_to(loot)
    monkeypatch.setattr(Path, "unlink", lambda path, missing_ok=False: None)

    with pytest.raises(KeyFault, match="cannot be written"):
        write_keyring(tmp_path / "keys.json", ring)

    assert not loot.exists()
