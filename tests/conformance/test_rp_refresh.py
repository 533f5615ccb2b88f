"""The refresh plan of the OpenID conformance suite (OpenID Connect Core sections 12.1 and 12.2).

The suite asserts that a client notices an ID token that is not the session's, and asks nothing more with what came
with it. Ours keeps the new tokens, for the old refresh token may be spent, and believes nothing else.
"""

import pytest

from tests.kit.conformance import sign_in
from tests.kit.wired import COOKIE, wired

pytestmark = pytest.mark.anyio

HOUR = 3600


@pytest.fixture
async def house(tmp_path):
    async with wired(tmp_path) as opened:
        opened.provider.expires_in = HOUR
        yield opened


async def past_the_end(house):
    """Somebody whose access token has just ended; what was asked before is forgotten."""
    browser = house.browser()
    assert (await sign_in(browser)).status == 200
    house.provider.asked.clear()
    house.clock.advance(HOUR + 60)
    return f"{COOKIE}={browser.jar.get(COOKIE).value}"


@pytest.mark.parametrize("module", [pytest.param("", id="oidcc-client-test-refresh-token")])
async def test_a_refresh_prolongs_the_session_by_its_refresh_token(house, module):
    """One request of the token endpoint, with the token and the client's credentials; the person stays who they are."""
    cookie = await past_the_end(house)

    passed = await house.say("/report", cookie)

    (asked,) = [ask for ask in house.provider.asked if ask.url.endswith("/token")]
    assert asked.form == {"grant_type": "refresh_token", "refresh_token": "refresh-3"}
    assert asked.headers["authorization"].startswith("Basic ")
    assert (passed.status_code, passed.headers["x-auth-subject"]) == (200, "corp:u-1")


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param({"iss": "https://another.example"}, id="oidcc-client-test-refresh-token-invalid-issuer"),
        pytest.param({"sub": "u-2"}, id="oidcc-client-test-refresh-token-invalid-sub"),
        pytest.param({"aud": "another-client"}, id="oidcc-client-test-refresh-token-invalid-aud"),
        pytest.param({"azp": "another-client"}, id="oidcc-client-test-refresh-token-invalid-azp"),
    ],
)
async def test_an_id_token_that_is_not_the_sessions_changes_nothing_and_alarms(house, claims):
    """Nobody becomes somebody else, no group arrives, and the userinfo endpoint is not asked with the new token."""
    cookie = await past_the_end(house)
    house.provider.in_userinfo_only = frozenset({"groups"})
    house.provider.userinfo = {"groups": ["admins"], **({"sub": "u-2"} if "sub" in claims else {})}
    house.provider.claims = {**claims, "preferred_username": "root"}

    passed = await house.say("/report", cookie)

    told = (passed.headers["x-auth-subject"], passed.headers["x-auth-user"], passed.headers["x-auth-groups"])
    assert (passed.status_code, *told) == (200, "corp:u-1", "alice", "staff")
    assert "/userinfo" not in house.provider.paths()
    (alarm,) = await house.lines("operator.alarm")
    assert "verification failed: id_token" in alarm["detail"]


async def test_the_tokens_that_came_with_it_are_kept(house):
    """The old refresh token is spent: the next refresh is made with the new one, and succeeds."""
    cookie = await past_the_end(house)
    house.provider.claims = {"sub": "u-2"}
    await house.say("/report", cookie)
    house.provider.claims = {}
    house.clock.advance(HOUR + 60)

    passed = await house.say("/report", cookie)

    spent = [ask.form["refresh_token"] for ask in house.provider.asked if ask.url.endswith("/token")]
    assert len(spent) == len(set(spent)) == 2
    assert passed.status_code == 200
