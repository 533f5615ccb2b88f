"""What `gateway check --online` prints, word for word. `make golden` writes the files anew; the diff is the review."""

import re
from pathlib import Path

import pytest
import yaml

from tests.golden.test_golden_cli_check import CLI, compare, transcript
from tests.kit.client_keys import pem
from tests.kit.config_file import changed
from tests.kit.scripted_provider import ScriptedProvider
from tests.kit.servers import free_port
from tests.kit.threaded_provider import served

OFFERED = {
    "response_types_supported": ["code"],
    "grant_types_supported": ["authorization_code", "refresh_token"],
    "scopes_supported": ["openid", "profile", "email", "offline_access"],
    "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
    "code_challenge_methods_supported": ["S256"],
    "id_token_signing_alg_values_supported": ["RS256", "PS256"],
    "prompt_values_supported": ["none", "login"],
    "backchannel_logout_supported": True,
    "backchannel_logout_session_supported": True,
}
STRICT = {
    "client_auth": "private_key_jwt",
    "client_key": "file:client-key.pem",
    "security": "strict",
    "user": "corp:{sub}",
}
WRONG = {
    "client_secret": "file:secret",
    "scopes": ["openid", "groups"],
    "algorithms": ["ES256"],
    "prompt": "consent",
    "user": "corp:{sub}",
}


def online(folder: Path, section: dict[str, object], **others: dict[str, object]) -> str:
    """The transcript for a provider with this section; ports and the version of the moment are left out."""
    (folder / "client-key.pem").write_text(pem("rsa"))
    (folder / "secret").write_text("s3cr3t")
    with served(ScriptedProvider(lambda: 1_800_000_000.0, metadata=OFFERED)) as issuer:
        providers = {"corp": {"issuer": issuer, "client_id": "gateway"} | section} | others
        text = yaml.safe_dump(changed(providers=providers), sort_keys=False)
        (folder / "gateway.yaml").write_text(text)
        return re.sub(r"127\.0\.0\.1:\d{5}", "127.0.0.1:PORT", transcript(folder, "check", "--online"))


@pytest.mark.parametrize(
    ("name", "section"),
    [
        pytest.param("check-online-strict", STRICT, id="a-provider-that-fits"),
        pytest.param("check-online-wrong", WRONG, id="one-that-does-not"),
    ],
)
def test_the_look_at_a_provider_is_as_reviewed(tmp_path, name, section):
    """What it offers, the strongest profile that would work, and each mismatch at its path."""
    compare(CLI / f"{name}.txt", online(tmp_path, section))


def test_a_provider_that_is_down_is_told_beside_the_others(tmp_path):
    """One line for it, and the report on the other."""
    down = {"issuer": f"http://127.0.0.1:{free_port()}", "client_id": "gateway", "user": "down:{sub}"}

    compare(CLI / "check-online-down.txt", online(tmp_path, STRICT, down=down))
