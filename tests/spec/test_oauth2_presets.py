"""Sections of vendors: what follows from what is written, and who may come where nothing was."""

import pytest

from gateway.settings.oauth2_presets import DiscordProvider, GitHubProvider
from gateway.settings.tenant_presets import DingTalkProvider, FeishuProvider
from tests.kit.config_file import faults_of

SECTIONS = (GitHubProvider, DiscordProvider, DingTalkProvider, FeishuProvider)


@pytest.mark.parametrize("section", SECTIONS)
def test_every_key_of_a_vendor_is_described(section):
    """Editors show it."""
    assert all(field.description for field in section.model_fields.values())


CLIENT = {"client_id": "g", "client_secret": "${SECRET}", "anyone": True}


def test_one_claim_that_is_written_takes_back_no_other():
    """Nickname and picture stay where DingTalk has them."""
    section = DingTalkProvider.model_validate(
        {"type": "dingtalk", "client_id": "g", "anyone": True, "claims": {"subject": "openId"}}
    )

    assert (section.claims.subject, section.claims.name, section.claims.email_verified) == (
        "openId",
        "nick",
        "",
    )


def test_endpoints_that_are_written_go_before_those_that_follow():
    """A region's or a test's own."""
    section = DingTalkProvider.model_validate(
        {
            "type": "dingtalk",
            "client_id": "g",
            "hosts": "international",
            "token_endpoint": "https://api.dingtalk.example/token",
        }
    )

    assert section.token_endpoint == "https://api.dingtalk.example/token"
    assert section.userinfo_endpoint == "https://api.dingtalk.io/v1.0/contact/users/me"


@pytest.mark.parametrize(
    ("kind", "key", "value"),
    [
        ("github", "url", "ghe.example.com"),
        ("github", "url", 7),
        ("dingtalk", "hosts", "mars"),
        ("dingtalk", "hosts", ["china"]),
        ("discord", "scopes", "identify"),
        ("feishu", "claims", "union_id"),
        ("github", "groups", "all"),
    ],
)
def test_a_damaged_value_is_one_fault_at_its_own_key(tmp_path, kind, key, value):
    """What would have followed from it has its usual default, and no fault of its own."""
    section = CLIENT | {"type": kind, key: value}

    found = faults_of(tmp_path, {"SECRET": "s"}, providers={"v": section})

    assert len(found) == 1
    assert f"providers.v.{key}" in found[0]


def test_an_unknown_type_is_answered_with_those_that_there_are(tmp_path):
    """Each by its name."""
    found = faults_of(tmp_path, {"SECRET": "s"}, providers={"v": CLIENT | {"type": "githbu"}})

    assert len(found) == 1
    assert all(name in found[0] for name in ("github", "discord", "dingtalk", "feishu", "lark"))


@pytest.mark.parametrize(
    "host",
    ["login.dingtalk.com", "login.dingtalk.io", "accounts.feishu.cn", "accounts.larksuite.com", "github.com"],
)
def test_the_general_type_pointed_at_a_public_vendor_is_asked_who_may_come(tmp_path, host):
    """The address gives it away, whatever the section calls itself."""
    section = {
        "type": "oauth2",
        "client_id": "g",
        "authorization_endpoint": f"https://{host}/authorize",
        "token_endpoint": f"https://{host}/token",
        "userinfo_endpoint": f"https://{host}/me",
        "user": "v:{id}",
        "claims": {"subject": "id"},
    }

    assert "makes an account" in "".join(faults_of(tmp_path, providers={"v": section}))


def test_vendors_side_by_side_share_no_names(tmp_path):
    """Their defaults keep their people apart, without a word of the operator's."""
    kinds = ("github", "discord", "dingtalk", "feishu", "lark")
    sections = {kind: CLIENT | {"type": kind} for kind in kinds}

    assert faults_of(tmp_path, {"SECRET": "s"}, providers=sections) == []
    both = faults_of(tmp_path, {"SECRET": "s"}, providers={**sections, "other": CLIENT | {"type": "github"}})
    assert len(both) == 1
    assert "providers.other.user" in both[0]
