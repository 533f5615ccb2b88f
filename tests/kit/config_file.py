"""Configurations for tests: a small one that is fine, changes to it, and the faults that come of them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from gateway.errors import SettingsFault
from gateway.settings.fault import Fault, show_path
from gateway.settings.load import load
from gateway.settings.model import Settings

FINE: Mapping[str, Any] = {
    "public_url": "https://auth.example.com",
    "hosts": ["https://app.example.com", "https://*.apps.example.com"],
    "rules": [{"name": "everyone", "allow": "authenticated"}],
    "providers": {"corp": {"issuer": "https://idp.example.com", "client_id": "gateway"}},
    "server": {"trusted_proxies": ["127.0.0.1/32"]},
    "sessions": {"cookie_domain": "example.com"},
}


def changed(**changes: Any) -> dict[str, Any]:
    """The fine configuration with top-level keys replaced; sections are merged, `None` removes a key."""
    merged = {key: value for key, value in FINE.items() if changes.get(key, value) is not None}
    for key, value in changes.items():
        if value is not None:
            merges = isinstance(value, dict) and key in {"server", "sessions"}
            merged[key] = {**FINE.get(key, {}), **value} if merges else value
    return merged


def settings(**changes: Any) -> Settings:
    """Settings past the model, before the checks."""
    return Settings.model_validate(changed(**changes))


def faults_of_text(folder: Path, text: str, environ: Mapping[str, str] | None = None) -> list[str]:
    """Every fault of a file with this text, as `gateway check` prints it; none where it loads."""
    path = folder / "gateway.yaml"
    path.write_text(text)
    try:
        load(path, environ or {})
    except SettingsFault as fault:
        return [line.replace(str(path), "gateway.yaml") for line in fault.faults]
    return []


def faults_of(folder: Path, environ: Mapping[str, str] | None = None, **changes: Any) -> list[str]:
    """As `faults_of_text`, for the fine configuration with changes."""
    return faults_of_text(folder, yaml.safe_dump(changed(**changes), sort_keys=False), environ)


def paths(found: tuple[Fault, ...]) -> list[str]:
    return [show_path(fault.path) for fault in found]
