"""A users-file provider: who signs in, what a session keeps, and what a change of the file does."""

import os
from pathlib import Path

import pytest

from gateway.errors import PasswordRefused, ProviderRefused, ProviderUnavailable
from gateway.observe.events import Alarm
from gateway.providers.catalog import Catalog
from gateway.providers.users_file import UsersFile
from gateway.providers.users_source import read_file
from gateway.sessions.renewal import Renewals
from gateway.settings.password_sections import UsersFileProvider
from tests.kit.users_file import CountedTries, cheap_hash, person, write_people

pytestmark = pytest.mark.anyio

NOW = 1_800_000_000


class House:
    """A provider over a file of its own; `ticks` is its monotonic clock."""

    def __init__(self, folder):
        self.file = folder / "people.yaml"
        self.ticks = 0.0
        self.events = []
        self.tries = CountedTries()
        self.provider = self.provider_of("local")

    def provider_of(self, name, *, several=False, **keys):
        self.section = section = UsersFileProvider(type="users-file", file=str(self.file), **keys)
        return UsersFile(
            section,
            name,
            several=several,
            emit=self.events.append,
            timer=lambda: self.ticks,
            fits=self.tries,
        )

    def write(self, **people):
        """The file as it is from now on; the provider may look again."""
        write_people(self.file, **people)
        self.ticks += 1.0

    async def sign_in(self, name="ann", password="correct horse"):
        account = self.provider.account(name, "")
        return await self.provider.check_password(account, password, NOW)

    def alarms(self):
        return [event.detail for event in self.events if isinstance(event, Alarm)]


@pytest.fixture
def house(tmp_path):
    house = House(tmp_path)
    house.write(
        ann=person(name="Ann Lee", email="ann@example.com", groups=["ops"]), bob=person("bob's"), cat=person()
    )
    return house


async def test_a_person_of_the_file_signs_in(house):
    """The operator vouches for what stands in the file, the address included."""
    identity = (await house.sign_in()).identity

    assert (identity.key, identity.user, identity.name) == ("local:ann", "ann", "Ann Lee")
    assert (identity.email, identity.email_verified) == ("ann@example.com", True)
    assert identity.groups == ("ops",)
    assert identity.authenticated_at == NOW
    assert house.alarms() == []


async def test_a_name_is_one_account_in_every_spelling(house):
    """Case, width and blanks around it."""
    keys = {(await house.sign_in(name)).identity.key for name in ("ann", "ANN", " Ann ", "ａｎｎ")}

    assert keys == {"local:ann"}


@pytest.mark.parametrize(
    ("name", "password"), [("ann", "wrong"), ("ann", ""), ("ann", "bob's"), ("nobody", "correct horse")]
)
async def test_a_wrong_name_and_a_wrong_password_are_one_refusal(house, name, password):
    """Which of them is wrong is not said."""
    with pytest.raises(PasswordRefused) as refused:
        await house.sign_in(name, password)

    assert refused.value.reason == "wrong_password"


@pytest.mark.parametrize("typed", ["", "   ", "a\0b", "a\u202eb", "a" * 257])
async def test_what_is_no_name_is_refused_before_any_hash(house, typed):
    """It could not stand in the file."""
    with pytest.raises(PasswordRefused) as refused:
        await house.sign_in(typed)

    assert refused.value.reason == "name_malformed"
    assert house.tries.costs == []


async def test_groups_have_the_providers_name_where_there_are_several(house):
    """As those of every provider."""
    provider = house.provider_of("emergency", several=True)

    signed_in = await provider.check_password(provider.account("ann", ""), "correct horse", NOW)

    assert signed_in.identity.groups == ("emergency:ops",)


async def test_a_session_is_rechecked_and_keeps_nothing_of_the_password(house):
    """What it has of the entry is a fingerprint of the salt: not the hash, and nothing to guess at."""
    grant = (await house.sign_in()).grant

    assert (grant.account, grant.recheck, grant.expires - grant.begun) == ("ann", True, 60)
    assert (grant.password, grant.refresh_token, grant.access_token) == ("", "", "")
    assert grant.renewable


async def test_a_recheck_brings_the_groups_of_now(house):
    """And prolongs what was begun; when the person signed in stays what it was."""
    signed_in = await house.sign_in()
    entry = person(groups=["dev"])
    house.write(ann=entry)
    again = await house.sign_in()
    house.write(ann={**entry, "groups": ["dev", "ops"]})

    renewed = await house.provider.recheck(again.grant, signed_in.identity, NOW + 60)

    assert renewed.identity.groups == ("dev", "ops")
    assert renewed.identity.authenticated_at == NOW
    assert (renewed.grant.begun, renewed.grant.expires) == (NOW + 60, NOW + 120)


async def test_who_is_removed_is_out_at_the_next_recheck(house):
    """A final refusal: the session ends."""
    signed_in = await house.sign_in()
    house.write(bob=person())

    with pytest.raises(ProviderRefused) as refused:
        await house.provider.recheck(signed_in.grant, signed_in.identity, NOW + 60)

    assert refused.value.terminal
    assert refused.value.reason == "account_disabled"


async def test_a_password_that_was_hashed_anew_ends_the_sessions_of_the_old_one(house):
    """Even where it is the same password: whoever hashes it anew wants everybody to sign in again."""
    signed_in = await house.sign_in()
    house.write(ann=person())

    with pytest.raises(ProviderRefused) as refused:
        await house.provider.recheck(signed_in.grant, signed_in.identity, NOW + 60)

    assert refused.value.terminal


async def test_who_lacks_a_claim_that_is_demanded_by_now_is_barred(house):
    """`required_claims:` hold at a re-check as they do at a login."""
    provider = house.provider_of("local", required_claims={"groups": ["ops"]})
    entry = person(groups=["ops"])
    house.write(ann=entry)
    signed_in = await provider.check_password(provider.account("ann", ""), "correct horse", NOW)
    house.write(ann={**entry, "groups": ["dev"]})

    assert (await provider.recheck(signed_in.grant, signed_in.identity, NOW)).barred


async def test_a_session_of_who_is_removed_ends_and_others_go_on(house):
    """As the refresh judges it: the one is disabled, of a changed password the session is refused."""
    signed_in = await house.sign_in()
    file, verdicts = house.file.read_text(), []
    for people in ({"ann": person()}, {"bob": person()}):
        house.write(**people)
        renewals = Renewals(Catalog({"local": house.section}, None), lambda: NOW + 60.0)
        verdicts.append(await renewals.ask(signed_in.grant, signed_in.identity, doubtful=False))
    house.file.write_text(file)
    kept = await Renewals(Catalog({"local": house.section}, None), lambda: NOW + 60.0).ask(
        signed_in.grant, signed_in.identity, doubtful=False
    )

    assert [failed.verdict for failed in verdicts] == ["refused", "disabled"]
    assert kept.grant.expires == NOW + 120


async def test_a_file_is_read_anew_when_it_changes_and_at_most_once_a_second(house):
    """A new person signs in after a second, and not before somebody looked."""
    await house.sign_in()
    write_people(house.file, dan=person())

    with pytest.raises(PasswordRefused):
        await house.sign_in("dan")
    house.ticks += 1.0
    assert (await house.sign_in("dan")).identity.key == "local:dan"


async def test_a_file_whose_times_are_set_back_is_read_anew(house):
    """`cp -p` and `touch -r` keep the time of the change; the kernel's own cannot be kept."""
    await house.sign_in()
    before = house.file.stat()
    text = house.file.read_text()
    house.file.write_text(text.replace('"ann"', '"dan"'))
    os.utime(house.file, ns=(before.st_atime_ns, before.st_mtime_ns))
    house.ticks += 1.0

    assert (await house.sign_in("dan")).identity.key == "local:dan"


@pytest.mark.parametrize("broken", ["", "users: {ann: {}}\n", "users: {", "\0", "ann:$2y$10$abc\n"])
async def test_a_broken_file_keeps_the_people_of_the_good_one_and_is_an_alarm(house, broken):
    """A slip of an editor locks nobody out, and the operator hears of it once for each change."""
    signed_in = await house.sign_in()
    house.file.write_text(broken)

    for _ in range(3):
        house.ticks += 1.0
        await house.sign_in()
        await house.provider.recheck(signed_in.grant, signed_in.identity, NOW)

    assert house.alarms()
    assert len(house.alarms()) == len(set(house.alarms()))
    assert all(str(house.file) in line for line in house.alarms())


async def test_a_file_that_is_gone_keeps_its_people(house):
    """And is read again when it is back."""
    await house.sign_in()
    house.file.unlink()
    house.ticks += 1.0
    await house.sign_in()
    house.write(dan=person())

    assert (await house.sign_in("dan")).identity.key == "local:dan"
    assert any("cannot be read" in line for line in house.alarms())


async def test_without_a_good_file_nobody_knows(tmp_path):
    """Neither yes nor no: an outage, with what to do about it, and no refusal that would end sessions."""
    house = House(tmp_path)

    with pytest.raises(ProviderUnavailable) as fault:
        await house.sign_in()

    assert "gateway users check" in str(fault.value)


async def test_a_file_that_others_may_read_is_noted_and_works(house):
    """Whoever reads it guesses at leisure; whoever writes it is anybody."""
    house.file.chmod(0o646)
    house.ticks += 1.0

    found, _ = read_file(house.file)

    assert "mode 0646" in found.notes[0]
    assert (await house.sign_in()).identity.key == "local:ann"


async def test_two_files_have_two_issuers(house):
    """Ann of one file is not Ann of another."""
    assert house.provider.issuer != house.provider_of("emergency").issuer


async def test_a_weak_hash_works_and_is_never_written_anew(house):
    """`gateway check` notes it; the file is the operator's."""
    house.write(ann={"password": cheap_hash("correct horse")})
    before = house.file.read_bytes()

    await house.sign_in()

    assert house.file.read_bytes() == before
    assert house.alarms() == []


async def test_the_example_is_a_good_file():
    """Nobody knows its passwords, so that whoever forgets to change it lets nobody in."""
    example = Path(__file__).parents[2] / "config" / "people" / "people.yaml"

    found, _ = read_file(example)

    assert set(found.people) == {"ann", "robot"}
    assert not any(user.password.is_weak for user in found.people.values())
