"""Limits of passwords that count less than they seem to: what `gateway check` says of them."""

import pytest

from gateway.settings import checks
from tests.kit.config_file import paths, settings

DOMAINS = {"EXAMPLE": ["corp.example.com"], "PARTNER": ["partner.example.com"]}
API = {"type": "ad-api", "url": "https://ad-api.example.com/api/auth/login", "domains": DOMAINS}
LDAP = {
    "type": "ldap",
    "urls": ["ldaps://dc1.example.com"],
    "base": "DC=corp,DC=example,DC=com",
    "bind_dn": "gateway@corp.example.com",
    "bind_password": "secret",
    "domains": DOMAINS,
}


def noted(section, **limits):
    read = settings(providers={"corp": section}, login={"passwords": limits})
    assert checks.faults(read) == ()
    return [fault for fault in checks.warnings(read) if "tries" in fault.what]


@pytest.mark.parametrize(
    "section", [API, {**LDAP, "bind_dn": None, "bind_password": None}], ids=["an API", "no service account"]
)
def test_domains_that_are_counted_apart_are_noted(section):
    """With what to write, and no more once that is written."""
    section = {key: value for key, value in section.items() if value is not None}
    [fault] = noted(section)

    assert paths([fault]) == ["providers.corp.domains"]
    assert "14 tries" in fault.what
    assert "per_account: 4" in fault.instead
    assert noted(section, per_account=4) == []


@pytest.mark.parametrize(
    "section",
    [LDAP, {**API, "domains": {"EXAMPLE": ["corp.example.com"]}}],
    ids=["who is found", "one domain"],
)
def test_where_one_account_is_counted_once_nothing_is_noted(section):
    """A service account says whom a name means; two spellings of one domain are one name."""
    assert noted(section) == []
