"""The brand: name, logo, colour, footer and links, out of the configuration; and what is wrong with one."""

import json
import re

import pytest
import yaml

from gateway.errors import SettingsFault
from gateway.pages.answers import Answers
from gateway.pages.colours import accent_sheet
from gateway.pages.faults import NOT_FOUND
from gateway.pages.languages import LANGUAGES
from gateway.settings.colours import contrast, luminance, mixed
from gateway.settings.load import load, load_with_warnings
from gateway.settings.logo import MOST_BYTES
from tests.kit.page_gallery import AUTH, BRAND, asking, editions, gallery

SVG = b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)


def written(folder, **pages):
    file = folder / "gateway.yaml"
    data = {
        "public_url": AUTH,
        "hosts": [AUTH],
        "rules": [{"allow": "optional"}],
        "server": {"trusted_proxies": ["127.0.0.1/32"]},
        "pages": pages,
    }
    file.write_text(yaml.safe_dump(data), "utf-8")
    return file


def faults_of(folder, **pages):
    with pytest.raises(SettingsFault) as caught:
        load(written(folder, **pages), {})
    return [line.partition(": ")[2] for line in caught.value.faults]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_carries_the_brand(language):
    """Name, footer and links, on errors and on the page of a 403 too."""
    for name, reply in gallery(editions(**BRAND).of(asking(language))).items():
        html = reply.body.decode()

        assert "· Acme</title>" in html, name
        assert "<p>For employees of Acme.</p>" in html, name
        assert '<a href="https://acme.example/privacy" rel="noreferrer">Privacy</a>' in html, name


def test_what_the_operator_writes_is_text():
    """Escaped like a stranger's."""
    sharp = "<b>&\"'"
    here = editions(title=sharp, footer=sharp, links=[{"label": sharp, "url": "https://x.example/?a&b='"}])

    html = here.of(asking()).signed_out().body.decode()

    assert "<b>" not in html
    assert 'href="https://x.example/?a&amp;b=&#39;"' in html


def test_the_colour_comes_as_a_sheet_of_its_own_behind_ours():
    """The policy allows no inline style; without a colour there is no such sheet."""
    html = editions(**BRAND).of(asking()).signed_out().body.decode()

    assert re.findall(r'<link rel="stylesheet" href="[^"]*/([a-z]+\.css)\?[0-9a-f]{12}">', html) == [
        "gateway.css",
        "brand.css",
    ]
    assert "brand.css" not in editions().files
    assert "brand.css" not in editions().of(asking()).signed_out().body.decode()


def test_the_address_of_a_file_changes_with_the_file():
    """So that no browser keeps a colour of yesterday."""
    addresses = {
        re.search(
            r"brand\.css\?([0-9a-f]+)", editions(accent=accent).of(asking()).signed_out().body.decode()
        )[1]
        for accent in ("#0b7a55", "#3b57c8", "#0b7a55")
    }

    assert len(addresses) == 2


@pytest.mark.parametrize(
    "accent", ["#0b7a55", "#ffffff", "#000000", "#757575", "#777777", "#f0a35c", "#3b57c8"]
)
def test_text_on_any_colour_meets_wcag_aa(accent):
    """Black or white, whichever is seen better; and still where the pointer is (WCAG 1.4.3)."""
    sheet = accent_sheet(accent, accent)
    text, hover = (
        re.search(rf"--{name}: (#[0-9a-f]{{6}})", sheet)[1] for name in ("on-accent", "accent-strong")
    )

    assert contrast(text, accent) >= 4.5
    assert contrast(text, hover) >= 4.5


def test_contrast_is_that_of_the_standard():
    """Values of WCAG 2.2: black on white is 21 to 1, and #767676 the lightest grey of AA on white."""
    assert (luminance("#000000"), luminance("#ffffff")) == (0.0, 1.0)
    assert contrast("#ffffff", "#000000") == contrast("#000000", "#ffffff") == 21
    assert contrast("#767676", "#ffffff") >= 4.5 > contrast("#777777", "#ffffff")
    assert mixed("#000000", "#ffffff", 0.5) == "#808080"


@pytest.mark.parametrize(
    ("pages", "fault"),
    [
        pytest.param(
            {"accent": "#ffd400"},
            "pages.accent: has a contrast of 1.3:1 on our light pages, where WCAG AA demands 3:1; "
            "write a darker colour",
            id="too bright",
        ),
        pytest.param(
            {"accent": "#1b2a6b"},
            "pages.accent: has a contrast of 1.2:1 on our dark pages, where WCAG AA demands 3:1; "
            "write a lighter colour as accent_dark, for browsers in dark colours",
            id="too dark",
        ),
        pytest.param(
            {"accent": "#1b2a6b", "accent_dark": "#333333"},
            "pages.accent_dark: has a contrast of 1.3:1 on our dark pages, where WCAG AA demands 3:1; "
            "write a lighter colour",
            id="too dark in the dark",
        ),
        pytest.param(
            {"accent_dark": "#93a8ff"},
            "pages.accent_dark: has no effect without accent; write accent too, the colour for browsers in light "
            "colours",
            id="half a pair",
        ),
        pytest.param(
            {"accent": "red"},
            "pages.accent: does not fit; write a colour as #rrggbb, as in '#0b6bcb', in quotes",
            id="no form",
        ),
        pytest.param(
            {"accent": None}, "pages.accent: is empty; write it in quotes: # begins a comment", id="a comment"
        ),
        pytest.param(
            {"language": "zh-CN"},
            "pages.language: is none of the words that fit; write 'en', 'zh-Hans' or 'zh-Hant'",
            id="another tag",
        ),
        pytest.param(
            {"links": [{"label": "x", "url": "javascript:alert(1)"}]},
            "pages.links[0].url: does not fit; write an address that begins with https://",
            id="a script",
        ),
        pytest.param(
            {"links": [{"label": "x", "url": "https://x.example"}] * 4},
            "pages.links: has too many entries; write at most 3",
            id="four links",
        ),
    ],
)  # fmt: skip
def test_a_brand_that_does_not_work_is_a_fault_that_says_what_to_write(tmp_path, pages, fault):
    """At start, with the place in the file."""
    assert faults_of(tmp_path, **pages) == [fault]


@pytest.mark.parametrize(
    "pages",
    [
        pytest.param({"accent": "#3b57c8", "accent_dark": "#93a8ff"}, id="our own"),
        pytest.param({"accent": "#0B8A5F"}, id="one for both, in capitals"),
    ],
)
def test_a_colour_that_is_seen_is_no_fault(tmp_path, pages):
    """3 to 1 on each ground of each scheme."""
    assert load(written(tmp_path, **pages), {}).pages.accent


@pytest.mark.parametrize(("name", "content"), [("logo.svg", SVG), ("picture.bin", PNG)])
def test_a_logo_is_read_at_start_and_shown_on_every_page(tmp_path, name, content):
    """By what it is and not by its name; relative to the folder of the file; as a picture without words."""
    (tmp_path / name).write_bytes(content)
    settings = load(written(tmp_path, logo=name), {})
    here = editions(**settings.pages.model_dump())
    suffix = "svg" if content is SVG else "png"

    html = here.of(asking()).forbidden("d-1").body.decode()
    answer = here.files[f"logo.{suffix}"]

    assert re.search(
        rf'<img class="logo" src="{AUTH}/auth/static/logo\.{suffix}\?[0-9a-f]{{12}}" alt="">', html
    )
    assert "<svg" not in html
    assert answer.body == content
    headers = dict(answer.headers)
    assert headers[b"content-type"] == (b"image/svg+xml" if suffix == "svg" else b"image/png")
    assert headers[b"x-content-type-options"] == b"nosniff"


def test_a_drawing_that_is_opened_by_itself_cannot_script(tmp_path):
    """It would run in our origin (CWE-79): the sandbox takes the origin and the scripts away."""
    (tmp_path / "logo.svg").write_bytes(SVG)

    for name in ("logo.svg", "mark.svg"):
        policy = dict(editions(logo=str(tmp_path / "logo.svg")).files[name].headers)[
            b"content-security-policy"
        ]
        assert policy == b"default-src 'none'; style-src 'unsafe-inline'; sandbox"


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(MOST_BYTES), "is larger than 100 kB; make the picture smaller"),
        (b"<html><script>alert(1)</script></html>", "is neither SVG nor PNG"),
        (b"GIF89a", "is neither SVG nor PNG"),
        (b"", "is neither SVG nor PNG"),
        (None, "cannot be read: no such file or directory"),
    ],
)
def test_a_logo_that_is_none_is_a_fault(tmp_path, content, fault):
    """Before anybody sees a broken picture."""
    if content is not None:
        (tmp_path / "logo.svg").write_bytes(content)

    (found,) = faults_of(tmp_path, logo="logo.svg")

    assert found.startswith(f"pages.logo: {fault}")


def test_a_machine_without_secrets_needs_no_logo(tmp_path):
    """It shows settings and makes keys; it serves no page."""
    assert load_with_warnings(written(tmp_path, logo="gone.svg"), {}, secrets=False).settings.pages.logo


def test_a_logo_that_is_gone_by_now_is_a_fault_too():
    """Between the check and the start."""
    with pytest.raises(SettingsFault, match=r"pages\.logo: cannot be read"):
        editions(logo="/nowhere/logo.svg")


def test_a_program_reads_english():
    """What it branches on and what is logged of it has one form."""
    answers = Answers(editions(language="zh-Hant"), https=True)

    told = json.loads(answers.fault(asking("zh-TW"), NOT_FOUND, "not_found", "d-1").body)
    shown = answers.fault(asking(accept="text/html"), NOT_FOUND, "not_found", "d-1").body.decode()

    assert (told["title"], answers.language(asking())) == ("Nothing here", "zh-Hant")
    assert "找不到頁面" in shown
