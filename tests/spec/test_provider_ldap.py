"""A directory as a provider, without one: what is asked, what is believed, and who is asked again."""

import asyncio
import dataclasses
import subprocess
import sys
import threading

import pytest

from gateway.errors import (
    PasswordRefused,
    ProviderLied,
    ProviderMisconfigured,
    ProviderRefused,
    ProviderUnavailable,
)
from gateway.providers.ldap.provider import Ldap
from gateway.providers.ldap.refusals import Outcome
from gateway.providers.ldap.wire import Found, Scope
from gateway.settings.ldap import LdapProvider
from tests.kit.fake_directory import YES, FakeDirectory, entry

pytestmark = pytest.mark.anyio
NOW = 1_795_000_000
GUID = bytes(range(16))
ANN = "CN=Ann,DC=example,DC=com"
SERVICE, SERVICE_PASSWORD = "CN=Reader,DC=example,DC=com", "of-the-service"
SECTION = {
    "type": "ldap",
    "urls": ["ldaps://one.example.com", "ldaps://two.example.com"],
    "base": "DC=example,DC=com",
    "bind_dn": SERVICE,
    "bind_password": SERVICE_PASSWORD,
}
PERSON = {
    "objectGUID": GUID,
    "sAMAccountName": "ann",
    "displayName": "Ann Example",
    "mail": "ann@example.com",
    "userAccountControl": "512",
    "pwdLastSet": "133000000000000000",
    "accountExpires": "9223372036854775807",
}
SID, OTHER_SID = b"\x01\x05\x01", b"\x01\x05\x02"


def person(**changes):
    return entry(ANN, **{name: value for name, value in {**PERSON, **changes}.items() if value is not None})


def active_directory(*found, groups=(("staff", SID),)):
    """Its answers: the people that are found, and their groups by SID."""

    def answers(search):
        if search.attributes == ("tokenGroups",):
            return Found(
                YES, (dataclasses.replace(found[0], attributes={"tokengroups": tuple(s for _, s in groups)}),)
            )
        if "objectSid" in search.filter:
            return Found(YES, tuple(entry(f"CN={name}", sAMAccountName=name) for name, _ in groups))
        if search.scope is Scope.BASE:
            return Found(YES, found[:1])
        return Found(YES, found[: search.limit or None])

    return FakeDirectory({SERVICE: SERVICE_PASSWORD, ANN: "right"}, answers)


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


def provider_of(directory, timer=None, **changes):
    section = {name: value for name, value in {**SECTION, **changes}.items() if value is not None}
    extra = {"timer": timer} if timer else {}
    return Ldap(LdapProvider.model_validate(section), "corp", several=False, dial=directory.dial, **extra)


async def sign_in(provider, typed="ann", password="right"):
    return await provider.check_password(provider.account(typed, ""), password, NOW)


async def test_a_person_is_found_bound_once_and_read_back():
    """The service account searches, the person's own connection proves, and nothing stays open but what is kept."""
    directory = active_directory(person())
    provider = provider_of(directory)

    result = await sign_in(provider)

    assert directory.binds == [(SERVICE, SERVICE_PASSWORD), (ANN, "right")]
    assert directory.open == 1
    await provider.close()
    assert directory.open == 0
    assert result.identity.subject == "03020100-0504-0706-0809-0a0b0c0d0e0f"
    assert result.identity.groups == ("staff",)
    assert result.identity.amr == ("pwd",)
    assert result.grant.password == ""


async def test_a_refusal_is_asked_of_nobody_else():
    """Neither the other controller nor the same one hears that password again."""
    directory = active_directory(person())
    provider = provider_of(directory)

    with pytest.raises(PasswordRefused):
        await sign_in(provider, password="wrong")

    assert [name for name, _ in directory.binds].count(ANN) == 1


async def test_a_bind_without_an_answer_is_asked_of_nobody_else():
    """It may have been counted all the same."""
    directory = active_directory(person())
    provider = provider_of(directory)
    await sign_in(provider)
    binds = []

    class Mute:
        def bind(self, name, password):
            binds.append(name)
            raise ProviderUnavailable("corp", "no answer")

        def close(self):
            pass

    provider._directory._dial = lambda *_: Mute()
    with pytest.raises(ProviderUnavailable):
        await sign_in(provider)

    assert binds == [ANN]


async def test_an_unknown_name_takes_the_same_way():
    """Somebody who is nobody is bound in their place: as many questions, and the same answer."""
    known, unknown = active_directory(person()), active_directory()

    for directory in (known, unknown):
        with pytest.raises(PasswordRefused) as no:
            await sign_in(provider_of(directory), password="wrong")
        assert no.value.reason == "wrong_password"

    assert len(known.binds) == len(unknown.binds) == 2
    assert len(known.searches) == len(unknown.searches)
    assert known.dialled == unknown.dialled


async def test_nobody_does_not_sign_in_even_with_a_password():
    """A directory that says yes to the name of nobody has said nothing."""
    directory = active_directory()
    directory.passwords["CN=gateway-nobody,DC=example,DC=com"] = "right"

    with pytest.raises(PasswordRefused):
        await sign_in(provider_of(directory))


@pytest.mark.parametrize("password", ["", "a\0b", "x" * 257, "\ud800"])
async def test_what_is_no_password_reaches_nobody(password):
    """Neither searched for, nor bound."""
    directory = active_directory(person())

    with pytest.raises(PasswordRefused):
        await sign_in(provider_of(directory), password=password)

    assert directory.dialled == []


async def test_two_people_of_one_name_are_nobody():
    """Which of them is meant, nobody knows."""
    other = entry("CN=Other,DC=example,DC=com", **{**PERSON, "objectGUID": bytes(16)})

    with pytest.raises(PasswordRefused):
        await sign_in(provider_of(active_directory(person(), other)))


async def test_a_yes_that_sees_another_entry_is_no_yes():
    """What is read back must be who was found."""
    directory = active_directory(person())
    usual = directory.answers

    def swapped(search):
        if search.scope is Scope.BASE and search.attributes == ("objectGUID",):
            return Found(YES, (person(objectGUID=bytes(16)),))
        return usual(search)

    directory.answers = swapped
    with pytest.raises(ProviderLied, match="read back"):
        await sign_in(provider_of(directory))


async def test_groups_that_cannot_be_read_are_not_no_groups():
    """Everybody is in one at least: an empty list is a service account without the right to look."""
    directory = active_directory(person(), groups=())

    with pytest.raises(ProviderMisconfigured, match="Windows Authorization Access Group"):
        await sign_in(provider_of(directory))


async def test_without_a_service_account_the_entry_that_was_found_is_bound_too():
    """Who signed in under a name need not be the entry that a search by it finds."""
    directory = active_directory(person())
    directory.passwords = {"ann@example.com": "right", ANN: "of somebody else"}

    with pytest.raises(PasswordRefused):
        await sign_in(provider_of(directory, bind_dn=None, bind_password=None))

    assert directory.binds == [("ann@example.com", "right"), (ANN, "right")]


@pytest.mark.parametrize("name", ["ann)(cn=*", "a*", "ann\\5c", "ä", "a b", "ann,dc=x", "\u2028x", "x" * 300])
async def test_no_name_ends_its_place_in_a_filter(name):
    """Whatever is typed stands in the filter as letters, digits and escapes."""
    directory = active_directory(person())
    provider = provider_of(directory)

    with pytest.raises(PasswordRefused):
        await sign_in(provider, name, "wrong")

    for search in directory.searches:
        values = search.filter.replace("(&(objectCategory=person)(objectClass=user)(|(sAMAccountName=", "")
        assert values.count("(") == 1
        assert "*" not in values


# Who is asked


async def test_a_controller_that_is_down_is_passed_over_and_marked():
    """The second one answers, and the first is left alone for half a minute."""
    clock, directory = Clock(), active_directory(person())
    directory.down = {"one.example.com"}
    provider = provider_of(directory, clock)

    await sign_in(provider)
    await sign_in(provider)
    assert directory.dialled.count("one.example.com") == 1

    clock.now += 31
    directory.down = set()
    await sign_in(provider)
    assert directory.dialled[-1] == "one.example.com"


async def test_where_all_are_marked_all_are_asked():
    """A mark keeps nobody out when there is nobody else."""
    directory = active_directory(person())
    directory.down = {"one.example.com", "two.example.com"}
    provider = provider_of(directory, Clock())
    with pytest.raises(ProviderUnavailable):
        await sign_in(provider)
    directory.down = set()

    assert (await sign_in(provider)).identity.user == "ann"


async def test_a_refused_service_account_is_left_alone_for_a_minute():
    """Else every sign-in would count against the account that all of them need."""
    clock, directory = Clock(), active_directory(person())
    directory.passwords[SERVICE] = "changed"
    provider = provider_of(directory, clock)

    for _ in range(5):
        with pytest.raises(ProviderMisconfigured, match="service account"):
            await sign_in(provider)
    assert len(directory.binds) == 1

    clock.now += 61
    directory.passwords[SERVICE] = SERVICE_PASSWORD
    assert (await sign_in(provider)).identity.user == "ann"


async def test_a_kept_connection_that_is_old_is_not_used():
    """Directories close theirs, and say so to nobody who does not listen."""
    clock, directory = Clock(), active_directory(person())
    provider = provider_of(directory, clock)
    await sign_in(provider)
    clock.now += 241

    await sign_in(provider)

    assert [name for name, _ in directory.binds].count(SERVICE) == 2
    assert directory.open == 1


async def test_so_many_are_asked_at_once_and_the_others_hear_in_time():
    """Two threads, both busy: the third is told before anybody asks for it."""
    directory, held = active_directory(person()), threading.Event()
    usual = directory.answers

    def slow(search):
        held.wait(5)
        return usual(search)

    directory.answers = slow
    provider = provider_of(
        directory, pool_size=2, timeout="300ms", connect_timeout="100ms", receive_timeout="100ms"
    )
    try:
        said = await asyncio.gather(*[sign_in(provider) for _ in range(4)], return_exceptions=True)
    finally:
        held.set()
    await provider.close()

    assert [type(one) for one in said] == [ProviderUnavailable] * 4
    assert len(directory.dialled) == 2


# A second look


async def test_a_look_reads_the_same_person_by_the_name_that_stays():
    """By the bytes of the GUID, and the identity is made anew."""
    directory = active_directory(person())
    provider = provider_of(directory)
    before = await sign_in(provider)
    directory.answers = active_directory(
        person(mail="new@example.com"), groups=(("board", OTHER_SID),)
    ).answers

    after = await provider.recheck(before.grant, before.identity, NOW + 900)

    asked = "".join([f"\\{byte:02x}" for byte in GUID])
    assert f"(objectGUID={asked})" in [search.filter for search in directory.searches]
    assert after.identity.groups == ("board",)
    assert after.identity.authenticated_at == NOW
    assert (after.grant.begun, after.grant.expires) == (NOW + 900, NOW + 1800)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"userAccountControl": "514"}, "account_disabled"),
        ({"accountExpires": "116444736000000000"}, "account_expired"),
        ({"pwdLastSet": "0"}, "password_change_needed"),
        ({"msDS_User_Account_Control_Computed": str(0x800000)}, "password_expired"),
        ({"msDS_UserPasswordExpiryTimeComputed": "116444736000000000"}, "password_expired"),
        ({"pwdLastSet": "133000000000000001"}, "password_changed"),
    ],
)
async def test_an_account_that_does_not_stand_as_it_stood_is_final(changes, error):
    """Each has its word."""
    directory = active_directory(person())
    provider = provider_of(directory)
    before = await sign_in(provider)
    directory.answers = active_directory(person(**changes)).answers

    with pytest.raises(ProviderRefused) as end:
        await provider.recheck(before.grant, before.identity, NOW)

    assert (end.value.error, end.value.terminal) == (error, True)


@pytest.mark.parametrize(
    "changes",
    [
        {"accountExpires": "0"},
        {"msDS_User_Account_Control_Computed": str(0x10)},
        {"msDS_UserPasswordExpiryTimeComputed": "9223372036854775807"},
        {"lockoutTime": "133000000000000000"},
    ],
)
async def test_what_ends_nothing(changes):
    """An account without an end, one that is locked, and one that was."""
    directory = active_directory(person())
    provider = provider_of(directory)
    before = await sign_in(provider)
    directory.answers = active_directory(person(**changes)).answers

    assert (await provider.recheck(before.grant, before.identity, NOW)).identity == before.identity


@pytest.mark.parametrize("hidden", ["userAccountControl", "pwdLastSet"])
async def test_a_state_that_cannot_be_read_ends_nothing_and_is_told(hidden):
    """The service account has lost a right: that is no person's fault, and nobody's freedom either."""
    directory = active_directory(person())
    provider = provider_of(directory)
    before = await sign_in(provider)
    directory.answers = active_directory(person(**{hidden: None})).answers

    with pytest.raises(ProviderMisconfigured) as fault:
        await provider.recheck(before.grant, before.identity, NOW)

    assert not fault.value.terminal
    assert "userAccountControl" in fault.value.remedy


async def test_somebody_without_a_demanded_claim_any_more_is_barred():
    """The account stands, and is nobody's who may sign in here."""
    directory = active_directory(person(department="sales"))
    provider = provider_of(directory, required_claims={"department": ["sales"]})
    before = await sign_in(provider)
    directory.answers = active_directory(person(department="pets")).answers

    assert (await provider.recheck(before.grant, before.identity, NOW)).barred


async def test_addresses_are_verified_where_the_operator_trusts_them():
    """And nowhere else."""
    assert not (await sign_in(provider_of(active_directory(person())))).identity.email_verified
    assert (await sign_in(provider_of(active_directory(person()), trust_email=True))).identity.email_verified


@pytest.mark.parametrize(
    ("said", "verified"), [("TRUE", True), ("FALSE", False), ("yes", False), (None, False)]
)
async def test_an_attribute_can_vouch_for_an_address(said, verified):
    """By the yes of the directory's own syntax, and by nothing like it."""
    directory = active_directory(person(mailVerified=said))
    provider = provider_of(directory, claims={"email_verified": "mailVerified"})

    assert (await sign_in(provider)).identity.email_verified is verified


@pytest.mark.parametrize("name", ["ann\u00e4", "a\nb", " "])
async def test_a_key_that_cannot_be_a_subject_names_nobody(name):
    """It goes into headers and store keys."""
    with pytest.raises((ProviderLied, ProviderMisconfigured)):
        await sign_in(
            provider_of(active_directory(person(employeeNumber=name + "\x7f")), key="employeeNumber")
        )


async def test_result_8_is_no_failed_sign_in():
    """The directory wants TLS: nobody's password is at fault."""
    directory = active_directory(person())
    directory.outcomes = {ANN: Outcome(8, "BindSimple: Transport encryption required.")}

    with pytest.raises(ProviderMisconfigured, match="starttls"):
        await sign_in(provider_of(directory))


def test_the_library_is_not_loaded_before_a_section_asks_for_it():
    """Nobody else pays for it at start."""
    code = "import sys, gateway.wiring; sys.exit('ldap3' in sys.modules)"

    assert subprocess.run([sys.executable, "-W", "error", "-c", code], check=False).returncode == 0


def test_the_library_loads_without_a_warning():
    """The one that it gives is known; another one would be an error."""
    code = "import gateway.providers.ldap.link"

    assert subprocess.run([sys.executable, "-W", "error", "-c", code], check=False).returncode == 0


async def test_a_bind_whose_answer_is_lost_may_have_counted():
    """The directory may have heard the password: whoever limits tries must not give this one back."""
    directory = active_directory(person())
    provider = provider_of(directory)
    heard = directory.answers

    def then_silent(search):
        directory.silent |= {"one.example.com", "two.example.com"}
        return heard(search)

    directory.answers = then_silent
    with pytest.raises(ProviderUnavailable) as lost:
        await sign_in(provider)

    assert lost.value.ambiguous


async def test_a_directory_that_nobody_reaches_has_counted_nothing():
    """No password has left."""
    directory = active_directory(person())
    directory.down = {"one.example.com", "two.example.com"}

    with pytest.raises(ProviderUnavailable) as unreached:
        await sign_in(provider_of(directory))

    assert not unreached.value.ambiguous
