"""The switch of languages: plain links, a cookie, and the way back to the page."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest

from gateway.pages.languages import LANGUAGES
from gateway.pages.switch import LONGEST
from tests.kit.login_door import APP, AUTH, LoginHouse
from tests.kit.page_gallery import OPTIONS, asking, editions, gallery

pytestmark = pytest.mark.anyio

TWO = ("staff", "partners")
COOKIE = "__Host-gw-language"


def links(html):
    """Of each language that may be chosen: what it is called, and where its link leads."""
    nav = re.search(r"<nav .*?</nav>", html, re.DOTALL)[0]
    found = re.findall(r'<a href="([^"]+)" lang="([^"]+)" hreflang="[^"]+" rel="nofollow">([^<]+)</a>', nav)
    return {tag: (name, href.replace("&amp;", "&")) for href, tag, name in found}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_offers_the_other_languages_under_their_own_names(language):
    """In a navigation with a name; each in its own `lang`, and the one that is being read is marked (WCAG 3.1.2)."""
    for name, reply in gallery(editions().of(asking(language))).items():
        html = reply.body.decode()

        assert {tag: called for tag, (called, _) in links(html).items()} == {
            tag: called for tag, called in LANGUAGES.items() if tag != language
        }, name
        assert f'<span aria-current="true" lang="{language}">{LANGUAGES[language]}</span>' in html
        assert f'<html lang="{language}">' in html
        assert dict(reply.headers)[b"content-language"].decode() == language
        assert dict(reply.headers)[b"vary"] == b"Accept-Language, Cookie, Accept"


@pytest.mark.parametrize(
    ("path", "landing"),
    [
        ("/auth/login?rd=https://app.example.com/x?a=1%26b=2", "/auth/login"),
        ("/auth/signed-out", "/auth/signed-out"),
        ("/users/me", "/users/me"),
        ("/auth/staff/callback", "/users/me"),
        ("/nowhere", "/users/me"),
    ],
)
async def test_a_link_of_the_switch_keeps_the_choice_and_comes_back(path, landing):
    """The page is shown again, in the language that was chosen; from then on every page is."""
    browser = LoginHouse(TWO).browser()
    first = await browser.open(f"{AUTH}{path}")

    again = await browser.open(links(first.response.text)["zh-Hant"][1])
    other = await browser.open(f"{AUTH}/auth/signed-out")

    assert urlsplit(again.url).path == landing
    assert '<html lang="zh-Hant">' in again.response.text
    assert '<html lang="zh-Hant">' in other.response.text
    cookie = next(one for one in browser.jar.cookies if one.name == COOKIE)
    assert cookie.value == "zh-Hant"


async def test_the_logout_question_is_asked_again():
    """Signed in all the same: a change of language ends nothing."""
    browser = LoginHouse().browser()
    await browser.open(f"{AUTH}/auth/login")
    page = await browser.open(f"{AUTH}/auth/logout")

    again = await browser.open(links(page.response.text)["zh-Hans"][1])

    assert again.url == f"{AUTH}/auth/logout"
    assert "要退出登录吗" in again.response.text


async def test_the_chooser_comes_back_with_its_providers_and_its_return_address():
    """What it was narrowed to, and where the login leads."""
    rd = f"{APP}/x?a=1&b=%2F"
    page = editions(AUTH).of(asking()).chooser(OPTIONS[:2], rd).body.decode()

    query = parse_qs(urlsplit(links(page)["zh-Hans"][1]).query)

    assert query == {"to": ["zh-Hans"], "page": ["login"], "rd": [rd], "provider": ["corp,github"]}


@pytest.mark.parametrize(
    "query",
    [
        "to=zh-Hans&page=https://evil.tld",
        "to=zh-Hans&page=//evil.tld",
        "to=zh-Hans&page=../../evil",
        "to=zh-Hans&page=me&rd=https://evil.tld",
        "to=zh-Hans&page=signed-out&rd=//evil.tld&provider=//evil.tld",
        "to=zh-Hans&page=login&rd=https://evil.tld/",
        "to=zh-Hans&page=login&rd=%0d%0aSet-Cookie:x=1",
        "to=zh-Hans&page=login&page=me",
        "to=zh-Hans",
        "",
    ],
)
async def test_p1_no_link_of_the_switch_leads_out(query):
    """Every address is made of a word of ours; a return address is judged by the login page, as ever."""
    browser = LoginHouse(TWO).browser()

    hop = await browser.open(f"{AUTH}/auth/language?{query}", follow=False)
    end = await browser.open(hop.location)

    assert hop.status == 303
    assert hop.location.startswith((f"{AUTH}/users/me", f"{AUTH}/auth/login?rd=", f"{AUTH}/auth/signed-out"))
    assert "evil" not in hop.location.partition("?")[0]
    assert "evil" not in end.response.text
    assert not any(one.name == "x" for one in browser.jar.cookies)


@pytest.mark.parametrize(
    "to", ["fr", "ZH-HANS", "zh-CN", "", "zh-Hans;Domain=evil.tld", "zh-Hans%0d%0aX: y", "<script>"]
)
async def test_p5_only_a_language_of_ours_is_kept(to):
    """The cookie never holds a word of a request."""
    hop = await LoginHouse().browser().open(f"{AUTH}/auth/language?to={to}&page=me", follow=False)

    assert "set-cookie" not in hop.response.headers
    assert hop.location == f"{AUTH}/users/me"


async def test_the_cookie_stays_on_our_host_and_holds_no_secret():
    """`__Host-`, for TLS alone, not for scripts, and not sent with requests of other sites."""
    hop = await LoginHouse().browser().open(f"{AUTH}/auth/language?to=en&page=me", follow=False)

    assert hop.response.headers.get_list("set-cookie") == [
        f"{COOKIE}=en; Max-Age=34560000; Path=/; Secure; HttpOnly; SameSite=Lax"
    ]


async def test_another_site_changes_no_language():
    """Its link works, and leads to the page; the preference stays."""
    foreign = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    hop = (
        await LoginHouse()
        .browser()
        .open(f"{AUTH}/auth/language?to=zh-Hans&page=me", headers=foreign, follow=False)
    )

    assert hop.status == 303
    assert "set-cookie" not in hop.response.headers


@pytest.mark.parametrize("mode", ["no-cors", "cors", "same-origin"])
async def test_a_picture_or_a_script_changes_no_language(mode):
    """Only a person who opens the link does."""
    hop = (
        await LoginHouse()
        .browser()
        .open(f"{AUTH}/auth/language?to=zh-Hans&page=me", headers={"sec-fetch-mode": mode}, follow=False)
    )

    assert hop.status == 400
    assert "set-cookie" not in hop.response.headers


async def test_an_endless_parameter_is_left_behind():
    """An address that nobody could open is not written."""
    query = f"to=en&page=login&rd={'x' * (LONGEST + 1)}&provider=staff"
    hop = await LoginHouse().browser().open(f"{AUTH}/auth/language?{query}", follow=False)

    assert hop.location == f"{AUTH}/auth/login?provider=staff"
