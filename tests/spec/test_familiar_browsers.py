"""The cookie by which a browser is familiar to the accounts that signed in there."""

import dataclasses

import pytest

from gateway.identity.presented import Head
from gateway.keys.keyring import Keyring
from gateway.login.familiar import ACCOUNTS, Familiar
from gateway.sessions.cookie import FAMILIAR, device_cookie
from gateway.settings.model import Settings
from tests.kit.clock import Clock
from tests.kit.randomness import Randomness

ANN, BOB = "corp\0EXAMPLE\\ann", "corp\0EXAMPLE\\bob"


class World:
    """One gateway, and a browser as a Cookie line."""

    def __init__(self, seed="seed"):
        self.clock = Clock()
        self.ring = Keyring.generate(Randomness(seed), self.clock())
        self.spec = device_cookie(
            Settings(
                public_url="https://auth.example.com",
                hosts=["https://app.example.com"],
                rules=[{"allow": "authenticated"}],
                sessions={"cookie_domain": "example.com"},
            )
        )

    @property
    def familiar(self):
        return Familiar(self.spec, self.ring, self.clock)

    def signed_in(self, account, line=b""):
        """The Cookie line of a browser after a login."""
        return self.familiar.cookie(asking(line), account).partition(";")[0].encode()

    def knows(self, account, line):
        return self.familiar.knows(asking(line), account)


def asking(*lines):
    return Head("POST", b"/auth/login", tuple([(b"cookie", line) for line in lines if line]), "192.0.2.7")


def test_a_browser_is_familiar_to_who_signed_in_there_and_to_nobody_else():
    """One name, one provider."""
    world = World()
    line = world.signed_in(ANN)

    assert world.knows(ANN, line)
    assert not any(world.knows(other, line) for other in (BOB, "branch\0EXAMPLE\\ann", "corp\0ann", ""))
    assert not world.knows(ANN, b"")


def test_no_script_and_no_neighbour_has_the_cookie_and_it_names_nobody():
    """On the gateway's own host alone, for 90 days."""
    world = World()
    said = world.familiar.cookie(asking(), ANN)
    name, _, attributes = said.partition(";")

    assert name.startswith("__Host-gw-device=")
    assert attributes == f" Max-Age={FAMILIAR}; Path=/; Secure; HttpOnly; SameSite=Lax"
    assert "ann" not in name.lower()
    again = World("other").familiar.cookie(asking(), ANN)
    assert again.partition(";")[0] != name


def test_it_ends_after_ninety_days_whatever_the_browser_says():
    """The date is signed."""
    world = World()
    line = world.signed_in(ANN)

    world.clock.advance(FAMILIAR - 1)
    assert world.knows(ANN, line)
    world.clock.advance(1)
    assert not world.knows(ANN, line)


def test_it_ends_with_the_key_that_signed_it():
    """A rotation takes nothing from anybody at once; when the key is dropped, all browsers are strangers."""
    world = World()
    line = world.signed_in(ANN)

    world.ring = world.ring.rotated(Randomness("new"), world.clock())
    assert world.knows(ANN, line)
    world.clock.advance(31 * 86_400)
    world.ring = world.ring.pruned(world.clock(), 30 * 86_400)
    assert not world.knows(ANN, line)


@pytest.mark.parametrize("what", ["secret", "deployment", "cookie"])
def test_it_is_good_in_one_deployment_under_one_name(what):
    """Of another installation it means nothing, though its keys had the same names."""
    world, other = World(), World()
    line = world.signed_in(ANN)
    if what == "secret":
        secret = dataclasses.replace(other.ring.entries[0], secret=b"s" * 32)
        other.ring = dataclasses.replace(other.ring, entries=(secret,))
    elif what == "deployment":
        other.ring = dataclasses.replace(other.ring, deployment="another")
    else:
        other.spec = dataclasses.replace(other.spec, name="__Host-gw-other")
        line = line.replace(b"gw-device", b"gw-other")

    assert not other.knows(ANN, line)


def test_every_character_of_it_counts():
    """A changed one makes it nobody's."""
    world = World()
    name, _, value = world.signed_in(ANN).partition(b"=")
    for index, byte in enumerate(value):
        other = value[:index] + (b"B" if byte == ord("A") else b"A") + value[index + 1 :]
        assert not world.knows(ANN, name + b"=" + other)


@pytest.mark.parametrize(
    "value", [b"", b"~", b"~~~~~~~~", b"x", b"x.", b".x", b"\xff.\xfe", b"a.b.c", b"k." * 2000]
)
def test_junk_is_familiar_to_nobody_and_harms_nobody(value):
    """The browser is familiar all the same once somebody signs in there."""
    world = World()
    line = b"__Host-gw-device=" + value

    assert not world.knows(ANN, line)
    assert world.knows(ANN, world.signed_in(ANN, line))
    assert len(world.signed_in(ANN, line)) < 600


def test_two_cookies_are_none():
    """One of them may have been planted."""
    world = World()
    familiar, line = world.familiar, world.signed_in(ANN)

    assert not familiar.knows(asking(line, world.signed_in(BOB)), ANN)
    assert not familiar.knows(asking(line + b"; " + line), ANN)


def test_people_who_share_a_browser_stay_familiar_to_it():
    """Four of them; who has not been there for longest goes. Nobody stands there twice."""
    world, line = World(), b""
    people = [f"corp\0p{number}" for number in range(ACCOUNTS + 1)]
    for one in [*people, people[-1], people[2]]:
        world.clock.advance(60)
        line = world.signed_in(one, line)

    assert [world.knows(one, line) for one in people] == [False, True, True, True, True]
    assert line.count(b"~") == ACCOUNTS - 1
