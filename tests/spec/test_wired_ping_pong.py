"""The check and the login page agree on whose login a rule looks at, so that nobody is sent to and fro between them."""

from urllib.parse import parse_qs, urlsplit

import pytest

from tests.kit.wired import APP, AUTH, wired

pytestmark = pytest.mark.anyio

OFFICE = "198.51.100.0/24"
"""Where the kit's proxy says that its clients are."""

FORGED = [
    pytest.param("nobody", id="an unknown name"),
    pytest.param("Partner", id="another case"),
    pytest.param("partner&rd=https://evil.test/", id="a second parameter"),
    pytest.param("partner#x", id="a fragment"),
    pytest.param("partner%0d%0aset-cookie:evil=1", id="a line end"),
    pytest.param("partner ", id="a blank"),
    pytest.param("", id="nothing"),
    pytest.param(",".join(f"p{i}" for i in range(5000)) + ",partner", id="five thousand names"),
]


def rules(*providers, **matchers):
    """A rule for some, that asks for these providers, before one for the rest that asks for none."""
    return [
        {"name": "some", "providers": list(providers), "allow": "authenticated", **matchers},
        {"name": "rest", "allow": "authenticated"},
    ]


async def test_a_rule_of_a_network_that_asks_for_another_provider_plays_no_ping_pong(tmp_path):
    """The check alone knows where the person is."""
    async with wired(tmp_path, two=True, rules=rules("partner", networks=[OFFICE])) as house:
        browser = house.browser()
        await browser.open(f"{AUTH}/auth/corp?rd={AUTH}/users/me")

        last = await browser.open(f"{APP}/x")

        assert (last.url, last.response.json()["x-auth-provider"]) == (f"{APP}/x", "partner")


async def test_a_policy_that_asks_for_another_provider_plays_no_ping_pong(tmp_path):
    """The check alone knows which policy the proxy named."""
    policies = {"billing": {"rules": rules("partner")}}
    async with wired(tmp_path, two=True, policies=policies) as house:
        browser, asked = house.browser(), house.say
        house.say = lambda uri, cookie="", **named: asked(uri, cookie, policy="billing", **named)
        await browser.open(f"{AUTH}/auth/corp?rd={AUTH}/users/me")

        last = await browser.open(f"{APP}/x")

        assert (last.url, last.response.json()["x-auth-provider"]) == (f"{APP}/x", "partner")


async def test_the_login_page_offers_what_the_rule_that_was_met_asks_for_and_not_another(tmp_path):
    """In the office any login will do, and elsewhere the partner's: the page must not narrow the choice by itself."""
    found = [
        {"name": "office", "networks": [OFFICE], "allow": "authenticated"},
        {"name": "elsewhere", "providers": ["partner"], "allow": "authenticated"},
    ]
    async with wired(tmp_path, two=True, rules=found) as house:
        page = await house.browser().open(f"{APP}/x")

        assert page.status == 200
        assert all(f"{AUTH}/auth/{name}?rd=" in page.response.text for name in ("corp", "partner"))


async def test_who_chooses_one_of_the_providers_that_are_offered_ends_at_the_page(tmp_path):
    """A session of a third one is not taken for what was chosen."""
    async with wired(tmp_path, two=True, rules=rules("partner", "corp")) as house:
        browser = house.browser()
        await browser.open(f"{AUTH}/auth/corp?rd={AUTH}/users/me")

        last = await browser.open(f"{AUTH}/auth/partner?rd={APP}/x")

        assert (last.url, last.response.json()["x-auth-provider"]) == (f"{APP}/x", "partner")


@pytest.mark.parametrize("signed_in", [False, True], ids=["anonymous", "signed in elsewhere"])
async def test_behind_nginx_the_second_question_knows_the_providers_too(tmp_path, signed_in):
    """auth_request keeps of the 401 only what the snippet takes from its headers."""
    async with wired(tmp_path, two=True, rules=rules("partner", paths=["/x"])) as house:
        cookie = await house.sign_in() if signed_in else ""
        first = await house.say("/x", cookie, contract="auth-request", navigates=True)
        told = {name: first.headers[name] for name in ("x-gateway-login-providers", "x-gateway-decision-id")}

        second = await house.say(
            "/x",
            cookie,
            contract="auth-request",
            login=True,
            navigates=True,
            headers={**told, "x-gateway-status": "401"},
        )

        assert (first.status_code, told["x-gateway-login-providers"]) == (401, "partner")
        assert (second.status_code, asked_of(second)) == (303, {"rd": [f"{APP}/x"], "provider": ["partner"]})


async def test_a_rule_without_providers_hints_at_none(tmp_path):
    """Neither in the address of the login page, nor in a header for nginx."""
    async with wired(tmp_path, two=True) as house:
        person = await house.say("/x", navigates=True)
        program = await house.say("/x")
        nginx = await house.say("/x", contract="auth-request")

        assert asked_of(person) == {"rd": [f"{APP}/x"]}
        assert program.json()["login_url"] == f"{AUTH}/auth/login?rd=https%3A%2F%2Fapp.example.com/"
        assert "x-gateway-login-providers" not in nginx.headers


async def test_a_program_is_told_the_providers_with_the_login_address(tmp_path):
    """It opens that address for a person, and the choice there is the rule's."""
    async with wired(tmp_path, two=True, rules=rules("partner", "corp")) as house:
        said = await house.say("/x")

        assert said.json()["login_url"].endswith("?rd=https%3A%2F%2Fapp.example.com/&provider=partner,corp")


@pytest.mark.parametrize("forged", FORGED)
async def test_nothing_but_names_of_providers_comes_through_the_second_question(tmp_path, forged):
    """The header is read as if a stranger had written it."""
    async with wired(tmp_path, two=True) as house:
        headers = {"x-gateway-status": "401", "x-gateway-login-providers": forged}

        said = await house.say("/x", contract="auth-request", login=True, navigates=True, headers=headers)

        assert (said.status_code, asked_of(said)) == (303, {"rd": [f"{APP}/x"]})


def asked_of(answer):
    """What the address of the login page says."""
    url = urlsplit(answer.headers["location"])
    assert f"{url.scheme}://{url.netloc}{url.path}" == f"{AUTH}/auth/login"
    return parse_qs(url.query, keep_blank_values=True)
