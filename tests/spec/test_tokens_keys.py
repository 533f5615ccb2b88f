"""Keys of access tokens: made where they are needed and nowhere else, published, rotated, kept beside the old ones."""

import json
import os

import pytest
import yaml
from click.testing import CliRunner

from gateway.cli import main
from gateway.errors import KeyFault
from gateway.keys.jwks import public_jwks
from gateway.keys.keyring import Keyring
from gateway.keys.token_key import RSA_SIZE, TokenKey
from gateway.serve.reload import read_again
from gateway.serve.start_keys import look_at_keys, ring_at_start
from gateway.settings.load import load
from gateway.storage.key_file import read_keyring, write_keyring
from tests.kit.config_file import changed
from tests.kit.randomness import Randomness

NOW, DAY = 1_800_000_000, 86_400
ALGORITHMS = ("RS256", "ES256", "EdDSA")


@pytest.fixture
def ring():
    return Keyring.generate(Randomness(), NOW)


def states(ring):
    return [(key.algorithm, key.state) for key in ring.tokens]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_ring_with_token_keys_survives_its_file(ring, algorithm):
    """One that signs, and its successor, in a file of the second version."""
    grown = ring.for_tokens(algorithm, Randomness("t"), NOW)

    again = Keyring.parse(grown.dump())

    assert again == grown
    assert json.loads(grown.dump())["version"] == 2
    assert [key.pem() for key in again.tokens] == [key.pem() for key in grown.tokens]
    assert states(grown) == [(algorithm, "active"), (algorithm, "next")]
    assert again.token_signer.kid == grown.tokens[0].kid


def test_a_ring_without_them_is_a_file_as_it_ever_was(ring):
    """A release that knows no tokens reads it, and this one reads those of that release."""
    document = json.loads(ring.dump())

    assert document["version"] == 1
    assert "tokens" not in document
    assert Keyring.parse(ring.dump()).tokens == ()
    with pytest.raises(KeyFault, match="gateway keys rotate"):
        _ = ring.token_signer


def test_the_rsa_key_has_3072_bits():
    """More than the least that anybody takes, for a key that stays for years."""
    key = TokenKey.generate("RS256", Randomness(), NOW, "active")

    assert key.private.key_size == RSA_SIZE == 3072


def test_every_key_is_published_with_its_use_and_its_one_algorithm(ring):
    """Whoever fetches the set knows which key is for what, and learns no secret."""
    jwks = public_jwks(ring.for_tokens("EdDSA", Randomness("t"), NOW))["keys"]

    assert [(key["use"], key["alg"]) for key in jwks] == [("sig", "ES256")] * 2 + [("sig", "EdDSA")] * 2
    assert len({key["kid"] for key in jwks}) == 4
    assert not any("d" in key for key in jwks)


def test_a_rotation_lets_the_published_successor_sign(ring):
    """The one that signed goes on verifying; a new successor is published."""
    grown = ring.for_tokens("ES256", Randomness("t"), NOW)

    rotated = grown.rotated(Randomness("r"), NOW + DAY)

    assert [state for _, state in states(rotated)] == ["retired", "active", "next"]
    assert rotated.token_signer.kid == grown.tokens[1].kid
    assert rotated.for_tokens("ES256", Randomness(), NOW) is rotated


def test_pruning_drops_what_has_signed_nothing_that_is_still_good(ring):
    """By the age of what took over, as for assertions."""
    grown = ring.for_tokens("ES256", Randomness("t"), NOW)
    rotated = grown.rotated(Randomness("r"), NOW + DAY).rotated(Randomness("s"), NOW + 40 * DAY)

    kept = rotated.pruned(NOW + 72 * DAY, 30 * DAY)

    assert [state for _, state in states(rotated)] == ["retired", "retired", "active", "next"]
    assert [state for _, state in states(kept)] == ["active", "next"]


def test_another_algorithm_signs_at_once_and_the_old_keys_go_on_verifying(ring):
    """Tokens that are out are good until they end."""
    grown = ring.for_tokens("ES256", Randomness("t"), NOW).for_tokens("EdDSA", Randomness("u"), NOW + DAY)

    assert states(grown) == [
        ("ES256", "retired"),
        ("ES256", "retired"),
        ("EdDSA", "active"),
        ("EdDSA", "next"),
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"alg": "HS256"},
        {"alg": "RS256"},
        {"state": "idle"},
        {"pem": "nothing"},
        {"pem": 1},
        {"kid": "another"},
        {"state": "next"},
    ],
    ids=str,
)
def test_a_token_key_that_is_not_what_it_says_is_a_fault(ring, change):
    """With what to do, and nothing of the key."""
    document = json.loads(ring.for_tokens("ES256", Randomness("t"), NOW).dump())
    document["tokens"][0] |= change

    with pytest.raises(KeyFault) as fault:
        Keyring.parse(json.dumps(document).encode())

    assert "BEGIN" not in str(fault.value)
    assert "gateway keys" in str(fault.value)


def test_nothing_of_a_token_key_shows_in_its_repr(ring):
    """Rings end in tracebacks."""
    assert "private" not in repr(ring.for_tokens("ES256", Randomness("t"), NOW).tokens[0])


class Start:
    """A start of the gateway in a folder, with tokens switched on."""

    def __init__(self, folder, **changes):
        tokens = {"enabled": True, "algorithm": "ES256"}
        (folder / "gateway.yaml").write_text(yaml.safe_dump(changed(tokens=tokens, **changes)))
        self.settings = load(folder / "gateway.yaml", {})
        self.file = folder / "data" / "gateway-keys.json"
        self.said = []

    def ring(self):
        return ring_at_start(
            self.settings, lambda *line: self.said.append(line[1]), lambda: NOW, Randomness("start")
        )


def test_an_embedded_installation_gets_its_keys_at_the_start(tmp_path, ring):
    """A new one with all others, an old one beside those that it has; nobody is signed out."""
    start = Start(tmp_path)
    write_keyring(start.file, ring)

    grown = start.ring()

    assert states(grown) == [("ES256", "active"), ("ES256", "next")]
    assert (grown.entries, grown.assertion) == (ring.entries, ring.assertion)
    assert read_keyring(start.file) == grown
    assert start.ring() == grown
    assert start.said == ["keys.made"]


def test_a_first_start_makes_all_of_them_at_once(tmp_path):
    """One file, one line in the log."""
    start = Start(tmp_path)

    assert len(start.ring().tokens) == 2
    assert start.said == ["keys.made"]


def test_beside_a_shared_store_no_replica_makes_its_own(tmp_path, ring):
    """Each would sign with a key that the others do not know."""
    start = Start(tmp_path, store="redis://redis:6379/0")
    write_keyring(start.file, ring)

    with pytest.raises(KeyFault, match="gateway keys rotate"):
        start.ring()

    assert read_keyring(start.file) == ring
    # And `gateway check` says so before anybody starts.
    assert "gateway keys rotate" in look_at_keys(start.settings)[1]


def test_the_command_makes_them_where_the_configuration_wants_them(tmp_path, monkeypatch):
    """`generate` and `rotate`, and the list shows them by id, state and algorithm."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("GATEWAY")]:
        monkeypatch.delenv(name)
    (tmp_path / "gateway.yaml").write_text(yaml.safe_dump(changed(keys={"file": "keys.json"})))
    file = tmp_path / "keys.json"

    def run(*arguments):
        return CliRunner().invoke(main, arguments, catch_exceptions=False)

    run("keys", "generate")
    before = read_keyring(file).tokens
    tokens = {"enabled": True, "algorithm": "EdDSA"}
    (tmp_path / "gateway.yaml").write_text(yaml.safe_dump(changed(keys={"file": "keys.json"}, tokens=tokens)))
    run("keys", "rotate")
    lines = [line for line in run("keys", "list").stdout.splitlines() if line.startswith("token")]

    assert before == ()
    assert states(read_keyring(file)) == [("EdDSA", "active"), ("EdDSA", "next")]
    assert [line.split()[-2:] for line in lines] == [["active,", "EdDSA"], ["next,", "EdDSA"]]
    assert "BEGIN" not in run("keys", "list").stdout


def test_a_reload_that_switches_tokens_on_without_a_key_changes_nothing(tmp_path, ring):
    """Said once, with what to run, before any worker is replaced."""
    start = Start(tmp_path)
    write_keyring(start.file, ring)

    with pytest.raises(KeyFault, match="gateway keys rotate"):
        read_again(lambda: start.settings, start.settings.server)

    write_keyring(start.file, ring.for_tokens("ES256", Randomness("t"), NOW))
    assert read_again(lambda: start.settings, start.settings.server).ring.tokens
