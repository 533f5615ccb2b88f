"""A second implementation of OpenID Connect, written by other people in another way: Canaille, on Authlib."""

import asyncio
import json
import time

import pytest

from tests.kit.browser import Browser, origin_of
from tests.kit.fleet import fleet
from tests.kit.form_login import Trusting, sign_in
from tests.kit.iam_provider import iam_provider
from tests.kit.servers import free_port
from tests.kit.waiting import until

pytestmark = [pytest.mark.live, pytest.mark.anyio]

SECRET = "loopback-only"
ENVIRONMENT = {"TEST_CLIENT_SECRET": SECRET}
LIFE = 16
"""Seconds of an access token, and there of the refresh token that came with it."""
EARLY = 13.4
"""Seconds after which a token is due: a fifth of its life before the end, give or take a tenth, and before the end."""


@pytest.fixture
def port():
    return free_port()


@pytest.fixture
def options(port):
    callback = f"http://app.gw.localhost:{port}/_gateway/auth/iam/callback"
    return {"redirect_uris": [callback], "client_secret": SECRET, "access_token_ttl": LIFE}


def section(issuer):
    return {
        "issuer": issuer,
        "client_id": "gateway",
        "client_secret": "${TEST_CLIENT_SECRET}",
        "scopes": ["openid", "profile", "email", "groups"],
        "user": "{sub}",
        "anyone": True,
    }


def outcomes(gateway):
    """How refreshes ended, by the log."""
    lines = [json.loads(line) for line in gateway.log.splitlines() if line[:1] == "{"]
    return [line["outcome"] for line in lines if line["event"] == "refresh.finished"]


async def test_another_provider_signs_a_person_in_and_prolongs_the_session(tmp_path, port, options):
    """Its ID tokens are under RS512 by habit of none other here, and its refresh tokens rotate."""
    store = [f"sqlite:{tmp_path / 'shared.db'}"]
    with iam_provider(**options) as issuer:
        async with fleet(tmp_path, store, {"iam": section(issuer)}, port, ENVIRONMENT) as one:
            cookie = await sign_in(one.gateways[0], "iam", [])

            for count in (1, 2):
                await asyncio.sleep(EARLY)
                answer = await one.check(0, cookie)
                assert answer.status_code == 200, answer.text
                assert answer.headers["x-auth-user"] == "ada"
                assert answer.headers["x-auth-groups"] == "admins"
                await until(lambda: outcomes(one.gateways[0]) == ["ok"] * count, what="refreshes")  # noqa: B023


async def test_an_id_token_for_nobody_signs_nobody_in(tmp_path, port, options):
    """A client without an audience gets `aud: []` there: an empty list names us as little as another name."""
    store = [f"sqlite:{tmp_path / 'shared.db'}"]
    with iam_provider(**options, audience=False) as issuer:
        async with fleet(tmp_path, store, {"iam": section(issuer)}, port, ENVIRONMENT) as one:
            gateway = one.gateways[0]
            home, origin = gateway.settings.public_url, gateway.settings.hosts[0]
            browser = Browser({origin: gateway.url, origin_of(issuer): issuer}, time.time)
            browser.jar = Trusting(time.time)

            hop = await browser.open(f"{home}/auth/iam?rd={home}/users/me")

            assert hop.status >= 400
            assert browser.jar.get("gw") is None
            await until(lambda: "id_token: aud" in gateway.log, what="the reason in the log")
