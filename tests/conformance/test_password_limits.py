"""The limits of passwords, over every store and over two replicas."""

import asyncio

import pytest

from gateway.errors import Limited, PasswordRefused
from gateway.login.passwords import Passwords
from gateway.login.tries import Caller
from gateway.login.way import Client
from gateway.settings.login import PasswordLimits
from tests.kit.clock import Clock
from tests.kit.password_provider import PasswordDirectory

pytestmark = pytest.mark.anyio


@pytest.fixture
def world(store, second):
    """Two replicas before one directory."""
    clock, corp = Clock(), PasswordDirectory("corp")
    replicas = [
        Passwords(
            providers={"corp": corp},
            limits=PasswordLimits(),
            store=where,
            admits=lambda identity: True,
            clock=clock,
            key=b"k" * 32,
        )
        for where in (store, second)
    ]
    return replicas, corp, clock


async def outcome(replica, name, password, where="192.0.2.0/24", caller=Caller.PERSON):
    try:
        await replica.check("corp", name, "", password, Client("", where), caller)
    except (PasswordRefused, Limited) as error:
        return error.code
    return "ok"


async def test_replicas_share_the_tries_of_an_account_also_at_the_same_moment(world):
    """Forty at once from forty networks: the directory is asked five times."""
    replicas, corp, _ = world

    outcomes = await asyncio.gather(
        *[outcome(replicas[n % 2], "alice", "wrong", f"198.51.{n}.0/24") for n in range(40)]
    )

    assert outcomes.count("password_refused") == len(corp.asked) == 5
    assert outcomes.count("limited") == 35


async def test_replicas_share_the_tries_of_an_address(world):
    """Whatever the names."""
    replicas, _, _ = world

    outcomes = [await outcome(replicas[n % 2], f"name{n}", "wrong") for n in range(35)]

    assert outcomes == ["password_refused"] * 30 + ["limited"] * 5


async def test_a_right_password_gives_the_account_all_back_and_the_address_one(world):
    """In one step, on whichever replica."""
    replicas, _, clock = world
    for _ in range(4):
        assert await outcome(replicas[0], "alice", "wrong") == "password_refused"
    assert await outcome(replicas[1], "alice", "right") == "ok"

    again = [await outcome(replicas[0], "alice", "wrong") for _ in range(6)]
    others = [await outcome(replicas[1], f"name{n}", "wrong") for n in range(22)]

    assert again == ["password_refused"] * 5 + ["limited"]
    assert others == ["password_refused"] * 21 + ["limited"]
    clock.advance(3001)
    assert await outcome(replicas[0], "alice", "right") == "ok"


async def test_what_is_kept_from_strangers_is_a_part_of_the_same_number(world):
    """Two looks at one bucket: strangers see five of seven tries, a familiar browser all; and given back are all."""
    replicas, corp, clock = world
    strangers = [await outcome(replicas[n % 2], "alice", "wrong") for n in range(7)]
    known = [await outcome(replicas[n % 2], "alice", "wrong", caller=Caller.KNOWN) for n in range(4)]

    assert strangers == ["password_refused"] * 5 + ["limited"] * 2
    assert known == ["password_refused"] * 2 + ["limited"] * 2
    assert len(corp.asked) == 7
    clock.advance(3001)
    # One has come back, to whoever may use all of them.
    assert await outcome(replicas[0], "alice", "right") == "limited"
    assert await outcome(replicas[1], "alice", "right", caller=Caller.KNOWN) == "ok"
    assert [await outcome(replicas[0], "alice", "wrong") for _ in range(6)] == strangers[:6]
