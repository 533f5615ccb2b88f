"""A gateway that is down, slow or odd, and a broken Lua action: nothing gets through."""

import re

import pytest

from gateway.forward_auth.snippets import haproxy
from tests.kit.proxies import STARTS
from tests.kit.scene import open_scene

pytestmark = pytest.mark.live

FAULT = "The sign-in service is temporarily unavailable; please try again in a moment."


@pytest.mark.parametrize("failure", ["garbage", "dropped", "half", "status-500"])
def test_a43_an_answer_that_is_no_answer_lets_nothing_through(stub_scene, failure):
    """Dropped, torn or broken: a 5xx for the browser, and silence at the application."""
    stub_scene.gateway.failure = failure
    before = len(stub_scene.application.seen)

    answer = stub_scene.ask("/x", signed_in=True)

    assert 500 <= answer.status < 600
    assert len(stub_scene.application.seen) == before


@pytest.mark.parametrize("failure", ["no-content", "created"])
def test_a43_another_2xx_never_vouches_for_a_client(stub_scene, failure):
    """The gateway says yes by 200 alone. Proxies that take any 2xx for it pass no identity on, least of all a forged one."""
    stub_scene.gateway.failure = failure
    before = len(stub_scene.application.seen)

    answer = stub_scene.ask("/x", signed_in=True, headers=[("X-Auth-User", "evil")])

    arrived = stub_scene.application.seen[before:]
    assert stub_scene.proxy.kind != "haproxy" or (arrived == [] and answer.status == 503)
    assert all("".join(request.all("x-auth-user")) == "" for request in arrived)


def test_a43_a_silent_gateway_ends_in_a_fault(stub_scene):
    """Nobody waits for ever, and nobody gets in."""
    stub_scene.gateway.failure = "silent"
    before = len(stub_scene.application.seen)

    answer = stub_scene.ask("/x", signed_in=True, timeout=60)

    assert 500 <= answer.status < 600
    assert len(stub_scene.application.seen) == before


def test_a_store_fault_stays_503_and_says_when_to_try_again(stub_scene):
    """nginx's module makes a 500 of it; the snippet turns it back."""
    answer = stub_scene.ask("/fault", signed_in=True)

    assert answer.status == 503
    assert answer.all("retry-after") == ["7"]


@pytest.mark.parametrize("kind", ["nginx", "nginx-newest"])
def test_behind_nginx_a_fault_is_a_page_for_a_person_and_a_bare_status_for_a_program(kind, scenes):
    """One sentence and nothing to fetch; not nginx's own page, and no type that the path's ending suggests."""
    scene = scenes(kind, "stub")
    person = [("Accept", "text/html,application/xhtml+xml,*/*;q=0.8"), ("Sec-Fetch-Mode", "navigate")]

    pages = [scene.ask(path, headers=person) for path in ("/fault", "/fault/logo.png")]
    program = scene.ask("/fault/logo.png", headers=[("Accept", "*/*")])

    for answer in (*pages, program):
        assert answer.status == 503
        assert [answer.all(name) for name in ("retry-after", "cache-control")] == [["7"], ["no-store"]]
    for page in pages:
        assert page.all("content-type") == ["text/html"]
        assert re.findall("<p>(.*?)</p>", page.body.decode("ascii")) == [FAULT]
        assert not re.search(b"nginx|src=|href=|<style|<script", page.body)
    assert program.body == b""


def test_a_limit_is_a_4xx(stub_scene):
    """429 where the contract has it, 403 behind auth_request."""
    answer = stub_scene.ask("/limited", signed_in=True)

    assert answer.status in {429, 403}


def test_the_decision_id_of_a_403_is_on_the_page(stub_scene):
    """The browser, the log and the operator can talk about the same decision."""
    answer = stub_scene.ask("/forbidden/x", signed_in=True, headers=[("Accept", "text/html")])

    assert answer.status == 403
    assert b"d-1234" in answer.body


@pytest.mark.parametrize("kind", STARTS)
def test_a43_a_gateway_that_is_down_lets_nothing_through(kind, tmp_path):
    """A refused connection is a fault, on protected and on public paths."""
    scene = open_scene(kind, tmp_path)
    try:
        scene.gateway.stop()
        before = len(scene.application.seen)

        targets = ("/x", "/public", "/_gateway/auth/login")
        answers = [scene.ask(target, signed_in=True, headers=[("Accept", "text/html")]) for target in targets]

        assert all(500 <= answer.status < 600 for answer in answers)
        assert len(scene.application.seen) == before
        assert not kind.startswith("nginx") or all(FAULT.encode() in answer.body for answer in answers[:2])
    finally:
        scene.stop()


@pytest.mark.parametrize(
    ("broken", "replacement"),
    [
        pytest.param("local sent = txn.http", 'error("broken") local sent = txn.http', id="at the start"),
        pytest.param("local cookies =", 'error("broken") local cookies =', id="after the answer"),
        pytest.param('txn:set_var("txn.gateway", "ok")', "", id="without the mark"),
    ],
)
def test_an_error_of_the_lua_action_ends_in_503(broken, replacement, tmp_path, monkeypatch):
    """HAProxy lets a request go on after a Lua error; the rule behind it does not."""
    whole = haproxy.snippet

    def sabotaged(settings, application):
        texts = whole(settings, application)
        assert broken in texts["gateway.lua"]
        return texts | {"gateway.lua": texts["gateway.lua"].replace(broken, replacement)}

    monkeypatch.setattr(haproxy, "snippet", sabotaged)
    scene = open_scene("haproxy", tmp_path, routes_when={200, 503})
    try:
        answers = [scene.ask(target, signed_in=True).status for target in ("/x", "/public", "/x?y")]

        assert answers == [503, 503, 503]
        assert scene.application.seen == []
    finally:
        scene.stop()
