"""A password that is kept for the next login: where it could be read, and by whom. Nobody may, without the cookie."""

import asyncio
import secrets

import pytest

from gateway.keys.keyring import Keyring
from gateway.providers.ad_api.answers import Accepted
from gateway.providers.ad_api.client import AdApi as Client
from tests.kit.clock import Clock
from tests.kit.leaks import found_in
from tests.kit.password_form import opened
from tests.kit.vendors.ad_api import KEY, AdApi
from tests.kit.vendors.vendor import serve
from tests.kit.wired import APP, AUTH, wired

pytestmark = pytest.mark.anyio

SECRET = 'Kept-9 "pässwörd"\\ 密码'
HOUR = 3600
LOGIN = f"{AUTH}/auth/login?rd={APP}/report"


@pytest.fixture
async def scene(tmp_path):
    """A gateway whose only provider is a directory API on loopback; ann's password is a strange one."""
    api, ring = AdApi(Clock()), Keyring.generate(secrets.token_bytes, Clock()())
    api.key = KEY
    api.change_password("ann", SECRET)
    with serve(api):
        providers = {"ad": {**api.section(), "headers": {"X-API-Key": KEY}}}
        async with wired(tmp_path, ring=ring, providers=providers) as house:
            api.clock = house.clock
            yield house, api


async def signed_in(house, password=SECRET):
    """Ann's browser, and her session cookie."""
    browser = house.browser()
    form = await opened(browser, LOGIN)
    await form.send("ann", password)
    cookie = next((one for one in browser.jar.cookies if one.name.endswith("gw")), None)
    return browser, f"{cookie.name}={cookie.value}" if cookie else ""


async def test_no_password_stands_in_a_log_a_metric_or_a_page(scene):
    """At debug, after right and wrong passwords, failing refreshes, a broken API and a bug of ours."""
    house, api = scene
    pages = []
    browser, cookie = await signed_in(house)
    pages += [(await browser.open(f"{AUTH}/users/me")).response.text]
    for fault in ("500", "html", "text-for-boolean", "person-is-text", "429"):
        api.fault = fault
        form = await opened(house.browser(), LOGIN)
        pages.append((await form.send("ann", SECRET)).response.text)
        house.clock.advance(HOUR // 4)
        await house.say("/x", cookie)
    api.fault = ""
    api.change_password("ann", "another")
    form = await opened(house.browser(), LOGIN)
    pages.append((await form.send("ann", SECRET)).response.text)
    house.clock.advance(HOUR)
    await house.say("/x", cookie)
    pages += [(await house.get("metrics_bind", path)).text for path in ("/metrics", "/readyz")]
    # Whoever types a password above it sees what they typed; nobody else does.
    await form.send(SECRET, "typed into the wrong field")

    assert await house.lines("refresh.finished")
    for text in [house.written.getvalue(), *pages]:
        assert found_in(text.encode(), SECRET) == []
        assert KEY not in text


@pytest.fixture
async def crashes_are_logged():
    """As a running gateway's loop does it, where tests stop at the first task that nobody waited for."""
    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()
    loop.set_exception_handler(lambda loop, context: loop.default_exception_handler(context))
    yield
    loop.set_exception_handler(before)


@pytest.mark.usefixtures("crashes_are_logged")
async def test_a_bug_of_ours_shows_no_password(scene, monkeypatch):
    """At the form and in the background, though its message quotes it: the log has the kind and the places of it."""
    house, _ = scene
    _, cookie = await signed_in(house)
    form = await opened(house.browser(), LOGIN)

    def stumbles(self, accepted, account, password, now):
        raise ValueError(f"{self} {accepted} {account} {password} {now}")

    monkeypatch.setattr(Client, "_grant", stumbles)
    page = await form.send("ann", SECRET)
    house.clock.advance(HOUR + 1)
    check = await house.say("/x", cookie)
    crash = (await house.lines("library.said"))[-1]

    assert (page.status, check.status_code) == (500, 503)
    assert (crash["message"], crash["error"]) == ("a single flight crashed", "ValueError")
    assert "client.py" in crash["frames"]
    for text in (house.written.getvalue(), page.response.text, check.text):
        assert found_in(text.encode(), SECRET) == []


async def test_a_traceback_of_a_login_shows_no_password(scene):
    """Not even with the values of its variables, as some loggers print them: those that hold it say so by no repr."""
    house, _ = scene
    client = house.application._people.catalog.passwords["ad"]
    account = client.account("ann", "")
    found = await client.check_password(account, SECRET, int(house.clock()))
    ask = next(client.sign_in(account, SECRET, int(house.clock())))
    accepted = Accepted({"success": True, "data": {"token": "ad-token-1"}}, "ad-token-1")

    for value in (found, found.grant, ask, accepted, client, account, {"ad": found.grant}):
        assert found_in(repr(value).encode(), SECRET) == []
        assert "ad-token" not in repr(value)


async def test_who_was_signed_out_by_a_refused_password_reads_why(scene):
    """On the page that comes next, in this browser alone; and no longer once somebody has signed in."""
    house, api = scene
    browser, cookie = await signed_in(house)
    api.change_password("ann", "another")
    house.clock.advance(HOUR + 1)
    assert (await house.say("/x", cookie)).status_code == 200
    house.clock.advance(61)
    assert (await house.say("/x", cookie)).status_code == 401

    mine = (await browser.open(LOGIN)).response.text
    theirs = (await house.browser().open(LOGIN)).response.text
    assert "your password is no longer accepted" in mine
    assert "no longer accepted" not in theirs
    assert api.wrong["ann"] == 1
    await (await opened(browser, LOGIN)).send("ann", "another")
    assert (
        "no longer accepted" not in (await browser.open(f"{AUTH}/auth/login?provider=again:ad")).response.text
    )


async def test_replicas_on_one_store_share_what_is_suspected(tmp_path, scene):
    """Refused at one, judged at the other, out at both; the directory was asked once."""
    house, api = scene
    _, cookie = await signed_in(house)
    providers = {"ad": {**api.section(), "headers": {"X-API-Key": KEY}}}
    async with wired(tmp_path, ring=house.ring, providers=providers) as other:
        other.clock.now = house.clock.now
        api.change_password("ann", "another")
        for one in (house, other):
            one.clock.advance(HOUR + 1)
        assert (await house.say("/x", cookie)).status_code == 200
        assert (await other.say("/x", cookie)).status_code == 200
        for one in (house, other):
            one.clock.advance(61)
        assert (await other.say("/x", cookie)).status_code == 401
        assert (await house.say("/x", cookie)).status_code == 401

    assert api.wrong["ann"] == 1
