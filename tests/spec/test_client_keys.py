"""Keys by which a provider knows us: what is taken, what each signs with, and what is published of it."""

import json
import stat

import jwt
import pytest
import yaml
from click.testing import CliRunner

from gateway.cli import main
from gateway.errors import KeyFault, SettingsFault
from gateway.keys.client_key import ClientKey, thumbprint
from gateway.keys.jwks import sign_by
from gateway.keys.key_set import ALGORITHMS
from gateway.settings.load import load, load_with_warnings
from gateway.settings.providers import OidcSection
from tests.kit.client_keys import encrypted_pem, pem, public_pem
from tests.kit.config_file import changed

KINDS = ("rsa", "p256", "ed25519")


@pytest.mark.parametrize(
    ("kind", "algorithms"),
    [("rsa", ("PS256", "RS256")), ("p256", ("ES256",)), ("ed25519", ("EdDSA",))],
)
def test_a_key_signs_with_what_fits_it(kind, algorithms):
    """Another library verifies each, by the public part alone."""
    key = ClientKey.parse(pem(kind))

    assert key.algorithms == algorithms
    for algorithm in algorithms:
        token = sign_by(key, algorithm, {"iss": "gateway"}, "client-authentication+jwt")
        assert jwt.decode(token, jwt.PyJWK(key.public_jwk(), algorithm), [algorithm]) == {"iss": "gateway"}
        header = {"alg": algorithm, "typ": "client-authentication+jwt", "kid": key.kid}
        assert jwt.get_unverified_header(token) == header


def test_a_key_signs_with_nothing_else():
    """The caller's mistake, before any signature is made."""
    with pytest.raises(ValueError, match="ES256"):
        sign_by(ClientKey.parse(pem("p256")), "RS256", {}, "JWT")


@pytest.mark.parametrize(
    ("offered", "algorithm"),
    [
        pytest.param(("RS256", "PS256"), "PS256", id="the stronger one"),
        pytest.param(("RS256",), "RS256", id="the only one"),
        pytest.param(None, "RS256", id="what everybody knows, where nothing is said"),
        pytest.param(("ES256",), "RS256", id="none that fits, which the server will say"),
    ],
)
def test_the_algorithm_is_one_that_the_server_offers(offered, algorithm):
    """The key's own order decides between several."""
    assert ClientKey.parse(pem("rsa")).algorithm(offered) == algorithm


@pytest.mark.parametrize("kind", KINDS)
def test_the_public_part_is_public(kind):
    """RFC 7517: nothing of the private key; the kid is the thumbprint of RFC 7638, or the configured one."""
    jwk = ClientKey.parse(pem(kind)).public_jwk()

    assert set(jwk) <= {"kty", "crv", "x", "y", "n", "e", "kid", "use"}
    assert len(jwk["kid"]) == 43
    assert ClientKey.parse(pem(kind), "mine").public_jwk() == jwk | {"kid": "mine"}


def test_thethumbprint_is_that_of_rfc_7638_section_3_1():
    """The example of the specification, whose key is one of RSA."""
    n = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZ"
        "CiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8K"
        "JZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_x"
        "BniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
    )

    assert thumbprint({"kty": "RSA", "n": n, "e": "AQAB"}) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        pytest.param("", "is not a private key", id="empty"),
        pytest.param("s3cr3t", "is not a private key", id="a secret"),
        pytest.param("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "is not a", id="damaged"),
        pytest.param("-----BEGIN CERTIFICATE-----\nAAAA\n", "is a certificate", id="certificate"),
        pytest.param(public_pem("p256"), "is a public key", id="public"),
        pytest.param(encrypted_pem("p256"), "is encrypted", id="encrypted"),
        pytest.param(pem("short rsa"), "is an RSA key of 1024 bits", id="short"),
        pytest.param(pem("p384"), "is a key of curve secp384r1", id="another curve"),
    ],
)  # fmt: skip
def test_what_is_no_key_is_said(text, what):
    """In a few words of what it is instead, and none of what stands in it."""
    with pytest.raises(KeyFault, match=what) as caught:
        ClientKey.parse(text)

    assert "AAAA" not in str(caught.value)
    assert "s3cr3t" not in str(caught.value)


def test_a_key_is_in_no_repr():
    """A log that shows the object shows its id."""
    assert "private" not in repr(ClientKey.parse(pem("p256")))


# In gateway.yaml


def configured(tmp_path, text=None, **changes):
    """gateway.yaml with a provider that knows us by a key; `text` is the key."""
    (tmp_path / "key.pem").write_text(pem("p256") if text is None else text)
    section = {
        "issuer": "https://idp.example.com",
        "client_id": "gateway",
        "client_auth": "private_key_jwt",
        "client_key": "file:key.pem",
    }
    written = {key: value for key, value in (section | changes).items() if value is not None}
    (tmp_path / "gateway.yaml").write_text(yaml.safe_dump(changed(providers={"corp": written})))
    return tmp_path / "gateway.yaml"


def faults(file):
    with pytest.raises(SettingsFault) as caught:
        load(file, {"SECRET": "s"})
    return caught.value.faults


@pytest.mark.parametrize("changes", [{}, {"security": "strict"}, {"client_key_id": "k-2026"}], ids=repr)
def test_a_section_with_a_key_loads(tmp_path, changes):
    """A text of several lines, relative to the folder of the file."""
    section = load(configured(tmp_path, **changes), {}).providers["corp"]

    assert section.client_key.get_secret_value().startswith("-----BEGIN PRIVATE KEY-----\n")
    assert "PRIVATE" not in repr(section)


def test_a_key_comes_by_a_variable_too(tmp_path):
    """With its line breaks."""
    file = configured(tmp_path, client_key="${KEY}")

    section = load(file, {"KEY": pem("p256")}).providers["corp"]

    assert ClientKey.parse(section.client_key.get_secret_value())


def test_a_command_that_needs_no_secret_needs_no_key(tmp_path):
    """The file of the key need not be there for it."""
    file = configured(tmp_path)
    (tmp_path / "key.pem").unlink()

    assert load_with_warnings(file, {}, secrets=False).settings.providers["corp"].security == "standard"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        pytest.param({"text": pem("p384")}, "client_key: is a key of curve secp384r1; give it an unencrypted", id="no key of ours"),
        pytest.param({"client_key": pem("p256")}, "client_key: is a secret written out", id="written out"),
        pytest.param({"client_key": None}, "client_auth: has no key to sign with", id="no key"),
        pytest.param({"client_secret": "${SECRET}"}, "client_secret: is not used beside a key", id="key and secret"),
        pytest.param({"client_auth": "post"}, "client_key: is not used with client_auth: post", id="another method"),
        pytest.param({"client_auth": "basic", "client_key": None, "client_key_id": "k"}, "client_key_id: names a key that is not there", id="an id of nothing"),
        pytest.param({"client_auth": "basic", "client_key": None, "client_secret": "${SECRET}", "security": "strict"}, "security: strict authenticates by a key", id="strict with a secret"),
        pytest.param({"client_auth": "basic", "client_key": None, "security": "strict"}, "security: strict authenticates by a key", id="strict and public"),
        pytest.param({"algorithms": ["HS256"]}, "algorithms[0]: is none of the words that fit", id="a symmetric algorithm"),
        pytest.param({"algorithms": ["none"]}, "algorithms[0]: is none of the words that fit", id="no algorithm"),
    ],
)  # fmt: skip
def test_what_does_not_fit_together_is_a_fault(tmp_path, changes, sentence):
    """At its path, with what to write instead, and without the key."""
    found = faults(configured(tmp_path, **changes))

    assert any(sentence in one for one in found), found
    assert not any("BEGIN" in one for one in found)


def test_every_algorithm_that_can_be_pinned_can_be_verified():
    """The words of the configuration are those of the key sets."""
    allowed = OidcSection.model_json_schema()["properties"]["algorithms"]["items"]["enum"]

    assert set(allowed) == set(ALGORITHMS)


# gateway keys client


def run(*arguments):
    return CliRunner().invoke(main, ["keys", "client", *arguments], catch_exceptions=False)


def test_a_new_key_is_made_for_nobody_else_to_read(tmp_path):
    """Its public part is printed for the provider, and the key is good for the configuration."""
    file = tmp_path / "client-key.pem"

    done = run(str(file), "--new")

    assert done.exit_code == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(done.stdout) == {"keys": [ClientKey.parse(file.read_text()).public_jwk()]}
    assert "d" not in json.loads(done.stdout)["keys"][0]


def test_a_key_that_is_there_is_not_lost(tmp_path):
    """`--new` makes one and never another."""
    file = tmp_path / "client-key.pem"
    run(str(file), "--new")
    before = file.read_text()

    done = run(str(file), "--new")

    assert (done.exit_code, done.stdout) == (1, "")
    assert "exists already; leave `--new` out" in done.stderr
    assert file.read_text() == before


def test_the_public_part_of_a_key_is_printed_under_its_configured_id(tmp_path):
    """Of any key that can be configured."""
    (tmp_path / "key.pem").write_text(pem("rsa"))

    done = run(str(tmp_path / "key.pem"), "--kid", "k-2026")

    assert json.loads(done.stdout)["keys"][0]["kid"] == "k-2026"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        pytest.param(None, "cannot be read: no such file or directory; `--new` makes it", id="missing"),
        pytest.param(public_pem("rsa").encode(), "is a public key; RSA of 2048", id="public"),
        pytest.param(b"\xff\xfe", "is not UTF-8 text", id="bytes"),
    ],
)
def test_what_is_no_key_file_is_said(tmp_path, content, sentence):
    """One line, exit code 1."""
    file = tmp_path / "key.pem"
    if content is not None:
        file.write_bytes(content)

    done = run(str(file))

    assert (done.exit_code, done.stdout) == (1, "")
    assert sentence in done.stderr
