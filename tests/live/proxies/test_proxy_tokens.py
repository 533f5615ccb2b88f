"""The provider's tokens through every real proxy: to the application that is meant, from us alone, and not past their end."""

import asyncio
import json
import time
from functools import partial
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.kit.echo_app import reached, values
from tests.kit.people import tokens
from tests.kit.proxies import STARTS
from tests.kit.real_gateway import RealGateway, alice
from tests.kit.scene import open_scene

pytestmark = pytest.mark.live

ACCESS, ID = "x-auth-access-token", "x-who-id"
PAGE = [("Accept", "text/html"), ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document")]
FORGED = [
    (name, "evil")
    for name in ("X-Auth-Access-Token", "x-auth-access-token", "X-Who-Id", "X_Auth_Access_Token", "X_Who_Id")
]
RULES = [
    {"name": "public", "paths": ["/public/**", "/public"], "allow": "public"},
    {
        "name": "api",
        "paths": ["/api/**"],
        "allow": "authenticated",
        "pass_token": ["access_token", "id_token"],
    },
    {"name": "rest", "allow": "authenticated"},
]
CHANGES = {"rules": RULES, "headers": {"id_token": "X-Who-Id"}}


@pytest.fixture(scope="module", params=STARTS)
def handing(request, tmp_path_factory):
    gateway = partial(RealGateway, folder=tmp_path_factory.mktemp("gateway"))
    scene = open_scene(
        request.param, tmp_path_factory.mktemp(request.param), gateway=gateway, changes=CHANGES
    )
    yield scene
    scene.stop()


def signed_in(scene, **grant):
    """Cookie lines of somebody with tokens, an hour from their end."""
    now = int(time.time())
    known = tokens("test", **{"begun": now, "expires": now + 3600, **grant})
    cookie = asyncio.run(scene.gateway.session_of(alice(scene.gateway.document["providers"]), known))
    return [("Cookie", cookie)]


def test_a_rule_hands_the_tokens_through_and_the_others_do_not(handing):
    """One header each, of the longest value that any header may have."""
    long = "t" * 3000
    person = signed_in(handing, access_token=long)

    api, rest = (reached(handing.ask(path, headers=person)) for path in ("/api/x", "/x"))

    assert (values(api, ACCESS), values(api, ID)) == ([long], ["test-id"])
    for said in (rest, reached(handing.ask("/public", headers=person))):
        assert "".join(values(said, ACCESS)) == "".join(values(said, ID)) == ""
        assert long not in json.dumps(said)


@pytest.mark.parametrize("path", ["/public", "/x", "/api/x"])
def test_a01_a03_a_client_cannot_write_a_token_itself(handing, path):
    """Under its name or an alias of it, whether or not there is one of ours."""
    for person in (signed_in(handing), [("Cookie", handing.gateway.cookie)]):
        said = reached(handing.ask(path, headers=[*FORGED, *person]))

        assert "evil" not in json.dumps(said)


def test_a_token_that_is_over_leads_a_person_to_a_new_login(handing):
    """Through nginx in two questions, through the others in one; a program gets its 401, and other rules go on."""
    person = signed_in(handing, refresh_token="", expires=int(time.time()) - 1)

    page = handing.ask("/api/x", headers=[*PAGE, *person])
    program = handing.ask("/api/x", headers=person)

    assert page.status == 303
    assert parse_qs(urlsplit(page.first("location")).query)["provider"] == ["again:test"]
    assert program.status == 401
    assert handing.ask("/x", headers=person).status == 200


def test_a_token_that_is_being_renewed_is_an_outage_of_that_rule(handing):
    """The provider of this gateway answers nobody: 503, and all other rules go on."""
    person = signed_in(handing, begun=int(time.time()) - 3600, expires=int(time.time()) - 1)

    answer = handing.ask("/api/x", headers=[*PAGE, *person])

    assert answer.status == 503
    assert int(answer.first("retry-after")) >= 1
    assert handing.ask("/x", headers=person).status == 200
