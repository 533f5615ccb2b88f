"""`gateway serve` as an operator meets it: starting, faults at the start, outages, and stopping."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.storage.outage import CALM
from tests.kit.real_gateway import RealGateway
from tests.kit.redis_server import RedisServer, require_redis
from tests.kit.scene import APP, scene_settings
from tests.kit.servers import free_ports

pytestmark = pytest.mark.live

ROOT = Path(__file__).resolve().parents[2]


def gateway(folder: Path, **written: Any) -> RealGateway:
    return RealGateway(scene_settings("one-host", free_ports(4)), folder, written)


def ask(one: RealGateway, uri: str, *, cookie: str = "", **client: Any) -> httpx.Response:
    """One forward-auth call at the verify listener."""
    bind = one.settings.server.verify_bind
    headers = {"x-forwarded-method": "GET", "x-forwarded-host": APP, "x-forwarded-uri": uri}
    with httpx.Client(**client) as http:
        return http.get(
            f"http://{bind if 'transport' not in client else 'gateway'}/verify/forward-auth",
            headers=headers | ({"cookie": cookie} if cookie else {}),
        )


def with_server(one: RealGateway, **changes: str) -> None:
    """Other keys of `server:` than the scene's."""
    one.document["server"] = one.document["server"] | changes
    one.config.write_text(json.dumps(one.document))


def operator(one: RealGateway, path: str) -> httpx.Response:
    return httpx.get(f"http://{one.settings.server.metrics_bind}{path}")


def failed_start(one: RealGateway) -> str:
    """What `gateway serve` says before it gives up."""
    done = subprocess.run(
        [sys.executable, "-m", "gateway", "serve", "--config", str(one.config)],
        capture_output=True, text=True, timeout=30, check=False, cwd=one.folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr


def test_a_session_passes_and_is_counted_and_a_stop_is_graceful(tmp_path):
    """From the first check to SIGTERM: identity, metrics, health, exit code 0."""
    one = gateway(tmp_path)
    one.start()
    try:
        passed = ask(one, "/x", cookie=one.cookie)
        refused = ask(one, "/x")

        assert (passed.status_code, passed.headers["x-auth-user"]) == (200, "alice")
        assert refused.status_code == 401
        assert operator(one, "/readyz").json() == {"status": "ready"}
        assert operator(one, "/healthz").json() == {"status": "alive"}
        scraped = operator(one, "/metrics").text
        assert 'gateway_decisions_total{contract="forward-auth",outcome="allow"} 1.0' in scraped
        assert 'gateway_decisions_total{contract="forward-auth",outcome="challenge"} 1.0' in scraped
        assert httpx.get(f"{one.url}/healthz").content == b""
        assert httpx.get(f"{one.url}/metrics").status_code == 404
        assert httpx.get(f"{one.url}/verify/forward-auth").status_code == 404
    finally:
        assert one.process is not None
        process = one.process._process
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0
        log = one.log
        one.stop()
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    decision = next(line for line in lines if line["event"] == "decision.made")
    assert decision["decision_id"]
    assert one.cookie.partition("=")[2] not in log


def test_the_verify_listener_can_be_a_unix_socket_for_owner_and_group_alone(tmp_path):
    """Whoever may write to the socket is believed, so not everybody may."""
    path = tmp_path / "verify.sock"
    one = gateway(tmp_path)
    with_server(one, verify_bind=f"unix:{path}")
    one.start()
    try:
        deadline = time.monotonic() + 10
        while not path.exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)

        answer = ask(one, "/x", cookie=one.cookie, transport=httpx.HTTPTransport(uds=str(path)))

        assert (answer.status_code, answer.headers["x-auth-user"]) == (200, "alice")
        assert path.stat().st_mode & 0o777 == 0o660
    finally:
        one.stop()


def test_a_platform_with_one_port_needs_the_secret(tmp_path):
    """`verify_bind: same`: the shared secret is the whole protection, so it is demanded."""
    one = gateway(tmp_path)
    with_server(one, verify_bind="same", verify_secret="${TEST_VERIFY_SECRET}")
    secret = "v" * 40
    one.environment["TEST_VERIFY_SECRET"] = secret
    one.start()
    try:
        lines = {"x-forwarded-method": "GET", "x-forwarded-host": APP, "x-forwarded-uri": "/public/a"}
        url = f"{one.url}/verify/forward-auth"

        assert httpx.get(url, headers=lines).status_code == 403
        assert httpx.get(url, headers=lines | {"x-gateway-secret": "wrong"}).status_code == 403
        assert httpx.get(url, headers=lines | {"x-gateway-secret": secret}).status_code == 200
    finally:
        log = one.log
        one.stop()
    assert secret not in log


def test_an_address_that_is_taken_is_named(tmp_path):
    """The key of gateway.yaml, the address and the reason."""
    one = gateway(tmp_path)
    with socket.create_server(("127.0.0.1", one.settings.server.bind.port)):
        said = failed_start(one)

    assert "server.bind" in said
    assert "in use" in said.lower()


def test_a_key_file_that_cannot_be_used_says_what_to_do(tmp_path):
    """Open to others, damaged, or missing beside a shared store."""
    one = gateway(tmp_path)
    one.key_file.chmod(0o644)
    assert "chmod 600" in failed_start(one)

    one.key_file.chmod(0o600)
    one.key_file.write_text("{")
    assert "gateway keys generate" in failed_start(one)

    one.key_file.unlink()
    one.config.write_text(json.dumps(one.document | {"store": "redis://127.0.0.1:1/0"}))
    assert "gateway keys generate" in failed_start(one)


def test_a_store_that_cannot_be_written_says_what_to_do(tmp_path):
    """The path and the reason, before anything listens."""
    (tmp_path / "occupied").write_text("a file where a folder should be")
    one = gateway(tmp_path, store=f"sqlite:{tmp_path / 'occupied' / 'gateway.db'}")

    said = failed_start(one)

    assert "occupied" in said
    assert "store" in said


def test_an_outage_of_the_store_logs_nobody_out(tmp_path):
    """503 with Retry-After while it lasts, public pages all the while, and the same session afterwards."""
    require_redis()
    (tmp_path / "redis").mkdir()
    redis = RedisServer(tmp_path / "redis", ["--appendonly", "yes", "--appendfsync", "always"])
    redis.start()
    one = gateway(tmp_path, store=redis.url)
    one.start()
    try:
        assert ask(one, "/x", cookie=one.cookie).status_code == 200

        redis.stop()

        during = ask(one, "/x", cookie=one.cookie)
        assert during.status_code == 503
        assert int(during.headers["retry-after"]) > 0
        assert "set-cookie" not in during.headers
        assert ask(one, "/x").status_code == 401
        assert ask(one, "/public/a", cookie=one.cookie).status_code == 200
        said = operator(one, "/readyz").json()
        assert (said["status"], said["store"]) == ("degraded", f"{redis.url}/0")
        assert said["since"].endswith("Z")
        assert said["last_error"].startswith("ConnectionError: redis: ")
        assert operator(one, "/readyz").status_code == 200

        redis.start()
        deadline = time.monotonic() + 10
        while (after := ask(one, "/x", cookie=one.cookie)).status_code == 503:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert after.headers["x-auth-user"] == "alice"
        while "store.recovered" not in one.log:
            assert time.monotonic() < deadline + 2 * CALM
            assert operator(one, "/readyz").json() == {"status": "ready"}
            time.sleep(0.1)
        lines = [json.loads(line) for line in one.log.splitlines() if line.startswith("{")]
        assert [line["what"] for line in lines if line["event"] == "operator.alarm"] == ["store_unavailable"]
    finally:
        one.stop()
        redis.stop()


def test_a_provider_that_is_down_does_not_stop_the_start(tmp_path):
    """Nobody is asked at the start; who wants to sign in is told kindly."""
    one = gateway(tmp_path)
    one.start()
    try:
        assert ask(one, "/x", cookie=one.cookie).status_code == 200

        answer = httpx.get(
            f"{one.url}/_gateway/auth/test", headers={"accept": "text/html", "x-forwarded-for": "192.0.2.9"}
        )

        assert answer.status_code == 503
        assert "does not answer" in answer.text
    finally:
        one.stop()
