"""Nobody becomes somebody of another provider.

A gateway has a company's provider, GitHub and GitLab side by side, the latter two open to everybody. The attacker has
registered `admin` at GitHub, with the address of the company's admin, and at GitLab an account whose every claim is
the admin's: number, name, address and groups.
"""

import contextlib
import secrets
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest

from gateway.keys.keyring import Keyring
from gateway.providers.logout_token import EVENT
from gateway.settings import checks
from tests.kit.clock import Clock
from tests.kit.config_file import FINE, paths, settings
from tests.kit.conformance import sessions
from tests.kit.scripted_provider import ScriptedProvider, serve
from tests.kit.vendors import vendor
from tests.kit.vendors.github import GitHub
from tests.kit.vendors.gitlab import GitLab
from tests.kit.verify_house import CLIENT
from tests.kit.wired import APP, AUTH, COOKIE, Wired, section_of

pytestmark = pytest.mark.anyio

ADMIN = {
    "sub": "7",
    "preferred_username": "admin",
    "email": "admin@corp.example",
    "email_verified": True,
    "groups": ["admins"],
}
RULES = [
    {"name": "theirs", "paths": ["/theirs/**"], "providers": ["github"], "allow": "authenticated"},
    {"name": "ours", "paths": ["/ours/**"], "providers": ["corp"], "allow": "authenticated"},
    {"name": "group", "paths": ["/group/**"], "allow": {"groups": ["corp:admins"]}},
    {"name": "user", "paths": ["/user/**"], "allow": {"users": ["corp:admin"]}},
    {
        "name": "address",
        "paths": ["/address/**"],
        "providers": ["corp"],
        "allow": {"emails": ["admin@corp.example"]},
    },
    {"name": "mail", "paths": ["/mail/**"], "allow": {"emails": ["admin@corp.example"]}},
    {"name": "both", "paths": ["/both/**"], "allow": {"users": ["corp:admin"], "groups": ["github:engines"]}},
    {"name": "rest", "allow": "authenticated"},
]


class Streets(Wired):
    """Three providers, and browsers that know the way to each."""

    def __init__(self, folder, clock, corp, gitlab, github, **gitlab_keys):
        self.gitlab, self.github = gitlab, github
        sections = {
            "corp": {**section_of(corp), "user": "corp:{preferred_username}"},
            "gitlab": {
                **section_of(gitlab),
                "type": "gitlab",
                "user": "gitlab:{preferred_username}",
                **gitlab_keys,
            },
            "github": {
                "type": "github",
                "url": github.origin,
                "client_id": github.client_id,
                "client_secret": github.client_secret,
                "user": "github:{login}",
                "groups": "organizations",
                "anyone": True,
            },
        }
        ring = Keyring.generate(secrets.token_bytes, clock())
        super().__init__(folder, corp, clock, ring, providers=sections, rules=RULES)

    def browser(self, peer=CLIENT):
        opened = super().browser(peer)
        opened.origins = {**opened.origins, self.gitlab.issuer: self.gitlab.issuer}
        return opened

    async def callback(self, browser, name, person="admin", path="/x"):
        """A login up to the provider's answer: the callback that the browser is sent to."""
        departed = await browser.open(f"{AUTH}/auth/{name}?rd={AUTH}/users/me%3F{path}", follow=False)
        assert departed.status == 303, departed.response.text
        if name == "github":
            return f"{AUTH}/auth/github/callback?{urlencode(self.github.sign_in(departed.location, person))}"
        return (await browser.open(departed.location, follow=False)).location

    async def sign_in_at(self, browser, name, person="admin"):
        """A login at one of the three; the browser's session cookie."""
        done = await browser.open(await self.callback(browser, name, person), follow=False)
        assert done.status == 303, done.response.text
        return f"{COOKIE}={browser.jar.get(COOKIE).value}"


@contextlib.asynccontextmanager
async def streets(folder, **gitlab_keys):
    clock = Clock()
    async with contextlib.AsyncExitStack() as stack:
        corp = ScriptedProvider(clock, person=dict(ADMIN))
        claims = {name: value for name, value in ADMIN.items() if name != "groups"}
        gitlab = GitLab(clock, person=claims, groups=["admins"])
        gitlab.rotate_keys("gitlab-1")
        for script in (corp, gitlab):
            await stack.enter_async_context(serve(script))
        github = GitHub(clock)
        stack.enter_context(vendor.serve(github))
        house = Streets(folder, clock, corp, gitlab, github, **gitlab_keys)
        stack.push_async_callback(house.application.close)
        await house.application.open()
        yield house


@pytest.fixture
async def house(tmp_path):
    async with streets(tmp_path) as opened:
        yield opened


async def told(house, cookie, path="/x"):
    """The identity that an application is told of."""
    passed = await house.say(path, cookie)
    assert passed.status_code == 200, passed.text
    return {name: value for name, value in passed.headers.items() if name.startswith("x-auth-")}


@pytest.mark.parametrize("theirs", ["github", "gitlab"])
async def test_whoever_registers_the_admins_name_elsewhere_is_somebody_else(house, theirs):
    """Subject, user and groups have their provider in them; no header that says who it is equals the admin's."""
    admin = await told(house, await house.sign_in_at(house.browser(), "corp"))
    attacker = await told(house, await house.sign_in_at(house.browser(), theirs))

    assert admin["x-auth-subject"] == "corp:7"
    assert attacker["x-auth-user"] == f"{theirs}:admin"
    for name in ("x-auth-subject", "x-auth-user", "x-auth-provider"):
        assert attacker[name] != admin[name]
    assert not set(attacker["x-auth-groups"].split(",")) & set(admin["x-auth-groups"].split(","))


@pytest.mark.parametrize("theirs", ["github", "gitlab"])
@pytest.mark.parametrize("path", ["/ours/x", "/group/x", "/user/x", "/address/x", "/both/x"])
async def test_whoever_registers_the_admins_name_elsewhere_passes_no_rule_of_the_admins(house, theirs, path):
    """Neither by group, nor by user, nor by address; a rule with `providers:` does not even look at them."""
    cookie = await house.sign_in_at(house.browser(), theirs)

    said = await house.say(path, cookie)

    assert said.status_code == (401 if path in {"/ours/x", "/address/x"} else 403)


@pytest.mark.parametrize("path", ["/ours/x", "/group/x", "/user/x", "/address/x"])
async def test_the_admin_passes_each_of_them(house, path):
    """The rules above refuse an attacker, and not everybody."""
    cookie = await house.sign_in_at(house.browser(), "corp")

    assert (await house.say(path, cookie)).status_code == 200


async def test_w8_an_address_that_nobody_has_verified_passes_no_rule_of_its_owners(house):
    """The attacker has written the admin's address into a profile at GitHub, and GitHub says that it is not verified."""
    cookie = await house.sign_in_at(house.browser(), "github")

    assert (await house.say("/mail/x", cookie)).status_code == 403
    assert (await told(house, cookie))["x-auth-email"] == ""


FORGED = ["corp:admins", "corp:admins,x", " corp:admins", "corp:admins\u200b", "CORP:admins"]


@pytest.mark.parametrize("qualified", [None, True, False], ids=["by default", "on", "off"])
@pytest.mark.parametrize("group", FORGED, ids=ascii)
async def test_a_group_that_is_spelled_like_one_of_another_provider_is_none_of_it(tmp_path, qualified, group):
    """Also where this provider's groups stand bare: the word in front of a colon is no claim's to choose."""
    async with streets(tmp_path, qualify_groups=qualified) as house:
        house.gitlab.groups = [group, "staff"]

        cookie = await house.sign_in_at(house.browser(), "gitlab")

        assert (await house.say("/group/x", cookie)).status_code == 403
        groups = (await told(house, cookie))["x-auth-groups"].split(",")
        assert "corp:admins" not in groups
        assert ("staff" if qualified is False else "gitlab:staff") in groups


async def test_a_prefix_and_a_group_do_not_add_up_to_one_of_another_provider(tmp_path):
    """`co` in front of `rp:admins`."""
    places = [{"path": "groups", "prefix": "co"}]
    async with streets(tmp_path, qualify_groups=False, groups_claim=places) as house:
        house.gitlab.groups = ["rp:admins"]

        cookie = await house.sign_in_at(house.browser(), "gitlab")

        assert (await house.say("/group/x", cookie)).status_code == 403


@pytest.mark.parametrize("name", ["corp:admin", "../corp:admin", "admin\r\nX-Auth-User: corp:admin"])
async def test_a_name_that_is_spelled_like_one_of_another_provider_stays_behind_its_own(house, name):
    """What the template puts in front cannot be written over by a claim."""
    house.gitlab.person["preferred_username"] = name
    browser = house.browser()

    done = await browser.open(await house.callback(browser, "gitlab"), follow=False)

    if done.status == 303:
        cookie = f"{COOKIE}={browser.jar.get(COOKIE).value}"
        assert (await told(house, cookie))["x-auth-user"] == f"gitlab:{name}"
        assert (await house.say("/user/x", cookie)).status_code == 403
    else:
        assert (done.status in {400, 403}, sessions(house)) == (True, 0)


async def test_a_second_login_adds_and_each_rule_is_judged_by_its_own_one(house):
    """The same browser at both: each application hears of the login that its rule looks at, and never of a sum."""
    browser = house.browser()
    await house.sign_in_at(browser, "corp")
    cookie = await house.sign_in_at(browser, "github", "ada")

    assert (await told(house, cookie, "/ours/x"))["x-auth-subject"] == "corp:7"
    theirs = await told(house, cookie, "/theirs/x")
    assert (theirs["x-auth-subject"], theirs["x-auth-user"]) == ("github:583231", "github:ada")
    assert "corp:" not in str(theirs)
    assert (await house.say("/both/x", cookie)).status_code == 403
    assert (await house.say("/group/x", cookie)).status_code == 403, "the latest login is Ada's"


async def test_a_rule_of_one_provider_asks_the_session_of_another_for_a_login_there(house):
    """A challenge that leads to the company's provider, and back to the page with both logins in one session."""
    browser = house.browser()
    await house.sign_in_at(browser, "github")
    browser.origins = {
        name: served for name, served in browser.origins.items() if name != house.github.origin
    }

    last = await browser.open(f"{APP}/ours/x")

    assert (last.url, last.response.json()["x-auth-subject"]) == (f"{APP}/ours/x", "corp:7")
    cookie = f"{COOKIE}={browser.jar.get(COOKIE).value}"
    assert (await told(house, cookie, "/theirs/x"))["x-auth-user"] == "github:admin"
    assert sessions(house) == 1


async def test_p9_case14_a_code_of_one_provider_is_no_good_at_the_callback_of_another(house):
    """Mix-up: with the state of the right attempt and the code, and the issuer, of the wrong one."""
    for first, second in (("gitlab", "corp"), ("corp", "gitlab"), ("gitlab", "github"), ("github", "gitlab")):
        browser = house.browser()
        stolen = one(await house.callback(browser, first), "code", "iss")
        begun = await house.callback(browser, second)

        last = await browser.open(
            f"{AUTH}/auth/{second}/callback?{urlencode(one(begun, 'state') | stolen)}", follow=False
        )

        assert last.status in {400, 403}, (first, second)
        assert browser.jar.get(COOKIE) is None
    assert sessions(house) == 0


async def test_p9_case14_a_state_of_one_provider_reaches_no_token_endpoint_at_another(house):
    """The attempt remembers where it went; nobody is asked."""
    browser = house.browser()
    begun = await house.callback(browser, "gitlab")

    for other in ("corp", "github"):
        last = await browser.open(begun.replace("/gitlab/", f"/{other}/"), follow=False)
        assert last.status == 400

    assert not [path for path in asked(house) if path.endswith(("/token", "/access_token"))]


async def test_t36_an_id_token_of_one_provider_is_none_of_another(house):
    """A provider hands on a token that another one has signed, for the same client and with the right nonce."""
    corp, gitlab = house.provider, house.gitlab
    browser = house.browser()
    callback = await house.callback(browser, "gitlab")
    request = gitlab.codes[one(callback, "code")["code"]]
    gitlab.token_extra = {"id_token": corp.id_token("access-1", {"nonce": request["nonce"], "at_hash": None})}

    last = await browser.open(callback, follow=False)

    assert (last.status, sessions(house)) == (400, 0)


async def test_t36_a_provider_that_calls_itself_by_anothers_name_is_believed_in_nothing(house):
    """The signature is its own and good; the issuer in it is not."""
    house.gitlab.claims = {"iss": house.provider.issuer}
    browser = house.browser()

    last = await browser.open(await house.callback(browser, "gitlab"), follow=False)

    assert (last.status, sessions(house)) == (400, 0)


@pytest.mark.parametrize("door", ["corp", "gitlab"])
async def test_t41_no_provider_ends_a_session_of_another(house, door):
    """Signed by GitLab, about a session and a person that the company has too: at either address, the admin stays."""
    house.provider.person["sid"] = house.gitlab.person["sid"] = "p-1"
    cookie = await house.sign_in_at(house.browser(), "corp")
    theirs = await house.sign_in_at(house.browser(), "gitlab")
    now = int(house.clock())
    claims = {"aud": "gateway", "iat": now, "jti": "one", "sub": "7", "sid": "p-1", "events": {EVENT: {}}}
    issuer = house.provider.issuer if door == "corp" else house.gitlab.issuer
    token = house.gitlab.signed({"iss": issuer, **claims})

    transport = httpx.ASGITransport(house.apps["bind"], client=(CLIENT, 50000))
    async with httpx.AsyncClient(transport=transport, base_url=AUTH) as client:
        answer = await client.post(f"/auth/{door}/backchannel-logout", data={"logout_token": token})

    own = door == "gitlab"
    assert answer.status_code == (200 if own else 400)
    assert (await house.say("/x", cookie)).status_code == 200
    assert (await house.say("/x", theirs)).status_code == (401 if own else 200)


async def test_a_refresh_of_one_provider_renews_nobody_of_another(house):
    """GitLab's refreshed claims are about GitLab's person; the company's stays as it was."""
    house.provider.expires_in = house.gitlab.expires_in = 3600
    browser = house.browser()
    await house.sign_in_at(browser, "corp")
    cookie = await house.sign_in_at(browser, "gitlab")
    house.gitlab.person["preferred_username"] = "root"
    house.gitlab.groups = ["corp:admins", "owners"]
    house.clock.advance(3660)

    ours, latest = await told(house, cookie, "/ours/x"), await told(house, cookie)

    assert (ours["x-auth-user"], ours["x-auth-groups"]) == ("corp:admin", "corp:admins")
    assert (latest["x-auth-user"], latest["x-auth-groups"]) == (
        "gitlab:root",
        "gitlab:corp:admins,gitlab:owners",
    )


CORP = FINE["providers"]["corp"]
SECRETS = {"client_id": "g", "client_secret": "s"}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param({}, {}, id="the same template"),
        pytest.param({"user": "{sub}"}, {"user": "{email}"}, id="two bare claims"),
        pytest.param({"user": "corp:{sub}"}, {"user": "{sub}"}, id="bare beside a prefix"),
        pytest.param({"user": "corp:{sub}"}, {"user": "corp:{email}"}, id="the same prefix"),
        pytest.param({"user": "c{sub}"}, {"user": "corp:{sub}"}, id="a prefix of a prefix"),
        pytest.param({"user": "{sub}@corp"}, {"user": "{sub}"}, id="bare beside an ending"),
        pytest.param({"namespace": "a"}, {"namespace": "b"}, id="two namespaces"),
        pytest.param({"namespace": "a"}, {}, id="a namespace of one"),
    ],
)
def test_two_providers_that_could_give_one_name_to_two_people_are_a_fault_at_start(first, second):
    """Whoever registers a name at the one would be taken for its owner at the other."""
    found = checks.faults(settings(providers={"corp": CORP | first, "other": CORP | second}))

    assert "providers.other.user" in paths(found)


@pytest.mark.parametrize(
    "section",
    [
        pytest.param({"type": "github", **SECRETS}, id="github"),
        pytest.param({"type": "gitlab", **SECRETS}, id="gitlab"),
        pytest.param({"type": "google", **SECRETS}, id="google"),
        pytest.param({"type": "discord", **SECRETS}, id="discord"),
        pytest.param({"type": "feishu", **SECRETS}, id="feishu"),
        pytest.param({"type": "dingtalk", **SECRETS}, id="dingtalk"),
        pytest.param({"type": "microsoft", "tenant": "common", **SECRETS}, id="microsoft, every tenant"),
        pytest.param({"issuer": "https://accounts.google.com", **SECRETS}, id="google by its issuer"),
    ],
)
def test_a_provider_where_everybody_can_make_an_account_must_say_who_may_come(section):
    """`allow:`, a membership of its own, or `anyone: true` for who means it; else the gateway does not start."""
    open_to_all = checks.faults(settings(providers={"them": section}))
    meant = checks.faults(settings(providers={"them": {**section, "anyone": True}}))
    listed = {**section, "allow": {"email_domains": ["corp.example"]}}

    assert "providers.them" in paths(open_to_all)
    assert "providers.them" not in paths(meant)
    assert "providers.them" not in paths(checks.faults(settings(providers={"them": listed})))


def one(callback, *names):
    """These parameters of a callback."""
    found = parse_qs(urlsplit(callback).query)
    return {name: found[name][0] for name in names if name in found}


def asked(house):
    """The paths that any provider was asked for."""
    return [*house.provider.paths(), *house.gitlab.paths(), *house.github.paths()]
