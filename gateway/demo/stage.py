"""The stage of the demo: a folder, ports, and a gateway.yaml with keys, all gone when the demo ends."""

import os
import socket
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from gateway.demo.authorization import Client
from gateway.errors import DemoFault
from gateway.keys.keyring import Keyring

LOOPBACK = "127.0.0.1"
GATEWAY_PATH = "/_gateway"
CLIENT_ID = "gateway-demo"


@dataclass(frozen=True, slots=True)
class Ports:
    """Where everything listens, on 127.0.0.1."""

    front: int
    application: int
    provider: int
    public: int
    verify: int
    metrics: int


@dataclass(frozen=True, slots=True)
class Stage:
    """Addresses and files. `front` is the address for the browser."""

    folder: Path
    ports: Ports

    @property
    def front(self) -> str:
        # Browsers leave the usual port out, and what they send is compared with this text.
        return f"http://{LOOPBACK}" if self.ports.front == 80 else f"http://{LOOPBACK}:{self.ports.front}"

    @property
    def public_url(self) -> str:
        return self.front + GATEWAY_PATH

    @property
    def issuer(self) -> str:
        """Under another host than the rest: cookies know no ports, and these two are not to see each other's."""
        return f"http://localhost:{self.ports.provider}"

    @property
    def application(self) -> str:
        return f"http://{LOOPBACK}:{self.ports.application}"

    @property
    def jwks_url(self) -> str:
        """The published keys, fetched from the gateway itself and not through the proxy."""
        return f"http://{LOOPBACK}:{self.ports.public}{GATEWAY_PATH}/.well-known/jwks.json"

    @property
    def ready_url(self) -> str:
        return f"http://{LOOPBACK}:{self.ports.metrics}/readyz"

    @property
    def config(self) -> Path:
        return self.folder / "gateway.yaml"

    @property
    def log(self) -> Path:
        return self.folder / "gateway.log"

    def client(self, secret: str) -> Client:
        """The gateway, as the identity provider knows it."""
        return Client(
            CLIENT_ID,
            secret,
            redirect_uris=(f"{self.public_url}/auth/demo/callback",),
            post_logout_uris=(f"{self.public_url}/auth/signed-out",),
        )


def free_ports(front: int, *, insist: bool = False) -> Ports:
    """Six free ports. The first is `front` where that can be had; else another, or with `insist` a `DemoFault`."""
    with ExitStack() as held:
        try:
            first = _held(front, held)
        except OSError as error:
            if insist:
                reason = (error.strerror or "no such port").lower()
                raise DemoFault(
                    f"cannot listen on {LOOPBACK}:{front}: {reason}; free it, or write another --port"
                ) from None
            first = _held(0, held)
        return Ports(first, *(_held(0, held) for _ in range(5)))


def _held(port: int, held: ExitStack) -> int:
    sock = held.enter_context(socket.socket())
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((LOOPBACK, port))
    number: int = sock.getsockname()[1]
    return number


def set_up(stage: Stage, ring: Keyring, client_secret: str) -> None:
    """Write gateway.yaml, the client's secret and the key ring. The folder is the caller's, and private."""
    _write(stage.folder / "client-secret", client_secret.encode())
    _write(stage.folder / "keys.json", ring.dump())
    _write(stage.config, _configuration(stage).encode())


def _write(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)


def _configuration(stage: Stage) -> str:
    ports, folder = stage.ports, stage.folder
    return f"""# The configuration of the demo. It is real, and small; gateway.yaml of the project explains every key.
public_url: {stage.public_url}
hosts: [{stage.front}]

rules:
  - name: open-pages
    paths: ["/public", "/public/**"]
    allow: public
  - name: admins-only
    paths: ["/admin", "/admin/**"]
    allow: {{groups: [admins]}}
  - name: everything-else
    allow: authenticated

providers:
  demo:
    title: Demo identity provider
    issuer: {stage.issuer}
    client_id: {CLIENT_ID}
    client_secret: file:{folder}/client-secret
    scopes: [openid, profile, email, groups]
    anyone: true

server:
  bind: {LOOPBACK}:{ports.public}
  verify_bind: {LOOPBACK}:{ports.verify}
  metrics_bind: {LOOPBACK}:{ports.metrics}
  trusted_proxies: [{LOOPBACK}/32]

headers:
  rule: X-Auth-Rule
  decision: X-Auth-Decision

store: sqlite:{folder}/gateway.db
keys: {{file: {folder}/keys.json}}
log: {{format: json}}
pages: {{title: Gateway demo}}
"""


def secret_text(random: Callable[[int], bytes]) -> str:
    return random(24).hex()
