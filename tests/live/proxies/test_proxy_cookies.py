"""Our cookies stop at the proxy; those of the application pass, whatever they look like."""

import json

import pytest

from gateway.sessions.cookie import attempt_cookie, device_cookie, own_cookies, session_cookie
from tests.kit.echo_app import assert_no_forgery, reached, values

pytestmark = pytest.mark.live


def cookie_spellings(scene):
    own = session_cookie(scene.settings).name
    attempt = attempt_cookie(scene.settings).name
    device = device_cookie(scene.settings).name
    good = scene.gateway.cookie
    return {
        "alone": [good],
        "first": [f"{good}; a=1"],
        "last": [f"a=1; {good}"],
        "in the middle": [f"a=1; {good}; b=2"],
        "without blanks": [f"a=1;{good};b=2"],
        "two lines": ["a=1", good, "b=2"],
        "with a tab": [f"a=1;\t{good}; b=2"],
        "with blanks around the name": [f"a=1;  {own} ={good.partition('=')[2]} ; b=2"],
        "with the attempt": [f"{attempt}=evil-attempt; {good}; b=2"],
        "attempt twice": [f"{attempt}=evil-attempt; a=1; {attempt}=evil-too", good],
        "with a familiar browser's": [f"{device}=evil-device; {good}; b=2"],
        "beside names that look alike": [f"x{own}=1; {good}; {own}x=2; a={own}; b={own}=3"],
    }


@pytest.mark.parametrize(
    "spelling",
    [
        "alone",
        "first",
        "last",
        "in the middle",
        "without blanks",
        "two lines",
        "with a tab",
        "with blanks around the name",
        "with the attempt",
        "attempt twice",
        "with a familiar browser's",
        "beside names that look alike",
    ],
)
def test_40_our_cookies_stop_at_the_proxy_and_the_others_pass(scene, spelling):
    """The application cannot take a session that it never sees, and loses no cookie of its own."""
    lines = cookie_spellings(scene)[spelling]
    own = own_cookies(scene.settings)

    answer = scene.ask("/x", headers=[("Cookie", line) for line in lines])

    said = reached(answer)
    assert said is not None, answer
    assert_no_forgery(said)
    arrived = [pair.strip() for line in values(said, "cookie") for pair in line.split(";") if pair.strip()]
    sent = [pair.strip() for line in lines for pair in line.split(";")]
    assert arrived == [pair for pair in sent if pair.partition("=")[0].strip() not in own]


@pytest.mark.parametrize("count", [2, 3, 5, 9])
def test_a15_two_values_of_our_cookie_are_no_session_and_none_arrives(scene, count):
    """Doubled cookies are refused on protected paths and removed on public ones."""
    name = session_cookie(scene.settings).name
    line = "; ".join([scene.gateway.cookie, *(f"{name}=evil{place}" for place in range(count - 1))])

    refused = scene.ask("/x", headers=[("Cookie", f"a=1; {line}; b=2")])
    said = reached(scene.ask("/public/x", headers=[("Cookie", f"a=1; {line}; b=2")]))

    assert refused.status == 401
    assert_no_forgery(said)
    assert scene.gateway.cookie not in json.dumps(said["headers"])


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(["big=" + "x" * 8_000], id="8 kB"),
        pytest.param(["big=" + "x" * 15_000], id="15 kB"),
        pytest.param(["big=" + "x" * 40_000], id="40 kB in one line"),
        pytest.param([f"c{place}=" + "x" * 8_000 for place in range(5)], id="40 kB in five lines"),
        pytest.param(["; ".join(f"c{place}=v" for place in range(200))], id="200 cookies"),
        pytest.param([f"c{place}=v" for place in range(150)], id="150 lines"),
        pytest.param(['x="; y=1', "=;;;=", "a b c", "\xff\xfe=\xe9", "{json: [1, 2]}"], id="malformed"),
        pytest.param(['x="a, b"; y=%zz; z=\\"'], id="quoted, comma, escapes"),
    ],
)
def test_a16_heavy_and_broken_cookies_are_judged_or_refused_cleanly(scene, lines):
    """Cookies of the application are its own matter: a normal decision or a 4xx, never a 5xx."""
    headers = [("Cookie", line) for line in lines]

    signed_in = scene.ask("/x", headers=headers, signed_in=True)
    anonymous = scene.ask("/x", headers=headers)

    assert signed_in.status == 200 or 400 <= signed_in.status < 500
    assert 400 <= anonymous.status < 500


def test_a16_ordinary_application_cookies_always_pass(scene):
    """Eight kilobytes beside ours are no reason to refuse."""
    said = reached(scene.ask("/x", headers=[("Cookie", "big=" + "x" * 7_000)], signed_in=True))

    assert "big=xxxx" in "".join(values(said, "cookie"))
