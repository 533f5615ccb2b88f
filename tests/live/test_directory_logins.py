"""The whole gateway in front of a real Active Directory: the form, a rule by group, and what the second look ends."""

import time

import pytest

from tests.kit.password_form import opened
from tests.kit.samba import PASSWORD, samba
from tests.kit.wired import APP, AUTH, wired

pytestmark = [pytest.mark.live, pytest.mark.anyio]

RULES = [
    {"name": "public", "paths": ["/public/**"], "allow": "public"},
    {"name": "admin", "paths": ["/admin/**"], "allow": {"groups": ["admins"]}},
    {"name": "rest", "allow": "authenticated"},
]
LOOK = 900


@pytest.fixture(scope="module")
def domain(tmp_path_factory):
    with samba(tmp_path_factory.mktemp("domain")) as running:
        yield running


def house_of(domain, folder, **changes):
    return wired(
        folder,
        providers={"corp": domain.section | changes},
        rules=RULES,
        policies={},
        login={"passwords": {"per_account": 50}},
    )


async def sign_in(house, name, password=PASSWORD):
    """The session cookie as `name=value`, after the form has led to the application."""
    browser = house.browser()
    form = await opened(browser, f"{AUTH}/auth/login?rd={APP}/public/done")
    hop = await form.send(name, password)
    assert hop.url == f"{APP}/public/done", hop.response.text
    cookie = next(one for one in browser.jar.cookies if one.name.endswith("gw"))
    return f"{cookie.name}={cookie.value}"


async def statuses(house, cookie):
    """What the rules `admin` and `rest` say."""
    return [(await house.say(path, cookie)).status_code for path in ("/admin/x", "/report")]


async def test_p3_a_nested_group_opens_a_rule_until_it_is_taken_away(domain, tmp_path):
    """Two deep; after the next look the person is in, and the rule is closed."""
    person = domain.add_person("nora")
    inner = domain.add_group("operators", person)
    domain.add_group("admins", inner)
    async with house_of(domain, tmp_path) as house:
        house.clock.now = time.time()
        cookie = await sign_in(house, "ADTEST\\Nora")
        assert await statuses(house, cookie) == [200, 200]

        domain.change(inner, member=[])
        house.clock.now += LOOK

        assert await statuses(house, cookie) == [403, 200]


@pytest.mark.parametrize("what", ["disabled", "password changed"])
async def test_p3_five_sessions_end_and_the_directory_counts_nothing(domain, tmp_path, what):
    """At the next look of each; nobody's password is tried for it."""
    name = f"five{what[:4]}"
    person = domain.add_person(name)
    async with house_of(domain, tmp_path) as house:
        house.clock.now = time.time()
        cookies = [await sign_in(house, name) for _ in range(5)]

        if what == "disabled":
            domain.change(person, userAccountControl="514")
        else:
            domain.set_password(person, "Another-horse-2")
        house.clock.now += LOOK
        said = [await house.say("/report", cookie) for cookie in cookies]

    assert {one.status_code for one in said} == {401}
    assert domain.wrong_passwords(person) == 0


async def test_a_session_of_the_new_password_stays(domain, tmp_path):
    """The other one ends at its next look."""
    person = domain.add_person("mara")
    async with house_of(domain, tmp_path) as house:
        house.clock.now = time.time()
        old = await sign_in(house, "mara")
        domain.set_password(person, "Another-horse-2")
        new = await sign_in(house, "mara", "Another-horse-2")
        house.clock.now += LOOK

        assert (await house.say("/report", old)).status_code == 401
        assert (await house.say("/report", new)).status_code == 200


async def test_p3_w26_a_directory_that_is_down_signs_nobody_out(tmp_path):
    """For as long as the grace is, and the look is made up for afterwards."""
    with samba(tmp_path) as fragile:
        fragile.add_person("olga")
        async with house_of(fragile, tmp_path) as house:
            house.clock.now = time.time()
            cookie = await sign_in(house, "olga")
            fragile.process.stop()
            house.clock.now += LOOK + 1

            assert (await house.say("/report", cookie)).status_code == 200
            fragile.restart(days_ahead=0)
            house.clock.now += 61
            assert (await house.say("/report", cookie)).status_code == 200


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        ({"userAccountControl": "514"}, "account_disabled"),
        ({"accountExpires": "132223104000000000"}, "account_expired"),
        ({"pwdLastSet": "0"}, "password_change_needed"),
        ({"logonHours": bytes(21)}, "not_now"),
    ],
)
async def test_the_page_says_why_to_who_knows_the_password(domain, tmp_path, state, sentence):
    """And to nobody else, who reads of a wrong name or password."""
    name = f"why{next(iter(state)).lower()[:8]}"
    person = domain.add_person(name)
    domain.change(person, **state)
    async with house_of(domain, tmp_path) as house:
        form = await opened(house.browser(), f"{AUTH}/auth/login?rd={APP}/report")
        right = await form.send(name, PASSWORD)
        wrong = await (await opened(house.browser(), f"{AUTH}/auth/login?rd={APP}/report")).send(
            name, "wrong"
        )
        told = await house.lines("login.finished", 2)

    assert [line.get("reason") for line in told] == [sentence, "wrong_password"]
    assert right.response.text != wrong.response.text
    assert PASSWORD not in house.written.getvalue()
