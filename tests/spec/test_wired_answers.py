"""Answers of the wired gateway: decision ids, policies that the proxy names, and keys that applications verify with."""

import asyncio
import json
import re
import secrets
from base64 import urlsafe_b64decode
from dataclasses import replace

import pytest

from gateway.forward_auth import endpoint
from gateway.identity.presented import Head
from gateway.keys.jwks import KeySet, Profile, verify
from gateway.keys.keyring import Keyring
from gateway.sessions.cache import Miss
from tests.kit.verify_house import PROXY, family, open_house
from tests.kit.wired import AUTH, Wired, wired

pytestmark = pytest.mark.anyio

DAY = 86_400


@pytest.fixture
async def house(tmp_path):
    async with wired(tmp_path) as opened:
        opened.provider.offers_refresh = False
        yield opened


def profile(audience):
    """What an application checks an assertion against."""
    return Profile(
        typ=frozenset({"assertion+jwt"}),
        algorithms=("ES256",),
        issuer=AUTH,
        audience=audience,
        required=("exp", "iat", "sub"),
        leeway=0,
    )


async def published(house):
    return KeySet.parse((await house.get("bind", "/.well-known/jwks.json")).json())


async def test_page_header_and_log_share_one_decision_id(house):
    """Whoever reads the id out on the telephone names one line of the log."""
    cookie = await house.sign_in()

    page = await house.say("/admin/x?token=PRIVATE", cookie, navigates=True)

    (shown,) = re.findall(r"<code>([0-9a-f]+-[0-9a-f]+)</code>", page.text)
    lines = await house.lines("decision.made", 2)
    (line,) = [line for line in lines if line["decision_id"] == shown]
    assert page.status_code == 403
    assert page.headers["x-gateway-decision-id"] == shown
    assert (line["outcome"], line["rule"], line["path"]) == ("forbid", "admin", "/admin/x")
    assert "PRIVATE" not in house.written.getvalue()


@pytest.mark.parametrize("contract", ["forward-auth", "auth-request"])
async def test_a_program_learns_the_decision_id_as_well(house, contract):
    """In the header, and in the JSON where there is a body."""
    cookie = await house.sign_in()

    answer = await house.say("/admin/x", cookie, contract=contract)

    shown = answer.headers["x-gateway-decision-id"]
    assert answer.status_code == 403
    assert [
        line["outcome"] for line in await house.lines("decision.made", 2) if line["decision_id"] == shown
    ] == ["forbid"]
    if answer.content:
        assert answer.json()["decision_id"] == shown


async def test_the_page_that_nginx_fetches_shows_the_id_of_the_check(house):
    """auth_request throws the body away; the second answer carries on the first one's id."""
    cookie = await house.sign_in()
    no = await house.say("/admin/x", cookie, contract="auth-request", navigates=True)
    asked = {"x-gateway-status": "403", "x-gateway-decision-id": no.headers["x-gateway-decision-id"]}

    page = await house.say(
        "/admin/x", cookie, contract="auth-request", login=True, navigates=True, headers=asked
    )

    assert (no.status_code, page.status_code) == (403, 403)
    assert f"<code>{asked['x-gateway-decision-id']}</code>" in page.text


@pytest.mark.parametrize("contract", ["forward-auth", "auth-request"])
async def test_a_policy_that_the_proxy_names_is_the_one_that_counts(house, contract):
    """Its rules alone are asked, and the assertion is for the policy and not for the host."""
    cookie = await house.sign_in()

    by_host = await house.say("/admin/x", cookie, contract=contract)
    by_policy = await house.say("/admin/x", cookie, contract=contract, policy="billing")

    assert (by_host.status_code, by_policy.status_code) == (403, 200)
    claims = verify(
        by_policy.headers["x-auth-assertion"], await published(house), profile("billing"), house.clock()
    )
    assert (claims["sub"], claims["aud"], claims["iss"]) == ("corp:u-1", "billing", AUTH)


@pytest.mark.parametrize(
    "path",
    [
        "/verify/policy/unknown/forward-auth",
        "/verify/policy/forward-auth",
        "/verify/policy/billing/forward-auth/more",
        "/verify/policy//forward-auth",
    ],
)
async def test_a_policy_that_is_not_configured_lets_nobody_pass(house, path):
    """404, which no proxy takes for a yes; nothing of a session is opened for it."""
    cookie = await house.sign_in()

    answer = await house.get("verify_bind", path, headers={"cookie": cookie})

    assert answer.status_code == 404
    assert not [name for name in answer.headers if name.startswith("x-auth-")]


async def test_an_assertion_is_for_one_host_and_five_minutes(house):
    """ES256, verified with the published key set as an application would; the same one for a while."""
    cookie = await house.sign_in()

    first = (await house.say("/x", cookie)).headers["x-auth-assertion"]
    second = (await house.say("/y", cookie)).headers["x-auth-assertion"]

    claims = verify(first, await published(house), profile("app.example.com"), house.clock())
    assert claims["exp"] - claims["iat"] == 300
    assert (claims["sub"], claims["email"], claims["groups"]) == ("corp:u-1", "alice@example.com", ["staff"])
    assert second == first
    house.clock.advance(301)
    assert (await house.say("/x", cookie)).headers["x-auth-assertion"] != first


async def test_the_key_set_may_be_kept_and_read_by_anybody(house):
    """Cache headers, CORS, public parts alone; and every alias of a wrong method is refused."""
    answer = await house.get("bind", "/.well-known/jwks.json")

    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "public, max-age=300"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert {key["kty"] for key in answer.json()["keys"]} == {"EC"}
    assert all("d" not in key and key["alg"] == "ES256" for key in answer.json()["keys"])
    assert "set-cookie" not in answer.headers


async def test_an_assertion_from_before_a_rotation_verifies_after_it(tmp_path):
    """With the set that is published afterwards; and the new one with the set from before, which had its key already."""
    async with wired(tmp_path) as house:
        cookie = await house.sign_in()
        before, known = (await house.say("/x", cookie)).headers["x-auth-assertion"], await published(house)
        house.clock.advance(10)
        rotated = Keyring.parse(
            house.ring.rotated(secrets.token_bytes, house.clock()).pruned(house.clock(), 30 * DAY).dump()
        )
        restarted = Wired(tmp_path, house.provider, house.clock, rotated)
        try:
            after = (await restarted.say("/x", cookie)).headers["x-auth-assertion"]
            now, wanted = house.clock(), profile("app.example.com")

            assert verify(before, await published(restarted), wanted, now)["sub"] == "corp:u-1"
            assert verify(after, known, wanted, now)["sub"] == "corp:u-1"
            assert header_of(before)["kid"] != header_of(after)["kid"]
        finally:
            await restarted.application.close()


def header_of(token):
    head = token.partition(".")[0]
    return json.loads(urlsafe_b64decode(head + "=" * (-len(head) % 4)))


async def test_nothing_of_the_proxys_listener_is_on_the_browsers(house):
    """/verify is 404 there; the operator's listener has metrics and health and nothing else."""
    assert (await house.get("bind", "/verify/forward-auth")).status_code == 404
    assert (await house.get("bind", "/metrics")).status_code == 404
    assert (await house.get("metrics_bind", "/auth/login")).status_code == 404
    assert (await house.get("metrics_bind", "/readyz")).json() == {"status": "ready"}
    assert (await house.get("bind", "/readyz")).content == b""


async def test_a_check_that_hangs_is_answered_before_the_proxy_gives_up(monkeypatch):
    """Whatever it waits for: 503 and try again, with the reason in the log; no identity, and no way to log in."""
    monkeypatch.setattr(endpoint, "LONGEST", 0.05)
    house = await open_house()
    check = replace(house.check, reader=Never())
    verify_endpoint = endpoint.Verify(
        check, house.proxies, house.routes, house.events.append, lambda: "d-1", house.clock
    )
    lines = (
        *family("forward-auth", b"GET", b"app.example.com", b"/x"),
        (b"cookie", house.cookie("alice").encode()),
    )
    answered = verify_endpoint.answer(
        Head("GET", b"/verify/forward-auth", lines, PROXY), house.routes[b"/verify/forward-auth"]
    )

    async with asyncio.timeout(30):
        reply = await answered

    assert (reply.status, dict(reply.headers)[b"retry-after"]) == (503, b"5")
    assert (house.decision.outcome, house.decision.reason, house.alarms) == ("fault", "too_slow", [])


class Never:
    """A reader that remembers nothing, and whose store does not come back."""

    def now(self, _ticket, *, strict):
        return Miss.MISS

    async def read(self, _ticket, *, strict, harmless):
        await asyncio.Event().wait()
