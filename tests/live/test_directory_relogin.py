"""The whole gateway in front of a real Active Directory without a service account: kept passwords, and what ends them."""

import asyncio
import contextlib
import time

import pytest

from gateway.errors import PasswordRefused
from gateway.providers.ldap.link import ldap3
from gateway.providers.ldap.provider import Ldap
from gateway.settings.ldap import LdapProvider
from tests.kit import slapd
from tests.kit.password_form import opened
from tests.kit.samba import PASSWORD, samba
from tests.kit.wired import APP, AUTH, wired

pytestmark = [pytest.mark.live, pytest.mark.anyio]

RULES = [
    {"name": "public", "paths": ["/public/**"], "allow": "public"},
    {"name": "admin", "paths": ["/admin/**"], "allow": {"groups": ["admins"]}},
    {"name": "rest", "allow": "authenticated"},
]
LOOK, MINUTE = 901, 61
NEW = "Another-horse-2"


@pytest.fixture(scope="module")
def domain(tmp_path_factory):
    """One that takes no previous password, and locks after five wrong ones."""
    with samba(tmp_path_factory.mktemp("domain")) as running:
        running.policy(
            lockoutThreshold="5", lockoutDuration="-18000000000", lockOutObservationWindow="-18000000000"
        )
        yield running


@contextlib.asynccontextmanager
async def house_of(domain, folder, **changes):
    section = {**domain.section, "bind_dn": None, "bind_password": None, "relogin": True, **changes}
    async with wired(
        folder,
        providers={"corp": section},
        rules=RULES,
        policies={},
        login={"passwords": {"per_account": 50}},
    ) as house:
        house.clock.now = time.time()
        yield house


async def sign_in(house, name, password=PASSWORD):
    """The session cookie as `name=value`, after the form has led to the application."""
    browser = house.browser()
    form = await opened(browser, f"{AUTH}/auth/login?rd={APP}/public/done")
    hop = await form.send(name, password)
    assert hop.url == f"{APP}/public/done", hop.response.text
    cookie = next(one for one in browser.jar.cookies if one.name.endswith("gw"))
    return f"{cookie.name}={cookie.value}"


async def statuses(house, cookies, path="/report"):
    said = await asyncio.gather(*[house.say(path, cookie) for cookie in cookies])
    return [one.status_code for one in said]


async def guess(house, name, times):
    """Somebody else at another browser."""
    for _ in range(times):
        form = await opened(house.browser(), f"{AUTH}/auth/login?rd={APP}/report")
        await form.send(name, "guess")


async def test_p3_a_group_is_taken_away_and_nobody_sees_a_login(domain, tmp_path):
    """People read themselves, nested groups too: in, and the rule is closed."""
    person = domain.add_person("nora")
    inner = domain.add_group("operators", person)
    domain.add_group("admins", inner)
    async with house_of(domain, tmp_path) as house:
        cookie = await sign_in(house, "nora")
        assert await statuses(house, [cookie], "/admin/x") == [200]

        domain.change(inner, member=[])
        house.clock.now += LOOK

        assert await statuses(house, [cookie], "/admin/x") == [403]
        assert await statuses(house, [cookie]) == [200]
        assert domain.wrong_passwords(person) == 0


async def test_p3_w31_a_changed_password_costs_one_try_over_five_sessions(domain, tmp_path, figure):
    """All five are due in one moment, and in about a minute they are out; the directory has counted one."""
    person = domain.add_person("mara")
    async with house_of(domain, tmp_path) as house:
        old = [await sign_in(house, "mara") for _ in range(5)]
        for number in range(4):  # of the last two a directory counts no try
            domain.set_password(person, f"{NEW}{number}")
        house.clock.now += LOOK

        assert await statuses(house, old) == [200] * 5
        assert await statuses(house, old) == [200] * 5
        house.clock.now += MINUTE
        assert await statuses(house, old) == [401] * 5
        told = await house.lines("refresh.finished", 1)

    counted = domain.wrong_passwords(person)
    figure("changed password, 5 sessions: wrong passwords in the directory", counted, "")
    assert counted == 1
    assert [line["outcome"] for line in told] == ["suspected"]


async def test_p3_a_session_of_the_new_password_stays(domain, tmp_path):
    """Those of the old one end by one refusal, and it has nothing to do with it."""
    person = domain.add_person("mona")
    async with house_of(domain, tmp_path) as house:
        old = [await sign_in(house, "mona") for _ in range(2)]
        house.clock.now += 5
        domain.set_password(person, NEW)
        new = await sign_in(house, "mona", NEW)
        house.clock.now += LOOK

        assert await statuses(house, [*old, new]) == [200] * 3
        house.clock.now += MINUTE
        assert await statuses(house, [*old, new]) == [401, 401, 200]
        house.clock.now += LOOK
        assert await statuses(house, [*old, new]) == [401, 401, 200]
        told = await house.lines("refresh.finished", 2)

    assert [line["outcome"] for line in told].count("suspected") == 1


async def test_w31_a_previous_password_that_still_binds_is_seen_through(tmp_path):
    """Samba and Windows take it for an hour: when the password was set says what the yes does not."""
    with samba(tmp_path, old_password=60) as lenient:
        person = lenient.add_person("mila")
        async with house_of(lenient, tmp_path) as house:
            old = [await sign_in(house, "mila") for _ in range(5)]
            lenient.set_password(person, NEW)
            again = await sign_in(house, "mila")  # so it is: the previous one signs in
            house.clock.now += LOOK

            assert await statuses(house, old) == [401] * 5
            assert await statuses(house, [again]) == [200]
            assert lenient.wrong_passwords(person) == 0
            told = await house.lines("refresh.finished", 5)

    assert "suspected" not in {line["outcome"] for line in told}


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        ({"userAccountControl": "514"}, "disabled"),
        ({"accountExpires": "132223104000000000"}, "refused"),
        ({"pwdLastSet": "0"}, "refused"),
        ({"logonHours": bytes(21)}, "refused"),
        ({"userWorkstations": "ELSEWHERE"}, "refused"),
    ],
)
async def test_p3_what_the_directory_says_to_the_right_password_ends_the_sessions(
    domain, tmp_path, state, outcome
):
    """Each by its own sub-code; nothing is counted."""
    name = f"end{next(iter(state)).lower()[:8]}"
    person = domain.add_person(name)
    async with house_of(domain, tmp_path) as house:
        cookies = [await sign_in(house, name) for _ in range(2)]
        domain.change(person, **state)
        house.clock.now += LOOK

        assert await statuses(house, cookies) == [401, 401]
        told = await house.lines("refresh.finished", 1)

    assert {line["outcome"] for line in told} <= {outcome, "gone"}
    assert domain.wrong_passwords(person) == 0


async def test_p3_a_lock_from_outside_signs_nobody_out(domain, tmp_path):
    """It is weather; once it is taken away the session goes on with the same password."""
    person = domain.add_person("olga")
    async with house_of(domain, tmp_path) as house:
        cookie = await sign_in(house, "olga")
        await guess(house, "olga", 5)
        counted = domain.wrong_passwords(person)
        house.clock.now += LOOK

        assert await statuses(house, [cookie]) == [200]
        assert domain.wrong_passwords(person) == counted
        domain.change(person, lockoutTime="0")
        house.clock.now += MINUTE
        assert await statuses(house, [cookie]) == [200]
        told = await house.lines("refresh.finished", 2)

    assert [line["outcome"] for line in told] == ["transient", "ok"]


async def test_p24_a_kept_password_is_in_no_log_and_in_no_clear_byte_of_the_store(domain, tmp_path):
    """After a sign-in, a look and a refusal, at the level `debug`."""
    person = domain.add_person("vera")
    async with house_of(domain, tmp_path) as house:
        cookie = await sign_in(house, "vera")
        house.clock.now += LOOK
        assert await statuses(house, [cookie]) == [200]
        domain.set_password(person, NEW)
        house.clock.now += LOOK
        assert await statuses(house, [cookie]) == [200]
        await house.lines("refresh.finished", 2)
        stored = b"".join([file.read_bytes() for file in tmp_path.glob("gateway.db*")])

        assert PASSWORD not in house.written.getvalue()
        assert PASSWORD.encode() not in stored
        assert stored.startswith(b"SQLite format 3")


async def test_openldap_without_a_policy_notices_a_new_password_by_a_kept_one_alone(tmp_path):
    """It does not say when a password was changed: the service account sees the same entry as before."""
    with slapd.slapd(tmp_path) as directory:
        providers = [
            Ldap(
                LdapProvider.model_validate({**directory.section, "relogin": relogin}), "corp", several=False
            )
            for relogin in (False, True)
        ]
        now = int(time.time())
        without, kept = [
            await one.check_password(one.account("ann", ""), slapd.PASSWORD, now) for one in providers
        ]
        assert (await providers[1].recheck(kept.grant, kept.identity, now)).identity == kept.identity

        server = ldap3.Server(directory.url, get_info=ldap3.NONE)
        with ldap3.Connection(server, f"cn=admin,{slapd.BASE}", slapd.PASSWORD) as admin:
            changes = {"userPassword": [(ldap3.MODIFY_REPLACE, [NEW])]}
            assert admin.modify(f"uid=ann,ou=people,{slapd.BASE}", changes)

        assert (await providers[0].recheck(without.grant, without.identity, now)).identity is not None
        with pytest.raises(PasswordRefused):
            await providers[1].recheck(kept.grant, kept.identity, now)
        for one in providers:
            await one.close()
