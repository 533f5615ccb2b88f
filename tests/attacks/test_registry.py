"""The catalogue of attacks is complete: every id has a test, or names the part of the product that it waits for.

Ids come from advisories against systems that do our job (T, P, W, O), from the seams with proxies (A, S), and from
cases of our own (X) and of long-lived relying parties (E). A test carries its ids at the front of its name
(`test_t01_s6_…`, `test_a17_to_a23_…`) or at the front of the ids of its rows (`id="a18 t08 encoded"`).
"""

import ast
import os
import re
import tomllib
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILE = Path(__file__).with_name("registry.toml")
REGISTRY = tomllib.loads(FILE.read_text(encoding="utf-8"))
HEADER = "# Where each attack is tested, or which part of the product it waits for; test_registry.py keeps it true.\n"


def ids(letter, first, last, *, without=(), digits=1):
    return {f"{letter}{number:0{digits}}" for number in range(first, last + 1) if number not in without}


CATALOGUE = (
    ids("T", 1, 55, without={3, 10, 49}, digits=2)
    | ids("P", 1, 25)
    | ids("W", 1, 34, without={9, 27})
    | ids("S", 1, 8)
    | ids("O", 1, 16, digits=2)
    | ids("X", 1, 16)
    | ids("A", 1, 48, digits=2)
    | ids("E", 1, 43, without={35})
)

PARTS = {
    "accounts": ("gateway/accounts",),
    "api_tokens": ("gateway/accounts/api_tokens.py",),
    "bearer": ("gateway/oauth_server/bearer.py",),
    "consent": ("gateway/oauth_server/consent.py",),
    "doctor": ("gateway/doctor", "gateway/doctor.py"),
    "envoy": ("gateway/forward_auth/contracts/ext_authz.py",),
    "kept_forms": ("gateway/login/kept_forms.py",),
    "oauth_server": ("gateway/oauth_server",),
}
"""The parts that a case may wait for, and the files any of which says that the part is there now."""

FOLDERS = ("attacks", "browser", "conformance", "golden", "live", "property", "spec")
_ID = re.compile(r"(?:case|([tpwsoxae]))(\d{1,2})")
_DIGITS = {"P": 1, "W": 1, "S": 1, "X": 1, "E": 1}


def named(letter, number):
    letter = letter.upper() or "E"
    return f"{letter}{number:0{_DIGITS.get(letter, 2)}}"


def ids_of(words):
    """The ids at the front of a list of words; `a04 to a09` names all six."""
    found, through = [], False
    for word in words:
        match = _ID.fullmatch(word)
        if match is None:
            if word != "to" or not found:
                break
            through = True
            continue
        letter, number = match[1] or "", int(match[2])
        first = int(found[-1][1:]) + 1 if through else number
        found += [named(letter, each) for each in range(first, number + 1)]
        through = False
    return set(found)


def test_the_ids_of_a_name_are_read_from_its_front():
    """The reader of the next tests, read itself."""
    assert ids_of(["t01", "s6", "a", "malformed", "t02"]) == {"T01", "S6"}
    assert ids_of(["a04", "to", "a06", "w22", "no"]) == {"A04", "A05", "A06", "W22"}
    assert ids_of(["case36", "case7", "a", "value"]) == {"E36", "E7"}
    assert ids_of(["two", "hosts"]) == set()


@cache
def cases_in(path):
    """Each test of a file, with the ids of its name and those of its rows."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    values = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    return {
        node.name: (ids_of(node.name.split("_")[1:]), row_ids(node.decorator_list, values))
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name.startswith("test_")
    }


def row_ids(decorators, values):
    """Ids of the rows in the decorators, and in the tables of the module that they name."""
    found, seen, waiting = set(), set(), list(decorators)
    while waiting:
        for node in ast.walk(waiting.pop()):
            if isinstance(node, ast.Name) and node.id in values and node.id not in seen:
                seen.add(node.id)
                waiting.append(values[node.id])
            if isinstance(node, ast.keyword) and node.arg == "id" and isinstance(node.value, ast.Constant):
                found |= ids_of(str(node.value.value).split())
    return found


def all_files():
    return [path for folder in FOLDERS for path in sorted((ROOT / "tests" / folder).rglob("test_*.py"))]


def located(path, name):
    return f"{path.relative_to(ROOT).as_posix()}::{name}"


def write_registry():
    """Find the tests of each case anew (`make golden`); what a case waits for, or why not, is written by hand and kept."""
    tests = defaultdict(list)
    for path in all_files():
        for name, (own, rows) in cases_in(path).items():
            for case in own | rows:
                tests[case].append(located(path, name))
    parts = [HEADER]
    for case in sorted(CATALOGUE, key=lambda case: ("ATPWSOXE".index(case[0]), int(case[1:]))):
        parts.append(f"\n[{case}]\n")
        if tests[case]:
            parts.append("tests = [\n" + "".join(f'    "{test}",\n' for test in tests[case]) + "]\n")
        kept = {key: REGISTRY.get(case, {}).get(key) for key in ("waits_for", "reason")}
        parts += [f'{key} = "{words}"\n' for key, words in kept.items() if words]
    FILE.write_text("".join(parts), encoding="utf-8")
    REGISTRY.clear()
    REGISTRY.update(tomllib.loads(FILE.read_text(encoding="utf-8")))


if os.environ.get("GATEWAY_WRITE_GOLDEN"):
    write_registry()


def test_every_attack_of_the_catalogue_is_registered_and_nothing_else():
    """A case that is forgotten is a case that succeeds."""
    assert set(REGISTRY) == CATALOGUE


@pytest.mark.parametrize("case", sorted(CATALOGUE))
def test_a_case_names_its_tests_or_what_it_waits_for(case):
    """Both, where one half of it can be tested today. What this product does not do says why it is no hole."""
    entry = REGISTRY[case]

    assert set(entry) <= {"tests", "waits_for", "reason"}
    assert entry.get("tests") or entry.get("waits_for") or entry.get("reason")


@pytest.mark.parametrize("case", sorted(case for case in REGISTRY if REGISTRY[case].get("tests")))
def test_every_test_that_is_named_exists_and_carries_the_id(case):
    """A test that was renamed or dropped is missed here."""
    for reference in REGISTRY[case]["tests"]:
        path, _, name = reference.partition("::")
        tests = cases_in(ROOT / path)
        assert name in tests, reference
        assert case in tests[name][0] | tests[name][1], f"{reference} does not carry {case}"


@pytest.mark.parametrize("case", sorted(case for case in REGISTRY if REGISTRY[case].get("waits_for")))
def test_no_case_waits_for_what_is_there(case):
    """When a part is built, its attacks are due."""
    part = REGISTRY[case]["waits_for"]

    assert part in PARTS
    there = [path for path in PARTS[part] if (ROOT / path).exists()]
    assert not there, f"{case} waits for {part}, which is there: {there}"


def test_every_test_that_carries_an_id_is_registered():
    """And so can be found by it."""
    registered = defaultdict(set)
    for case, entry in REGISTRY.items():
        for reference in entry.get("tests", ()):
            registered[reference].add(case)

    missing = {
        f"{located(path, name)}: {case}"
        for path in all_files()
        for name, (cases, _) in cases_in(path).items()
        for case in cases - registered[located(path, name)]
    }
    assert not missing, "\n".join(sorted(missing))
