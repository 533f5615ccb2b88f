"""A real provider ends a session of its own, and tells a real gateway, server to server."""

import html
import re
import time
from urllib.parse import urljoin

import httpx
import pytest

from gateway.settings.model import Settings
from tests.kit.browser import Browser, Jar, origin_of
from tests.kit.oidc_provider import oidc_provider
from tests.kit.real_gateway import RealGateway
from tests.kit.servers import free_ports

pytestmark = [pytest.mark.live, pytest.mark.anyio]

SECRET = "loopback-only"


class Trusting(Jar):
    """The cookies of a browser that takes loopback for a secure place, as all of them do."""

    def store(self, url, line):
        super().store(url.replace("http:", "https:", 1), line)

    def line(self, url, **named):
        return super().line(url.replace("http:", "https:", 1), **named)


class Stage:
    """A gateway that knows one provider, and a person with a browser."""

    def __init__(self, folder, issuer, ports):
        public, verify, metrics, app = ports
        self.public, self.app = f"http://127.0.0.1:{public}", f"http://127.0.0.1:{app}"
        self.verify, self.issuer = f"http://127.0.0.1:{verify}", issuer
        written = {
            "public_url": self.public,
            "hosts": [self.app],
            "rules": [{"allow": "authenticated"}],
            "providers": {
                "test": {
                    "issuer": issuer,
                    "client_id": "gateway",
                    "client_secret": "${TEST_CLIENT_SECRET}",
                    "anyone": True,
                }
            },
            "server": {
                "bind": f"127.0.0.1:{public}",
                "verify_bind": f"127.0.0.1:{verify}",
                "metrics_bind": f"127.0.0.1:{metrics}",
                "trusted_proxies": ["127.0.0.1/32"],
            },
        }
        settings = Settings.model_validate(written)
        self.gateway = RealGateway(settings, folder, written, {"TEST_CLIENT_SECRET": SECRET})
        home = origin_of(issuer)
        self.browser = Browser({self.public: self.public, home: home}, time.time)
        self.browser.jar = Trusting(time.time)

    async def sign_in(self, *answers):
        """Sign in at the provider, whose forms are answered one after the other."""
        hop = await self.browser.open(f"{self.public}/auth/test?rd={self.app}/x")
        for answer in answers:
            hop = await self.submit(hop, answer)
        assert hop.location == f"{self.app}/x", hop.response.text

    async def submit(self, hop, answer):
        """Answer the form of a page: what is hidden in it, and this."""
        page = hop.response.text
        action = re.search(r'<form[^>]*action="([^"]+)"', page)
        assert action, page
        hidden = {}
        for tag in re.findall(r"<input[^>]*>", page):
            named, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
            if named and value and 'type="hidden"' in tag:
                hidden[named[1]] = html.unescape(value[1])
        return await self.browser.submit(urljoin(hop.url, html.unescape(action[1])), {**hidden, **answer})

    async def status(self):
        """What the gateway says of the browser's cookie."""
        cookie = self.browser.jar.get("gw")
        lines = {
            "x-forwarded-method": "GET",
            "x-forwarded-proto": "http",
            "x-forwarded-host": self.app.removeprefix("http://"),
            "x-forwarded-uri": "/x",
            "x-forwarded-for": "127.0.0.1",
            "cookie": f"gw={cookie.value}",
        }
        async with httpx.AsyncClient(trust_env=False) as client:
            return (await client.get(f"{self.verify}/verify/forward-auth", headers=lines)).status_code


@pytest.mark.parametrize("by_session", [True, False], ids=["by-session", "by-person"])
async def test_oidc_provider_ends_the_gateway_s_session(tmp_path, by_session):
    """The person signs out there; the next check here says no. With a `sid` in its tokens, and with a `sub` alone."""
    ports = free_ports(4)
    public = f"http://127.0.0.1:{ports[0]}"
    options = {
        "redirect_uris": [f"{public}/auth/test/callback"],
        "client_secret": SECRET,
        "backchannel_logout_uri": f"{public}/auth/test/backchannel-logout",
        "backchannel_logout_session_required": by_session,
    }
    with oidc_provider(**options) as provider:
        stage = Stage(tmp_path, provider.issuer, ports)
        stage.gateway.cookie = "none needed"
        stage.gateway.start()
        try:
            await stage.sign_in({"login": "ada", "password": "x"}, {})
            assert await stage.status() == 200

            page = await stage.browser.open(f"{provider.issuer}/session/end")
            await stage.submit(page, {"logout": "yes"})

            assert await stage.status() == 401
            assert '"event": "provider.logout"' in stage.gateway.log
        finally:
            stage.gateway.stop()


async def test_keycloak_ends_the_gateway_s_session(tmp_path, keycloak):
    """The same with Keycloak, whose tokens carry `typ: logout+jwt`."""
    ports = free_ports(4)
    public = f"http://127.0.0.1:{ports[0]}"
    with keycloak(
        [f"{public}/auth/test/callback"],
        [],
        attributes={
            "backchannel.logout.url": f"{public}/auth/test/backchannel-logout",
            "backchannel.logout.session.required": "true",
        },
    ) as issuer:
        stage = Stage(tmp_path, issuer, ports)
        stage.gateway.cookie = "none needed"
        stage.gateway.start()
        try:
            await stage.sign_in({"username": "ada", "password": "ada"})
            assert await stage.status() == 200

            page = await stage.browser.open(f"{issuer}/protocol/openid-connect/logout")
            await stage.submit(page, {"confirmLogout": "Logout"})

            assert await stage.status() == 401
            assert '"channel": "back"' in stage.gateway.log
        finally:
            stage.gateway.stop()
