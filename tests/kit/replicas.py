"""Several gateways over one Redis, and a balancer in front of them, all on loopback."""

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from gateway.forward_auth.snippets import nginx
from tests.kit.proxies import nginx_surroundings
from tests.kit.real_gateway import RealGateway
from tests.kit.scene import scene_settings
from tests.kit.servers import Process, find_binary, free_ports, is_listening


@dataclass(frozen=True, slots=True)
class Replicas:
    """Gateways that share keys and store; `port` is the balancer's."""

    gateways: tuple[RealGateway, ...]
    port: int

    @property
    def cookie(self) -> str:
        return self.gateways[0].cookie

    def restart_one_by_one(self, pause: float) -> list[float]:
        """SIGTERM, wait for the end, start, wait until it is ready: as a rollout does. Seconds that each stop took."""
        took = []
        for one in self.gateways:
            assert one.process is not None
            process, begun = one.process._process, time.monotonic()
            process.terminate()
            assert process.wait(30) == 0
            took.append(time.monotonic() - begun)
            one.stop()
            one.start()
            wait_until_ready(one)
            time.sleep(pause)  # for the balancer to see it
        return took


def wait_until_ready(one: RealGateway) -> None:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        with suppress(httpx.TransportError):
            if httpx.get(f"http://{one.settings.server.metrics_bind}/readyz").status_code == 200:
                return
        time.sleep(0.05)
    raise AssertionError(f"not ready:\n{one.log[-2000:]}")


@contextmanager
def replicas(folder: Path, store: str, balancer: str, server: Mapping[str, Any]) -> Iterator[Replicas]:
    """Three gateways behind `balancer`: nginx, haproxy-http or haproxy-tcp."""
    with ExitStack() as stack:
        port, app_port = free_ports(2)
        gateways = [_gateway(folder / f"replica-{n}", port, store, server) for n in range(3)]
        for one in gateways[1:]:
            one.document["keys"], one.ring = gateways[0].document["keys"], gateways[0].ring
            one.config.write_text(yaml.safe_dump(one.document))
        for one in gateways:
            stack.callback(one.stop)
            one.start()
            one.cookie = gateways[0].cookie
            wait_until_ready(one)
        process = BALANCERS[balancer](folder, gateways, port, app_port)
        stack.callback(process.stop)
        process.wait_until(lambda: is_listening(port))
        time.sleep(1)  # for the first health checks
        yield Replicas(tuple(gateways), port)


def _gateway(folder: Path, port: int, store: str, server: Mapping[str, Any]) -> RealGateway:
    folder.mkdir()
    settings = scene_settings("one-host", [port, *free_ports(3)])
    one = RealGateway(settings, folder, {"store": store, "log": {"level": "warning"}})
    one.document["server"] = one.document["server"] | dict(server)
    one.config.write_text(yaml.safe_dump(one.document))
    return one


def _nginx(folder: Path, gateways: list[RealGateway], port: int, app_port: int) -> Process:
    """Our own snippet, with three servers in its upstreams, and an application that always says yes."""
    del port
    texts = nginx.snippet(gateways[0].settings, f"http://127.0.0.1:{app_port}")
    for key in ("verify_bind", "bind"):
        one = f"    server {getattr(gateways[0].settings.server, key)};\n"
        assert one in texts["gateway.conf"]
        all_of_them = "".join(
            f"    server {getattr(g.settings.server, key)} fail_timeout=1s;\n" for g in gateways
        )
        texts["gateway.conf"] = texts["gateway.conf"].replace(one, all_of_them)
    application = f"server {{ listen 127.0.0.1:{app_port}; location / {{ return 204; }} }}\n"
    texts["gateway.conf"] += application
    for name, text in (texts | {"nginx.conf": nginx_surroundings(folder)}).items():
        (folder / name).write_text(text)
    argv = [find_binary("nginx"), "-e", "error.log", "-p", str(folder), "-c", str(folder / "nginx.conf")]
    return Process(argv, folder)


def _haproxy(mode: str) -> Any:
    """A balancer for the verify endpoints that asks /readyz; it retries nothing that was sent."""

    def start(folder: Path, gateways: list[RealGateway], port: int, app_port: int) -> Process:
        del app_port
        servers = "".join(
            f"    server r{n} {one.settings.server.verify_bind} check\n" for n, one in enumerate(gateways)
        )
        text = f"""
defaults
    mode {mode}
    timeout connect 1s
    timeout client 30s
    timeout server 30s
    option httpchk GET /readyz
    http-check expect status 200
    default-server inter 200ms fall 1 rise 1
    retries 3
    option redispatch 1
frontend verify
    bind 127.0.0.1:{port}
    default_backend gateways
backend gateways
    balance roundrobin
    {"http-reuse always" if mode == "http" else ""}
{servers}"""
        (folder / "haproxy.cfg").write_text(text)
        return Process([find_binary("haproxy"), "-db", "-f", "haproxy.cfg"], folder)

    return start


BALANCERS = {"nginx": _nginx, "haproxy-http": _haproxy("http"), "haproxy-tcp": _haproxy("tcp")}
