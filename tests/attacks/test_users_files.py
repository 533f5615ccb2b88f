"""Attacks on a file of people: names by time, files that are none, and endless passwords."""

import asyncio
import os
import threading

import pytest

from gateway.errors import PasswordRefused, ProviderUnavailable
from gateway.keys.password_hash import Cost, PasswordHash
from gateway.providers.users_file import THREADS
from gateway.providers.users_source import MOST_BYTES, read_file
from tests.kit.users_file import CHEAP, cheap_hash, person, write_people
from tests.spec.test_provider_users_file import House

pytestmark = pytest.mark.anyio

DEAR = Cost(128, 2, 1)


@pytest.fixture
def house(tmp_path):
    house = House(tmp_path)
    house.write(
        ann={"password": cheap_hash("correct horse", DEAR)},
        bob={"password": cheap_hash("bob's", DEAR)},
        cat={"password": cheap_hash("cat's", CHEAP)},
    )
    return house


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("ann", "wrong"),
        ("nobody", "wrong"),
        ("ann", ""),
        ("nobody", ""),
        ("ann", "x" * 9999),
        ("nobody", "x" * 9999),
    ],
)
async def test_names_that_there_are_not_cost_one_hash_of_the_usual_cost(house, name, password):
    """Counted and not timed: one try, as dear as that of a name that there is, whatever the password."""
    with pytest.raises(PasswordRefused):
        await house.sign_in(name, password)

    assert house.tries.costs == [DEAR]


async def test_a_password_is_not_cut_to_one_that_fits(house):
    """What stands behind the longest that is tried counts (as with 72 bytes of bcrypt)."""
    longest = "p" * 256
    house.write(ann=person(longest))

    with pytest.raises(PasswordRefused):
        await house.sign_in("ann", longest + "x")
    assert (await house.sign_in("ann", longest)).identity.key == "local:ann"


async def test_a_nul_does_not_end_a_password(house):
    """`p\\0anything` is not `p`."""
    house.write(ann=person("p"))

    with pytest.raises(PasswordRefused):
        await house.sign_in("ann", "p\0q")


async def test_a_fifo_is_not_waited_for(house):
    """A reader of it would wait for a writer for ever, and with it everybody who signs in."""
    house.file.unlink()
    os.mkfifo(house.file)

    with pytest.raises(ProviderUnavailable):
        await asyncio.wait_for(house.sign_in(), 5)


async def test_a_link_to_a_device_is_no_file(house):
    """Links are followed, for Kubernetes mounts by them; what they lead to has to be a file."""
    house.file.unlink()
    house.file.symlink_to("/dev/zero")

    with pytest.raises(ProviderUnavailable):
        await asyncio.wait_for(house.sign_in(), 5)


async def test_a_link_that_is_turned_to_another_file_is_seen(house, tmp_path):
    """As Kubernetes replaces a Secret: the path stays, the inode is another one."""
    await house.sign_in()
    other = tmp_path / "other.yaml"
    write_people(other, dan=person())
    link = tmp_path / "link"
    link.symlink_to(other)
    link.replace(house.file)
    house.ticks += 1.0

    assert (await house.sign_in("dan")).identity.key == "local:dan"


def test_a_huge_file_is_not_read(tmp_path):
    """A sparse one of a gigabyte costs no gigabyte."""
    file = tmp_path / "people.yaml"
    with file.open("wb") as opened:
        opened.truncate(1 << 30)

    found, _ = read_file(file)

    assert "is larger than 4 MB" in found.faults[0]
    assert MOST_BYTES < 1 << 23


def test_nested_aliases_do_not_make_a_small_file_large(tmp_path):
    """The billion laughs, in the place of a list of groups."""
    file = tmp_path / "people.yaml"
    lines = ["a: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    file.write_text("\n".join(lines))

    found, _ = read_file(file)

    assert found.people == {}
    assert found.faults


async def test_hashes_are_tried_beside_the_loop_and_few_at_once(house):
    """Fifty who sign in at once take the memory of two hashes, and nobody else waits for them."""
    running, most, lock, loops = 0, 0, threading.Lock(), []

    def fits(hashed, password):
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        loops.append(threading.current_thread() is threading.main_thread())
        try:
            return PasswordHash.fits(hashed, password)
        finally:
            with lock:
                running -= 1

    house.tries = fits
    house.provider = house.provider_of("local")

    await asyncio.gather(*(house.sign_in() for _ in range(50)))

    assert 1 <= most <= THREADS
    assert loops.count(False) == 50


async def test_neither_hash_nor_password_shows_in_errors_and_grants(house):
    """What ends up in a log, a traceback or a record that is printed."""
    with pytest.raises(PasswordRefused) as refused:
        await house.sign_in("ann", "hunter2hunter2")
    grant = (await house.sign_in()).grant
    house.file.write_text(house.file.read_text().replace("argon2id", "argon2x"))
    house.ticks += 1.0
    await house.sign_in()

    told = f"{refused.value} {refused.value!r} {grant!r} {house.events!r}"
    assert "hunter2" not in told
    assert "$argon2" not in told
