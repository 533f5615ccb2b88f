"""Relative paths of gateway.yaml start at its own folder, wherever the command is run."""

import pytest
import yaml

from gateway.errors import SettingsFault
from gateway.settings.load import load
from tests.kit.config_file import FINE, changed

CORP = FINE["providers"]["corp"]


def loaded(folder, monkeypatch, environ=None, **changes):
    """Settings of a file in `folder`, read by its whole path from somewhere else."""
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    file = folder / "gateway.yaml"
    file.write_text(yaml.safe_dump(changed(**changes)))
    return load(file, environ or {})


def test_store_and_keys_are_beside_the_configuration_by_default(tmp_path, monkeypatch):
    """A service that is started in another directory finds the sessions and keys that it had."""
    settings = loaded(tmp_path, monkeypatch)

    assert settings.store.get_secret_value() == f"sqlite:{tmp_path}/data/gateway.db"
    assert settings.keys.file == f"{tmp_path}/data/gateway-keys.json"


@pytest.mark.parametrize(
    ("written", "place"),
    [
        pytest.param("state/a.db", "{folder}/state/a.db", id="relative"),
        pytest.param("../a.db", "{folder}/../a.db", id="upwards"),
        pytest.param("/var/lib/gateway/a.db", "/var/lib/gateway/a.db", id="absolute"),
    ],
)
def test_a_path_that_is_written_starts_there_too(tmp_path, monkeypatch, written, place):
    """An absolute one stays as it is."""
    settings = loaded(tmp_path, monkeypatch, store=f"sqlite:{written}", keys={"file": written})

    place = place.format(folder=tmp_path)
    assert settings.store.get_secret_value() == f"sqlite:{place}"
    assert settings.keys.file == place


def test_a_path_of_the_environment_starts_there_too(tmp_path, monkeypatch):
    """One rule for all, however the value came."""
    environ = {"GATEWAY__keys__file": "k.json", "PLACE": "sqlite:p.db"}

    settings = loaded(tmp_path, monkeypatch, environ, store="${PLACE}")

    assert settings.keys.file == f"{tmp_path}/k.json"
    assert settings.store.get_secret_value() == f"sqlite:{tmp_path}/p.db"


def test_secrets_and_ca_bundles_start_there_too(tmp_path, monkeypatch):
    """`file:` and `ca_file`."""
    (tmp_path / "secret").write_text("s3cret\n")
    corp = CORP | {"client_secret": "file:secret", "ca_file": "corp-ca.pem", "user": "corp:{sub}"}
    other = CORP | {"user": "other:{sub}"}

    settings = loaded(tmp_path, monkeypatch, providers={"corp": corp, "other": other})

    assert settings.providers["corp"].client_secret.get_secret_value() == "s3cret"
    assert settings.providers["corp"].ca_file == f"{tmp_path}/corp-ca.pem"
    assert settings.providers["other"].ca_file is None


@pytest.mark.parametrize("ca_file", [None, ""])
def test_no_bundle_stays_none(tmp_path, monkeypatch, ca_file):
    """An empty text is no path, and does not become the folder."""
    settings = loaded(tmp_path, monkeypatch, providers={"corp": CORP | {"ca_file": ca_file}})

    assert not settings.providers["corp"].ca_file


def test_an_empty_key_file_is_a_fault(tmp_path, monkeypatch):
    """It would be the folder itself."""
    with pytest.raises(SettingsFault, match=r"keys\.file: is empty"):
        loaded(tmp_path, monkeypatch, keys={"file": ""})


def test_a_file_in_the_working_directory_keeps_short_paths(tmp_path, monkeypatch):
    """Messages name what the operator wrote."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gateway.yaml").write_text(yaml.safe_dump(changed()))

    settings = load("gateway.yaml", {})

    assert settings.keys.file == "data/gateway-keys.json"
    assert settings.store.file == "data/gateway.db"


@pytest.mark.parametrize("store", ["redis://redis:6379/0", "unix:///run/redis.sock"])
def test_a_store_that_is_reached_by_address_is_no_path(tmp_path, monkeypatch, store):
    """It stays as it is, and has no file."""
    settings = loaded(tmp_path, monkeypatch, store=store)

    assert settings.store.get_secret_value() == store
    assert settings.store.file == ""
