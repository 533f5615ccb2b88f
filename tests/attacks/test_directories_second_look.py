"""What a stranger, a broken directory or a tired operator can do to people who sign in by a directory."""

import asyncio
import contextlib
import socket
import threading
import time
from dataclasses import replace

import pytest

from gateway.errors import PasswordRefused, ProviderMisconfigured, ProviderRefused, ProviderUnavailable
from gateway.providers.ldap.errand import Errand
from gateway.providers.ldap.link import Ldap3Link, Terms
from gateway.providers.ldap.provider import Ldap
from gateway.providers.ldap.wire import Found, Scope, Search
from gateway.providers.provider import Answer, Refreshed
from gateway.sessions.session import Grant
from gateway.settings.ldap import LdapProvider
from gateway.settings.ldap_address import LdapAddress
from tests.kit.config_file import faults_of
from tests.kit.directory_world import DirectoryWorld
from tests.kit.fake_directory import YES, FakeDirectory, entry
from tests.kit.vendors.ad_api import FAULTS, KEY
from tests.kit.worlds import worlds

NOW = 1_795_000_000
ANN, SERVICE = "CN=Ann,DC=example,DC=com", "CN=Reader,DC=example,DC=com"
SECTION = {
    "type": "ldap",
    "urls": ["ldaps://one.example.com", "ldaps://two.example.com"],
    "base": "DC=example,DC=com",
    "bind_dn": SERVICE,
    "bind_password": "of-the-service",
    "groups": "none",
}
PERSON = {
    "objectGUID": bytes(range(16)),
    "sAMAccountName": "Ann",
    "userPrincipalName": "ann@example.com",
    "userAccountControl": "512",
    "pwdLastSet": "133000000000000000",
}


def directory_of(answers=None, **changes):
    """One that finds Ann whatever it is asked, as one does that takes her name for what was typed."""
    found = Found(YES, (entry(ANN, **{**PERSON, **changes}),))
    return FakeDirectory({SERVICE: "of-the-service", ANN: "right"}, answers or (lambda _: found))


def provider_of(directory, timer=time.monotonic, **changes):
    section = LdapProvider.model_validate({**SECTION, **changes})
    return Ldap(section, "corp", several=False, dial=directory.dial, timer=timer)


async def sign_in(provider, typed="ann", password="right"):
    return await provider.check_password(provider.account(typed, ""), password, NOW)


# Names


@pytest.mark.anyio
@pytest.mark.parametrize("typed", ["ánn", "añn", "a\u0301nn", "a\u200bnn", "a\u00adnn", "a nn"])
async def test_a_name_that_only_the_directory_takes_for_hers_costs_her_no_try(typed):
    """Active Directory reads past accents and invisible letters: each spelling would have tries of its own."""
    directory = directory_of()

    with pytest.raises(PasswordRefused):
        await sign_in(provider_of(directory), typed)

    assert ANN not in [name for name, _ in directory.binds]
    assert len(directory.binds) == 2  # as many as for anybody else


@pytest.mark.anyio
@pytest.mark.parametrize("typed", ["ann", "ANN", "\uff21nn", " ann ", "ann@example.com", "EXAMPLE.com\\Ann"])
async def test_her_own_name_is_hers_in_every_case(typed):
    """What limits count as one account is one here too."""
    assert (await sign_in(provider_of(directory_of()), typed)).identity.user == "Ann"


@pytest.mark.anyio
async def test_names_of_a_filter_of_the_operators_are_held_against_their_attributes():
    """Whatever they are, and whatever stands around the name."""
    wanted = {"filter": "(&(objectClass=user)(mail={name}@corp.example))"}
    directory = directory_of(mail="Ann@corp.example")

    assert (await sign_in(provider_of(directory, **wanted))).identity.user == "Ann"
    with pytest.raises(PasswordRefused):
        await sign_in(provider_of(directory, **wanted), "ánn")
    with pytest.raises(ProviderMisconfigured, match="mail cannot be read"):
        await sign_in(provider_of(directory_of(), **wanted))


@pytest.mark.anyio
async def test_without_a_service_account_too_the_name_must_be_theirs():
    """Whom the first bind has proven may be found by a name that is another's."""
    directory = directory_of()
    directory.passwords["ánn@example.com"] = "right"

    with pytest.raises(PasswordRefused):
        await sign_in(provider_of(directory, bind_dn=None, bind_password=None), "ánn")


# Whom the operator's filter leaves out


@pytest.mark.anyio
async def test_whom_the_filter_leaves_out_is_out_at_the_next_look():
    """Taken out of the group that may sign in, somebody must not stay for a month because they are signed in."""
    member = True

    def answers(search):
        if search.scope is Scope.SUBTREE and "memberOf" in search.filter and not member:
            return Found(YES)
        return Found(YES, (entry(ANN, **PERSON),))

    directory = directory_of(answers)
    provider = provider_of(directory, filter="(&(sAMAccountName={name})(memberOf=CN=vpn,DC=example,DC=com))")
    result = await sign_in(provider)
    await provider.recheck(result.grant, result.identity, NOW)
    member = False

    with pytest.raises(ProviderRefused) as gone:
        await provider.recheck(result.grant, result.identity, NOW)

    assert gone.value.terminal
    assert "(sAMAccountName=*)" in directory.searches[-2].filter


@pytest.mark.parametrize("text", ["(:dn:2.4.6.8.10:={name})", "(&(uid=x)({name}=x))"])
def test_a_filter_whose_name_is_compared_with_nothing_is_a_fault(tmp_path, text):
    """Nobody could hold what was found against what was typed."""
    providers = {"corp": {**SECTION, "filter": text}}

    assert any("compared with" in str(fault) for fault in faults_of(tmp_path, providers=providers))


# The service account


class Together:
    """Service binds that wait for one another, so that all who may bind at once do."""

    def __init__(self, directory, many):
        self.directory, self.barrier = directory, threading.Barrier(many)

    def dial(self, address, errand):
        link = self.directory.dial(address, errand)
        bind = link.bind

        def slow(name, password):
            outcome = bind(name, password)
            with contextlib.suppress(threading.BrokenBarrierError):
                self.barrier.wait(0.2)
            return outcome

        link.bind = slow
        return link


@pytest.mark.anyio
async def test_a_changed_service_password_is_refused_once_and_not_once_a_thread():
    """Eight sign-ins at once would be eight wrong passwords for the account that everybody needs."""
    directory = directory_of()
    directory.passwords[SERVICE] = "changed"
    provider = provider_of(Together(directory, 4))

    ended = await asyncio.gather(*[sign_in(provider) for _ in range(4)], return_exceptions=True)

    assert {type(one) for one in ended} == {ProviderMisconfigured}
    assert len(directory.binds) == 1


@pytest.mark.anyio
async def test_a_service_account_that_stays_refused_is_tried_ever_less_often():
    """Once a minute and process, day and night, no directory has patience for."""
    now = [0.0]
    directory = directory_of()
    directory.passwords[SERVICE] = "changed"
    provider = provider_of(directory, timer=lambda: now[0])
    for _ in range(60):
        with pytest.raises(ProviderMisconfigured):
            await sign_in(provider)
        now[0] += 61

    assert len(directory.binds) <= 8
    directory.passwords[SERVICE] = "of-the-service"
    now[0] += 900
    assert (await sign_in(provider)).identity.user == "Ann"


# What comes over the wire


GARBAGE = {
    "no-ldap": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "no-message": b"\x30\x03\x02\x01\x01",
    "no-operation": b"\x30\x05\x02\x01\x01\x7e\x00",
    "cut-result": b"\x30\x08\x02\x01\x01\x61\x03\x0a\x01\x00",
    "text-for-number": b"\x30\x0c\x02\x01\x01\x61\x07\x04\x01\x00\x04\x00\x04\x00",
    "not-utf-8": b"\x30\x10\x02\x01\x01\x64\x0b\x04\x05cn=\xff\xff\x30\x02\x30\x00",
    "search-for-bind": b"\x30\x0c\x02\x01\x01\x65\x07\x0a\x01\x00\x04\x00\x04\x00",
    "nothing": b"",
}


def answering(payload):
    """A port that answers whatever it is asked with this; and its server, to be closed."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                taken, _ = server.accept()
            except OSError:
                return
            with taken:
                taken.recv(65536)
                taken.sendall(payload)

    threading.Thread(target=serve, daemon=True).start()
    return server


@pytest.mark.parametrize("what", ["bind", "search", "who_am_i"])
@pytest.mark.parametrize("name", GARBAGE)
def test_what_is_no_ldap_is_weather_and_no_crash(name, what):
    """The library stumbles over it in a dozen ways; a login is to say so, and a look again to be put off."""
    with answering(GARBAGE[name]) as server:
        errand = Errand("corp", time.monotonic() + 5, time.monotonic)
        terms = Terms("corp", starttls=False, trust=None, connect_timeout=1, receive_timeout=1)
        link = Ldap3Link(LdapAddress("127.0.0.1", server.getsockname()[1], tls=False), terms, errand)
        asked = {
            "bind": lambda: link.bind("cn=x", "pw"),
            "search": lambda: link.search(Search("dc=x", "(cn=x)", ("cn",))),
            "who_am_i": link.who_am_i,
        }
        with pytest.raises(ProviderUnavailable):
            asked[what]()
        with pytest.raises(ProviderUnavailable):  # and no new connection is made behind our back
            asked[what]()
        link.close()
        server.shutdown(socket.SHUT_RDWR)


# Kept passwords


@pytest.fixture
def made():
    """Makes worlds, and closes them."""
    with worlds(DirectoryWorld) as make:
        yield make


@pytest.mark.parametrize("status", [401, 403])
def test_a_page_in_front_of_the_api_is_nobodys_wrong_password(made, monkeypatch, status):
    """A firewall's 403 has not seen the password: it must neither destroy it nor end a session."""
    page = Answer(status, {"content-type": "text/html"}, b"<h1>Forbidden</h1>", None)
    monkeypatch.setitem(FAULTS, "page", lambda: page)
    world = made()
    ann = world.sign_in()
    world.work([ann], 3600 - 200)
    world.api.fault = "page"

    assert world.work([ann], 300) == [True]
    assert world.kept_password(ann) == "ann-pw"
    assert "suspected" not in world.outcomes()


def test_who_comes_back_long_after_an_expired_key_was_mended_has_lost_nothing(made, monkeypatch):
    """Of the thousands who were refused since, no more than the newest are remembered."""
    monkeypatch.setattr("gateway.sessions.suspicion.MOST", 6)
    world = made({"outage_grace": "1d"}, headers={"X-API-Key": KEY})
    world.api.key = KEY
    names = ("ann", "bob", "eve", "王小明")
    ann, *others = [world.sign_in(name) for name in names]
    world.loop.pass_time(3600 + 10)
    world.api.key = "another"
    world.at_once([ann, *others])
    world.loop.settle()
    assert world.outcomes().count("suspected") == 4

    assert world.work(others, 3 * 3600) == [True] * 3
    world.api.key = KEY
    world.work(others, 1800, every=60)

    assert world.work([ann], 600) == [True]
    assert world.kept_password(ann) == "ann-pw"
    assert world.ended() == []


def test_an_older_look_does_not_give_back_a_group_that_a_newer_one_took_away(made):
    """Two replicas look, because a lease was lost; the slower one asked first, and must not have the last word."""
    world = made()
    first, second = world.replicas
    identity = replace(world.run(_identity(world)), groups=("admins",))
    grant = Grant(
        provider="corp", account="ann", recheck=True, begun=0, expires=int(world.loop.clock()) + 900
    )
    ann = world.run(first.sessions.begin(identity, grant)).ticket
    world.loop.pass_time(901)

    def looked(spent, now, *groups):
        renewed = replace(spent, begun=now, expires=now + 900)
        return Refreshed(renewed, replace(identity, groups=groups))

    async def newer(spent, _, now):
        return looked(spent, now + 1)

    async def older(spent, _, now):
        world.store.leases.clear()
        world.store.plain = {key: value for key, value in world.store.plain.items() if value.value != b"held"}
        await second.serve(ann)
        return looked(spent, now, "admins")

    first.catalog.renew, second.catalog.renew = older, newer
    world.request(ann)

    assert world.request(ann).latest.groups == ()


async def _identity(world):
    client = world.replicas[0].catalog.passwords["corp"]
    found = await client.check_password(client.account("ann", ""), "ann-pw", int(world.loop.clock()))
    return found.identity
