"""Browser → real proxy → gateway → application, on free ports of this machine.

The gateway is exchangeable: whatever has `start`, `stop` and the `cookie` of alice's session, and honours the rules
of `scene_settings`. The stand-in of `verify_stub` has more: it says what it was asked, and fails on demand.
"""

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from gateway.settings.hand_through import identity_headers
from gateway.settings.model import Settings
from tests.kit.echo_app import EchoApp
from tests.kit.proxies import Proxy, Wanted, start_proxy
from tests.kit.servers import free_ports
from tests.kit.verify_stub import VerifyStub
from tests.kit.wire import Answer, exchange, write_request

# Under a domain of their own: a browser takes no cookie for all of `localhost`.
DOMAIN = "gw.localhost"
APP, AUTH, WIKI = f"app.{DOMAIN}", f"auth.{DOMAIN}", f"wiki.{DOMAIN}"
Headers = Iterable[tuple[str, str]]


class Gateway(Protocol):
    """What a scene needs of a gateway. `cookie` is a `name=value` that is a session of alice."""

    cookie: str

    def start(self) -> None: ...
    def stop(self) -> None: ...


def scene_settings(
    layout: str, ports: list[int], changes: Mapping[str, Any] | None = None, scheme: str = "http"
) -> Settings:
    """Settings of a scene. `layout`: one-host or beside; `ports`: proxy, public, verify and metrics listener."""
    proxy, public, verify, metrics = ports
    beside = layout == "beside"
    home = f"{scheme}://{AUTH}:{proxy}" if beside else f"{scheme}://{APP}:{proxy}/_gateway"
    server = {
        "bind": f"127.0.0.1:{public}",
        "verify_bind": f"127.0.0.1:{verify}",
        "metrics_bind": f"127.0.0.1:{metrics}",
        "trusted_proxies": ["127.0.0.1"],
    }
    wanted = dict(changes or {})
    return Settings.model_validate(
        {
            "public_url": home,
            "hosts": [f"{scheme}://{host}:{proxy}" for host in ((APP, WIKI) if beside else (APP,))],
            "rules": [
                {"name": "public", "paths": ["/public/**", "/public"], "allow": "public"},
                {"name": "forbidden", "paths": ["/forbidden/**"], "allow": {"users": ["nobody-at-all"]}},
                {"name": "rest", "allow": "authenticated"},
            ],
            "sessions": {"cookie_domain": DOMAIN} if beside else {},
        }
        | wanted
        | {"server": server | wanted.get("server", {})}
    )


def identity_names(settings: Settings) -> list[str]:
    """The identity headers that these settings switch on."""
    return list(identity_headers(settings).values())


@dataclass(slots=True)
class Scene:
    """All parts, running."""

    settings: Settings
    proxy: Proxy
    gateway: Any
    application: EchoApp
    certificate: Path | None = None

    def ask(
        self,
        target: str = "/",
        *,
        method: str = "GET",
        headers: Headers = (),
        body: bytes = b"",
        host: str = APP,
        signed_in: bool = False,
        timeout: float = 40,
    ) -> Answer:
        """One request through the proxy, exactly these header lines behind Host (and a close, unless one is given)."""
        lines = list(headers)
        named = {name.lower() for name, _ in lines}
        first = [("Host", f"{host}:{self.proxy.port}")] if host and "host" not in named else []
        if signed_in:
            first.append(("Cookie", self.gateway.cookie))
        if body and "content-length" not in named:
            lines.append(("Content-Length", str(len(body))))
        if "connection" not in named:
            lines.append(("Connection", "close"))
        raw = write_request(method, target, [*first, *lines], body)
        return exchange(self.proxy.port, raw, timeout, certificate=self.certificate)

    def stop(self) -> None:
        self.proxy.stop()
        self.gateway.stop()
        self.application.stop()


def open_scene(
    kind: str,
    folder: Path,
    *,
    layout: str = "one-host",
    gateway: Callable[[Settings], Gateway] = VerifyStub,
    changes: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
    certificate: Path | None = None,
    routes_when: Collection[int] = (200,),
) -> Scene:
    """Start everything and wait until the proxy routes; with a certificate over TLS."""
    *ports, app_port = free_ports(5)
    settings = scene_settings(layout, ports, changes, "https" if certificate else "http")
    judge, application = gateway(settings), EchoApp(app_port)
    address = f"http://127.0.0.1:{app_port}"
    wanted = Wanted(settings, address, folder, environment or {}, certificate)
    proxy = start_proxy(kind, wanted, ports[0])
    scene = Scene(settings, proxy, judge, application, certificate)
    try:
        judge.start()
        application.start()
        _wait_for_routes(scene, routes_when)
    except BaseException:
        scene.stop()
        raise
    return scene


def _wait_for_routes(scene: Scene, statuses: Collection[int]) -> None:
    end = time.monotonic() + 15
    while not _routes(scene, statuses):
        if time.monotonic() > end:
            raise AssertionError(f"{scene.proxy.kind} does not route:\n{scene.proxy.process.log[-4000:]}")
        time.sleep(0.05)


def _routes(scene: Scene, statuses: Collection[int]) -> bool:
    """Traefik listens before it has read its routes and certificates."""
    try:
        return scene.ask("/public").status in statuses
    except OSError:
        return False
