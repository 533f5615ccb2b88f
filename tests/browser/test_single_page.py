"""A single-page application of another origin, in a real browser: what its scripts may do, and what no other's may."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page

from gateway.storage.key_file import write_keyring
from tests.kit.chromium import chromium
from tests.kit.login_door import Page as Application
from tests.kit.real_gateway import RealGateway
from tests.kit.scene import scene_settings
from tests.kit.served_app import served_app
from tests.kit.servers import free_ports
from tests.kit.token_house import token_ring
from tests.kit.users_file import person, write_people

pytestmark = pytest.mark.browser

CALL = """async ([url, body, how]) => {
    try {
        const answer = await fetch(url, {
            method: "POST",
            headers: {"Content-Type": "application/json"},
            body: JSON.stringify(body),
            ...how,
        });
        return {status: answer.status, body: await answer.json()};
    } catch (error) {
        return {status: 0, body: String(error)};
    }
}"""
"""What a script sees: a status of 0 is an answer that the browser keeps from it."""


@dataclass(frozen=True, slots=True)
class Script:
    """A page, and the calls of its scripts to a gateway."""

    page: Page
    home: str

    def call(self, path: str, body: dict[str, object], **how: object) -> tuple[int, dict[str, str]]:
        answer = self.page.evaluate(CALL, [f"{self.home}{path}", body, how])
        return answer["status"], answer["body"]

    def sign_in(self, **how: object) -> tuple[int, dict[str, str]]:
        return self.call("/auth/login", {"username": "ann", "password": "correct horse"}, **how)


@contextmanager
def application(folder: Path, *, listed: bool = True) -> Iterator[Script]:
    """A page of an application in a browser, and a real gateway that lists its origin, or does not."""
    *ports, app = free_ports(5)
    origin = f"http://127.0.0.1:{app}"
    people = folder / "people.yaml"
    write_people(people, ann=person(name="Ann Example"))
    settings = scene_settings("beside", ports)
    home = f"http://127.0.0.1:{ports[1]}"
    gateway = RealGateway(
        settings,
        folder,
        {
            "public_url": home,
            "hosts": [home],
            "sessions": {},
            "providers": {"people": {"type": "users-file", "file": str(people)}},
            "rules": [{"name": "api", "allow": "authenticated", "accept": ["session", "bearer"]}],
            "tokens": {"enabled": True, "algorithm": "ES256", "origins": [origin] if listed else []},
        },
    )
    write_keyring(gateway.key_file, token_ring())
    gateway.cookie = "none=needed"
    gateway.start()
    try:
        with served_app(Application("the application"), app), chromium() as browser:
            page = browser.new_page()
            page.set_default_timeout(10_000)
            page.goto(f"{origin}/")
            yield Script(page, home)
    finally:
        gateway.stop()


def test_a_script_of_a_listed_page_signs_in_refreshes_and_signs_out(tmp_path):
    """Each call after a preflight, which the browser itself judges; and no cookie is left behind."""
    with application(tmp_path) as script:
        status, pair = script.sign_in()
        refreshed, newer = script.call("/auth/refresh", {"refresh_token": pair["refresh_token"]})
        out, _ = script.call("/auth/logout", {"refresh_token": newer["refresh_token"]})
        over, problem = script.call("/auth/refresh", {"refresh_token": newer["refresh_token"]})
        cookies = script.page.context.cookies()

    assert (status, refreshed, out, over) == (200, 200, 200, 401)
    assert pair["user"]["user"] == "ann"
    assert problem["error"] == "bad_credential"
    assert cookies == []


def test_a_script_that_wants_to_send_cookies_along_is_shown_nothing(tmp_path):
    """`credentials: include`: the browser asks for a yes to that, which no answer gives."""
    with application(tmp_path) as script:
        assert script.sign_in(credentials="include")[0] == 0
        assert script.sign_in(credentials="omit")[0] == 200


def test_a_script_of_any_other_page_is_given_nothing(tmp_path):
    """Not listed: the browser keeps every answer from it; and a frame whose origin is `null` is nobody's either."""
    with application(tmp_path, listed=False) as script:
        plain = script.sign_in()
        without_asking = script.sign_in(headers={"Content-Type": "text/plain"})
        blind = script.sign_in(mode="no-cors")
        framed = script.page.evaluate(
            """url => new Promise(resolve => {
                addEventListener("message", event => resolve(event.data));
                const frame = document.createElement("iframe");
                frame.sandbox = "allow-scripts";
                frame.srcdoc = `<script>fetch(${JSON.stringify(url)}, {method: "POST",
                    headers: {"Content-Type": "application/json"}, body: "{}"})
                    .then(answer => parent.postMessage("read " + answer.status, "*"))
                    .catch(() => parent.postMessage("kept away", "*"))</script>`;
                document.body.append(frame);
            })""",
            f"{script.home}/auth/refresh",
        )
        cookies = script.page.context.cookies()

    assert [status for status, _ in (plain, without_asking, blind)] == [0, 0, 0]
    assert "access_token" not in json.dumps([plain, without_asking, blind])
    assert framed == "kept away"
    assert cookies == []
