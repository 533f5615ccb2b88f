"""A redirect login for a client that does not end well: the client hears of it where it waits (RFC 6749, 4.1.2.1)."""

from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from tests.kit.scripted_provider import page, reply
from tests.kit.token_house import ADDRESS, AUTH, CHALLENGE, SPA, TOKENS, token_house
from tests.kit.wired import COOKIE, Wired

pytestmark = pytest.mark.anyio
QUERY = {
    "client": "spa",
    "rd": ADDRESS,
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
    "state": "s-1",
}


async def departed(house, browser):
    """A login for a client that is at the provider: the state that the callback has to bring."""
    hop = await browser.open(f"{AUTH}/auth/corp?{urlencode(QUERY)}", follow=False)
    return dict(parse_qsl(urlsplit(hop.location).query))["state"]


async def come_back(browser, **answer):
    """The callback, and what the browser is told then."""
    return await browser.open(f"{AUTH}/auth/corp/callback?{urlencode(answer)}", follow=False)


def told(hop):
    """What the client reads in its address."""
    assert hop.status == 303, hop.response.text
    assert hop.location.startswith(f"{ADDRESS}?")
    return dict(parse_qsl(urlsplit(hop.location).query))


async def test_who_says_no_at_the_provider_is_back_at_the_client_with_a_word_for_it(tmp_path):
    """Its state and who we are come along, the log has a line, and there is neither a session nor a code."""
    async with token_house(tmp_path) as house:
        browser = house.browser()
        state = await departed(house, browser)
        hop = await come_back(browser, error="access_denied", state=state, iss=house.provider.issuer)
        (line,) = await house.lines("login.finished")

    answer = told(hop)
    assert set(answer) == {"error", "error_description", "state", "iss"}
    assert (answer["error"], answer["state"], answer["iss"]) == ("access_denied", "s-1", AUTH)
    assert answer["error_description"] == f"consent_denied, decision {line['decision_id']}"
    assert (line["outcome"], line["reason"]) == ("provider_refused", "consent_denied")
    assert COOKIE not in [one.name for one in browser.jar.cookies]
    assert "session.begun" not in house.written.getvalue()


async def whole_way(house):
    """A login for a client from its start to where it ends."""
    return await house.begin_for_client()


async def test_who_is_not_admitted_is_told_at_the_client(tmp_path):
    """Signed in at the provider, and not on the list here."""
    corp = {"user": "corp:{preferred_username}", "anyone": False, "allow": {"users": ["bob"]}}
    async with token_house(tmp_path, corp=corp) as house:
        answer = told(await whole_way(house))

    assert answer["error"] == "access_denied"
    assert answer["error_description"].startswith("not_allowed, decision ")


@pytest.mark.parametrize(
    ("scripted", "lie", "word", "reason"),
    [
        (reply(503, {}), "", "temporarily_unavailable", "provider_down"),
        (page(200), "", "temporarily_unavailable", "provider_down"),
        (reply(401, {"error": "invalid_client"}), "", "server_error", "client_rejected"),
        (None, "wrong_nonce", "server_error", "provider_lied"),
    ],
    ids=["down", "html", "misconfigured", "lie"],
)
async def test_a_provider_at_fault_is_told_at_the_client(tmp_path, scripted, lie, word, reason):
    """Whether to try again is what the client has to know; the rest is for the operator, by the decision's id."""
    async with token_house(tmp_path) as house:
        house.provider.lie = lie
        if scripted:
            house.provider.instead["/token"] = [scripted]
        answer = told(await whole_way(house))

    assert answer["error"] == word
    assert answer["error_description"].startswith(f"{reason}, decision ")


async def test_a_provider_that_is_down_at_the_start_is_told_at_the_client(tmp_path):
    """The person has not left yet, and is back where they came from."""
    async with token_house(tmp_path) as house:
        house.provider.instead["/.well-known/openid-configuration"] = [reply(503, {}) for _ in range(9)]
        answer = told(await whole_way(house))

    assert (answer["error"], answer["state"]) == ("temporarily_unavailable", "s-1")


async def test_too_many_starts_show_our_page(tmp_path):
    """A client that begins anew by itself would go round in circles with whatever it was told."""
    async with token_house(tmp_path, login={"per_prefix": 1}) as house:
        hops = [await whole_way(house) for _ in range(2)]

    assert hops[0].location.startswith(ADDRESS)
    assert hops[1].status == 429
    assert "location" not in hops[1].response.headers


async def test_an_error_that_another_browser_brings_leads_nowhere(tmp_path):
    """Whoever writes links sends nobody to a client, and spends nobody's login."""
    async with token_house(tmp_path) as house:
        browser = house.browser()
        await departed(house, browser)
        unknown = await come_back(browser, error="access_denied", state="x" * 43)
        other = house.browser()
        state = await departed(house, browser)
        await departed(house, other)
        foreign = await come_back(other, error="access_denied", state=state)

    assert (unknown.status, foreign.status) == (400, 400)
    assert "location" not in {*unknown.response.headers, *foreign.response.headers}


async def test_an_address_that_has_left_the_configuration_hears_nothing(tmp_path):
    """Nor is anybody sent there, whatever went wrong."""
    async with token_house(tmp_path) as house:
        browser = house.browser()
        state = await departed(house, browser)
        clients = {"spa": {"return_addresses": [f"{SPA}/elsewhere"]}}
        later = Wired(
            tmp_path,
            house.provider,
            house.clock,
            house.ring,
            tokens={**TOKENS, "clients": clients},
        )
        browser.origins[AUTH] = later.apps["bind"]
        hop = await come_back(browser, error="access_denied", state=state, iss=house.provider.issuer)
        await later.application.close()

    assert hop.status >= 400
    assert "location" not in hop.response.headers
