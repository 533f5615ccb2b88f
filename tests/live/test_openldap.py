"""OpenLDAP with a mapping, live: who is who, which groups, and a success that nobody stands behind."""

import dataclasses
import time

import pytest

from gateway.errors import PasswordRefused, ProviderLied, ProviderMisconfigured, ProviderRefused
from gateway.providers.ldap.errand import Errand
from gateway.providers.ldap.link import Ldap3Link, Terms
from gateway.providers.ldap.provider import Ldap
from gateway.settings.ldap import LdapProvider
from gateway.settings.ldap_address import read_ldap_address
from tests.kit.slapd import BASE, PASSWORD, slapd

pytestmark = [pytest.mark.live, pytest.mark.anyio]
NOW = int(time.time())


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    with slapd(tmp_path_factory.mktemp("slapd")) as running:
        yield running


@pytest.fixture
async def provider(directory):
    made = _provider(directory)
    yield made
    await made.close()


def _provider(directory, **changes):
    return Ldap(LdapProvider.model_validate({**directory.section, **changes}), "corp", several=False)


async def _signed_in(provider, typed, password=PASSWORD):
    return await provider.check_password(provider.account(typed, ""), password, NOW)


async def test_a_person_signs_in_and_is_who_the_mapping_says(provider):
    """Name, address and groups come from attributes, the subject from entryUUID."""
    signed_in = await _signed_in(provider, "Ann")

    identity = signed_in.identity
    assert (identity.user, identity.name, identity.email) == ("ann", "Ann Example", "ann@example.com")
    assert identity.groups == ("editors",)
    assert len(identity.subject) == 36


async def test_addresses_count_as_verified_where_the_operator_says_so(directory):
    """Whether people can write them is known to the operator alone."""
    provider = _provider(directory, trust_email=True)
    try:
        assert (await _signed_in(provider, "ann")).identity.email_verified is True
    finally:
        await provider.close()


@pytest.mark.parametrize(("name", "password"), [("ann", "wrong"), ("nobody", PASSWORD), ("*", PASSWORD)])
async def test_a_wrong_password_and_an_unknown_name_are_answered_alike(provider, name, password):
    """Neither is told from the other, and a star is a letter like any other."""
    with pytest.raises(PasswordRefused) as refused:
        await _signed_in(provider, name, password)

    assert refused.value.reason == "wrong_password"


@pytest.mark.parametrize("password", ["", "\0", f"{PASSWORD}\0", "x" * 257, "\ud800"])
async def test_a_password_that_is_none_never_leaves(provider, password):
    """An empty one would be a success as nobody; the others are cut short by somebody."""
    with pytest.raises(PasswordRefused):
        await _signed_in(provider, "ann", password)


def _loses_passwords(monkeypatch):
    """What stands between us and the directory sends no password, where the library would refuse to."""
    monkeypatch.setattr("ldap3.operation.bind.validate_simple_password", lambda *_, **__: b"")


async def test_the_trap_is_real(directory, monkeypatch):
    """A bind with a name and no password succeeds here, and the directory says that it is nobody."""
    _loses_passwords(monkeypatch)
    errand = Errand("corp", time.monotonic() + 5, time.monotonic)
    link = Ldap3Link(read_ldap_address(directory.url), Terms("corp", False, None, 2, 3), errand)
    try:
        outcome = link.bind(f"uid=ann,ou=people,{BASE}", "whatever")

        assert outcome.code == 0
        assert link.who_am_i() == ""
    finally:
        link.close()


async def test_a_success_as_nobody_is_no_success(directory, monkeypatch):
    """Where a password gets lost on its way the directory says yes, and who that is is asked all the same."""
    _loses_passwords(monkeypatch)
    provider = _provider(directory)
    try:
        with pytest.raises(ProviderLied, match="RFC 4532"):
            await _signed_in(provider, "ann", "whatever")
    finally:
        await provider.close()


async def test_a_look_again_sees_who_is_still_there(provider):
    """The same groups at the next interval, by the service account alone."""
    signed_in = await _signed_in(provider, "ann")

    again = await provider.recheck(signed_in.grant, signed_in.identity, NOW + 900)

    assert again.identity == signed_in.identity
    assert again.grant.expires == NOW + 1800


async def test_somebody_whose_entry_is_gone_is_signed_out(provider):
    """A key that no entry has is nobody's; the base is still seen, so it is not the service account's fault."""
    signed_in = await _signed_in(provider, "ann")
    gone = dataclasses.replace(signed_in.identity, subject="00000000-0000-0000-0000-000000000000")
    with pytest.raises(ProviderRefused) as refused:
        await provider.recheck(signed_in.grant, gone, NOW)

    assert refused.value.terminal


async def test_a_base_that_is_not_there_signs_nobody_out(directory):
    """It is the operator's fault, and said as one."""
    provider, moved = _provider(directory), _provider(directory, base=f"ou=moved,{BASE}")
    try:
        signed_in = await _signed_in(provider, "ann")
        identity = dataclasses.replace(signed_in.identity, issuer=moved.issuer)
        with pytest.raises(ProviderMisconfigured) as fault:
            await moved.recheck(signed_in.grant, identity, NOW)
    finally:
        await provider.close()
        await moved.close()

    assert not fault.value.terminal
    assert "base" in fault.value.remedy


async def test_a_service_account_that_is_refused_is_not_tried_again(directory, monkeypatch):
    """Each try counts in a directory; the account that everybody hangs on would be locked."""
    binds = []
    plain = Ldap3Link.bind

    def counted(link, name, password):
        binds.append(name)
        return plain(link, name, password)

    monkeypatch.setattr(Ldap3Link, "bind", counted)
    provider = _provider(directory, bind_password="wrong")
    try:
        for _ in range(3):
            with pytest.raises(ProviderMisconfigured, match="bind_dn and bind_password"):
                await _signed_in(provider, "ann")
    finally:
        await provider.close()

    assert len(binds) == 1


async def test_a_claim_that_is_demanded_keeps_others_out(directory):
    """Any attribute can be one."""
    provider = _provider(directory, required_claims={"departmentNumber": ["sales"]})
    try:
        assert (await _signed_in(provider, "ann")).identity.user == "ann"
        with pytest.raises(Exception, match="lacks the claim departmentNumber"):
            await _signed_in(provider, "ben")
    finally:
        await provider.close()


async def test_a_look_beforehand_tells_who_can_be_found(provider):
    """By the service account; the connection is without TLS, and says so."""
    seen = await provider.survey()

    assert [name for name, _ in seen.lines] == ["controller", "account", "people"]
    assert "without TLS" in seen.lines[0][1]
    assert seen.lines[2][1] == "2"
    assert seen.findings == ()


async def test_a_look_beforehand_tells_of_a_wrong_password_once(directory):
    """It is a fault, and no second try."""
    provider = _provider(directory, bind_password="wrong", urls=[directory.url, directory.url])
    try:
        seen = await provider.survey()
    finally:
        await provider.close()

    [finding] = seen.findings
    assert finding.breaks
    assert "compare bind_dn and bind_password" in str(finding.fault)
