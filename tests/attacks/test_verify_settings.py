"""A configuration that would leave a door open is refused at the start, or cannot be written at all."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from gateway.settings import checks
from gateway.settings.access import Criteria, RuleSettings
from gateway.settings.model import Settings
from tests.kit.verify_house import WRITTEN

CONFIG = Path(__file__).parents[2] / "config"
SHIPPED = [
    path
    for kind in ("nginx", "traefik", "caddy", "haproxy")
    for path in (CONFIG / kind).rglob("*")
    if path.is_file()
]


def starts(changes):
    """Whether a gateway with these sections would start."""
    try:
        settings = Settings.model_validate({**WRITTEN, **changes})
    except ValidationError:
        return False
    return not checks.faults(settings)


def test_e43_the_configuration_of_these_tests_is_one_that_starts():
    """Else the table below would prove nothing."""
    assert starts({})


STARTLESS = [
    pytest.param(
        {"rules": [{"allow": "public"}, {"allow": "authenticated"}]}, id="a rule that is never reached"
    ),
    pytest.param(
        {"rules": [{"name": "a", "allow": "public"}, {"name": "a", "allow": "authenticated"}]},
        id="two of a name",
    ),
    pytest.param(
        {"rules": [{"providers": ["missing"], "allow": "authenticated"}]}, id="a provider that is missing"
    ),
    pytest.param(
        {"rules": [{"hosts": ["other.example.org"], "allow": "public"}]}, id="a host that is not protected"
    ),
    pytest.param({"rules": [{"paths": ["regex:("], "allow": "public"}]}, id="w24 an expression that is none"),
    pytest.param(
        {"rules": [{"paths": ["regex:(a+)+b"], "allow": "public"}]}, id="an expression that never ends"
    ),
    pytest.param({"rules": [{"allow": {}}]}, id="criteria that say nothing"),
    pytest.param(
        {"providers": {"corp": {"issuer": "https://accounts.google.com", "client_id": "g"}}},
        id="the whole world",
    ),
    pytest.param({"sessions": {"cookie_domain": "com"}}, id="a cookie for a public suffix"),
    pytest.param({"hosts": ["http://app.example.com"]}, id="a host in the clear"),
    pytest.param(
        {"server": {"trusted_proxies": ["127.0.0.1/32"], "verify_secret": "x"}}, id="a secret that is none"
    ),
    pytest.param(
        {"server": {"trusted_proxies": ["127.0.0.1/32"], "verify_bind": "same"}},
        id="one port without a secret",
    ),
    pytest.param({"headers": {"user": "X-Who", "name": "x-who"}}, id="one header for two things"),
    pytest.param(
        {"headers": {"user": "X-Forwarded-User", "groups": "Cookie"}}, id="a header with another meaning"
    ),
]


@pytest.mark.parametrize("changes", STARTLESS)
def test_e43_w24_p25_what_contradicts_itself_does_not_start(changes):
    """So that it is not found out by the first attacker."""
    assert not starts(changes)


@pytest.mark.parametrize(
    "matcher",
    [
        "headers",
        "header",
        "user_agent",
        "query",
        "cookies",
        "referer",
        "content_type",
        "networks_by_header",
        "block",
        "skip_auth",
    ],
)
def test_w12_w25_o11_a_rule_cannot_ask_what_a_client_can_write(matcher):
    """No rule turns auth off by a header, a query or a User-Agent: there is no word for it."""
    with pytest.raises(ValidationError):
        RuleSettings.model_validate({"allow": "public", matcher: ["GoogleHC/1.0"]})
    with pytest.raises(ValidationError):
        Criteria.model_validate({"groups": ["a"], matcher: ["x"]})


@pytest.mark.parametrize("word", ["off", "none", "bypass", "", None, True, "PUBLIC", "all"])
def test_w24_a_rule_that_turns_auth_off_says_public_and_nothing_else(word):
    """So that it is found by reading, and a slip of the pen is a fault and not an open door."""
    with pytest.raises(ValidationError):
        RuleSettings.model_validate({"allow": word})


@pytest.mark.parametrize("pattern", ["regex:(", "regex:*", "regex:[", "x", "", "regex:"])
def test_w24_a_pattern_that_is_none_never_becomes_one_that_fits_nothing(pattern):
    """A broken `block` expression switched auth off elsewhere."""
    rules = [{"paths": [pattern], "allow": {"groups": ["admins"]}}, {"allow": "authenticated"}]

    assert not starts({"rules": rules})


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: str(path.relative_to(CONFIG)))
def test_a30_t14_no_shipped_file_strips_a_path_in_front_of_the_check(path):
    """CVE-2026-40912: policy has to see the path that the public sees."""
    text = path.read_text(encoding="utf-8").lower()

    for word in (
        "stripprefix",
        "replacepath",
        "strip_prefix",
        "handle_path",
        "uri replace",
        "set-path",
        "replace-path",
        "proxy_cache ",
    ):
        assert word not in text


def test_a30_there_are_shipped_files_to_look_at():
    """An empty list would pass the test above."""
    assert len(SHIPPED) >= 4
