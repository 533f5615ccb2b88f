"""A memory for what follows from its key: what it keeps, what it lets go, and how large it can become."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.remembered import Remembered


def twice(memory, key, value):
    memory.add(key, value)
    memory.add(key, value)


def test_what_comes_once_is_not_kept():
    """A flood of new keys takes no room."""
    memory = Remembered(8)

    for number in range(1000):
        memory.add(f"once {number}", number)

    assert len(memory) == 0
    assert memory.get("once 1") is None


def test_what_comes_twice_is_kept():
    """And nothing else is found by it."""
    memory = Remembered(8)
    twice(memory, "a", 1)

    assert memory.get("a") == 1
    assert memory.get("b") is None
    assert len(memory) == 1


def test_a_key_that_is_added_with_another_value_gets_that():
    """The newest is what holds."""
    memory = Remembered(8)
    twice(memory, "a", 1)

    twice(memory, "a", 2)

    assert memory.get("a") == 2


def test_what_is_asked_for_outlives_what_is_not():
    """Every key that comes twice may push out the idle ones, and never the one in use."""
    memory = Remembered(4)
    twice(memory, "used", 1)
    twice(memory, "idle", 2)

    for number in range(40):
        twice(memory, f"new {number}", number)
        assert memory.get("used") == 1

    assert memory.get("idle") is None


def test_two_generations_are_all_there_is():
    """Whatever strangers write."""
    memory = Remembered(4)

    for number in range(400):
        twice(memory, f"key {number}", number)
        assert len(memory) <= 8


def test_the_numbers_of_keys_that_came_once_are_bounded_too():
    """They are forgotten all at once: then a key is kept at its third sight."""
    memory = Remembered(4)

    for number in range(10_000):
        memory.add(f"key {number}", number)
        assert len(memory._numbers) <= 16


def test_two_generations_of_so_many_bytes_are_all_there_is():
    """Large values push each other out long before there are many of them; what is larger than all is not kept."""
    memory = Remembered(1000, 100, lambda _, value: value)

    for number in range(50):
        twice(memory, f"key {number}", 30)
        assert len(memory) <= 6
    twice(memory, "too large", 101)
    twice(memory, "just as large", 100)

    assert memory.get("too large") is None
    assert memory.get("just as large") == 100
    assert len(memory) <= 4


class Twin(str):
    """A key with the same number as every other."""

    __slots__ = ()

    def __hash__(self):
        return 7


def test_keys_of_one_number_are_never_taken_for_each_other():
    """A number says only that something may have come before."""
    memory = Remembered(4)

    memory.add(Twin("a"), "of a")
    memory.add(Twin("b"), "of b")

    assert memory.get(Twin("a")) is None
    assert memory.get(Twin("b")) == "of b"


KEYS = st.integers(0, 20)


@given(st.lists(st.tuples(st.sampled_from(["add", "get"]), KEYS), max_size=200))
def test_a_key_gives_its_own_value_or_none(steps):
    """In whatever order keys come and go."""
    memory = Remembered(3)

    for what, key in steps:
        if what == "add":
            memory.add(key, f"value of {key}")
        else:
            assert memory.get(key) in {None, f"value of {key}"}
        assert len(memory) <= 6
