"""A file of people before a running gateway: what an edit of it does to who has signed in, as an operator would see it."""

import asyncio
import json
import subprocess
import sys
import time

import httpx
import pytest

from tests.kit.browser import Browser
from tests.kit.password_form import opened
from tests.kit.real_gateway import ROOT, RealGateway
from tests.kit.scene import APP, scene_settings
from tests.kit.servers import free_ports
from tests.kit.users_file import person, write_people
from tests.kit.waiting import until

pytestmark = [pytest.mark.live, pytest.mark.anyio]

PASSWORD = "correct horse"


class Office:
    """A gateway process whose only people stand in a file; the provider looks at the file again every second."""

    def __init__(self, folder):
        self.file = folder / "people.yaml"
        self.people = {
            "ann": {**person(), "password": hash_of(PASSWORD)},
            "bob": person(),
            "eve": person(groups=["ops"]),
        }
        write_people(self.file, **self.people)
        written = {"providers": {"local": {"type": "users-file", "file": str(self.file), "recheck": "1s"}}}
        self.gateway = RealGateway(scene_settings("one-host", free_ports(4), written), folder, written)
        self.gateway.cookie = "none=needed"  # people sign in themselves

    def browser(self):
        return Browser({self.gateway.settings.hosts[0]: self.gateway.url}, time.time)

    @property
    def login(self):
        home = self.gateway.settings.public_url
        return f"{home}/auth/login?rd={home}/users/me"

    async def typed(self, name, password=PASSWORD, browser=None):
        return await (await opened(browser or self.browser(), self.login)).send(name, password)

    async def sign_in(self, name, password=PASSWORD):
        """Somebody's browser, with their session in it."""
        browser = self.browser()
        hop = await self.typed(name, password, browser)
        assert hop.url == f"{self.gateway.settings.public_url}/users/me", hop.response.text
        return browser

    def check(self, browser):
        """What the verify endpoint says of a request of this browser: 200 or 401."""
        headers = {
            "x-forwarded-method": "GET",
            "x-forwarded-host": APP,
            "x-forwarded-uri": "/x",
            "cookie": f"gw={browser.jar.get('gw').value}",
        }
        address = f"http://{self.gateway.settings.server.verify_bind}/verify/forward-auth"
        return httpx.get(address, headers=headers, timeout=20, trust_env=False).status_code

    async def alarms(self, count):
        """What the operator is told of the file, once that is so many lines."""

        def told():
            lines = [json.loads(line) for line in self.gateway.log.splitlines() if line.startswith("{")]
            return [line["detail"] for line in lines if line.get("what") == "users_file"]

        await until(lambda: len(told()) >= count, what="an alarm about the file")
        return told()


def hash_of(password):
    """As the operator makes it: `gateway users hash`, with its full cost."""
    argv = [sys.executable, "-m", "gateway", "users", "hash", "--stdin"]
    done = subprocess.run(
        argv, input=password, capture_output=True, text=True, timeout=60, check=True, cwd=ROOT
    )
    return done.stdout.strip()


@pytest.fixture
def office(tmp_path):
    office = Office(tmp_path)
    office.gateway.start()
    try:
        yield office
    finally:
        office.gateway.stop()


async def test_who_is_taken_out_of_the_file_is_out_everywhere_and_reads_why(office):
    """Both sessions of hers end within seconds; his goes on, and nobody has restarted anything."""
    first, second, bob = await office.sign_in("ann"), await office.sign_in("ann"), await office.sign_in("bob")
    assert [office.check(one) for one in (first, second, bob)] == [200, 200, 200]

    del office.people["ann"]
    write_people(office.file, **office.people)
    await until(lambda: office.check(first) == 401, what="the end of the first session")
    await until(lambda: office.check(second) == 401, what="the end of the second session")
    page = (await first.open(office.login)).response.text
    again = await office.typed("ann")

    assert "You were signed out because your account has been switched off." in page
    assert (again.status, "do not belong together" in again.response.text) == (401, True)
    assert office.check(bob) == 200
    assert PASSWORD not in office.gateway.log


async def test_a_password_that_is_hashed_anew_ends_the_sessions_of_the_old_one(office):
    """Whoever signs in with the new one stays; the old one opens nothing."""
    old = await office.sign_in("ann")
    office.people["ann"] = {**office.people["ann"], "password": hash_of("another horse")}
    write_people(office.file, **office.people)

    await until(lambda: office.check(old) == 401, what="the end of the session")
    page = (await old.open(office.login)).response.text
    new = await office.sign_in("ann", "another horse")
    refused = await office.typed("ann")

    assert "You were signed out because" in page
    assert refused.status == 401
    await asyncio.sleep(2.5)  # two looks at the file
    assert office.check(new) == 200


async def test_a_broken_file_changes_nothing_but_that_the_operator_hears_of_it(office):
    """Everybody stays and signs in as before; the line names the file and what is wrong. Mended, it counts again."""
    ann = await office.sign_in("ann")
    good = office.file.read_text()
    office.file.write_text(good.replace("$argon2id$", "$argon9$", 1))
    statuses = []
    for _ in range(3):
        await asyncio.sleep(1.1)  # the provider looks at the file once a second, when somebody asks
        statuses.append(office.check(ann))
    [alarm] = await office.alarms(1)
    bob = await office.sign_in("bob")

    assert statuses == [200, 200, 200]
    assert office.check(bob) == 200
    assert str(office.file) in alarm
    assert "ann" in alarm
    assert "argon2id" in alarm
    assert await office.alarms(1) == [alarm]

    del office.people["ann"]
    write_people(office.file, **office.people)
    await until(lambda: office.check(ann) == 401, what="the end of her session")
    assert office.check(bob) == 200
