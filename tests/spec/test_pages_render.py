"""Pages: every sentence in the catalogue, no inline script or style, readable by everybody."""

import re
from html.parser import HTMLParser
from importlib.resources import files

import pytest
from jinja2 import Environment, nodes

from gateway import errors
from gateway.pages import faults, marks
from gateway.pages.catalogue import Catalogue
from gateway.pages.faults import page_of
from gateway.pages.languages import LANGUAGES
from gateway.reasons import REASONS
from gateway.settings.colours import GROUNDS, contrast
from tests.kit.page_gallery import AUTH, FAULTS, asking, editions, gallery, session

EN = Catalogue.load()
PAGES = editions(title="Example").of(asking())
TEMPLATES = {path.name: path.read_text("utf-8") for path in (files("gateway.pages") / "templates").iterdir()}
HOSTILE = '"><script>alert(1)</script>{{7*7}}'
ALL = gallery(PAGES)


class Outline(HTMLParser):
    """What a page is made of."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.attributes, self.open, self.text = [], [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in {"meta", "link", "input", "img"}:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


@pytest.mark.parametrize("name", ALL)
def test_a_page_is_well_formed_and_has_landmarks(name):
    """One heading, one main, a language, a title, a viewport; every element closed (WCAG 1.3.1, 2.4.2, 3.1.1)."""
    reply = ALL[name]
    html = reply.body.decode()
    page = Outline(html)

    assert page.open == []
    assert page.tags.count("h1") == page.tags.count("main") == page.tags.count("title") == 1
    assert ("html", "lang", "en") in page.attributes
    assert ("meta", "name", "viewport") in page.attributes
    assert dict(reply.headers)[b"content-length"] == str(len(reply.body)).encode()


@pytest.mark.parametrize("name", ALL)
def test_a_page_needs_no_script_and_no_inline_style(name):
    """The policy forbids both; so a page that had them would be broken and not only unsafe."""
    page = Outline(ALL[name].body.decode())
    scripts = [value for tag, attribute, value in page.attributes if tag == "script" and attribute == "src"]

    assert not set(page.tags) & {"style", "iframe", "object", "img", "base"}
    # One page alone has a script, from a file of ours, and works without it.
    assert page.tags.count("script") == len(scripts) == name.startswith("sign in")
    assert all(address.startswith(f"{AUTH}/auth/static/sign-in.js?") for address in scripts)
    assert not [name for _, name, _ in page.attributes if name == "style" or name.startswith("on")]


@pytest.mark.parametrize("name", ALL)
def test_every_address_of_a_page_is_below_public_url(name):
    """The page of a 403 is shown on another host, where a relative address would be the application's."""
    page = Outline(ALL[name].body.decode())

    addresses = [value for _, attribute, value in page.attributes if attribute in {"href", "action", "src"}]
    assert addresses
    assert all(address.startswith(f"{AUTH}/") for address in addresses)


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_sentence_stands_in_the_catalogue(template):
    """A template holds markup and no words."""
    tree = Environment(autoescape=True).parse(TEMPLATES[template])

    literal = "".join([data.data if isinstance(data, nodes.TemplateData) else "x" for data in _output(tree)])
    words = re.sub(r"<[^>]*>", "", literal).replace("x", "")
    assert not re.findall(r"[A-Za-z]+", words)


def _output(tree):
    for output in tree.find_all(nodes.Output):
        yield from output.nodes


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_sentence_that_a_template_asks_for_is_there(template):
    """A missing key is found here and not by a person."""
    asked = re.findall(r'say\("([^"]+)"', TEMPLATES[template])

    assert [key for key in asked if key not in EN] == []


def test_no_sentence_is_left_over():
    """What no page says is not in the catalogue."""
    sources = [(files("gateway.pages") / name).read_text("utf-8") for name in ("render.py", "answers.py")]
    templates = "".join([*TEMPLATES.values(), *sources])
    used = set(re.findall(r'"([a-z_]+\.[a-z_.]+)"', templates))
    used |= {f"error.{fault.key}.{part}" for fault in FAULTS for part in ("title", "lead", "todo")}
    used |= {f"{name.removesuffix('.html')}.title" for name in TEMPLATES}

    assert sorted(set(EN.sentences) - used) == []


def test_what_strangers_wrote_is_text():
    """Escaped wherever it stands; a template in it is not rendered."""
    pages = [
        PAGES.me(session(user=HOSTILE, name=HOSTILE, email=HOSTILE, groups=(HOSTILE,))),
        PAGES.logout(HOSTILE, "t"),
        PAGES.chooser(
            (("staff", HOSTILE, '"<'),), f"https://app.example.com/?{HOSTILE}", "staff", user=HOSTILE
        ),
        PAGES.forbidden(HOSTILE),
    ]

    for page in pages:
        html = page.body.decode()
        assert "<script>" not in html
        assert "49" not in html


def test_an_unverified_address_is_marked():
    """So that nobody takes it for a proof."""
    verified = PAGES.me(session(email_verified=True)).body.decode()
    unverified = PAGES.me(session()).body.decode()

    assert "not verified" in unverified
    assert "not verified" not in verified


def test_facts_that_nobody_knows_are_left_out():
    """No empty lines."""
    html = PAGES.me(session(name="", email="", groups=())).body.decode()

    assert "E-mail" not in html
    assert "Groups" not in html


def test_the_page_of_a_403_shows_its_reference_and_no_rule():
    """The reference is what the log and the operator know it by."""
    reply = PAGES.forbidden("7Kq2mXw4Tf")

    assert reply.status == 403
    assert "7Kq2mXw4Tf" in reply.body.decode()
    assert f"style-src 'self' {AUTH};" in dict(reply.headers)[b"content-security-policy"].decode()


def _errors(kind=errors.GatewayError):
    yield kind
    for below in kind.__subclasses__():
        if below.__module__ == errors.__name__:
            yield from _errors(below)


@pytest.mark.parametrize("kind", list(_errors()), ids=lambda kind: kind.code)
def test_every_error_has_a_page(kind):
    """The nearest ancestor's where it has none of its own; the root's at last."""
    error = kind.__new__(kind)
    error.reason = error.error = ""

    fault = page_of(error)

    assert 400 <= fault.status <= 503
    assert f"error.{fault.key}.title" in EN


@pytest.mark.parametrize("reason", sorted(REASONS))
def test_every_reason_has_a_page_whatever_exception_carries_it(reason):
    """What happened and what to do, in every language; a fault of the browser's making is never our outage."""
    raised = (
        errors.ProviderRefused("corp", "access_denied", reason=reason),
        errors.ProviderUnavailable("corp", "down", reason=reason),
        errors.NotAllowed("corp:1", "is not in", reason),
        errors.PasswordRefused("corp", reason),
    )

    assert {page_of(error) for error in raised} == {faults.REASONS[reason]}
    assert faults.REASONS[reason].status in {400, 401, 403, 429, 502, 503}
    for language in LANGUAGES:
        assert f"error.{faults.REASONS[reason].key}.todo" in Catalogue.load(language)


def test_no_reason_has_a_page_that_nobody_gives():
    """The vocabulary is that of the exceptions, no more and no less."""
    assert faults.REASONS.keys() == REASONS


def test_a_word_that_is_no_reason_leaves_the_page_of_the_class():
    """A provider's own words choose nothing."""
    assert page_of(errors.ProviderRefused("corp", "odd", reason="<b>")).key == "provider_refused"
    assert page_of(errors.ProviderRefused("corp", "access_denied")).key == "consent_denied"
    assert page_of(errors.NotAllowed("corp:1", "is not in")).key == "not_allowed"


def test_what_their_own_channel_rejects_is_the_operators_fault_and_shows_as_one():
    """The same words: 502 where the provider told us itself, 403 where a browser brought them."""
    told = page_of(errors.ProviderMisconfigured("corp", "invalid_client"))
    brought = page_of(errors.ProviderRefused("corp", "unauthorized_client", reason="client_rejected"))

    assert (told.status, told.key) == (502, "client_rejected")
    assert (brought.status, brought.key) == (403, "client_rejected")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_meet_wcag_aa(scheme):
    """Text at 4.5 to 1, edges of controls at 3 to 1 (WCAG 1.4.3, 1.4.11), in both schemes."""
    colours = palette(scheme)

    for ink in ("ink", "ink-soft", "accent"):
        for ground in ("ground", "card"):
            assert contrast(colours[ink], colours[ground]) >= 4.5, (ink, ground)
    for fill in ("accent", "accent-strong"):
        assert contrast(colours["on-accent"], colours[fill]) >= 4.5, fill
    for edge in ("edge-strong", "notice", "accent"):
        assert contrast(colours[edge], colours["card"]) >= 3, edge
    for number in range(marks.COLOURS):
        assert contrast(colours["on-mark"], colours[f"mark-{number}"]) >= 4.5, number
    assert GROUNDS[scheme] == (colours["ground"], colours["card"])


def palette(scheme):
    css = editions().files["gateway.css"].body.decode()
    light, _, dark = css.partition("@media (prefers-color-scheme: dark)")
    colours = dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{6})", light))
    return colours if scheme == "light" else colours | dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", dark))


@pytest.mark.parametrize(
    ("public_url", "settings", "title"),
    [
        pytest.param(AUTH, {}, "Sign in · auth.example.com", id="the-host-of-public-url"),
        pytest.param("https://app.example.com:8443/_gateway", {}, "Sign in · app.example.com:8443", id="with-a-port"),
        pytest.param(AUTH, {"title": "Example"}, "Sign in · Example", id="a-name-of-its-own"),
        pytest.param(AUTH, {"title": "Sign in"}, "Sign in", id="the-heading-itself"),
    ],
)  # fmt: skip
def test_the_title_says_what_the_page_is_and_whose(public_url, settings, title):
    """Nothing is said twice, in the tab and above the page (WCAG 2.4.2)."""
    pages = editions(public_url, **settings).of(asking())
    html = pages.chooser((), f"{public_url}/users/me").body.decode()

    assert re.search(r"<title>(.*)</title>", html)[1] == title


def test_the_provider_that_was_used_last_comes_first_and_says_so():
    """The others keep the order of the file; nothing is marked where the name is none of them."""
    options = (("a", "A", ""), ("b", "B", ""), ("c", "C", ""))

    html = PAGES.chooser(options, AUTH, "c").body.decode()
    plain = PAGES.chooser(options, AUTH, "nobody").body.decode()

    assert re.findall(r"Continue with ([ABC])", html) == ["C", "A", "B"]
    assert html.count("Last used") == 1
    assert re.findall(r"Continue with ([ABC])", plain) == ["A", "B", "C"]
    assert "Last used" not in plain


@pytest.mark.parametrize(
    ("title", "mark"),
    [
        ("Example Corp", "E"),
        ("github", "G"),
        ("钉钉", "钉"),
        ("  42 Works", "4"),
        ("«Intern»", "I"),
        ("ßtraße", "ß"),
        ("!", "!"),
        ("", ""),
    ],
)
def test_a_mark_is_the_first_letter_of_the_title(title, mark):
    """One character, whatever the script."""
    assert marks.initial(title) == mark


def test_a_mark_may_be_written_and_keeps_its_colour():
    """Of one or two characters; hidden from readers that speak, who hear the title."""
    html = PAGES.chooser((("corp", "Example", "EX"), ("other", "Other", "")), AUTH).body.decode()

    colour = marks.colour("corp")
    assert f'<span class="round mark-{colour}" aria-hidden="true">EX</span>' in html
    assert 0 <= colour < marks.COLOURS
