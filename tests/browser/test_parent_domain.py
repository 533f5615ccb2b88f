"""The other cookie layout: `auth.` beside `app.` under a parent domain, over TLS, in a real browser."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext

from gateway.forward_auth.snippets import nginx
from gateway.settings.model import Settings
from tests.kit.certificate import issue
from tests.kit.chromium import chromium
from tests.kit.echo_app import EchoApp
from tests.kit.journey import SECRET, header, said, sign_in, sign_out
from tests.kit.oidc_provider import OidcProvider, oidc_provider
from tests.kit.proxies import nginx_surroundings
from tests.kit.real_gateway import RealGateway
from tests.kit.servers import Process, find_binary, free_ports, is_listening

pytestmark = [pytest.mark.browser, pytest.mark.live]

AUTH, APP, WIKI = "auth.gateway.test", "app.gateway.test", "wiki.gateway.test"


def settings_of(port: int, public: int, verify: int, metrics: int) -> Settings:
    return Settings.model_validate(
        {
            "public_url": f"https://{AUTH}:{port}",
            "hosts": [f"https://{APP}:{port}", f"https://{WIKI}:{port}"],
            "rules": [
                {"name": "admins", "hosts": [WIKI], "allow": {"groups": ["admins"]}},
                {"name": "rest", "allow": "authenticated"},
            ],
            "sessions": {"cookie_domain": "gateway.test"},
            "server": {
                "bind": f"127.0.0.1:{public}",
                "verify_bind": f"127.0.0.1:{verify}",
                "metrics_bind": f"127.0.0.1:{metrics}",
                "trusted_proxies": ["127.0.0.1"],
            },
        }
    )


def fill_in(text: str, places: dict[str, str]) -> str:
    for place, value in places.items():
        text = text.replace(place, value)
    return text


@contextmanager
def tls_nginx(settings: Settings, application: str, folder: Path, port: int) -> Iterator[str]:
    """nginx from our own snippet with a certificate filled in, on loopback; yields the pin of its key."""
    certificate = issue(folder, [AUTH, APP, WIKI])
    filled = {
        "# ssl_certificate     /path/to/fullchain.pem;": f"ssl_certificate {certificate.chain};",
        "# ssl_certificate_key /path/to/privkey.pem;": f"ssl_certificate_key {certificate.key};",
        f"listen {port} ssl;": f"listen 127.0.0.1:{port} ssl;",
    }
    for name, text in nginx.snippet(settings, application).items():
        (folder / name).write_text(fill_in(text, filled))
    (folder / "nginx.conf").write_text(nginx_surroundings(folder))
    command = [find_binary("nginx"), "-e", "error.log", "-p", str(folder), "-c", str(folder / "nginx.conf")]
    process = Process(command, folder)
    try:
        process.wait_until(lambda: is_listening(port))
        yield certificate.pin
    finally:
        process.stop()


@contextmanager
def house(folder: Path) -> Iterator[tuple[int, OidcProvider, BrowserContext]]:
    """Everything, with TLS in front: the proxy's port, the provider, and the browser."""
    port, public, verify, metrics, app_port = free_ports(5)
    settings = settings_of(port, public, verify, metrics)
    home = settings.public_url
    application = EchoApp(app_port)
    application.start()
    try:
        with oidc_provider(
            redirect_uris=[f"{home}/auth/test/callback"],
            post_logout_redirect_uris=[f"{home}/auth/signed-out"],
            client_secret=SECRET,
        ) as provider:
            section: dict[str, Any] = {
                "issuer": provider.issuer,
                "client_id": "gateway",
                "client_secret": "${TEST_CLIENT_SECRET}",
                "anyone": True,
            }
            gateway = RealGateway(
                settings, folder, {"providers": {"test": section}}, {"TEST_CLIENT_SECRET": SECRET}
            )
            gateway.start()
            try:
                with (
                    tls_nginx(settings, f"http://127.0.0.1:{app_port}", folder, port) as pin,
                    chromium(
                        "--host-resolver-rules=MAP *.gateway.test 127.0.0.1",
                        f"--ignore-certificate-errors-spki-list={pin}",
                    ) as browser,
                ):
                    yield port, provider, browser
            finally:
                gateway.stop()
    finally:
        application.stop()


def test_one_login_serves_every_host_under_the_parent_domain(tmp_path):
    """Sign in for one application, pass into another, and leave both with one logout."""
    with house(tmp_path) as (port, provider, browser):
        page = browser.new_page()

        page.goto(f"https://{APP}:{port}/a?x=1&y=%20")
        assert page.url.startswith(provider.issuer)
        sign_in(page, "ben")
        assert page.url == f"https://{APP}:{port}/a?x=1&y=%20"
        assert header(said(page), "x-auth-user") == ["ben"]

        cookies = {one["name"]: one for one in browser.cookies()}
        session, attempt = cookies["__Secure-gw"], cookies["__Host-gw-login"]
        assert session["domain"] == ".gateway.test"
        assert (session["secure"], session["httpOnly"], session["sameSite"]) == (True, True, "Lax")
        assert attempt["domain"] == AUTH

        # The other host knows the person too, and says no for a reason of its own: no second login would help.
        answer = page.goto(f"https://{WIKI}:{port}/")
        assert answer is not None
        assert answer.status == 403
        assert "not" in page.inner_text("main").lower()

        sign_out(page, f"https://{AUTH}:{port}")
        assert "__Secure-gw" not in {one["name"] for one in browser.cookies()}

        page.goto(f"https://{APP}:{port}/a")
        assert page.url.startswith((provider.issuer, f"https://{AUTH}:{port}/auth/login"))
