"""What must arrive does: bodies, targets, methods, answers, WebSockets, and our own pages beside the application."""

import json
import socket
from hashlib import sha256

import pytest

from tests.kit import websocket
from tests.kit.echo_app import reached, values
from tests.kit.scene import APP, identity_names
from tests.kit.wire import read_answer, write_request

pytestmark = pytest.mark.live

PAGE = [("Accept", "text/html"), ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document")]


@pytest.mark.parametrize("size", [0, 1, 5_000, 1_000_000])
def test_the_body_of_a_post_arrives_intact(scene, size):
    """The check reads nothing of the body, and nothing of it is lost on the way."""
    body = bytes(place % 251 for place in range(size))

    said = reached(scene.ask("/post", method="POST", body=body, signed_in=True))

    assert said["method"] == "POST"
    assert said["length"] == size
    assert said["sha256"] == sha256(body).hexdigest()


@pytest.mark.parametrize(
    "target",
    ["/x?a=%20b&c=/d;e&f=%2F&rd=https://elsewhere.test/&a=2", "/x?", "/a%20b/c?uri=/public", "/?q=%C3%A9"],
)
def test_path_and_query_arrive_as_they_were_sent(scene, target):
    """The application sees the target of the client, byte for byte."""
    said = reached(scene.ask(target, signed_in=True))

    # Traefik escapes a semicolon of the query; its value stays the same.
    assert said["target"].replace("%3B", ";") == target


@pytest.mark.parametrize("method", ["HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"])
def test_a38_every_method_is_checked_and_passed_on(scene, method):
    """A method changes neither the decision nor what the application gets."""
    before = len(scene.application.seen)

    refused = scene.ask("/x", method=method)
    passed = scene.ask("/x", method=method, signed_in=True)

    assert refused.status == 401
    assert passed.status == 200
    assert [request.method for request in scene.application.seen[before:]] == [method]


def test_a_person_without_a_session_is_sent_to_the_login_page(scene):
    """A navigation is answered by 303 to our own login page, with the way back."""
    answer = scene.ask("/app?x=1&rd=https://evil.test/", headers=PAGE)

    login, _, back = answer.first("location").partition("?rd=")
    assert answer.status == 303
    assert login == f"{scene.settings.public_url}/auth/login"
    assert back.startswith("http%3A%2F%2Fapp.gw.localhost")
    assert "&" not in back
    assert answer.all("www-authenticate") == []


def test_a_program_without_a_session_gets_401_and_why(scene):
    """A fetch is answered by 401 with a challenge and JSON, through nginx too."""
    answer = scene.ask("/api", headers=[("Accept", "application/json"), ("Sec-Fetch-Mode", "cors")])

    assert answer.status == 401
    assert [value.partition(" ")[0] for value in answer.all("www-authenticate")] == ["Bearer"]
    assert json.loads(answer.body)["error"] == "unauthenticated"


def test_a_refusal_shows_the_page_with_its_decision_id(scene):
    """A 403 carries the gateway's page, and the page the decision id, through nginx too."""
    answer = scene.ask("/forbidden/x", headers=PAGE, signed_in=True)

    assert answer.status == 403
    assert reached(answer) is None
    assert b"nginx" not in answer.body
    assert len(answer.body) > 10


@pytest.mark.parametrize("status", [401, 403, 404, 500, 503])
def test_an_error_of_the_application_stays_its_own(scene, status):
    """What the application answers is not mistaken for an answer of the gateway."""
    answer = scene.ask("/x", signed_in=True, headers=[("X-Echo-Status", str(status))])

    assert answer.status == status
    assert reached(answer) is not None


def test_a_websocket_with_a_session_opens_and_echoes(scene):
    """The upgrade passes, with the identity on the handshake."""
    lines = [("Host", f"{APP}:{scene.proxy.port}"), ("Cookie", scene.gateway.cookie)]

    answer, said = websocket.say(scene.proxy.port, lines, "hello")

    assert answer.status == 101
    assert said == "hello"
    assert scene.application.seen[-1].all("x-auth-user") == ["alice"]


def test_a39_a_websocket_without_a_session_is_refused_with_401(scene):
    """A handshake gets a 401 and no redirect."""
    before = len(scene.application.seen)

    answer, _ = websocket.say(scene.proxy.port, [("Host", f"{APP}:{scene.proxy.port}"), *PAGE], "hello")

    assert answer.status == 401
    assert len(scene.application.seen) == before


@pytest.mark.parametrize("upgrade", [["h2c"], ["h2c", "websocket"], ["websocket, h2c"], ["websocket", "h2c"]])
def test_no_upgrade_but_websocket_reaches_the_application(scene, upgrade):
    """An upgrade to h2c would be a tunnel for requests that nobody checks."""
    lines = [("Connection", "Upgrade, HTTP2-Settings"), ("HTTP2-Settings", "AAMAAABkAAQAAP__")]
    before = len(scene.application.seen)

    answer = scene.ask("/public", headers=[*lines, *(("Upgrade", value) for value in upgrade)], timeout=5)

    arrived = [request.all("upgrade") for request in scene.application.seen[before:]]
    assert all("h2c" not in ",".join(values) for values in arrived)
    assert len(arrived) == 1 or answer.status == 400


def test_a42_twelve_kilobytes_of_identity_arrive(stub_scene):
    """The largest answer that the gateway may give fits every buffer on the way."""
    said = reached(stub_scene.ask("/large", signed_in=True, headers=[("Cookie", "app=" + "x" * 4_000)]))

    sizes = {name: len("".join(values(said, name))) for name in identity_names(stub_scene.settings)}
    assert sorted(sizes.values())[-4:] == [3_000] * 4
    assert values(said, "x-auth-user") == ["alice"]


def test_our_pages_are_served_beside_the_application(scene):
    """What stands under public_url reaches the gateway unchecked, with its cookies, and never the application."""
    before = len(scene.application.seen)

    page = scene.ask("/_gateway/auth/signed-out")
    bare = [scene.ask(path) for path in ("/_gateway", "/_gateway/")]

    assert len(scene.application.seen) == before
    assert page.status == 200
    assert {answer.status for answer in bare} <= {200, 303}  # the stand-in has no address to lead on to


def test_a_keep_alive_connection_carries_no_identity_to_the_next_request(scene):
    """Each request of one connection is judged for itself."""
    host = ("Host", f"{APP}:{scene.proxy.port}")
    with socket.create_connection(("127.0.0.1", scene.proxy.port), timeout=20) as wire:
        wire.sendall(write_request("GET", "/x", [host, ("Cookie", scene.gateway.cookie)]))
        first = read_answer(wire)
        wire.sendall(write_request("GET", "/x", [host, ("Connection", "close")]))
        second = read_answer(wire)

    assert (first.status, second.status) == (200, 401)


def test_a36_no_answer_is_kept_for_another_request(scene):
    """A yes opens nothing else, and a no does not outlive the login."""
    statuses = [scene.ask("/x", signed_in=known).status for known in (True, False, True, False)]

    assert statuses == [200, 401, 200, 401]
