"""Refresh, at every provider: success, rotated, no new token, terminal, transient, unknown, and once for all."""

import asyncio

import pytest

from tests.kit.scripted_provider import ScriptedProvider, page, reply
from tests.kit.vendors import (
    auth0,
    dingtalk,
    discord,
    feishu,
    github,
    gitlab,
    google,
    microsoft,
    okta,
    plain,
)
from tests.kit.vendors.refreshing import Row, VendorHouse


def refused(error, status=400):
    return lambda _: reply(status, {"error": error})


def throttled(_):
    return reply(429, {}, {"retry-after": "20"})


ROWS = [
    Row(
        "oidc",
        ScriptedProvider,
        {"issuer": "https://idp.example.test", "anyone": True},
        "/token",
        refused("invalid_grant"),
        throttled,
        refused("invalid_scope"),
    ),
    Row(
        "oauth2",
        plain.Plain,
        plain.Plain(float).section(),
        "/token",
        refused("invalid_grant"),
        throttled,
        refused("invalid_scope"),
    ),
    Row(
        "dingtalk",
        dingtalk.DingTalk,
        {"type": "dingtalk", "corps": ["ding-corp-1"]},
        dingtalk.TOKEN,
        lambda vendor: vendor.fault(400, "refresh_token_expired"),
        lambda vendor: vendor.fault(403, dingtalk.THROTTLED),
        lambda vendor: vendor.fault(400, "Something.Unheard.Of"),
    ),
    Row(
        "dingtalk by its other word",
        dingtalk.DingTalk,
        {"type": "dingtalk", "corps": ["ding-corp-1"]},
        dingtalk.TOKEN,
        lambda vendor: vendor.fault(400, dingtalk.SPENT),
        lambda _: reply(200, {"errcode": 90018, "errmsg": "slow"}),
        lambda _: reply(200, {"errcode": 7, "errmsg": "invalid_grant"}),
    ),
    Row(
        "discord",
        lambda clock: discord.Discord(clock, access_life=3600),  # its own would outlive an idle session
        {"type": "discord", "anyone": True},
        discord.TOKEN,
        refused("invalid_grant"),
        lambda vendor: vendor.too_many(20),
        refused("invalid_request"),
    ),
    Row(
        "feishu",
        feishu.Feishu,
        {"type": "feishu", "tenants": ["tenant-1"]},
        feishu.TOKEN,
        lambda vendor: vendor.fault("invalid_grant", 20064),
        lambda vendor: vendor.fault("server_error", 99991400),
        lambda _: reply(200, {"code": 99999, "msg": "invalid_grant"}),
    ),
    Row(
        "github",
        lambda clock: github.GitHub(clock, app=True),
        {"type": "github", "anyone": True, "app": True},
        github.TOKEN,
        refused("bad_refresh_token", 200),
        throttled,
        refused("unheard_of", 200),
    ),
    Row(
        "google",
        google.Google,
        {"type": "google", "anyone": True},
        "/token",
        refused("invalid_grant"),
        throttled,
        refused("internal_failure"),
        still=True,
    ),
    Row(
        "gitlab",
        gitlab.GitLab,
        {"type": "gitlab", "anyone": True},
        "/oauth/token",
        refused("invalid_grant"),
        throttled,
        refused("invalid_request"),
    ),
    Row(
        "microsoft",
        lambda clock: microsoft.Entra(clock, tenant=microsoft.CORP),
        {"type": "microsoft", "tenant": microsoft.CORP},
        f"/{microsoft.CORP}/oauth2/v2.0/token",
        lambda vendor: vendor.refusal(50173),
        lambda vendor: vendor.refusal(50196),
        refused("unheard_of"),
    ),
    Row(
        "microsoft, which wants to see the person",
        lambda clock: microsoft.Entra(clock, tenant=microsoft.CORP),
        {"type": "microsoft", "tenant": microsoft.CORP},
        f"/{microsoft.CORP}/oauth2/v2.0/token",
        lambda vendor: vendor.refusal(50076),
        throttled,
        refused("invalid_request"),
    ),
    Row(
        "okta",
        okta.Okta,
        {"type": "okta", "issuer": okta.CUSTOM, "anyone": True},
        "/oauth2/default/v1/token",
        refused("invalid_grant"),
        throttled,
        refused("invalid_scope"),
    ),
    Row(
        "auth0",
        lambda clock: auth0.Auth0(clock, expires_in=7200),  # its own would outlive an idle session
        {"type": "auth0", "issuer": f"{auth0.DOMAIN}/", "anyone": True},
        "/oauth/token",
        refused("invalid_grant"),
        throttled,
        refused("access_denied", 403),
    ),
    Row(
        "keycloak",
        lambda clock: ScriptedProvider(clock, issuer="https://id.example.com/realms/test"),
        {"type": "keycloak", "issuer": "https://id.example.com/realms/test", "anyone": True},
        "/realms/test/token",
        refused("invalid_grant"),
        throttled,
        refused("invalid_request"),
    ),
]


def rows(fits):
    """For a test of those vendors alone that can be brought to do so."""
    wanted = [pytest.param(row, id=row.name) for row in ROWS if fits(row)]
    return pytest.mark.parametrize("house", wanted, indirect=True)


@pytest.fixture(params=ROWS, ids=lambda row: row.name)
async def house(request):
    made = VendorHouse(request.param)
    yield made
    made.wires.open.set()
    await made.settle()


@pytest.fixture
async def grown_old(house):
    """A session whose token has just ended: (ticket, session, grant)."""
    ticket, session = await house.sign_in()
    grant = await house.grant(ticket)
    assert grant.refresh_token
    house.to_the_end_of(session)
    return ticket, session, grant


@pytest.mark.anyio
async def test_a_refresh_succeeds(house, grown_old):
    """A new access token with an end of its own, and the same person."""
    ticket, session, before = grown_old

    renewed = await house.ensure(ticket)

    assert house.outcomes() == ["ok"]
    assert renewed.token_end > house.clock()
    assert renewed.latest.key == session.latest.key
    assert (await house.grant(ticket)).access_token != before.access_token


@pytest.mark.anyio
@rows(lambda row: not row.still)
async def test_a_rotated_token_is_written_down_and_used_next(house, grown_old):
    """The vendor kills the old one, and everything with it where it is shown again."""
    ticket, _, before = grown_old
    house.vendor.rotates = True

    renewed = await house.ensure(ticket)
    after = await house.grant(ticket)
    house.to_the_end_of(renewed)
    await house.ensure(ticket)

    assert after.refresh_token not in {"", before.refresh_token}
    assert house.outcomes() == ["ok", "ok"]


@pytest.mark.anyio
@rows(lambda row: not row.strict)
async def test_where_no_new_token_comes_the_old_one_goes_on(house, grown_old):
    """RFC 6749 section 6."""
    ticket, _, before = grown_old
    house.vendor.rotates = False

    renewed = await house.ensure(ticket)
    after = await house.grant(ticket)
    house.to_the_end_of(renewed)
    await house.ensure(ticket)

    assert after.refresh_token == before.refresh_token
    assert house.outcomes() == ["ok", "ok"]


@pytest.mark.anyio
async def test_a_terminal_refusal_ends_the_session(house, grown_old):
    """At once: there is nothing to wait for."""
    ticket, _, _ = grown_old
    house.answers_next(house.row.terminal(house.vendor))

    assert await house.ensure(ticket) is None
    assert await house.sessions.open(ticket) is None
    assert len(house.ended()) == 1


def down(_):
    return page(503)


@pytest.mark.anyio
@pytest.mark.parametrize("kind", ["transient", "unknown", "down"])
async def test_any_other_failure_ends_nothing(house, grown_old, kind):
    """The session goes on with the token that it has, and tries again."""
    ticket, _, before = grown_old
    answer = (down if kind == "down" else getattr(house.row, kind))(house.vendor)
    house.answers_next(answer, answer)  # what may have been lost is asked for again at once

    kept = await house.ensure(ticket)

    assert kept is not None
    assert house.ended() == []
    assert house.outcomes() == ["transient" if kind == "transient" else "unknown"]
    assert (await house.grant(ticket)).refresh_token == before.refresh_token

    house.answers_next()
    house.clock.advance(700)
    await house.ensure(ticket)
    assert house.outcomes()[-1] == "ok"


@pytest.mark.anyio
async def test_a_busy_vendor_is_not_asked_again_at_once(house, grown_old):
    """It has said that it is asked too often."""
    ticket, _, _ = grown_old
    house.answers_next(house.row.transient(house.vendor))

    await house.ensure(ticket)

    assert house.token_requests() == 1


@pytest.mark.anyio
async def test_all_replicas_together_ask_once(house, grown_old):
    """A token that is shown twice would end the session at most of them."""
    ticket, session, _ = grown_old
    others = [house.refresher, *[house.replica(seed)[1] for seed in ("two", "three")]]

    renewed = await asyncio.gather(
        *[refresher.ensure(ticket, session) for refresher in others for _ in range(40)]
    )

    assert house.token_requests() == 1
    assert {one.latest.key for one in renewed} == {session.latest.key}
    for refresher in others[1:]:
        await refresher.close(5.0)
