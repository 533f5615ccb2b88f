"""The file of a users-file provider as text: what is read, and each fault with its line."""

import pytest

from gateway.keys.password_hash import Cost
from gateway.settings.users_file import read_users
from tests.kit.users_file import CHEAP, cheap_hash

ANN = cheap_hash("ann's")
BOB = cheap_hash("bob's")


def faults(text):
    found = read_users(text, "people.yaml")
    assert found.people == {}
    return found.faults


def test_a_person_is_a_name_a_hash_and_what_is_told_of_them():
    """Keys are those of docs/providers.md; only the hash is a must."""
    text = f"users:\n  Ann:\n    password: {ANN}\n    name: Ann Lee\n    email: ann@example.com\n    groups: [ops, dev]\n"

    found = read_users(text, "people.yaml")

    (user,) = found.people.values()
    assert list(found.people) == ["ann"]
    assert (user.name, user.shown, user.email) == ("Ann", "Ann Lee", "ann@example.com")
    assert user.groups == ("ops", "dev")
    assert found.faults == ()


def test_lines_of_name_and_hash_are_read_too():
    """As htpasswd lays them out, with comments and empty lines."""
    found = read_users(f"# break-glass\n\nann:{ANN}\n  bob:{BOB}  \n", "people")

    assert set(found.people) == {"ann", "bob"}
    assert found.faults == ()


@pytest.mark.parametrize(
    ("written", "what"),
    [
        ("$2y$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy", "is a bcrypt hash"),
        ("$apr1$abc$def", "is an MD5 hash of htpasswd"),
        ("{SHA}abc=", "is an SHA-1 hash of htpasswd"),
        ("$6$salt$hash", "is a SHA-512 hash of crypt"),
        ("$argon2i$v=19$m=65536,t=3,p=4$MDEyMzQ1Njc4OWFiY2RlZg$LaqHvRCUMJHg", "is argon2i, which is not"),
        ("correct horse", "is no argon2id hash"),
        (ANN.replace("m=64,", "m=2097152,"), "costs more than 1 GiB"),
        (ANN.replace("t=1,", "t=900,"), "costs more than 1 GiB, 20 passes"),
        (ANN.replace("p=1$", "p=16$"), "has less memory than argon2 takes"),
        (
            "$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$" + ANN.rpartition("$")[2],
            "has a salt of less than 16 bytes",
        ),
        (ANN[:-40], "is cut short"),
        (ANN.replace("v=19", "v=16"), "is no argon2id hash"),
    ],
)
def test_what_is_no_good_hash_is_a_fault_that_does_not_repeat_it(written, what):
    """Each with a sentence, with file and line, and with how a good one is made."""
    (fault,) = faults(f"users:\n  ann:\n    password: '{written}'\n")

    assert fault.startswith(f"people.yaml:3: users.ann.password: {what}")
    assert "gateway users hash" in fault
    assert written[-12:] not in fault


def test_htpasswd_lines_have_their_faults_at_their_lines():
    """The second of two names, a bcrypt hash, and a line without a colon: all three at once."""
    found = faults(f"ann:{ANN}\nbob:$2b$12$x\nANN:{BOB}\nnonsense\n")

    assert [line.split(": ")[0] for line in found] == ["people.yaml:2", "people.yaml:3", "people.yaml:4"]


@pytest.mark.parametrize("twin", ["ANN", "ａｎｎ", " ann "])
def test_two_spellings_of_one_name_are_a_fault(twin):
    """Case, width and blanks make no second person: one of the two passwords would open what is the other's."""
    (fault,) = faults(f'users:\n  ann: {{password: "{ANN}"}}\n  "{twin}": {{password: "{BOB}"}}\n')

    assert fault.startswith("people.yaml:3: ")
    assert "is the name of somebody above" in fault


@pytest.mark.parametrize("name", ["a:b", "a\\0b", "a\\u202eb", "", "a" * 257])
def test_a_name_that_nobody_can_type_or_that_reads_twice_is_a_fault(name):
    """A colon ends the name in HTTP Basic; controls, marks of direction and endless names are none."""
    (fault,) = faults(f'users:\n  "{name}": {{password: "{ANN}"}}\n')

    assert "is no name that somebody can sign in with" in fault


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "names nobody"),
        ("users:\n", "names nobody"),
        ("users: {}\n", "names nobody"),
        ("# nobody yet\n", "names nobody"),
        ("- ann\n", "must be a mapping"),
        ("users: [ann]\n", "must be a mapping"),
        ("users:\n  ann: text\n", "must be a mapping"),
        ("users:\n  ann: {}\n", "is missing"),
        ("people: {}\n", "is not a key that belongs here"),
        (f"users:\n  ann: {{password: '{ANN}', role: x}}\n", "is not a key that belongs here"),
        (f"users:\n  ann: {{password: '{ANN}', groups: ops}}\n", "must be a list of names"),
        (f"users:\n  ann: {{password: '{ANN}', groups: [1]}}\n", "must be a list of names"),
        (f"users:\n  ann: {{password: '{ANN}', email: [x]}}\n", "must be text"),
        ("users: {ann: {password: !!python/object:os.system x}}\n", "carries a YAML tag"),
        ("users: {\n", "this is not YAML"),
    ],
)
def test_a_damaged_file_names_its_fault_and_no_people(text, what):
    """Fail closed: of a file with a fault nobody is read."""
    assert any(what in fault for fault in faults(text))


def test_two_hashes_never_share_a_salt():
    """The salt is what a session keeps of an entry: a shared one would make two people's entries alike."""
    (fault,) = faults(f"ann:{ANN}\nbob:{ANN}\n")

    assert "has the salt of another hash" in fault


def test_weak_and_odd_hashes_are_noted_and_work():
    """A cheap hash is guessed; one of another cost than the rest tells by its time that the name is there."""
    strong = cheap_hash("x", Cost(19 * 1024, 2, 1))
    more = "".join([f"p{number}:{cheap_hash('x', Cost(19 * 1024, 2, 1))}\n" for number in range(2)])

    found = read_users(
        f"ann:{strong}\nbob:{BOB}\ncat:{cheap_hash('x', Cost(20 * 1024, 3, 1))}\n{more}", "people"
    )

    assert len(found.people) == 5
    cheap, odd = [note.split(": ", 2)[1:] for note in found.notes]
    assert cheap[0] == "bob"
    assert cheap[1].startswith("has a hash that is cheap to guess at; make one with `gateway users hash`")
    assert odd[0] == "cat"
    assert "it can be told that there is this name" in odd[1]
    assert found.cost == Cost(19 * 1024, 2, 1)


def test_no_hash_shows_in_a_repr():
    """What is printed in a traceback holds names at most."""
    found = read_users(f"ann:{ANN}\n", "people")

    assert ANN.rpartition("$")[2] not in repr(found)
    assert found.cost == CHEAP
