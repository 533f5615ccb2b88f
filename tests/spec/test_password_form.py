"""The form for a name and a password: shown, sent, answered, shown again; and what is told of it."""

import re
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from gateway.errors import PasswordRefused, ProviderUnavailable
from gateway.identity.presented import Head
from gateway.login.errand import REAUTHENTICATE
from gateway.login.level import Level
from gateway.login.password_login import Entry
from gateway.login.selection import Wish
from gateway.login.way import Client
from gateway.observe.events import LoginFinished
from gateway.providers.account import Spellings
from tests.kit.login_door import APP, AUTH, OTHER, LoginHouse
from tests.kit.password_form import Fields, Form, opened
from tests.kit.password_provider import PasswordDirectory

pytestmark = pytest.mark.anyio

LOGIN = f"{AUTH}/auth/login?rd={quote(f'{APP}/report?month=11', safe='')}"
SESSION, BROWSER = "__Secure-gw", "__Host-gw-login"


def directory(name="corp", **changes):
    return PasswordDirectory(name, **changes)


def house_of(*directories, providers=(), **changes):
    return LoginHouse(providers, directories=directories or (directory(),), **changes)


def told(house):
    return [event for event in house.events if isinstance(event, LoginFinished)]


async def test_a_person_signs_in_and_is_where_they_wanted_to_go():
    """The page asked for, its query too; one request to the form and one to the application."""
    house = house_of()
    browser = house.browser()
    form = await opened(browser, LOGIN)

    hop = await form.send("alice", "right")

    assert (hop.url, hop.response.text) == (f"{APP}/report?month=11", "app")
    assert [hop.status for hop in browser.hops] == [200, 303, 200]
    me = await browser.open(f"{AUTH}/users/me", headers={"accept": "application/json"})
    assert me.response.json()["subject"] == "corp:id-of-alice"


async def test_an_installation_with_nothing_but_a_directory_shows_the_form_at_once():
    """No chooser before it, and no button for anything else."""
    form = await opened(house_of().browser(), f"{AUTH}/auth/login")

    assert "choices" not in form.hop.response.text
    assert form.fields.values["place"] == "corp"


async def test_the_form_stands_beside_the_redirect_providers():
    """One page, both ways."""
    house = house_of(providers=("staff",))
    browser = house.browser()
    form = await opened(browser, LOGIN)

    assert "Continue with Staff account" in form.hop.response.text
    assert (await form.send("alice", "right")).url.startswith(APP)
    assert (await house.browser().open(f"{AUTH}/auth/staff?rd={APP}/x")).url == f"{APP}/x"


async def test_several_places_are_one_selection():
    """Each domain of a provider by itself; where there is one provider its domains alone name them."""
    corp = directory(
        domains=("EXAMPLE", "PARTNER"),
        spellings=Spellings({"example": "EXAMPLE", "partner": "PARTNER"}),
        people={"PARTNER\\alice": "right"},
    )
    alone, both = house_of(corp), house_of(corp, directory("emergency", title="Break glass"))

    form = await opened(alone.browser(), LOGIN)
    assert (form.fields.labels, form.fields.choices) == (
        ["EXAMPLE", "PARTNER"],
        ["corp/EXAMPLE", "corp/PARTNER"],
    )
    form = await opened(both.browser(), LOGIN)
    assert form.fields.labels == ["Example Corp: EXAMPLE", "Example Corp: PARTNER", "Break glass"]

    assert (await form.send("alice", "right", place="corp/EXAMPLE")).status == 401
    assert (await form.send("alice", "right", place="corp/PARTNER")).url.startswith(APP)


async def test_what_is_wrong_is_shown_in_the_form_and_the_name_stays():
    """The chosen place and the way back too; the password does not."""
    house = house_of(directory(), directory("emergency"))
    browser = house.browser()
    form = await opened(browser, LOGIN)

    hop = await form.send("alice", "Tr0ub4dor", place="emergency")

    again = Form(browser, hop)
    assert hop.status == 401
    assert 'role="alert"' in hop.response.text
    assert "do not belong together" in hop.response.text
    assert again.fields.values["username"] == "alice"
    assert again.fields.values["password"] == ""
    assert again.fields.values["place"] == "emergency"
    assert "Tr0ub4dor" not in hop.response.text
    assert (await again.send("alice", "right")).url == f"{APP}/report?month=11"


@pytest.mark.parametrize(
    ("reason", "status", "sentence"),
    [
        ("wrong_password", 401, "do not belong together"),
        ("password_expired", 403, "too old to be used"),
        ("password_change_needed", 403, "has to be changed"),
        ("account_disabled", 403, "locked or switched off"),
        ("account_expired", 403, "that time is over"),
        ("not_now", 403, "at this time of the day"),
        ("not_here", 403, "certain computers"),
        ("account_locked", 429, "too many attempts with this account"),
    ],
)
async def test_each_refusal_has_its_sentence(reason, status, sentence):
    """Those that a directory gives after a right password alone say what to do; the others say nothing."""
    house = house_of(directory(answers={"alice": PasswordRefused("corp", reason)}))
    form = await opened(house.browser(), LOGIN)

    hop = await form.send("alice", "right")

    assert hop.status == status
    assert sentence in hop.response.text
    assert told(house)[-1].reason == reason
    assert told(house)[-1].outcome == "password_refused"


async def test_a_locked_account_looks_like_a_limit_of_ours():
    """Any name reaches that one; so the answer does not say that there is an account."""
    locked = directory(answers={"alice": PasswordRefused("corp", "account_locked", retry_after=180.0)})
    house = house_of(locked, login={"passwords": {"per_account": 1, "account_period": "3m"}})
    form = await opened(house.browser(), LOGIN)
    seen = await form.send("alice", "x")
    await form.send("nobody", "x")

    limited = await form.send("nobody", "x")

    assert (seen.status, limited.status) == (429, 429)
    assert blank(seen.response.text, "alice") == blank(limited.response.text, "nobody")
    assert seen.response.headers["retry-after"] == limited.response.headers["retry-after"] == "180"
    assert "You can try again in 3 min." in seen.response.text


def blank(html, name):
    """A page without what differs from one time to the next."""
    return re.sub(r'name="token" value="[^"]*"', "", html).replace(name, "NAME")


async def test_a_directory_that_is_down_is_said_to_be_in_the_form():
    """503, and when to come back where it is known."""
    down = ProviderUnavailable("corp", "refused", retry_after=20.0)
    house = house_of(directory(answers={"alice": down}))
    form = await opened(house.browser(), LOGIN)

    hop = await form.send("alice", "right")

    assert (hop.status, hop.response.headers["retry-after"]) == (503, "20")
    assert "does not answer" in hop.response.text


async def test_a_store_that_is_down_is_said_to_be_in_the_form():
    """And nobody is asked anything."""
    corp = directory()
    house = house_of(corp)
    form = await opened(house.browser(), LOGIN)
    house.store.down = True

    hop = await form.send("alice", "right")

    assert hop.status == 503
    assert corp.asked == []


async def test_a_form_that_was_open_too_long_is_shown_anew():
    """The cookie is gone, so a new one is set; the second try works."""
    house = house_of()
    browser = house.browser()
    form = await opened(browser, LOGIN)
    browser.jar.cookies.clear()

    hop = await form.send("alice", "right")

    assert hop.status == 403
    assert "once more" in hop.response.text or "too long" in hop.response.text
    assert (await Form(browser, hop).send("alice", "right")).url.startswith(APP)


async def test_a_program_gets_problem_details():
    """No form is shown to whoever wants none."""
    house = house_of()
    browser = house.browser()
    form = await opened(browser, LOGIN)
    browser.headers = {"accept": "application/json"}

    hop = await form.send("alice", "wrong")

    assert hop.status == 401
    assert hop.response.json()["error"] == "password_refused"


async def test_the_rule_the_host_and_the_address_narrow_the_places_too():
    """As they narrow redirect providers; and a hint comes back with the form."""
    house = house_of(
        directory(),
        directory("partners"),
        providers=("staff",),
        login={"hosts": {"wiki.example.com": ["partners", "staff"]}, "domains": {"corp.example": "corp"}},
    )

    assert places(await opened(house.browser(), LOGIN)) == ["corp", "partners"]
    assert places(await opened(house.browser(), f"{AUTH}/auth/login?rd={OTHER}/x")) == ["partners"]
    assert places(await opened(house.browser(), f"{LOGIN}&login_hint=a@corp.example")) == ["corp"]
    hinted = await opened(house.browser(), f"{LOGIN}&provider=partners")
    assert places(hinted) == ["partners"]
    assert hinted.fields.values["hint"] == "partners"
    again = await hinted.send("alice", "wrong")
    assert places(Form(hinted.browser, again)) == ["partners"]


def places(form):
    return form.fields.choices or [form.fields.values["place"]]


@pytest.mark.parametrize(
    ("hint", "name"),
    [
        ("alice@example.com", "alice@example.com"),
        ("Call 555 now", ""),
        ("a" * 300, ""),
        ('"><script>alert(1)</script>', '"><script>alert(1)</script>'),
    ],
)
async def test_a_login_hint_stands_in_the_form_where_it_could_be_a_name(hint, name):
    """A sentence is none; markup is text."""
    form = await opened(house_of().browser(), f"{LOGIN}&login_hint={quote(hint, safe='')}")

    assert form.fields.values["username"] == name
    assert "<script>alert" not in form.hop.response.text


async def test_the_place_that_was_used_last_is_chosen():
    """By the cookie that moves a button to the top."""
    house = house_of(directory(), directory("emergency"))
    browser = house.browser()
    await (await opened(browser, LOGIN)).send("alice", "right", place="emergency")
    browser.jar.cookies = [one for one in browser.jar.cookies if one.name != SESSION]

    assert (await opened(browser, LOGIN)).fields.values["place"] == "emergency"


async def test_the_address_of_a_directory_leads_to_its_form():
    """GET /auth/{provider}, as for the others; signed in or not where it leads to no page in particular."""
    house = house_of(directory(), directory("emergency"))
    browser = house.browser()

    form = await opened(browser, f"{AUTH}/auth/emergency?rd={APP}/x")
    assert places(form) == ["emergency"]
    await form.send("alice", "right")

    assert (await browser.open(f"{AUTH}/auth/emergency?rd={APP}/x")).url == f"{APP}/x"
    assert places(await opened(browser, f"{AUTH}/auth/emergency")) == ["emergency"]


async def test_a_directory_has_no_callback():
    """There is nothing to come back from."""
    hop = await house_of().browser().open(f"{AUTH}/auth/corp/callback?state={'s' * 43}&code=x")

    assert hop.status == 404


async def test_who_is_signed_in_elsewhere_adds_this_login():
    """Both identities are in one session afterwards."""
    house = house_of(providers=("staff",))
    browser = house.browser()
    await browser.open(f"{AUTH}/auth/staff?rd={APP}/x")

    form = await opened(browser, f"{LOGIN}&provider=corp")
    assert "You are signed in as alice" in form.hop.response.text
    await form.send("alice", "right")

    me = await browser.open(f"{AUTH}/users/me", headers={"accept": "application/json"})
    assert me.response.json()["provider"] == "corp"
    assert (await browser.open(f"{AUTH}/auth/login?rd={APP}/x&provider=staff")).url == f"{APP}/x"


async def test_who_is_not_on_the_list_is_told_so_on_a_page_of_its_own():
    """Trying again would not help; the event says who it was."""
    house = house_of()
    house.let_in = False
    form = await opened(house.browser(), LOGIN)

    hop = await form.send("alice", "right")

    assert (hop.status, 'id="sign-in"' in hop.response.text) == (403, False)
    assert (told(house)[-1].outcome, told(house)[-1].subject) == ("not_allowed", "corp:id-of-alice")


async def test_going_round_in_circles_is_noticed_here_too():
    """As after a redirect: the fifth success of a browser within a minute."""
    house = house_of()
    form = await opened(house.browser(), LOGIN)

    assert [(await form.send("alice", "right")).status for _ in range(5)] == [200] * 4 + [400]
    assert told(house)[-1].outcome == "login_loop"


async def test_the_log_joins_the_tries_of_an_account_and_never_repeats_what_was_typed():
    """The mark stands on every line, the person on that of the success alone."""
    house = house_of()
    form = await opened(house.browser(), LOGIN)
    for name, password in (("ALICE", "wrong"), ("hunter2", "alice"), ("alice", "right")):
        await form.send(name, password)

    wrong, other, right = told(house)
    assert wrong.trace == right.trace != other.trace
    assert (wrong.subject, other.subject, right.subject) == ("", "", "corp:id-of-alice")
    assert "hunter2" not in repr(house.events)
    assert "ALICE" not in repr(house.events)


async def test_a_place_that_there_is_not_is_no_word_in_the_log():
    """And makes no sense."""
    house = house_of()
    form = await opened(house.browser(), LOGIN)

    hop = await form.send("alice", "right", place="<evil>")

    assert hop.status == 400
    assert told(house)[-1].provider == ""
    assert "evil" not in repr(house.events) + hop.response.text


def test_what_was_typed_is_in_no_repr():
    """Of what travels through the code."""
    entry = Entry("corp", "", "alice", "Tr0ub4dor", f"{APP}/x", "s" * 43)

    assert "alice" not in repr(entry)
    assert "Tr0ub4dor" not in repr(entry)


async def test_the_form_is_for_password_managers_and_phones():
    """The words of the HTML standard, and nothing that changes or cuts what is typed."""
    html = (await opened(house_of().browser(), LOGIN)).hop.response.text

    assert 'autocomplete="username"' in html
    assert 'autocomplete="current-password"' in html
    assert 'autocapitalize="none"' in html
    assert "maxlength" not in html
    assert "onpaste" not in html


async def test_the_script_of_the_form_is_the_only_one_that_may_run():
    """By its whole address: another file of an application on our host is none of this page's."""
    hop = (await opened(house_of().browser(), LOGIN)).hop
    policy = hop.response.headers["content-security-policy"]

    assert f"script-src {AUTH}/auth/static/sign-in.js;" in policy
    assert f"form-action 'self' {APP} {OTHER} https://*.apps.example.com;" in policy
    script = await house_of().browser().open(f"{AUTH}/auth/static/sign-in.js")
    assert script.response.headers["content-type"] == "text/javascript; charset=utf-8"


async def test_with_very_many_hosts_the_policy_names_the_one_that_is_asked_for():
    """A proxy has room for so many bytes of headers."""
    hosts = [APP, *[f"https://application-number-{number}.example.com" for number in range(100)]]
    hop = (await opened(house_of(hosts=hosts).browser(), LOGIN)).hop

    assert f"form-action 'self' {APP};" in hop.response.headers["content-security-policy"]


async def test_without_a_directory_there_is_no_form_to_send():
    """As it was: the chooser, and one method."""
    hop = await LoginHouse(("staff", "partners")).browser().submit(f"{AUTH}/auth/login", {"username": "a"})

    assert (hop.status, hop.response.headers["allow"]) == (405, "GET, HEAD")


# Signing in again


async def asked_again(house, browser, level=None, provider="corp"):
    """Begin a reauthentication as code of ours would: where it leads."""
    line = browser.jar.line(f"{AUTH}/", cross_site=False, method="GET")
    head = Head("GET", b"/x", ((b"cookie", line.encode()),), "192.0.2.7")
    way = await house.flow.begin(
        head,
        provider,
        Wish(f"{APP}/secret"),
        Client("192.0.2.7", "192.0.2.0/24"),
        "d",
        purpose=REAUTHENTICATE,
        level=level,
    )
    for cookie in way.cookies:
        browser.jar.store(f"{AUTH}/", cookie)
    return way.location


async def signed_in(house, name="alice", password="right"):
    browser = house.browser()
    await (await opened(browser, LOGIN)).send(name, password)
    house.clock.advance(3600)
    return browser


async def test_the_same_person_signs_in_again_and_the_login_is_new():
    """A wrong password in between leaves the attempt as it is; the state is in the address alone."""
    house = house_of()
    browser = await signed_in(house)
    form = await opened(browser, await asked_again(house, browser))
    assert "once more" in form.hop.response.text

    wrong = await form.send("alice", "wrong")
    assert wrong.status == 401
    hop = await Form(browser, wrong).send("alice", "right")

    assert hop.url == f"{APP}/secret"
    me = await browser.open(f"{AUTH}/users/me", headers={"accept": "application/json"})
    assert me.response.json()["authenticated_at"] == int(house.clock())


async def test_another_person_who_signs_in_changes_nothing():
    """The session is whose it was, and the attempt is used up."""
    house = house_of()
    browser = await signed_in(house)
    form = await opened(browser, await asked_again(house, browser))

    hop = await form.send("bob", "blue")

    assert (hop.status, told(house)[-1].outcome) == (403, "another_person")
    me = await browser.open(f"{AUTH}/users/me", headers={"accept": "application/json"})
    assert me.response.json()["user"] == "alice"
    assert (await form.send("alice", "right")).status == 400


async def test_an_attempt_of_another_browser_shows_no_form_and_asks_no_directory():
    """A link that somebody sent: neither to open, nor to send."""
    corp = directory()
    house = house_of(corp)
    browser = await signed_in(house)
    location = await asked_again(house, browser)
    state = parse_qs(urlsplit(location).query)["attempt"][0]
    stranger = await opened(house.browser(), LOGIN)
    asked = len(corp.asked)

    assert (await stranger.browser.open(location)).status == 400
    assert (await stranger.send("alice", "right", attempt=state)).status == 400

    assert len(corp.asked) == asked


async def test_an_attempt_that_has_run_out_is_begun_anew():
    """After ten minutes."""
    house = house_of()
    browser = await signed_in(house)
    form = await opened(browser, await asked_again(house, browser))
    house.clock.advance(601)

    assert (await form.send("alice", "right")).status == 400


async def test_a_class_of_authentication_is_more_than_a_directory_can_state():
    """Said before anybody is asked for anything."""
    house = house_of()
    browser = await signed_in(house)

    with pytest.raises(Exception, match="states no acr"):
        await asked_again(house, browser, Level(0, ("gold",)))


async def test_the_attempt_of_a_redirect_is_none_of_a_form():
    """Its state in the form's place ends nothing."""
    house = house_of(providers=("staff",))
    browser = house.browser()
    departed = await browser.open(f"{AUTH}/auth/staff?rd={APP}/x", follow=False)
    state = parse_qs(urlsplit(departed.location).query)["state"][0]
    form = await opened(browser, LOGIN)

    assert (await form.send("alice", "right", attempt=state)).status == 400
    assert Fields(form.hop.response.text).values["rd"].startswith(APP)


async def test_the_reauthentication_of_a_redirect_is_none_of_a_form():
    """Its state shows no form, and what is typed into another ends nothing."""
    house = house_of(providers=("staff",))
    browser = house.browser()
    await browser.open(f"{AUTH}/auth/staff?rd={APP}/x")
    house.clock.advance(60)
    location = await asked_again(house, browser, provider="staff")
    state = parse_qs(urlsplit(location).query)["state"][0]
    form = await opened(browser, f"{LOGIN}&provider=corp")

    assert (await browser.open(f"{AUTH}/auth/login?attempt={state}")).status == 400
    assert (await form.send("alice", "right", attempt=state)).status == 400
    assert told(house)[-1].outcome == "attempt_unknown"
