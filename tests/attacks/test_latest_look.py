"""A look at what came last: what one login's failure tells of another, and what a limit that was met leaves free."""

import asyncio
import io
import json
import secrets
from base64 import urlsafe_b64encode
from functools import partial
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from gateway.errors import Limited, PasswordRefused, StoreFault
from gateway.forward_auth.snippets.plan import plan
from gateway.identity.presented import Head
from gateway.keys.keyring import Keyring
from gateway.login.familiar import Familiar
from gateway.login.passwords import Passwords
from gateway.login.way import Client
from gateway.observe.log import Log
from gateway.sessions.cookie import CookieSpec, device_cookie
from gateway.settings.login import PasswordLimits
from gateway.settings.model import Log as LogSettings
from gateway.tokens.chains import Chains
from gateway.tokens.codes import WAITS
from tests.kit.clock import Clock
from tests.kit.memory_store import MemoryStore
from tests.kit.password_provider import PasswordDirectory
from tests.kit.token_house import ADDRESS, AUTH, CHALLENGE, token_house
from tests.kit.wired import APP, wired

pytestmark = pytest.mark.anyio
OTHER = "https://other.example.net/back"
CLIENTS = {"spa": {"return_addresses": [ADDRESS]}, "other": {"return_addresses": [OTHER]}}


def start(client, address, state):
    asked = {
        "client": client,
        "rd": address,
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        "state": state,
    }
    return f"{AUTH}/auth/corp?{urlencode(asked)}"


async def ready(house, url):
    """A browser that is about to come back from the provider: its callback."""
    browser = house.browser()
    away = await browser.open(url, follow=False)
    back = await browser.open(away.location, follow=False)
    return lambda: browser.open(back.location, follow=False)


async def test_logins_that_fail_by_one_cause_at_once_are_told_apart(tmp_path):
    """Three wait for the same keys of a provider that goes down: each ends at its own place, with its own state."""
    async with token_house(tmp_path, tokens={"clients": CLIENTS}) as house:
        house.provider.metadata["jwks_uri"] = f"{house.provider.issuer}/keys/token"
        house.provider.instead["/keys/token"] = [ConnectionResetError() for _ in range(3)]
        back = [
            await ready(house, start("spa", ADDRESS, "of-the-first")),
            await ready(house, f"{AUTH}/auth/corp?rd={APP}/report"),
            await ready(house, start("other", OTHER, "of-the-third")),
            await ready(house, f"{AUTH}/auth/corp?rd={APP}/elsewhere"),
        ]
        house.provider.there = 0.2
        first, plain, third, elsewhere = await asyncio.gather(*[callback() for callback in back])

    assert house.provider.paths().count("/keys/token") == 2  # one question, and its one repetition
    assert (first.status, plain.status, third.status, elsewhere.status) == (303, 503, 303, 503)
    assert first.location.startswith(f"{ADDRESS}?")
    assert third.location.startswith(f"{OTHER}?")
    states = [dict(parse_qsl(urlsplit(hop.location).query))["state"] for hop in (first, third)]
    assert states == ["of-the-first", "of-the-third"]
    assert "elsewhere" not in plain.response.text
    assert "report" not in elsewhere.response.text


class TwoNames(PasswordDirectory):
    """A directory that looks up whom a name means; both names mean one account."""

    looks = 0

    async def find(self, account):
        self.looks += 1
        return "guid-of-ann"


async def test_who_is_limited_by_another_name_of_an_account_does_not_search_the_directory_without_end():
    """Each of these tries takes a place at the gate and a search of the service account: their network pays for it."""
    clock, directory = Clock(), TwoNames("corp", people={"ann": "right", "ann.example": "right"})
    limits = PasswordLimits(per_address=10)
    passwords = Passwords(
        providers={"corp": directory},
        limits=limits,
        store=MemoryStore(clock),
        admits=lambda _: True,
        clock=clock,
        key=b"k" * 32,
    )
    for _ in range(limits.for_strangers):
        with pytest.raises(PasswordRefused):
            await passwords.check("corp", "ann", "", "guess", Client("", "192.0.2.0/24"))
    directory.looks = 0

    for _ in range(50):
        with pytest.raises(Limited):
            await passwords.check("corp", "ann.example", "", "guess", Client("", "198.51.100.0/24"))

    assert directory.looks == limits.per_address


async def test_a_code_whose_tokens_could_not_be_written_leaves_no_session_behind(tmp_path, monkeypatch):
    """It is spent, and its client was told nothing: nobody will ever hold that session."""

    async def fails(*_):
        raise StoreFault("down for a moment")

    async with token_house(tmp_path) as house:
        code = await house.code()
        with monkeypatch.context() as patched:
            patched.setattr(Chains, "begin", fails)
            refused = await house.redeem(code)
        house.clock.advance(WAITS + 1)
        listed = await house.application._people.inventory.of_person(house.provider.issuer, "u-1")

    assert refused.status_code == 503
    assert len(listed) == 0


async def test_a_callback_that_crashes_shows_nothing_of_what_it_was_given():
    """The loop names it with its arguments, a task that quotes a password among them. Kind and place are there."""

    def stumbles(secret, task=None):
        raise ZeroDivisionError

    async def refused():
        raise ValueError("hunter2")

    loop, stream = asyncio.get_running_loop(), io.StringIO()
    undo = Log(LogSettings(format="json"), stream, Clock()).adopt_stdlib()
    before = loop.get_exception_handler()
    loop.set_exception_handler(lambda loop, context: loop.default_exception_handler(context))
    task = asyncio.create_task(refused())
    task.add_done_callback(partial(stumbles, None))
    loop.call_soon(partial(stumbles, "hunter2"))
    loop.call_soon(stumbles, "hunter2")
    await asyncio.wait([task])
    assert isinstance(task.exception(), ValueError)
    await asyncio.sleep(0)
    loop.set_exception_handler(before)
    undo()

    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(line["message"], line["error"]) for line in lines] == [
        ("Exception in callback", "ZeroDivisionError")
    ] * 3
    assert all(line["frames"].endswith("stumbles") for line in lines)
    assert "hunter" not in stream.getvalue()


async def test_no_application_gets_the_cookie_of_a_familiar_browser(tmp_path):
    """On one host the browser sends it everywhere: who holds it could use up the tries that are kept for its person."""
    one_host = {"public_url": f"{APP}/_gateway", "sessions": {}}
    async with wired(tmp_path, **one_host) as house:
        device = device_cookie(house.settings).name
        cookie = await house.sign_in()
        said = await house.say("/x", f"{cookie}; {device}=k.abc; theirs=1")

    assert (said.status_code, said.headers["cookie"]) == (200, "theirs=1")
    assert device in plan(house.settings).own_cookies


@pytest.mark.parametrize("odd", ["\x01", "\x7f", "\xff", '"', ",", " ", "="], ids=ascii)
@pytest.mark.parametrize("place", [1, 4, -1])
def test_what_a_browser_made_up_is_not_sent_back_to_it(odd, place):
    """With a date that lasts it could pass for an entry of another key, and a header has no place for such characters."""
    clock = Clock()
    familiar = Familiar(
        CookieSpec("__Host-gw-device", None, secure=True, max_age=90),
        Keyring.generate(secrets.token_bytes, clock()),
        clock,
    )
    made_up = f"kid1.{urlsafe_b64encode(int(clock()).to_bytes(4, 'big') + bytes(16)).decode()}"
    made_up = made_up[:place] + odd + made_up[place:]
    head = Head("POST", b"/", ((b"cookie", f"__Host-gw-device={made_up}".encode("latin-1")),), "192.0.2.7")

    assert "~" not in familiar.cookie(head, "corp\0ann")
