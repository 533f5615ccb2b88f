"""A look at a directory before anybody depends on it: what is said of its controllers, its service account, its people."""

import pytest

from gateway.providers.ldap.provider import Ldap
from gateway.providers.ldap.refusals import Outcome
from gateway.providers.ldap.wire import Found
from gateway.settings.ldap import LdapProvider
from tests.kit.fake_directory import YES, FakeDirectory, entry

pytestmark = pytest.mark.anyio
SERVICE, PASSWORD = "CN=Reader,DC=example,DC=com", "of-the-service"
SECTION = {
    "type": "ldap",
    "urls": ["ldaps://one.example.com", "ldaps://two.example.com"],
    "base": "DC=example,DC=com",
    "bind_dn": SERVICE,
    "bind_password": PASSWORD,
}
READABLE = {
    "objectGUID": bytes(16),
    "userAccountControl": "512",
    "pwdLastSet": "133000000000000000",
}


def people(count, **attributes):
    return tuple(entry(f"CN={number},DC=example,DC=com", **attributes) for number in range(count))


def directory_of(*found, code=0):
    return FakeDirectory({SERVICE: PASSWORD}, lambda search: Found(Outcome(code), found[: search.limit]))


async def surveyed(directory, **changes):
    """Lines, and findings as (path, breaks, sentence)."""
    section = {name: value for name, value in {**SECTION, **changes}.items() if value is not None}
    provider = Ldap(LdapProvider.model_validate(section), "corp", several=False, dial=directory.dial)
    seen = await provider.survey()
    await provider.close()
    found = [(".".join(map(str, one.fault.path[2:])), one.breaks, str(one.fault)) for one in seen.findings]
    return list(seen.lines), found


async def test_a_directory_that_fits_is_told_in_lines_and_nothing_is_left_open():
    """Its controllers, its service account, and how many people there are."""
    directory = directory_of(*people(3, **READABLE))

    lines, found = await surveyed(directory)

    assert lines == [
        ("controller", "ldaps://one.example.com:636 answers, over TLS"),
        ("controller", "ldaps://two.example.com:636 answers, over TLS"),
        ("account", f"{SERVICE} signs in"),
        ("people", "3"),
    ]
    assert found == []
    assert directory.open == 0
    assert {name for name, _ in directory.binds} == {SERVICE}


async def test_more_people_than_one_answer_holds_are_more():
    """Active Directory gives a thousand, and says that there are others."""
    lines, found = await surveyed(directory_of(*people(1001, **READABLE), code=4))

    assert ("people", "1000 or more") in lines
    assert found == []


async def test_a_refused_service_account_is_tried_at_no_other_controller():
    """Each no counts, and it is everybody's account; whether the others answer is seen all the same."""
    directory = directory_of(*people(1, **READABLE))

    lines, found = await surveyed(directory, bind_password="wrong")

    assert len(directory.binds) == 1
    assert directory.dialled == ["one.example.com", "two.example.com"]
    assert [name for name, _ in lines] == ["controller", "controller"]
    [(path, breaks, sentence)] = found
    assert (path, breaks) == ("", True)
    assert "compare bind_dn and bind_password" in sentence
    assert "wrong;" not in sentence


async def test_one_controller_that_is_down_is_a_warning_and_all_of_them_are_a_fault():
    """People sign in by the other."""
    one, both = directory_of(*people(1, **READABLE)), directory_of()
    one.down, both.down = {"one.example.com"}, {"one.example.com", "two.example.com"}

    lines, found = await surveyed(one)
    no_lines, all_found = await surveyed(both)

    assert [(path, breaks) for path, breaks, _ in found] == [("urls.0", False)]
    assert ("people", "1") in lines
    assert no_lines == []
    assert [(path, breaks) for path, breaks, _ in all_found] == [("urls.0", True), ("urls.1", True)]


async def test_a_controller_that_says_nothing_is_one_that_is_down():
    """It took the connection; the others are asked."""
    directory = directory_of(*people(1, **READABLE))
    directory.silent = {"one.example.com"}

    lines, found = await surveyed(directory)

    assert lines[-1] == ("people", "1")
    assert [(path, breaks) for path, breaks, _ in found] == [("urls.0", False)]
    assert directory.open == 0


@pytest.mark.parametrize(
    ("directory", "path", "sentence"),
    [
        (directory_of(), "base", "nobody is found under it"),
        (directory_of(code=32), "", "base is not there: compare base and bind_dn"),
        (directory_of(*people(2, **{**READABLE, "objectGUID": "short"})), "key", "objectGUID can be read of nobody"),
        (directory_of(*people(2, objectGUID=bytes(16))), "bind_dn", "userAccountControl and pwdLastSet can be read"),
    ],
    ids=["nobody there", "no such base", "no key", "no state"],
)  # fmt: skip
async def test_what_a_login_needs_and_nobody_can_read_is_a_fault(directory, path, sentence):
    """Each at its key, with what to do about it."""
    _, found = await surveyed(directory)

    assert [(place, breaks) for place, breaks, _ in found] == [(path, True)]
    assert sentence in found[0][2]


async def test_without_a_service_account_controllers_alone_are_looked_at():
    """Nobody's password is at hand."""
    directory = directory_of(*people(1, **READABLE))

    lines, found = await surveyed(directory, bind_dn=None, bind_password=None)

    assert directory.binds == []
    assert directory.searches == []
    assert lines[-1][0] == "account"
    assert lines[-1][1].startswith("none:")
    assert found == []


@pytest.mark.parametrize(
    ("written", "later"),
    [
        ({}, "nobody looks at their account again"),
        ({"relogin": True, "recheck": "30m"}, "are signed in again every 30m by their kept password"),
    ],
)
async def test_what_becomes_of_people_without_a_service_account_is_said(written, later):
    """Whether anybody looks again, and how."""
    lines, _ = await surveyed(directory_of(), bind_dn=None, bind_password=None, **written)

    assert lines[-1] == ("account", f"none: people search themselves, and {later}")


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ({}, "(&(objectCategory=person)(objectClass=user))"),
        ({"filter": "(&(objectClass=person)(mail={name}@{domain}))"}, "(&(objectClass=person)(mail=*))"),
    ],
)
async def test_those_are_counted_whom_a_login_could_find(written, asked):
    """By the filter of the section, with anything in the place of a name."""
    directory = FakeDirectory({SERVICE: PASSWORD}, lambda _: Found(YES, people(1, **READABLE)))

    await surveyed(directory, **written)

    assert directory.searches[0].filter == asked
    assert directory.searches[0].limit == 1000
