"""The section of a directory: what it must say, what goes out in the clear, and which spellings of a domain are one."""

import pytest

from gateway.settings import checks
from gateway.settings.ldap import LdapProvider
from gateway.settings.ldap_address import read_ldap_address
from tests.kit.config_file import faults_of, paths, settings

FINE = {
    "type": "ldap",
    "urls": ["ldaps://dc1.example.com", "ldaps://dc2.example.com"],
    "base": "OU=Staff,DC=corp,DC=example,DC=com",
    "bind_dn": "gateway@corp.example.com",
    "bind_password": "secret",
}
OPENLDAP = {
    **FINE,
    "directory": "openldap",
    "base": "ou=people,dc=example,dc=com",
    "bind_dn": "cn=gateway,dc=example",
}


def section(**changes):
    return {name: value for name, value in {**FINE, **changes}.items() if value is not None}


def read(**changes):
    return settings(providers={"corp": section(**changes)})


@pytest.mark.parametrize("written", [FINE, OPENLDAP])
def test_a_short_section_is_enough(written):
    """Each kind of directory has its own defaults."""
    assert checks.faults(settings(providers={"corp": written})) == ()


def test_the_kind_of_directory_chooses_the_defaults():
    """And what is written counts in place of them."""
    active, other = (
        LdapProvider.model_validate(FINE),
        LdapProvider.model_validate({**OPENLDAP, "key": "nsUniqueId"}),
    )

    assert (active.user, active.key, active.groups, active.group_name) == (
        "{sAMAccountName}",
        "objectGUID",
        "token-groups",
        "sAMAccountName",
    )
    assert (other.user, other.key, other.groups, other.group_name) == ("{uid}", "nsUniqueId", "search", "cn")


def test_groups_are_searched_in_the_whole_domain():
    """They seldom stand below the people."""
    assert LdapProvider.model_validate(FINE).groups_under == "DC=corp,DC=example,DC=com"
    assert LdapProvider.model_validate({**FINE, "group_base": "OU=Groups"}).groups_under == "OU=Groups"


def test_every_spelling_of_a_domain_leads_to_one():
    """Its canonical form is one of them; without any, Active Directory's own name is."""
    named = LdapProvider.model_validate({**FINE, "domains": {"Corp.example.com": ["CORP", "example.com"]}})

    assert named.spellings == {
        "corp": "corp.example.com",
        "example.com": "corp.example.com",
        "corp.example.com": "corp.example.com",
    }
    assert named.usual_domain == "corp.example.com"
    assert LdapProvider.model_validate(FINE).spellings == {"corp.example.com": "corp.example.com"}
    assert LdapProvider.model_validate(OPENLDAP).spellings == {}


def test_the_first_of_several_domains_is_meant_by_who_writes_none():
    """Or the one that is named."""
    two = {"corp.example.com": ["CORP"], "lab.example.com": ["LAB"]}

    assert LdapProvider.model_validate({**FINE, "domains": two}).usual_domain == "corp.example.com"
    assert (
        LdapProvider.model_validate({**FINE, "domains": two, "domain": "LAB.example.com"}).usual_domain
        == "lab.example.com"
    )


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("ldaps://DC1.example.com", "ldaps://dc1.example.com:636"),
        ("ldap://dc1.example.com/", "ldap://dc1.example.com:389"),
        ("ldaps://[2001:db8::1]:3269", "ldaps://[2001:db8::1]:3269"),
    ],
)
def test_an_address_is_read_with_its_usual_port(url, shown):
    """In one form."""
    assert str(read_ldap_address(url)) == shown


@pytest.mark.parametrize(
    "url",
    [
        "https://dc1",
        "ldaps://",
        "ldaps://u@dc1",
        "ldaps://dc1/DC=x",
        "ldaps://dc1?uid",
        "ldaps://dc1:0",
        "ldapi:///x",
        "ldaps://dc1:99999",
    ],
)
def test_what_is_no_address_of_a_controller_is_a_fault(tmp_path, url):
    """A base or a filter in it would be passed over in silence."""
    assert any(
        "providers.corp.urls[0]" in line
        for line in faults_of(
            tmp_path, {"PW": "x"}, providers={"corp": section(urls=[url], bind_password="${PW}")}
        )
    )


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"urls": ["ldap://dc1.example.com"]}, "providers.corp.urls[0]"),
        ({"starttls": True}, "providers.corp.urls[0]"),
        ({"bind_password": None}, "providers.corp"),
        ({"bind_password": ""}, "providers.corp"),
        ({"bind_dn": None}, "providers.corp"),
        ({"bind_dn": None, "bind_password": None, "base": "O=Example"}, "providers.corp"),
        ({"directory": "openldap", "bind_dn": None, "bind_password": None}, "providers.corp"),
        ({"base": "corp.example.com"}, "providers.corp.base"),
        ({"group_base": "Groups"}, "providers.corp.group_base"),
        ({"domain": "elsewhere"}, "providers.corp.domain"),
        ({"domains": {"a.example": ["A"], "b.example": ["a"]}}, "providers.corp.domains"),
        ({"filter": "(uid=ann)"}, "providers.corp.filter"),
        ({"filter": "uid={name}"}, "providers.corp.filter"),
        ({"filter": "(uid={name}"}, "providers.corp.filter"),
        ({"filter": "(uid={name}{typed})"}, "providers.corp.filter"),
        ({"groups": "in-chain"}, "providers.corp.wanted_groups"),
        ({"wanted_groups": ["staff"]}, "providers.corp.wanted_groups"),
        ({"groups": "search"}, "providers.corp.group_filter"),
        ({"directory": "openldap", "groups": "token-groups"}, "providers.corp.groups"),
        ({"recheck": 0}, "providers.corp.recheck"),
        ({"connect_timeout": "5s"}, "providers.corp.connect_timeout"),
        ({"receive_timeout": 0}, "providers.corp.receive_timeout"),
    ],
)
def test_what_one_key_needs_of_another_is_demanded(changes, path):
    """Each with its place."""
    assert path in paths(checks.faults(read(**changes)))


@pytest.mark.parametrize(
    "changes", [{"urls": ["ldap://dc1.example.com"], "starttls": True}, {"urls": ["ldap://127.0.0.1:3890"]}]
)
def test_without_tls_at_once_it_is_raised_or_stays_on_the_machine(changes):
    """Nothing else goes out."""
    assert checks.faults(read(**changes)) == ()


def test_a_directory_without_a_second_look_is_noted():
    """It may be meant so: what is not noticed stands there, and both ways to notice it."""
    [note] = checks.warnings(read(bind_dn=None, bind_password=None))

    assert note.path == ("providers", "corp")
    for word in ("disabled", "another password", "group", "bind_dn", "relogin: true"):
        assert word in str(note)
    assert checks.warnings(read()) == ()


def test_kept_passwords_are_a_second_look():
    """Where there is no service account."""
    assert checks.warnings(read(bind_dn=None, bind_password=None, relogin=True)) == ()


def test_passwords_that_are_kept_for_nothing_are_noted():
    """Of Active Directory a service account reads when they were changed; of OpenLDAP not everywhere."""
    assert paths(checks.warnings(read(relogin=True))) == ["providers.corp.relogin"]
    openldap = settings(providers={"corp": {**OPENLDAP, "relogin": True}})
    assert checks.warnings(openldap) == ()


def test_the_order_of_the_controllers_makes_nobody_somebody_else():
    """People belong to the base, whoever answers for it."""
    one = LdapProvider.model_validate(FINE)
    other = LdapProvider.model_validate({**FINE, "urls": ["ldaps://dc9.example.com"]})

    assert one.home == other.home == "ldap:///ou=staff,dc=corp,dc=example,dc=com"


def test_the_password_of_the_service_account_is_in_no_repr():
    """Nor in a fault."""
    assert "secret" not in repr(LdapProvider.model_validate(FINE))
