"""Each real proxy once for all tests: `scene` with any gateway, `stub_scene` with the stand-in that tells and fails."""

from functools import partial

import pytest

from tests.kit.proxies import STARTS
from tests.kit.real_gateway import RealGateway
from tests.kit.scene import open_scene
from tests.kit.verify_stub import VerifyStub

GATEWAYS = {"stub": lambda settings, folder: VerifyStub(settings), "real": RealGateway}
"""What may stand behind a proxy in the tests of `scene`, by name: settings and a folder in, a `Gateway` out."""


@pytest.fixture(scope="session")
def scenes(tmp_path_factory):
    opened = {}

    def get(kind, judge):
        if (kind, judge) not in opened:
            folder, home = tmp_path_factory.mktemp(kind), tmp_path_factory.mktemp(judge)
            gateway = partial(GATEWAYS[judge], folder=home)
            opened[kind, judge] = open_scene(kind, folder, gateway=gateway)
        return opened[kind, judge]

    yield get
    for scene in opened.values():
        scene.stop()


@pytest.fixture(params=[(kind, judge) for kind in STARTS for judge in GATEWAYS], ids="-".join)
def scene(request, scenes):
    return scenes(*request.param)


@pytest.fixture(params=STARTS)
def stub_scene(request, scenes):
    scene = scenes(request.param, "stub")
    yield scene
    scene.gateway.failure = ""
