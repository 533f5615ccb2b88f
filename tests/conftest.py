"""What holds for every test: asyncio, and no socket that leaves this machine."""

import socket

import pytest
from hypothesis import settings

from tests.kit.figures import figure as figure  # noqa: PLC0414 (found here by every test)
from tests.kit.figures import pytest_terminal_summary as pytest_terminal_summary  # noqa: PLC0414
from tests.kit.keycloak import keycloak as keycloak  # noqa: PLC0414 (one server for every test)

# A time limit for one example says something about the machine and its load, not about the code.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True, scope="session")
def loopback_only():
    """A test that reaches out of the machine is a bug in the test."""
    real_connect = socket.socket.connect

    def connect(self, address):
        if self.family in {socket.AF_INET, socket.AF_INET6}:
            host = address[0]
            if not (host.startswith("127.") or host in {"::1", "localhost"}):
                raise AssertionError(f"a test tried to reach {host}")
        return real_connect(self, address)

    patch = pytest.MonkeyPatch()
    patch.setattr(socket.socket, "connect", connect)
    yield
    patch.undo()
