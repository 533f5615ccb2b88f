"""Which providers the login page offers: by rule, by host, by address; and which was used last."""

from types import SimpleNamespace
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from gateway.identity.presented import Head
from gateway.login.errand import Errand
from gateway.login.selection import MAX_LOGIN_HINT, Selection, Wish, read_login_hint
from gateway.login.way import Choice, Client
from gateway.settings import checks
from gateway.settings.model import Settings
from tests.kit.config_file import FINE, settings
from tests.kit.login_door import APP, AUTH, OTHER, LoginHouse

SESSION, LAST = "__Secure-gw", "__Host-gw-provider"
EVERY = ("corp", "partner", "guests")
HOSTS = {
    "app.example.com": ("corp",),
    "*.apps.example.com": ("partner", "corp"),
    "*.example.com": ("guests", "partner"),
}
SELECTION = Selection(EVERY, HOSTS, {"example.com": "corp", "partner.example": "partner"}, {})
CORP = FINE["providers"]["corp"]


@pytest.mark.parametrize(
    ("return_to", "hinted", "hint", "offered"),
    [
        pytest.param("https://other.test/", (), "", EVERY, id="no host of the list"),
        pytest.param("https://app.example.com/x", (), "", ("corp",), id="a host"),
        pytest.param("https://app.example.com:8443/x", (), "", ("corp",), id="a host with a port"),
        pytest.param("https://a.apps.example.com/", (), "", ("corp", "partner"), id="below a suffix"),
        pytest.param("https://a.b.apps.example.com/", (), "", ("corp", "partner"), id="far below it"),
        pytest.param("https://apps.example.com/", (), "", ("partner", "guests"), id="the wider suffix"),
        pytest.param("https://badapps.example.com.test/", (), "", EVERY, id="no suffix, only letters"),
        pytest.param("https://a.apps.example.com/", ("partner",), "", ("partner",), id="rule and host"),
        pytest.param("https://app.example.com/", ("guests",), "", ("guests",), id="a rule that shares none"),
        pytest.param("https://other.test/", (), "a@example.com", ("corp",), id="a domain"),
        pytest.param("https://other.test/", (), "a@EXAMPLE.com", ("corp",), id="a domain in capitals"),
        pytest.param("https://other.test/", (), "a@b@partner.example", ("partner",), id="the last at sign"),
        pytest.param("https://other.test/", (), "a@sub.example.com", EVERY, id="a domain below"),
        pytest.param("https://other.test/", (), "example.com", EVERY, id="no address"),
        pytest.param("https://app.example.com/", (), "a@partner.example", ("corp",), id="not at this host"),
        pytest.param("https://other.test/", ("guests",), "a@example.com", ("guests",), id="not by this rule"),
    ],
)
def test_rule_host_and_address_shorten_the_choice_in_this_order(return_to, hinted, hint, offered):
    """None of them adds a provider, and none leaves nothing to choose."""
    assert SELECTION.offered(hinted, return_to, hint) == offered


@pytest.mark.parametrize(
    "text",
    ["alice@example.com", "alice", "Übung@例え.jp", "a b", "x" * MAX_LOGIN_HINT, "a+b@example.com", ""],
)
def test_a_login_hint_is_printable_and_short(text):
    """It is the person's own name at the provider, whatever that looks like."""
    assert read_login_hint(text) == text


@pytest.mark.parametrize(
    "text", ["x" * (MAX_LOGIN_HINT + 1), "a\r\nb", "a\0", "a\tb", " a", "a\u202eb", "a\ud800", "\u2028"]
)
def test_anything_else_is_no_login_hint(text):
    """It is left out, and the login goes on."""
    assert read_login_hint(text) == ""


@pytest.mark.parametrize(
    ("language", "locales"),
    [("en", "en"), ("zh-Hans", "zh-Hans zh-CN zh"), ("zh-Hant", "zh-Hant zh-TW zh"), ("", None)],
)
def test_the_provider_is_told_the_language_of_our_page(language, locales):
    """In tags that providers know, the best first (OpenID Connect Core section 3.1.2.1)."""
    assert Errand(language=language).parameters().get("ui_locales") == locales


def asked(hop):
    """The parameters of an authorization request."""
    return {name: values[0] for name, values in parse_qs(urlsplit(hop.location).query).items()}


async def choice(house, head_of=None, **named):
    """What the login page would show: the flow's own answer."""
    lines = tuple((name.encode(), value.encode()) for name, value in (head_of or {}).items())
    head = Head("GET", b"/auth/login", lines, "192.0.2.7")
    return await house.flow.enter(head, Wish(**named), Client("192.0.2.7", "192.0.2.0/24"), "d")


@pytest.mark.anyio
async def test_the_host_of_the_return_address_narrows_the_page():
    """One provider left: the page is skipped; elsewhere all are offered."""
    house = LoginHouse(("staff", "partners"), login={"hosts": {"wiki.example.com": ["partners"]}})

    at_wiki = await house.browser().open(f"{AUTH}/auth/login?rd={OTHER}/x", follow=False)
    at_app = await choice(house, return_to=f"{APP}/x")

    assert at_wiki.location.startswith("https://partners.example.test/")
    assert [name for name, _, _ in at_app.options] == ["staff", "partners"]


@pytest.mark.anyio
async def test_a_narrow_host_does_not_send_away_who_is_signed_in():
    """It shortens the choice; who may pass is said by the rule, through its hint."""
    house = LoginHouse(("staff", "partners"), login={"hosts": {"wiki.example.com": ["partners"]}})
    browser = house.browser()
    await browser.open(f"{AUTH}/auth/staff")

    hop = await browser.open(f"{AUTH}/auth/login?rd={OTHER}/x", follow=False)

    assert hop.location == f"{OTHER}/x"


@pytest.mark.anyio
async def test_a_login_hint_goes_to_the_provider_and_nowhere_else():
    """Neither into an event, nor into the stored attempt's clear parts, nor onto a page."""
    house = LoginHouse()
    query = urlencode({"rd": f"{APP}/x", "login_hint": "zoé@example.com"})

    hop = await house.browser().open(f"{AUTH}/auth/login?{query}", follow=False)

    assert asked(hop)["login_hint"] == "zoé@example.com"
    written = repr(house.events) + repr(house.store.plain)
    assert not any(text in written for text in ("zoé", "zo%C3%A9", "zo\\xc3", "zo\\u00e9"))


@pytest.mark.anyio
async def test_an_address_of_a_listed_domain_chooses_the_provider():
    """Home realm: the person types an address into an application, and need not choose here."""
    house = LoginHouse(("staff", "partners"), login={"domains": {"partner.example": "partners"}})
    query = urlencode({"rd": f"{APP}/x", "login_hint": "bob@partner.example"})

    hop = await house.browser().open(f"{AUTH}/auth/login?{query}", follow=False)
    other = await choice(house, return_to=f"{APP}/x", login_hint="bob@elsewhere.example")

    assert hop.location.startswith("https://partners.example.test/")
    assert asked(hop)["login_hint"] == "bob@partner.example"
    assert "elsewhere" not in repr(other)


@pytest.mark.anyio
async def test_after_a_logout_an_address_does_not_sign_in_by_itself():
    """The link came with the page, as a rule's hint does."""
    house = LoginHouse(("staff", "partners"), login={"domains": {"partner.example": "partners"}})
    browser = house.browser()
    await browser.open(f"{AUTH}/auth/partners")
    page = await browser.open(f"{AUTH}/auth/logout")
    token = page.response.text.partition('name="token" value="')[2].partition('"')[0]
    await browser.submit(f"{AUTH}/auth/logout", {"token": token})

    hop = await browser.open(f"{AUTH}/auth/login?login_hint=bob@partner.example", follow=False)

    assert (hop.status, "bob" in hop.response.text) == (200, False)


@pytest.mark.anyio
async def test_the_provider_that_was_used_last_is_remembered_on_our_host_alone():
    """A name and no secret, in a cookie that no application beside us can see or plant."""
    house = LoginHouse(("staff", "partners"))
    browser = house.browser()

    await browser.open(f"{AUTH}/auth/partners?rd={APP}/x")

    cookie = browser.jar.get(LAST)
    assert (cookie.value, cookie.host_only, cookie.secure, cookie.http_only) == ("partners", True, True, True)
    shown = await choice(house, {"cookie": f"{LAST}=partners"}, return_to=f"{APP}/x")
    assert isinstance(shown, Choice)
    assert shown.last_used == "partners"


@pytest.mark.anyio
async def test_what_was_used_last_never_skips_the_choice():
    """The person may want the other one."""
    house = LoginHouse(("staff", "partners"))
    browser = house.browser()
    await browser.open(f"{AUTH}/auth/partners?rd={APP}/x")
    browser.jar.cookies = [one for one in browser.jar.cookies if one.name != SESSION]

    page = await browser.open(f"{AUTH}/auth/login?rd={APP}/x", follow=False)

    assert page.status == 200
    assert page.response.text.index("Partners account") < page.response.text.index("Staff account")


@pytest.mark.anyio
async def test_a_login_that_fails_is_not_remembered():
    """Only what worked is worth offering first."""
    house = LoginHouse(("staff", "partners"))
    browser = house.browser()
    callback = await house.callback_of(browser, f"{AUTH}/auth/partners?rd={APP}/x")
    house.scripts["partners"].lie = "wrong_nonce"

    await browser.open(callback, follow=False)

    assert browser.jar.get(LAST) is None


@pytest.mark.anyio
@pytest.mark.parametrize(
    "line",
    [
        pytest.param("", id="none"),
        pytest.param(f"{LAST}=guests", id="one that is not configured"),
        pytest.param(f"{LAST}=Staff", id="another case"),
        pytest.param(f'{LAST}="staff"', id="quotes"),
        pytest.param(f"{LAST}=staff; {LAST}=partners", id="two"),
        pytest.param(f"{LAST}=staff'><script>", id="markup"),
        pytest.param("gw-provider=staff", id="without the prefix"),
    ],
)
async def test_anything_but_one_name_of_a_provider_is_ignored(line):
    """A neighbour under the parent domain may plant what it likes."""
    house = LoginHouse(("staff", "partners"))

    shown = await choice(house, {"cookie": line} if line else {}, return_to=f"{APP}/x")

    assert shown.last_used == ""


@pytest.mark.anyio
async def test_who_is_signed_in_elsewhere_is_told_by_the_choice():
    """The page can say why it asks again; who is not signed in has no name there."""
    house = LoginHouse(("staff", "partners", "guests"))
    browser = house.browser()
    await browser.open(f"{AUTH}/auth/staff?rd={APP}/x")
    cookie = browser.jar.get(SESSION)
    wish = {"return_to": f"{APP}/x", "providers": "partners,guests"}

    known = await choice(house, {"cookie": f"{cookie.name}={cookie.value}"}, **wish)
    stranger = await choice(house, **wish)

    assert (known.user, stranger.user) == ("alice", "")
    assert [name for name, _, _ in known.options] == ["partners", "guests"]


@pytest.mark.anyio
async def test_a_second_login_adds_to_the_session_and_is_the_latest():
    """Both are there; each rule is judged by its own."""
    house = LoginHouse(("staff", "partners"))
    house.scripts["partners"].person |= {"sub": "p-1", "preferred_username": "alice.p"}
    browser = house.browser()
    await browser.open(f"{AUTH}/auth/staff?rd={APP}/x")
    await browser.open(f"{AUTH}/auth/partners?rd={APP}/y")

    me = await browser.open(f"{AUTH}/users/me", headers={"accept": "application/json"})
    back = [
        (await browser.open(f"{AUTH}/auth/login?rd={APP}/z&provider={name}", follow=False)).location
        for name in ("staff", "partners")
    ]

    assert (me.response.json()["user"], me.response.json()["provider"]) == ("alice.p", "partners")
    assert back == [f"{APP}/z"] * 2


def test_marks_stand_beside_the_titles():
    """As configured; what stands there by default is the page's business."""
    written = Settings.model_validate({**FINE, "providers": {"corp": {**CORP, "mark": "CX"}, "plain": CORP}})
    selection = Selection.of(written, ("corp", "plain"))
    providers = {name: SimpleNamespace(title=name.title()) for name in ("corp", "plain")}

    assert selection.options(("corp", "plain"), providers) == (("corp", "Corp", "CX"), ("plain", "Plain", ""))


@pytest.mark.parametrize(
    ("login", "path", "says"),
    [
        pytest.param(
            {"hosts": {"nowhere.test": ["corp"]}},
            ("login", "hosts", "nowhere.test"),
            "nobody is ever sent back there",
            id="a host that is not protected",
        ),
        pytest.param(
            {"hosts": {"app.example.com": ["crop"]}},
            ("login", "hosts", "app.example.com", 0),
            "write corp",
            id="a provider that is not there",
        ),
        pytest.param(
            {"domains": {"example.com": "nobody"}},
            ("login", "domains", "example.com"),
            "no provider has this name",
            id="a domain of nobody",
        ),
    ],
)
def test_a_selection_that_cannot_come_true_is_a_fault(login, path, says):
    """Whoever wrote it thinks that it narrows something."""
    (fault,) = checks.faults(settings(login=login))

    assert fault.path == path
    assert says in str(fault)


@pytest.mark.parametrize(
    "host", ["app.example.com", "*.example.com", "*.apps.example.com", "x.apps.example.com"]
)
def test_a_host_may_be_one_that_is_protected_or_a_suffix_around_or_below_one(host):
    """`FINE` protects app.example.com and *.apps.example.com."""
    assert checks.faults(settings(login={"hosts": {host: ["corp"]}})) == ()
