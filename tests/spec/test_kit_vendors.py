"""The scripted vendors refuse what the vendors refuse: else a preset that passes them proves nothing."""

from urllib.parse import urlencode

import httpx
import pytest

from gateway.providers.provider import Ask
from tests.kit.clock import Clock
from tests.kit.vendors import dingtalk, discord, feishu, github
from tests.kit.vendors.vendor import SECRET, s256, serve

BACK = "https://auth.example.com/auth/v/callback"
VERIFIER = "v" * 43
CLIENT = {"client_id": "gateway", "client_secret": SECRET}
AGENT = {"user-agent": "gateway"}


def ways(scope, **more):
    return {
        "client_id": "gateway",
        "redirect_uri": BACK,
        "response_type": "code",
        "state": "s-1",
        "scope": scope,
        **more,
    }


PKCE = {"code_challenge": s256(VERIFIER), "code_challenge_method": "S256"}


def ding_body(**more):
    return {"clientId": "gateway", "clientSecret": SECRET, "grantType": "authorization_code", **more}


@pytest.fixture
def ding():
    return dingtalk.DingTalk(Clock())


def ding_code(ding):
    query = urlencode(ways("openid corpid", prompt="consent")).replace("+", "%20")
    return ding.sign_in(f"{ding.authorize_url}?{query}")["authCode"]


def test_dingtalk_takes_json_in_camel_case_alone(ding):
    """Forms and the names of RFC 6749 are refused, each with a word of its own."""
    url = f"{ding.api}{dingtalk.TOKEN}"

    form = ding.answer(Ask(url, form=ding_body(code=ding_code(ding))))
    snake = ding.answer(Ask(url, json={**CLIENT, "grant_type": "authorization_code"}))
    good = ding.answer(Ask(url, json=ding_body(code=ding_code(ding))))

    assert (form.status, form.json["code"]) == (400, "MissingBody")
    assert (snake.status, snake.json["code"]) == (400, "InvalidParameter")
    assert set(good.json) == {"accessToken", "refreshToken", "expireIn", "corpId"}


@pytest.mark.parametrize(
    ("scope", "more", "quoted", "complaint"),
    [
        ("openid corpid", {}, True, "prompt"),
        ("openid,corpid", {"prompt": "consent"}, True, "scope"),
        ("corpid openid", {"prompt": "consent"}, True, "openid"),
        ("openid corpid", {"prompt": "consent"}, False, "%20"),
    ],
)
def test_dingtalk_refuses_an_authorization_request(ding, scope, more, quoted, complaint):
    """Consent is asked for in words, the order of the scopes counts, and a blank is written in one way."""
    query = urlencode(ways(scope, **more))

    with pytest.raises(AssertionError, match=complaint):
        ding.sign_in(f"{ding.authorize_url}?{query.replace('+', '%20') if quoted else query}")


def test_dingtalk_knows_its_own_header_alone(ding):
    """`Authorization` is not where the access token goes."""
    access, _ = ding.grant(scope="openid corpid")
    url = f"{ding.api}{dingtalk.ME}"

    assert ding.answer(Ask(url, headers={"authorization": f"Bearer {access}"})).status == 400
    assert ding.answer(Ask(url, headers={"x-acs-dingtalk-access-token": access})).json["nick"] == "阿达"


def test_dingtalk_spends_codes_and_refresh_tokens(ding):
    """The second use of either is one dotted code, with the id of the request."""
    url, code = f"{ding.api}{dingtalk.TOKEN}", ding_code(ding)
    first = ding.answer(Ask(url, json=ding_body(code=code)))
    body = ding_body(grantType="refresh_token", refreshToken=first.json["refreshToken"])

    assert ding.answer(Ask(url, json=ding_body(code=code))).json["code"] == dingtalk.SPENT
    assert ding.answer(Ask(url, json=body)).status == 200
    again = ding.answer(Ask(url, json=body))
    assert (again.json["code"], again.json["requestid"][:3]) == (dingtalk.SPENT, "REQ")


def test_a_corporation_is_named_only_where_it_was_asked_for(ding):
    """`openid` alone says nothing of the organisation."""
    _, refresh = ding.grant(scope="openid")
    body = ding_body(grantType="refresh_token", refreshToken=refresh)

    assert "corpId" not in ding.answer(Ask(f"{ding.api}{dingtalk.TOKEN}", json=body)).json


def test_discord_takes_forms_and_long_verifiers_alone():
    """JSON is a bad request, and so is a verifier under 43 characters."""
    vendor = discord.Discord(Clock())
    url = f"{vendor.home}{discord.TOKEN}"
    query = urlencode(ways("identify email", **(PKCE | {"code_challenge": s256("short")})))
    code = vendor.sign_in(f"{vendor.authorize_url}?{query}")["code"]
    body = {**CLIENT, "grant_type": "authorization_code", "code": code, "redirect_uri": BACK}

    assert vendor.answer(Ask(url, json=body, headers=AGENT)).json["message"] == "400: Bad Request"
    short = vendor.answer(Ask(url, form={**body, "code_verifier": "short"}, headers=AGENT))
    assert short.json["error"] == "invalid_request"


def test_discord_spends_a_refresh_token():
    """A refresh revokes the token that was shown."""
    vendor = discord.Discord(Clock())
    _, refresh = vendor.grant(scope="identify email")
    form = {**CLIENT, "grant_type": "refresh_token", "refresh_token": refresh}
    ask = Ask(f"{vendor.home}{discord.TOKEN}", form=form, headers=AGENT)

    assert vendor.answer(ask).status == 200
    assert vendor.answer(ask).json == {"error": "invalid_grant"}


def test_github_answers_in_a_form_and_states_errors_in_a_200():
    """Unless JSON is asked for, by the header."""
    vendor = github.GitHub(Clock())
    form = {**CLIENT, "code": "nobody's"}
    url = f"{vendor.home}{github.TOKEN}"

    plain = vendor.answer(Ask(url, form=form, headers={"accept": "*/*"}))
    asked = vendor.answer(Ask(url, form=form))

    assert (plain.status, plain.json) == (200, None)
    assert plain.body.startswith(b"error=bad_verification_code&")
    assert (asked.status, asked.json["error"]) == (200, "bad_verification_code")


def test_github_pages_lists_and_hides_them_from_those_who_may_not():
    """A `Link` header leads on; without the scope there is no list."""
    vendor = github.GitHub(Clock(), page=1)
    access, _ = vendor.grant(scope="read:org")
    headers = {"authorization": f"Bearer {access}", **AGENT}

    first = vendor.answer(Ask(f"{vendor.api}/user/orgs?per_page=100", headers=headers))
    last = vendor.answer(Ask(f"{vendor.api}/user/orgs?per_page=1&page=2", headers=headers))

    assert 'page=2>; rel="next"' in first.headers["link"]
    assert "link" not in last.headers
    assert vendor.answer(Ask(f"{vendor.api}/user/emails", headers=headers)).status == 404
    assert vendor.answer(Ask(f"{vendor.api}/user", headers={**headers, "user-agent": ""})).status == 403


def test_a_refresh_at_github_kills_both_old_tokens():
    """The access token before it is dead, too."""
    vendor = github.GitHub(Clock(), app=True)
    access, refresh = vendor.grant()
    form = {**CLIENT, "grant_type": "refresh_token", "refresh_token": refresh}
    ask = Ask(f"{vendor.home}{github.TOKEN}", form=form)

    assert vendor.answer(ask).json["access_token"] != access
    assert vendor.holder(access) == ""
    assert vendor.answer(ask).json["error"] == "bad_refresh_token"


def test_feishu_has_refresh_tokens_for_those_who_asked_and_may():
    """`offline_access` is a scope and a permission; a token of it works once."""
    vendor = feishu.Feishu(Clock())
    _, refresh = vendor.grant(scope="offline_access")
    form = {**CLIENT, "grant_type": "refresh_token", "refresh_token": refresh}
    ask = Ask(f"{vendor.accounts}{feishu.TOKEN}", form=form)

    assert vendor.answer(ask).json["refresh_token"]
    assert (vendor.answer(ask).json["error"], vendor.answer(ask).json["code"]) == ("invalid_grant", 20073)
    vendor.offline = False
    _, refresh = vendor.grant(scope="offline_access")
    again = vendor.answer(Ask(ask.url, form={**form, "refresh_token": refresh}))
    assert "refresh_token" not in again.json


def test_a_vendor_on_a_port_asks_for_consent():
    """A browser gets a page with a button for each person, and one to refuse."""
    vendor = feishu.Feishu(Clock())
    with serve(vendor) as origin, httpx.Client() as browser:
        url = f"{vendor.authorize_url}?{urlencode(ways('auth', **PKCE))}"
        page = browser.get(url)
        yes = browser.post(url, data={"person": "bob"})
        no = browser.post(url, data={"refuse": "yes"})
        form = {**CLIENT, "grant_type": "authorization_code", "redirect_uri": BACK}
        code = httpx.URL(yes.headers["location"]).params["code"]
        tokens = browser.post(
            f"{origin}{feishu.TOKEN}", data={**form, "code": code, "code_verifier": VERIFIER}
        ).json()
        me = browser.get(
            f"{origin}{feishu.ME}", headers={"authorization": f"Bearer {tokens['access_token']}"}
        )

    assert 'value="bob"' in page.text
    assert no.headers["location"] == f"{BACK}?error=access_denied&state=s-1"
    assert me.json()["data"]["name"] == "Bob"
