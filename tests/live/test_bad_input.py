"""Whatever an identity provider sends, a person gets a page that helps and the operator a line that says why.

A real gateway process, and a provider on loopback that misbehaves on demand.
"""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from gateway.providers.provider import Answer
from tests.kit.browser import Browser, Hop
from tests.kit.real_gateway import RealGateway
from tests.kit.scene import scene_settings
from tests.kit.scripted_provider import JSON, ScriptedProvider, page, reply, serve
from tests.kit.servers import free_ports

pytestmark = [pytest.mark.live, pytest.mark.anyio]

SECRET = "s3cr3t: +ü"
MARK = "MARK-OF-A-STRANGER"
SCRIPT = f"<script>alert('{MARK}')</script>"
PATIENCE = 9.0
"""Seconds after which the browser of a test gives up: the gateway's own deadline is 5, and the silence lasts 30."""


@dataclass
class Scene:
    """A gateway process, its provider, and a browser in front of both."""

    gateway: RealGateway
    provider: ScriptedProvider
    browser: Browser

    @property
    def home(self) -> str:
        return self.gateway.settings.public_url

    async def begin(self) -> Hop:
        return await self.browser.open(f"{self.home}/auth/test?rd={self.home}/users/me", follow=False)

    async def callback(self) -> str:
        """Sign in at the provider: the address that it sends the browser back to."""
        departed = await self.begin()
        assert departed.status == 303, departed.response.text
        return (await self.browser.open(departed.location, follow=False)).location

    async def line(self, decision_id: str) -> dict[str, Any]:
        """The log's line on a login that ended under this reference."""
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            lines = [json.loads(line) for line in self.gateway.log.splitlines() if line.startswith("{")]
            found = [
                line
                for line in lines
                if line["event"] == "login.finished" and line["decision_id"] == decision_id
            ]
            if found:
                assert len(found) == 1, "a login ends once"
                return dict(found[0])
            await asyncio.sleep(0.02)
        raise AssertionError(f"no line on {decision_id} in:\n{self.gateway.log[-2000:]}")


@asynccontextmanager
async def open_scene(folder: Path) -> AsyncIterator[Scene]:
    settings = scene_settings("one-host", free_ports(4))
    provider = ScriptedProvider(time.time, client_secret=SECRET)
    async with serve(provider) as issuer:
        section = {
            "issuer": issuer,
            "client_id": "gateway",
            "client_secret": "${TEST_SECRET}",
            "anyone": True,
        }
        one = RealGateway(settings, folder, {"providers": {"test": section}}, {"TEST_SECRET": SECRET})
        one.cookie = "nobody"
        one.start()
        origin = settings.hosts[0]
        browser = Browser({origin: one.url, issuer: issuer}, time.time, patience=PATIENCE)
        try:
            yield Scene(one, provider, browser)
        finally:
            one.stop()


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with open_scene(tmp_path) as opened:
        yield opened


def changed(callback: str, **changes: str | None) -> str:
    """A callback with parameters replaced; `None` takes one away."""
    base, _, query = callback.partition("?")
    merged = {**dict(parse_qsl(query)), **changes}
    return f"{base}?{urlencode({name: value for name, value in merged.items() if value is not None})}"


def text_of(hop: Hop) -> str:
    """What a person reads."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", hop.response.text)).split())


async def assert_kind(
    scene: Scene, hop: Hop, status: int, sentence: str, todo: str, outcome: str, reason: str
) -> None:
    """A page that says what happened and what to do, under a reference by which the log knows the reason."""
    response, text = hop.response, text_of(hop)
    assert (hop.status, response.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert sentence in text
    assert todo in text
    assert response.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in response.headers["content-security-policy"]
    assert "gw=" not in response.headers.get("set-cookie", "")
    (reference,) = re.findall(r"Reference ([0-9a-f]+-[0-9a-f]+)", text)
    line = await scene.line(reference)
    assert (line["provider"], line["outcome"]) == ("test", outcome)
    assert reason in line["detail"]
    assert line["level"] == "warning"
    # Nothing that a stranger wrote comes back, and nothing secret is written down.
    assert MARK not in response.text
    for place in (response.text, scene.gateway.log):
        assert "code-" not in place
        assert SECRET not in place
        assert all(secret not in place for secret in _secrets(hop.url))


def _secrets(url: str) -> list[str]:
    return [value for name, value in parse_qsl(urlsplit(url).query) if name in {"code", "state"}]


async def test_the_good_answer_signs_in(scene: Scene) -> None:
    """What the others are told apart from."""
    back = await scene.browser.open(await scene.callback())

    assert (back.url, back.status) == (f"{scene.home}/users/me", 200)
    assert "alice" in text_of(back)


@pytest.mark.parametrize(
    ("changes", "status", "sentence", "todo", "outcome", "reason"),
    [
        pytest.param(
            {"error": "access_denied", "code": None},
            403, "was cancelled", "Start again whenever you like.", "provider_refused", "access_denied",
            id="cancelled",
        ),
        pytest.param(
            {"error": "login_required", "code": None},
            403, "identity provider needs you", "Start again", "provider_refused", "login_required",
            id="not signed in there",
        ),
        pytest.param(
            {"error": SCRIPT, "code": None},
            403, "refused the sign-in", "Start again.", "provider_refused", "an unknown error",
            id="an error that nobody knows",
        ),
        pytest.param(
            {"error": "temporarily_unavailable", "code": None},
            503, "does not answer at the moment", "Wait a minute", "provider_unavailable", "temporarily_unavailable",
            id="their outage",
        ),
        pytest.param(
            {"error": "unauthorized_client", "code": None},
            403, "did not accept the request of this service", "Start again.", "provider_refused",
            "unauthorized_client",
            id="our request",
        ),
        pytest.param(
            {"iss": "https://evil.example"},
            400, "could not be verified", "Start again.", "provider_lied", "iss",
            id="another issuer",
        ),
        pytest.param(
            {"iss": None},
            400, "could not be verified", "Start again.", "provider_lied", "iss is missing",
            id="no issuer where one is promised",
        ),
        pytest.param(
            {"code": None},
            400, "could not be understood", "Start again.", "malformed", "code_missing",
            id="no code",
        ),
        pytest.param(
            {"code": "code-expired"},
            400, "is used up", "Start again", "provider_refused", "invalid_grant",
            id="an expired code",
        ),
    ],
)  # fmt: skip
async def test_a_callback_that_brings_no_login_is_a_kind_page(
    scene: Scene,
    changes: dict[str, str | None],
    status: int,
    sentence: str,
    todo: str,
    outcome: str,
    reason: str,
) -> None:
    """Whatever the browser brings back in the address."""
    callback = changed(
        await scene.callback(), **changes, error_description=SCRIPT, error_uri=f"https://{MARK}.example"
    )
    before = len(scene.provider.asked)

    hop = await scene.browser.open(callback, follow=False)

    await assert_kind(scene, hop, status, sentence, todo, outcome, reason)
    # Only a code that may be one is carried to the provider.
    asked = scene.provider.paths()[before:]
    assert asked == (["/token"] if changes.get("code") == "code-expired" else [])


def large(size: int) -> Answer:
    return Answer(200, JSON, json.dumps({"access_token": MARK, "fill": "x" * size}).encode(), None)


@pytest.mark.parametrize(
    ("lie", "answer", "status", "sentence", "todo", "outcome", "reason"),
    [
        pytest.param(
            "wrong_nonce", None, 400, "could not be verified", "Start again.", "provider_lied", "nonce", id="wrong nonce"
        ),
        pytest.param(
            "wrong_iss", None, 400, "could not be verified", "Start again.", "provider_lied", "iss",
            id="wrong iss in the ID token",
        ),
        pytest.param(
            "expired", None, 400, "could not be verified", "Start again.", "provider_lied", "exp",
            id="an ID token of yesterday",
        ),
        pytest.param(
            "", page(text=f"<html>{SCRIPT}</html>"), 503, "does not answer at the moment", "Wait a minute",
            "provider_unavailable", "JSON", id="HTML instead of JSON",
        ),
        pytest.param(
            "", large(5_000_000), 503, "does not answer at the moment", "Wait a minute",
            "provider_unavailable", "more than 1000000 bytes", id="five megabytes",
        ),
        pytest.param(
            "", reply(500, {"error": SCRIPT}), 503, "does not answer at the moment", "Wait a minute",
            "provider_unavailable", "500", id="their fault",
        ),
        pytest.param(
            "", reply(401, {"error": "invalid_client", "error_description": SCRIPT}), 502,
            "does not accept the way this service is set up", "nothing you can do",
            "provider_misconfigured", "invalid_client", id="our secret has run out",
        ),
    ],
)  # fmt: skip
async def test_tokens_that_are_none_are_a_kind_page(
    scene: Scene,
    lie: str,
    answer: Answer | None,
    status: int,
    sentence: str,
    todo: str,
    outcome: str,
    reason: str,
) -> None:
    """Whatever the token endpoint answers."""
    callback = await scene.callback()
    scene.provider.lie = lie
    scene.provider.instead["/token"] = [answer] if answer else []

    hop = await scene.browser.open(callback, follow=False)

    await assert_kind(scene, hop, status, sentence, todo, outcome, reason)
    # What a setting can mend is an alarm; the token endpoint says it to us alone.
    assert ("operator.alarm" in scene.gateway.log) == (reason in {"iss", "invalid_client"})


async def test_a_token_endpoint_that_is_silent_is_not_waited_for(scene: Scene) -> None:
    """It would be silent for 30 s; the gateway gives up by itself."""
    callback = await scene.callback()
    scene.provider.raw = [None]

    hop = await scene.browser.open(callback, follow=False)

    await assert_kind(
        scene, hop, 503, "does not answer at the moment", "Wait a minute", "provider_unavailable", "deadline"
    )


@pytest.mark.parametrize(
    ("metadata", "raw", "status", "sentence", "todo", "outcome", "reason"),
    [
        pytest.param(
            {"issuer": f"https://{MARK}.example"}, [], 400, "could not be verified", "Start again.",
            "provider_lied", "issuer", id="another issuer",
        ),
        pytest.param(
            {"token_endpoint": f"http://{MARK}.example/token"}, [], 400, "could not be verified", "Start again.",
            "provider_lied", "token_endpoint", id="an endpoint in the clear",
        ),
        pytest.param(
            {"fill": "x" * 5_000_000}, [], 503, "does not answer at the moment", "Wait a minute",
            "provider_unavailable", "more than 1000000 bytes", id="five megabytes",
        ),
        pytest.param(
            {}, [b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 6\r\n\r\n<html>"], 503,
            "does not answer at the moment", "Wait a minute", "provider_unavailable", "JSON", id="HTML instead of JSON",
        ),
        pytest.param(
            {}, [b"SSH-2.0-OpenSSH\r\n"] * 2, 503, "does not answer at the moment", "Wait a minute",
            "provider_unavailable", "RemoteProtocolError", id="another protocol",
        ),
        pytest.param(
            {}, [None], 503, "does not answer at the moment", "Wait a minute", "provider_unavailable", "deadline",
            id="silence",
        ),
    ],
)  # fmt: skip
async def test_a_discovery_document_that_is_none_is_a_kind_page(
    scene: Scene,
    metadata: dict[str, Any],
    raw: list[bytes | None],
    status: int,
    sentence: str,
    todo: str,
    outcome: str,
    reason: str,
) -> None:
    """Before anybody was sent anywhere; the operator learns of it all the same."""
    scene.provider.metadata, scene.provider.raw = metadata, raw

    hop = await scene.begin()

    await assert_kind(scene, hop, status, sentence, todo, outcome, reason)


async def test_a_provider_that_is_down_is_a_kind_page_and_no_more(tmp_path: Path) -> None:
    """At the start of a login and at its end; who comes back later is signed in."""
    settings = scene_settings("one-host", free_ports(4))
    (port,) = free_ports(1)
    section = {"issuer": f"http://127.0.0.1:{port}", "client_id": "gateway", "anyone": True}
    one = RealGateway(settings, tmp_path, {"providers": {"test": section}})
    one.cookie = "nobody"
    one.start()
    try:
        browser = Browser({settings.hosts[0]: one.url}, time.time, patience=PATIENCE)
        scene = Scene(one, ScriptedProvider(time.time), browser)

        for path in ("/auth/test", "/auth/login"):
            hop = await browser.open(f"{settings.public_url}{path}?rd={settings.hosts[0]}/x", follow=False)

            await assert_kind(
                scene,
                hop,
                503,
                "does not answer at the moment",
                "Wait a minute",
                "provider_unavailable",
                "provider test",
            )
    finally:
        one.stop()


async def test_a_callback_with_two_readings_is_a_kind_page(scene: Scene) -> None:
    """Of two states or two codes nobody knows which one counts (RFC 6749 section 3.1)."""
    callback = await scene.callback()

    hop = await scene.browser.open(f"{callback}&code={MARK}", follow=False)

    await assert_kind(
        scene, hop, 400, "could not be understood", "Start again.", "malformed", "parameter_repeated"
    )


async def test_a_program_is_told_the_same_as_json(scene: Scene) -> None:
    """Problem details (RFC 9457): a stable word, no text of a stranger, the same reference."""
    callback = changed(await scene.callback(), error="access_denied", code=None, error_description=SCRIPT)

    hop = await scene.browser.open(callback, follow=False, headers={"accept": "application/json"})

    problem = hop.response.json()
    assert (hop.status, hop.response.headers["content-type"]) == (403, "application/problem+json")
    assert (problem["status"], problem["error"]) == (403, "provider_refused")
    assert MARK not in hop.response.text
    assert (await scene.line(problem["decision_id"]))["outcome"] == "provider_refused"
