"""Everything at once: Chromium → real proxy → gateway process → application, and `oidc-provider` beside them."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext

from gateway.sessions.cookie import session_cookie
from gateway.settings.model import Settings
from tests.kit.certificates import pin, write_certificate
from tests.kit.chromium import chromium
from tests.kit.journey import SECRET
from tests.kit.oidc_provider import OidcProvider, oidc_provider
from tests.kit.real_gateway import RealGateway
from tests.kit.scene import APP, AUTH, WIKI, Scene, open_scene


@dataclass(frozen=True)
class House:
    """What runs, and the browser in front of it. `home` is where browsers meet the gateway."""

    scene: Scene
    gateway: RealGateway
    provider: OidcProvider
    browser: BrowserContext

    @property
    def home(self) -> str:
        return self.scene.settings.public_url

    @property
    def origin(self) -> str:
        return self.origin_of(APP)

    def origin_of(self, host: str) -> str:
        return f"{self.home.partition(':')[0]}://{host}:{self.scene.proxy.port}"

    @property
    def cookie(self) -> str:
        """The session cookie as the browser would send it; "" where it has none."""
        name = session_cookie(self.scene.settings).name
        found = [one for one in self.browser.cookies() if one["name"] == name]
        return f"{name}={found[0]['value']}" if found else ""


@contextmanager
def house(
    kind: str,
    folder: Path,
    *,
    layout: str = "one-host",
    tls: bool = False,
    store: str = "",
    token_seconds: int = 3600,
    changes: Mapping[str, Any] | None = None,
) -> Iterator[House]:
    """Open a scene with a real gateway, a provider that knows it, and a browser that trusts the certificate."""
    with ExitStack() as stack:
        found: list[OidcProvider] = []

        def gateway(settings: Settings) -> RealGateway:
            provider = stack.enter_context(
                oidc_provider(
                    redirect_uris=[f"{settings.public_url}/auth/test/callback"],
                    post_logout_redirect_uris=[f"{settings.public_url}/auth/signed-out"],
                    client_secret=SECRET,
                    access_token_ttl=token_seconds,
                )
            )
            found.append(provider)
            section = {
                "issuer": provider.issuer,
                "client_id": "gateway",
                "client_secret": "${TEST_CLIENT_SECRET}",
                "scopes": ["openid", "profile", "email", "offline_access"],
                "prompt": "consent",
                "anyone": True,
            }
            written = {"providers": {"test": section}} | ({"store": store} if store else {})
            return RealGateway(settings, folder, written, {"TEST_CLIENT_SECRET": SECRET})

        certificate = write_certificate(folder / "tls.pem", APP, AUTH, WIKI) if tls else None
        scene = open_scene(
            kind, folder, layout=layout, gateway=gateway, changes=changes, certificate=certificate
        )
        stack.callback(scene.stop)
        trust = [f"--ignore-certificate-errors-spki-list={pin(certificate)}"] if certificate else []
        browser = stack.enter_context(chromium("--host-resolver-rules=MAP *.localhost 127.0.0.1", *trust))
        yield House(scene, scene.gateway, found[0], browser)
