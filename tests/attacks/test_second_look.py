"""What a provider that errs, or lies, could have us do: hand on somebody else's token, or fall over an address."""

import asyncio

import pytest

from gateway.errors import ProviderRefused, ProviderUnavailable
from gateway.identity.headers import IdentityHeaders
from gateway.identity.identity import Identity
from gateway.providers.graph import Graph
from gateway.providers.oidc import Oidc
from gateway.providers.provider import Ask
from gateway.providers.transport import Transport
from gateway.sessions.session import Grant
from gateway.settings.providers import OidcProvider
from tests.kit.clock import Clock
from tests.kit.people import tokens
from tests.kit.scripted_provider import ScriptedProvider, crank, reply
from tests.kit.vendors.gitlab import GitLab
from tests.kit.vendors.openid import SECRET, client_of, refresh, sign_in
from tests.kit.verify_house import open_house
from tests.kit.wired import WRITTEN, wired

ISSUER = "https://idp.example.test"
KEEPS = frozenset({"access_token", "id_token"})
ALICE = Identity(provider="idp", issuer=ISSUER, subject="u-1", user="alice", authenticated_at=1_700_000_000)
OLD = Grant(provider="idp", access_token="a-0", refresh_token="r-1", id_token="old", expires=1)
RULES = [
    {"name": "api", "paths": ["/api/**"], "allow": "authenticated", "pass_token": "access_token"},
    *WRITTEN["rules"],
]


@pytest.fixture
def provider():
    script = ScriptedProvider(Clock())
    script.refreshable["r-1"] = "first"
    return script


def refreshed(provider, grant=OLD):
    written = {
        "issuer": ISSUER,
        "client_id": "gateway",
        "client_secret": provider.client_secret,
        "anyone": True,
    }
    client = Oidc(OidcProvider.model_validate(written), "idp", several=False, keeps=KEEPS)
    return crank(client.refresh(grant, ALICE, int(provider.clock())), provider.answer)


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param({"sub": "u-2"}, id="another person"),
        pytest.param({"iss": "https://evil.example"}, id="another issuer"),
        pytest.param({"aud": "another-client"}, id="another audience"),
        pytest.param({"at_hash": "A" * 22}, id="another access token"),
    ],
)
def test_a_token_that_came_with_a_lie_is_not_handed_on(provider, claims):
    """It may be somebody else's. What was proven stays, and the refresh token too: the old one is spent."""
    provider.claims = claims

    found = refreshed(provider)

    assert (found.grant.access_token, found.grant.id_token) == ("", "old")
    assert found.grant.refresh_token in provider.refreshable
    assert found.identity is None
    assert found.alarm


def test_userinfo_of_somebody_else_takes_the_token_with_it(provider):
    """The ID token is the person's, and the access token opens somebody else's profile."""
    provider.in_userinfo_only = frozenset({"groups"})
    provider.userinfo = {"sub": "u-2"}

    assert refreshed(provider).grant.access_token == ""


@pytest.mark.parametrize("path", ["/keys", "/userinfo"])
def test_an_outage_behind_the_token_takes_nothing_away(provider, path):
    """Nobody has said that it is somebody else's."""
    provider.in_userinfo_only = frozenset({"groups"})
    provider.instead[path] = [ProviderUnavailable("idp", "down")]

    assert refreshed(provider).grant.access_token.startswith("access-")


def test_a_gitlab_that_describes_somebody_else_takes_the_token_with_it():
    """Its refresh may bring no ID token; then userinfo alone says whose the new tokens are."""
    gitlab = GitLab(Clock(), client_secret=SECRET)
    client = client_of({"type": "gitlab"})
    signed_in = sign_in(client, gitlab)
    gitlab.refreshes_id_token = False
    gitlab.instead["/oauth/userinfo"] = [reply(200, {"sub": "another"})]

    found = refresh(client, gitlab, signed_in.grant, signed_in.identity)

    assert found.grant.access_token == ""
    assert found.grant.refresh_token in gitlab.refreshable
    assert found.alarm


@pytest.mark.anyio
async def test_no_application_gets_the_token_of_a_refresh_that_lied(tmp_path):
    """From the provider to the header: empty until a refresh brings a token that is proven, and then that one."""
    async with wired(tmp_path, rules=RULES) as house:
        house.provider.expires_in = 3600
        cookie = await house.sign_in()
        house.provider.claims = {"sub": "u-2"}
        house.clock.advance(3601)

        lied = await house.say("/api/x", cookie)
        house.provider.claims = {}
        house.clock.advance(3601)
        mended = await house.say("/api/x", cookie)

        assert (lied.status_code, lied.headers["x-auth-access-token"]) == (200, "")
        assert mended.headers["x-auth-access-token"].startswith("access-")


@pytest.mark.parametrize(
    "link",
    [
        pytest.param("https://[graph.microsoft.com/v1.0/me/transitiveMemberOf", id="half a bracket"),
        pytest.param("https://graph.microsoft.com\\@evil.test/v1.0/me/transitiveMemberOf", id="backslash"),
        pytest.param("https://graph.microsoft.com@evil.test/v1.0/me/transitiveMemberOf", id="a user"),
        pytest.param("https://graph.microsoft.com:444/v1.0/me/transitiveMemberOf", id="another port"),
        pytest.param("https://graph.microsoft.com/v1.0/me/transitiveMemberOf/../messages", id="dots"),
        pytest.param(["https://graph.microsoft.com/v1.0/me/transitiveMemberOf"], id="a list"),
    ],
)
def test_a_next_page_of_graph_that_is_no_next_page_is_refused(link):
    """With a reason, and never by an exception of another kind: a refresh would lose its new token by that."""
    asked = []

    def answer(ask):
        asked.append(ask.url)
        return reply(200, {"value": [], "@odata.nextLink": link})

    with pytest.raises(ProviderRefused) as refused:
        crank(Graph("idp", "https://graph.microsoft.com").groups("token"), answer)

    assert refused.value.reason == "overage"
    assert len(asked) == 1


@pytest.mark.anyio
@pytest.mark.parametrize(
    "url",
    [
        pytest.param("https://127.0.0.1:99999/keys", id="port"),
        pytest.param("https://xn--a/keys", id="no name in any language"),
        pytest.param("https://[v1.x]/keys", id="address of the future"),
    ],
)
@pytest.mark.parametrize("form", [None, {"refresh_token": "r-1"}], ids=["asked", "changed"])
async def test_an_address_that_is_none_is_an_outage_and_was_never_asked(url, form):
    """It comes out of metadata; whoever has tokens in hand must be able to go on, and nothing was spent."""
    transport = Transport(clock=Clock())

    def flow():
        return (yield Ask(url, form=form))

    try:
        with pytest.raises(ProviderUnavailable) as fault:
            await asyncio.wait_for(transport.run(flow(), provider="idp"), 5)
    finally:
        await transport.close()

    assert not fault.value.ambiguous


@pytest.mark.anyio
async def test_nothing_that_carries_a_token_tells_it_to_whoever_prints_it():
    """A traceback, a debug line, a task in the event loop's own log: each shows values by their `repr` (CWE-532)."""
    house = await open_house(rules=RULES)
    begun = await house.sign_in("alice", grant=tokens(expires=int(house.clock()) + 3600))
    replies = [await house.ask("forward-auth", "/api/x", who="alice") for _ in range(2)]
    memories = list(house.check.reader._cache._memories.values())
    written = IdentityHeaders({"access_token": "X-T"}, "percent").write(
        ALICE, 0, "", tokens={"access_token": "corp-access"}
    )
    shown = repr([begun, replies, written, *[(one.handed, one.session, one.notes) for one in memories]])

    assert dict(replies[1].headers)[b"x-auth-access-token"] == b"corp-access"
    assert memories[0].notes
    assert [secret for secret in ("corp-access", "corp-id", "corp-refresh") if secret in shown] == []
