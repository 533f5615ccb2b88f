"""Hashes in the ID token (OpenID Connect Core sections 3.1.3.6 and 3.3.2.11), as far as the code flow has them.

The suite's hybrid plan wants them in a token of the authorization endpoint. Ours come from the token endpoint, over
TLS and beside what they hash: a hash may be missing there, and one that is present must be right.
"""

import base64
import hashlib

import pytest

from tests.kit.conformance import assert_refused, sign_in
from tests.kit.scripted_provider import Key
from tests.kit.wired import wired

pytestmark = pytest.mark.anyio


def half(text, digest=hashlib.sha256):
    """The left half of a hash, as both claims have it."""
    raw = digest(text.encode()).digest()
    return base64.urlsafe_b64encode(raw[: len(raw) // 2]).rstrip(b"=").decode()


WRONG = half("another")


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param({"at_hash": WRONG}, id="oidcc-client-test-invalid-athash"),
        pytest.param({"c_hash": WRONG}, id="oidcc-client-test-invalid-chash"),
        pytest.param({"at_hash": WRONG[:-1]}, id="at_hash a character short"),
        pytest.param({"at_hash": f"{WRONG}=="}, id="at_hash with padding"),
        pytest.param({"at_hash": ""}, id="at_hash empty"),
        pytest.param({"at_hash": [WRONG]}, id="at_hash in a list"),
        pytest.param({"c_hash": ""}, id="c_hash empty"),
    ],
)
async def test_a_hash_that_is_wrong_ends_the_login(tmp_path, claims):
    """Somebody has put together a token and an answer that were not made for each other."""
    async with wired(tmp_path) as house:
        house.provider.claims = claims
        browser = house.browser()

        last = await sign_in(browser)

        await assert_refused(house, browser, last)


@pytest.mark.parametrize(
    "missing",
    [
        pytest.param("at_hash", id="oidcc-client-test-missing-athash"),
        pytest.param("c_hash", id="oidcc-client-test-missing-chash"),
    ],
)
async def test_a_hash_may_be_missing_from_the_token_endpoint(tmp_path, missing):
    """Core section 3.1.3.6 makes it optional there."""
    async with wired(tmp_path) as house:
        house.provider.claims = {missing: None}

        assert (await sign_in(house.browser())).status == 200


@pytest.mark.parametrize(
    ("algorithm", "digest"), [("RS256", hashlib.sha256), ("RS384", hashlib.sha384), ("RS512", hashlib.sha512)]
)
async def test_both_hashes_are_made_with_the_hash_of_the_signature(tmp_path, algorithm, digest):
    """SHA-256, SHA-384 or SHA-512, as the algorithm of the token says."""
    async with wired(tmp_path) as house:
        provider = house.provider
        provider.algorithm, provider.signing = algorithm, Key("k9", algorithm)
        provider.published = [provider.signing]
        honest = provider.id_token

        def with_hashes(access, claims):
            spent = next(ask.form["code"] for ask in reversed(provider.asked) if ask.form)
            return honest(access, {**claims, "at_hash": half(access, digest), "c_hash": half(spent, digest)})

        provider.id_token = with_hashes

        assert (await sign_in(house.browser())).status == 200
