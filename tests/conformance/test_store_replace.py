"""Compare-and-set on a plain value, on every backend."""

import asyncio

import pytest

from tests.conformance.test_store import BINARY, LONG, SHORT, until_missing

pytestmark = pytest.mark.anyio


async def test_a_value_is_replaced_where_it_is_the_one_that_was_read(store):
    """Byte for byte, whatever the bytes are."""
    await store.put("v", BINARY, LONG)

    assert await store.replace("v", BINARY, b"new", LONG)
    assert await store.get("v") == b"new"


async def test_another_value_is_left_as_it_is(store):
    """Somebody was faster."""
    await store.put("v", b"theirs", LONG)

    assert not await store.replace("v", b"ours", b"new", LONG)
    assert not await store.replace("v", None, b"new", LONG)
    assert await store.get("v") == b"theirs"


async def test_nothing_is_replaced_by_a_first_value(store):
    """`None` stands for nothing, and nothing but nothing."""
    assert not await store.replace("v", b"", b"new", LONG)
    assert await store.replace("v", None, b"", LONG)
    assert await store.get("v") == b""
    assert await store.replace("v", b"", b"new", LONG)


async def test_what_has_run_out_is_nothing(store):
    """Also where the bytes have not been swept away yet."""
    await store.put("v", b"old", SHORT)
    await until_missing(lambda: store.get("v"))

    assert not await store.replace("v", b"old", b"new", LONG)
    assert await store.replace("v", None, b"new", LONG)


async def test_the_new_value_has_its_own_time_to_live(store):
    """Longer or shorter than that of the old one."""
    await store.put("long", b"old", SHORT)
    await store.put("short", b"old", LONG)

    assert await store.replace("long", b"old", b"new", LONG)
    assert await store.replace("short", b"old", b"new", SHORT)

    await until_missing(lambda: store.get("short"))
    assert await store.get("long") == b"new"


async def test_of_many_who_replace_one_value_one_succeeds(store, second):
    """Over two workers."""
    await store.put("v", b"0", LONG)

    tries = [one.replace("v", b"0", b"%d" % n, LONG) for n in range(1, 11) for one in (store, second)]
    won = await asyncio.gather(*tries)

    assert sum(won) == 1
