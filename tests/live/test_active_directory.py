"""A real Active Directory (Samba): who signs in by which name, what each refusal says, and what a second look sees."""

import asyncio
import dataclasses
import socket
import threading
import time
from contextlib import asynccontextmanager, closing, contextmanager

import pytest

from gateway.errors import (
    PasswordRefused,
    ProviderMisconfigured,
    ProviderRefused,
    ProviderUnavailable,
)
from gateway.policy.criteria import Criteria
from gateway.providers.ldap import link as ldap_link
from gateway.providers.ldap.provider import Ldap
from gateway.settings.access import Criteria as WrittenCriteria
from gateway.settings.ldap import LdapProvider
from tests.kit.certificates import write_certificate
from tests.kit.samba import NETBIOS, PASSWORD, PEOPLE, REALM, free_address, samba
from tests.kit.ticking import Ticking, silent

pytestmark = [pytest.mark.live, pytest.mark.anyio]
FILETIME_OF_2020 = "132223104000000000"


def now():
    return int(time.time())


@pytest.fixture(scope="module")
def domain(tmp_path_factory):
    with samba(tmp_path_factory.mktemp("domain")) as running:
        running.policy(
            lockoutThreshold="5", lockoutDuration="-18000000000", lockOutObservationWindow="-18000000000"
        )
        yield running


@asynccontextmanager
async def provider_of(domain, **changes):
    section = {name: value for name, value in {**domain.section, **changes}.items() if value is not None}
    made = Ldap(LdapProvider.model_validate(section), "corp", several=False)
    try:
        yield made
    finally:
        await made.close()


@pytest.fixture
async def provider(domain):
    async with provider_of(domain) as made:
        yield made


async def signed_in(provider, typed, password=PASSWORD):
    return await provider.check_password(provider.account(typed, ""), password, now())


async def refused(provider, typed, password=PASSWORD):
    with pytest.raises(PasswordRefused) as caught:
        await signed_in(provider, typed, password)
    return caught.value


async def test_every_spelling_of_a_name_is_one_person_and_one_account(domain, provider):
    """Bare, with the domain behind or in front, in any case and by any suffix of the domain."""
    domain.add_person("ann")
    spelt = ["ann", "ANN", f"Ann@{REALM}", "ann@people.example", f"{NETBIOS}\\ann", f"{NETBIOS.lower()}\\ANN"]

    results = [await signed_in(provider, one) for one in spelt]

    assert len({one.identity.key for one in results}) == 1
    assert {one.grant.account for one in results} == {f"{REALM}\\ann"}
    assert results[0].identity.user == "ann"
    assert results[0].identity.name == "Ann Example"


async def test_a_name_of_another_domain_is_no_name(provider):
    """It is refused before the directory hears of it."""
    with pytest.raises(PasswordRefused) as caught:
        provider.account("ann@elsewhere.example", "")

    assert caught.value.reason == "name_malformed"


async def test_a_upn_that_is_not_the_account_name_finds_its_person(domain, provider):
    """Both names of one person lead to the same subject."""
    domain.add_person("ulla", userPrincipalName=f"ulla.long.name@{REALM}")

    by_upn, by_name = await signed_in(provider, f"ulla.long.name@{REALM}"), await signed_in(provider, "ulla")

    assert by_upn.identity.subject == by_name.identity.subject


async def test_a_name_that_means_two_people_means_nobody(domain, provider):
    """One's account name is the other's UPN: neither gets in as the other."""
    domain.add_person("twin")
    domain.add_person("other", userPrincipalName="twin@people.example")

    assert (await refused(provider, "twin")).reason == "wrong_password"
    assert (await signed_in(provider, "other")).identity.user == "other"


async def test_people_sign_in_without_a_service_account(domain):
    """They search themselves; nobody looks again, and the grant says so."""
    domain.add_person("solo")
    async with provider_of(domain, bind_dn=None, bind_password=None) as provider:
        result = await signed_in(provider, f"{NETBIOS}\\solo")
        no = await refused(provider, "solo", "wrong")

    assert result.identity.user == "solo"
    assert "Domain Users" in result.identity.groups
    assert (result.grant.recheck, result.grant.expires) == (False, 0)
    assert no.reason == "wrong_password"


@pytest.mark.parametrize(
    "way", [{}, {"groups": "in-chain", "wanted_groups": ["deep-3", "deep-other"]}], ids=["tokens", "in-chain"]
)
async def test_a_group_within_groups_opens_a_rule(domain, way):
    """Three deep, by either way; the in-chain rule finds those that were asked for and no others."""
    name = f"nested{len(way)}"
    inner = domain.add_group(f"deep-1-{name}", domain.add_person(name))
    middle = domain.add_group(f"deep-2-{name}", inner)
    if way:
        domain.add_group("deep-3", middle)
        domain.add_group("deep-other")
    else:
        domain.add_group(f"deep-3-{name}", middle)
    async with provider_of(domain, **way) as provider:
        identity = (await signed_in(provider, name)).identity

    wanted = "deep-3" if way else f"deep-3-{name}"
    assert Criteria.of(WrittenCriteria(groups=(wanted,))).unmet(identity) == ()
    assert identity.groups == ("deep-3",) if way else "Domain Users" in identity.groups


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"userAccountControl": "514"}, "account_disabled"),
        ({"accountExpires": FILETIME_OF_2020}, "account_expired"),
        ({"pwdLastSet": "0"}, "password_change_needed"),
        ({"logonHours": bytes(21)}, "not_now"),
        ({"userWorkstations": "ELSEWHERE"}, "not_here"),
    ],
)
async def test_each_state_of_an_account_has_its_own_reason(domain, provider, attributes, reason):
    """And it is read by nobody who does not know the password."""
    name = f"state-{reason.replace('_', '')[:12]}"
    dn = domain.add_person(name)
    domain.change(dn, **attributes)

    right, wrong = await refused(provider, name), await refused(provider, name, "wrong")

    assert right.reason == reason
    assert wrong.reason == "wrong_password"


async def test_a_locked_account_says_for_how_long(domain, provider):
    """The right password is refused too, with what is left of the half hour."""
    dn = domain.add_person("locked")
    for _ in range(5):
        await refused(provider, "locked", "wrong")

    no = await refused(provider, "locked")

    assert domain.wrong_passwords(dn) >= 5
    assert no.reason == "account_locked"
    assert 1700 < no.retry_after <= 1800


@pytest.mark.parametrize(
    "typed", ["a*", "*", "inject)(cn=*", "inject)(objectClass=*", "inject\\2a", "*)(|(cn=*"]
)
async def test_what_is_typed_is_never_a_filter(domain, provider, typed):
    """Whoever's password it is, a name that nobody has finds nobody (CWE-90)."""
    if not domain.read(f"CN=Inject Example,{PEOPLE}", "cn"):
        domain.add_person("inject")

    no = None
    try:
        no = await refused(provider, typed)
    except PasswordRefused as malformed:
        no = malformed

    assert no.reason in {"wrong_password", "name_malformed"}


async def test_a_wrong_password_is_one_wrong_password_in_the_directory(domain):
    """Two controllers of one directory, and a service account: the refusal counts once."""
    dn = domain.add_person("counted")
    async with provider_of(domain, urls=[domain.url, f"{domain.url}:3269"]) as provider:
        await refused(provider, "counted", "wrong")

    assert domain.wrong_passwords(dn) == 1


async def test_the_password_of_a_directory_is_in_no_error(domain, provider):
    """Neither that of a person nor that of the service account."""
    domain.add_person("quiet")
    no = await refused(provider, "quiet", "secret-of-quiet")
    async with provider_of(domain, bind_password="secret-of-service") as other:
        with pytest.raises(ProviderMisconfigured) as fault:
            await signed_in(other, "quiet", "secret-of-quiet")

    said = f"{no!r} {no.trace} {fault.value!r} {fault.value.trace} {fault.value.__traceback__}"
    assert "secret-of" not in said


# A second look


async def test_a_group_that_was_taken_away_is_gone_at_the_next_look(domain, provider):
    """The identity is a new one, of the same person and the same login."""
    dn = domain.add_person("moved")
    group = domain.add_group("movers", dn)
    before = await signed_in(provider, "moved")
    domain.change(group, member=[])

    after = await provider.recheck(before.grant, before.identity, now() + 900)

    assert "movers" in before.identity.groups
    assert "movers" not in after.identity.groups
    assert after.identity.key == before.identity.key
    assert after.identity.authenticated_at == before.identity.authenticated_at


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ({"userAccountControl": "514"}, "account_disabled"),
        ({"accountExpires": FILETIME_OF_2020}, "account_expired"),
        ({"pwdLastSet": "0"}, "password_change_needed"),
        ({"password": "Another-horse-2"}, "password_changed"),
        ({}, "account_disabled"),
    ],
    ids=["disabled", "expired", "must change", "password changed", "removed"],
)
async def test_an_account_that_stands_no_more_ends_its_sessions(domain, provider, what, reason):
    """The look raises what ends a session, and nobody's password was tried for it."""
    name = f"gone{len(what)}{reason[-6:]}"
    dn = domain.add_person(name)
    before = await signed_in(provider, name)
    counted = domain.wrong_passwords(dn)
    if "password" in what:
        domain.set_password(dn, what["password"])
    elif what:
        domain.change(dn, **what)
    else:
        domain.remove(dn)

    for _ in range(5):  # sessions
        with pytest.raises(ProviderRefused) as end:
            await provider.recheck(before.grant, before.identity, now())

        assert (end.value.terminal, end.value.error) == (True, reason)
    assert not what or domain.wrong_passwords(dn) == counted


async def test_who_signs_in_with_the_new_password_stays(domain, provider):
    """Their session has the newer stamp."""
    dn = domain.add_person("renewed")
    await signed_in(provider, "renewed")
    domain.set_password(dn, "Another-horse-2")

    fresh = await signed_in(provider, "renewed", "Another-horse-2")

    assert (await provider.recheck(fresh.grant, fresh.identity, now())).identity == fresh.identity


async def test_a_lock_signs_nobody_out(domain, provider):
    """Anybody who knows a name can make one."""
    domain.add_person("attacked")
    before = await signed_in(provider, "attacked")
    for _ in range(5):
        await refused(provider, "attacked", "wrong")

    assert (await refused(provider, "attacked")).reason == "account_locked"
    assert (await provider.recheck(before.grant, before.identity, now())).identity == before.identity


async def test_a_directory_that_is_down_is_weather(domain, provider):
    """Nothing is said of the person, so nothing ends."""
    domain.add_person("patient")
    before = await signed_in(provider, "patient")
    nowhere = f"ldaps://{free_address()}"
    async with provider_of(domain, urls=[nowhere]) as unreachable:
        with pytest.raises(ProviderUnavailable) as weather:
            await unreachable.recheck(before.grant, before.identity, now())

    assert not weather.value.ambiguous


async def test_a_kept_connection_that_has_died_is_made_anew(domain, provider):
    """The directory may close what it likes; the next question does not fail for it."""
    domain.add_person("steady")
    await signed_in(provider, "steady")
    for kept in provider._directory._service._kept.values():
        for one in kept:
            one.link._connection.socket.shutdown(socket.SHUT_RDWR)

    assert (await signed_in(provider, "steady")).identity.user == "steady"


async def test_an_expired_password_has_its_reason(tmp_path):
    """Forty-three days later, at the sign-in and at the second look."""
    with samba(tmp_path) as domain:
        domain.add_person("late")
        async with provider_of(domain) as provider:
            before = await signed_in(provider, "late")
        domain.restart(days_ahead=43)
        async with provider_of(domain) as provider:
            no = await refused(provider, "late")
            with pytest.raises(ProviderRefused) as end:
                await provider.recheck(before.grant, before.identity, now() + 43 * 86400)

    assert no.reason == "password_expired"
    assert end.value.error == "password_expired"


# The wire


@contextmanager
def passing_on(address, port):
    """Another loopback address that leads to the same port: whom the certificate does not name."""
    listener = socket.create_server((free_address(), port))

    def serve():
        with closing(listener):
            while True:
                try:
                    front, _ = listener.accept()
                except OSError:
                    return
                back = socket.create_connection((address, port))
                for one, other in ((front, back), (back, front)):
                    threading.Thread(target=_pump, args=(one, other), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listener.getsockname()[0]
    finally:
        listener.shutdown(socket.SHUT_RDWR)


def _pump(one, other):
    try:
        while data := one.recv(65536):
            other.sendall(data)
    except OSError:
        pass
    finally:
        for end in (one, other):
            end.close()


async def test_a_certificate_of_an_unknown_ca_is_refused(domain, tmp_path):
    """And the operator reads what to write."""
    stranger = write_certificate(tmp_path / "stranger.pem", "127.0.0.1")
    async with provider_of(domain, ca_file=str(stranger)) as provider:
        with pytest.raises(ProviderUnavailable) as fault:
            await signed_in(provider, "ann")

    assert "not trusted" in fault.value.detail
    assert "ca_file" in fault.value.remedy


@pytest.mark.parametrize(("scheme", "port"), [("ldaps", 636), ("ldap", 389)])
async def test_a_certificate_of_another_name_is_refused(domain, scheme, port):
    """Chain and all are right; the name is not the one that was asked for, by TLS at once or by StartTLS."""
    with passing_on(domain.address, port) as other:
        async with provider_of(domain, urls=[f"{scheme}://{other}"], starttls=scheme == "ldap") as provider:
            with pytest.raises(ProviderUnavailable) as fault:
                await signed_in(provider, "ann")

    assert "use a host that the certificate names" in fault.value.remedy


async def test_start_tls_signs_people_in(domain):
    """On the port without TLS, raised before anything is said."""
    domain.add_person("raised")
    async with provider_of(domain, urls=[f"ldap://{domain.address}"], starttls=True) as provider:
        assert (await signed_in(provider, "raised")).identity.user == "raised"


async def test_a_bind_in_the_clear_is_a_fault_of_the_configuration(domain):
    """Result 8 is no failed sign-in: nobody's tries are counted for it."""
    dn = domain.add_person("clear")
    async with provider_of(domain, urls=[f"ldap://{domain.address}"], ca_file=None) as provider:
        with pytest.raises(ProviderMisconfigured) as fault:
            await signed_in(provider, "clear")

    assert "starttls: true" in fault.value.remedy
    assert domain.wrong_passwords(dn) == 0


async def test_referrals_are_not_followed(domain, monkeypatch):
    """A search at the root of a domain brings some; a base elsewhere is the operator's fault, and nobody else's door."""
    domain.add_person("stay")
    asked = []
    connect = socket.create_connection

    def noted(address, *rest, **named):
        asked.append(address[0])
        return connect(address, *rest, **named)

    monkeypatch.setattr(ldap_link.socket, "create_connection", noted)
    async with provider_of(domain) as provider, provider_of(domain, base="DC=elsewhere,DC=test") as lost:
        assert (await signed_in(provider, "stay")).identity.user == "stay"
        with pytest.raises(ProviderMisconfigured, match="base and bind_dn"):
            await lost.check_password(lost.account("stay", ""), PASSWORD, now())

    assert set(asked) == {domain.address}


async def test_a_silent_directory_stalls_nobody_and_ends_in_time(domain, figure):
    """Forty people sign in at a directory that never answers: the loop turns on, and each is told in time."""
    with silent(636) as place:
        url = f"ldaps://{place}"
        async with provider_of(
            domain, urls=[url], timeout="2s", receive_timeout="1s", connect_timeout="1s"
        ) as provider:
            began = time.perf_counter()
            async with Ticking() as ticking:
                said = await asyncio.gather(
                    *[signed_in(provider, f"person{number}") for number in range(40)], return_exceptions=True
                )
            took = time.perf_counter() - began

    figure("silent directory, 40 sign-ins: longest stall of the loop", ticking.worst * 1000, "ms")
    figure("silent directory, 40 sign-ins: of it not the machine's", ticking.own * 1000, "ms")
    figure("silent directory, 40 sign-ins: the last answer", took, "s")
    assert all(isinstance(one, ProviderUnavailable) for one in said)
    assert len(said) == 40


async def test_a_silent_controller_costs_its_time_once(domain, figure):
    """The second one answers meanwhile, and the next person does not wait for the first any more."""
    domain.add_person("waits")
    with silent(636) as place:
        url = f"ldaps://{place}"
        async with provider_of(
            domain, urls=[url, domain.url], connect_timeout="500ms", receive_timeout="1s"
        ) as provider:
            tried = []
            dial = provider._directory._dial

            def noted(address, errand):
                tried.append(str(address))
                return dial(address, errand)

            provider._directory._dial = provider._directory._service._dial = noted
            for number in range(3):
                began = time.perf_counter()
                assert (await signed_in(provider, "waits")).identity.user == "waits"
                figure(f"silent first controller, sign-in {number + 1}", time.perf_counter() - began, "s")

    assert len([one for one in tried if url == one]) == 1


async def test_forty_sign_ins_at_once_stall_nobody(domain, figure):
    """Threads wait, and the loop does not."""
    for number in range(8):
        domain.add_person(f"crowd{number}")
    patient = dict.fromkeys(("timeout", "receive_timeout", "connect_timeout"), "30s")
    async with provider_of(domain, **patient) as provider:
        began = time.perf_counter()
        async with Ticking() as ticking:
            results = await asyncio.gather(
                *[signed_in(provider, f"crowd{number % 8}") for number in range(40)]
            )
        took = time.perf_counter() - began

    figure("40 sign-ins at once: longest stall of the loop", ticking.worst * 1000, "ms")
    figure("40 sign-ins at once: of it not the machine's", ticking.own * 1000, "ms")
    figure("40 sign-ins at once: all of them", took, "s")
    assert len({one.identity.subject for one in results}) == 8


async def test_a_session_of_another_directory_is_not_looked_up_here(domain, provider):
    """An entry with the same key there would be somebody else here."""
    domain.add_person("foreign")
    before = await signed_in(provider, "foreign")
    elsewhere = dataclasses.replace(before.identity, issuer="ldap:///dc=other")

    with pytest.raises(Exception, match="belongs to another directory"):
        await provider.recheck(before.grant, elsewhere, now())
