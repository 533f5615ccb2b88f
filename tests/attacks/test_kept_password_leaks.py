"""A password that is kept for the next login: where it could be read, and by whom. Nobody may, without the cookie."""

import base64
import itertools
import json
import secrets
import sqlite3
import urllib.parse

import pytest

from gateway.errors import Unsealable
from gateway.keys.keyring import Keyring
from gateway.keys.seal import Sealer
from gateway.sessions.cookie import Ticket, read_ticket, session_cookie
from gateway.sessions.sealing import Sealing
from tests.kit.clock import Clock
from tests.kit.page_gallery import asking
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


def spellings(text):
    """A text as it could stand in a dump or a line."""
    raw = text.encode()
    yield from (raw, raw.hex().encode(), text.encode("utf-16-le"), json.dumps(text).strip('"').encode())
    yield urllib.parse.quote(text).encode()
    yield urllib.parse.quote_plus(text).encode()
    yield text.encode("unicode_escape")
    for shift in range(3):  # base64 of a text that begins anywhere within three bytes
        yield base64.b64encode(b"x" * shift + raw)[4:-4]
        yield base64.urlsafe_b64encode(b"x" * shift + raw)[4:-4]


def found_in(raw, text=SECRET):
    return [spelling for spelling in spellings(text) if spelling in raw]


def test_the_search_finds_what_it_looks_for():
    """Each way of writing it down is recognised."""
    for spelling in spellings(SECRET):
        assert found_in(b"before " + spelling + b" after")


async def test_a_dump_of_the_store_and_all_server_keys_open_no_password(scene):
    """Every sealed value is tried with every key that the server has, and with tickets that can be made of them."""
    house, _ = scene
    _, cookie = await signed_in(house)
    assert (await house.say("/x", cookie)).status_code == 200
    database = sqlite3.connect(house.database)
    raw = b"".join(path.read_bytes() for path in house.database.parent.iterdir())
    tables = [name for (name,) in database.execute("select name from sqlite_master where type = 'table'")]
    cells = [
        value if isinstance(value, bytes) else str(value).encode()
        for table in tables
        for row in database.execute(f"select * from {table}")
        for value in row
        if value is not None
    ]
    database.close()
    names = {cell.decode("ascii", "replace") for cell in cells}
    sids = {name[3:-1] for name in names if name.startswith("s:{")}
    kids = [entry["kid"] for entry in json.loads(house.ring.dump())["secrets"]]

    assert sids
    assert found_in(raw) == []
    assert any(cell.startswith(b"1.") for cell in cells)
    for kid, sid in itertools.product(kids, sids):
        known = [b"", sid.encode(), house.ring.derive("sess-enc/v1", kid), bytes(32), secrets.token_bytes(32)]
        sealing = Sealing(house.ring, house.ring.deployment, secrets.token_bytes)
        for cell, secret in itertools.product(cells, known):
            with pytest.raises(Unsealable):
                sealing.open_grants(Ticket(kid, 0, secret), sid, cell)
            for purpose in ("sess-enc/v1", "sess-meta/v1"):
                sealer = Sealer(house.ring, purpose, secrets.token_bytes)
                aad = f"sess/v1|{house.ring.deployment}|{sid}|grant".encode()
                with pytest.raises(Unsealable):
                    sealer.open(cell, aad, binding=secret, salt=sid.encode())
    # The ticket opens it: what was tried above is what there is to open.
    spec = session_cookie(house.settings)
    ticket = read_ticket(house.ring, spec, asking("", cookie), house.clock())
    session = await house.application._people.sessions.open(ticket)
    assert (await house.application._people.sessions.grants(ticket, session))["ad"].password == SECRET
    # What the server's key alone opens is the entry for lists. Neither password nor name stands in it.
    entry = await house.application._people.inventory.get(next(iter(sids)))
    assert found_in(repr(entry).encode()) == []


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
    pages.append((await form.send(SECRET, "typed into the wrong field")).response.text)
    house.clock.advance(HOUR)
    await house.say("/x", cookie)
    api.instead["/api/auth/login"] = [KeyError("a bug")]
    house.clock.advance(120)
    await house.say("/x", cookie)
    pages += [(await house.get("metrics_bind", path)).text for path in ("/metrics", "/readyz")]

    assert await house.lines("refresh.finished")
    for text in [house.written.getvalue(), *pages]:
        assert found_in(text.encode()) == []
        assert KEY not in text


async def test_a_traceback_of_a_login_shows_no_password(scene):
    """Not even with the values of its variables, as some loggers print them: those that hold it say so by no repr."""
    house, _ = scene
    client = house.application._people.catalog.passwords["ad"]
    account = client.account("ann", "")
    found = await client.check_password(account, SECRET, int(house.clock()))
    ask = next(client.sign_in(account, SECRET, int(house.clock())))

    for value in (found, found.grant, ask, client, account, {"ad": found.grant}):
        assert found_in(repr(value).encode()) == []
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
