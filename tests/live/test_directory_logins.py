"""The whole gateway in front of a real Active Directory: the form, a rule by group, and what the second look ends."""

import html
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
async def test_p3_five_sessions_end_and_the_directory_counts_nothing(domain, tmp_path, what, figure):
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
        before = [(await house.say("/report", cookie)).status_code for cookie in cookies]
        house.clock.now += LOOK
        said = [await house.say("/report", cookie) for cookie in cookies]

    assert before == [200] * 5
    assert {one.status_code for one in said} == {401}
    counted = domain.wrong_passwords(person)
    figure(f"five sessions of one person, {what}: the directory's badPwdCount", counted, "")
    assert counted == 0


async def test_p3_a_changed_password_ends_its_session_though_the_directory_still_takes_it(tmp_path):
    """For an hour it does, as it comes: so the session is held against when the password was set, and reads why."""
    with samba(tmp_path, old_password=60) as lenient:
        person = lenient.add_person("otto")
        async with house_of(lenient, tmp_path) as house:
            house.clock.now = time.time()
            browser = house.browser()
            form = await opened(browser, f"{AUTH}/auth/login?rd={APP}/public/done")
            await form.send("otto", PASSWORD)
            lenient.set_password(person, "Another-horse-2")
            still_taken = await typed(house, "otto")
            house.clock.now += LOOK
            asked = await browser.open(f"{APP}/report")

    assert still_taken.url == f"{APP}/report"  # the trap: it signs somebody in
    assert asked.url.startswith(f"{AUTH}/auth/login")
    assert "You were signed out because your sign-in has ended where you made it." in asked.response.text


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


# What the page says

DISABLED = "The identity provider has locked or switched off your account."
EXPIRED = "Your account was made for a time, and that time is over."
MUST_CHANGE = "Your password has to be changed before you can sign in here."
NOT_NOW = "Your account may not be used at this time of the day, or on this day."
NOT_HERE = "Your account may be used from certain computers only, and this service is none of them."
TOO_OLD = "The password is right, but it is too old to be used."
LOCKED = "There have been too many attempts with this account, or from your network."
WRONG = "This name and this password do not belong together."
SENTENCES = {DISABLED, EXPIRED, MUST_CHANGE, NOT_NOW, NOT_HERE, TOO_OLD, LOCKED, WRONG}


def text_of(hop):
    """The page, with every blank that does not break as one that does."""
    return html.unescape(hop.response.text).replace("\xa0", " ")


def sentences_of(hop):
    """Which of them stand on the page."""
    return {sentence for sentence in SENTENCES if sentence in text_of(hop)}


async def typed(house, name, password=PASSWORD):
    """What a fresh browser shows after somebody has filled in the form."""
    form = await opened(house.browser(), f"{AUTH}/auth/login?rd={APP}/report")
    return await form.send(name, password)


@pytest.mark.parametrize(
    ("state", "sentence", "reason"),
    [
        ({"userAccountControl": "514"}, DISABLED, "account_disabled"),
        ({"accountExpires": "132223104000000000"}, EXPIRED, "account_expired"),
        ({"pwdLastSet": "0"}, MUST_CHANGE, "password_change_needed"),
        ({"logonHours": bytes(21)}, NOT_NOW, "not_now"),
        ({"userWorkstations": "ELSEWHERE"}, NOT_HERE, "not_here"),
    ],
)
async def test_the_page_says_why_to_who_knows_the_password(domain, tmp_path, state, sentence, reason):
    """And to nobody else, who reads of a wrong name or password."""
    name = f"why{next(iter(state)).lower()[:8]}"
    person = domain.add_person(name)
    domain.change(person, **state)
    async with house_of(domain, tmp_path) as house:
        right, wrong = await typed(house, name), await typed(house, name, "wrong")
        told = await house.lines("login.finished", 2)

    assert (right.status, sentences_of(right)) == (403, {sentence})
    assert (wrong.status, sentences_of(wrong)) == (401, {WRONG})
    assert [line.get("reason") for line in told] == [reason, "wrong_password"]
    assert PASSWORD not in house.written.getvalue() + right.response.text


async def test_a_password_that_is_too_old_is_said_on_the_page(tmp_path):
    """Forty-three days after it was set."""
    with samba(tmp_path) as ageing:
        ageing.add_person("late")
        ageing.restart(days_ahead=43)
        async with house_of(ageing, tmp_path) as house:
            right, wrong = await typed(house, "late"), await typed(house, "late", "wrong")

    assert (right.status, sentences_of(right)) == (403, {TOO_OLD})
    assert (wrong.status, sentences_of(wrong)) == (401, {WRONG})


async def test_a_locked_account_reads_when_to_come_back(tmp_path):
    """Three wrong passwords lock it for half an hour: the right one is refused too, and says for how long."""
    with samba(tmp_path) as strict:
        lock = {"lockoutDuration": "-18000000000", "lockOutObservationWindow": "-18000000000"}
        strict.policy(lockoutThreshold="3", **lock)
        strict.add_person("lois")
        async with house_of(strict, tmp_path) as house:
            wrong = [sentences_of(await typed(house, "lois", "wrong")) for _ in range(3)]
            house.clock.now = (
                time.time() + 60
            )  # a minute later by ours: of thirty, twenty-nine are left at most
            right = await typed(house, "lois")

    assert wrong == [{WRONG}] * 3
    assert (right.status, sentences_of(right)) == (429, {LOCKED})
    left = int(right.response.headers["retry-after"])
    assert 1500 < left <= 1741
    assert f"You can try again in {-(-left // 60)} min." in text_of(right)


async def test_every_spelling_of_a_name_signs_the_same_person_in(domain, tmp_path):
    """Bare, with the domain behind or in front: through the form, and what the application is told is one person."""
    domain.add_person("nell")
    spelt = ["nell", "Nell@ad.test", "nell@people.example", "ADTEST\\nell", "adtest\\NELL"]
    async with house_of(domain, tmp_path) as house:
        house.clock.now = time.time()
        told = [(await house.say("/report", await sign_in(house, one))).headers for one in spelt]

    assert {headers["x-auth-user"] for headers in told} == {"nell"}
    assert len({headers["x-auth-subject"] for headers in told}) == 1
