"""Each real proxy once for all tests: `scene` with any gateway, `stub_scene` with the stand-in that tells and fails."""

import pytest

from tests.kit.proxies import STARTS
from tests.kit.scene import open_scene
from tests.kit.verify_stub import VerifyStub

GATEWAYS = {"stub": VerifyStub}
"""What may stand behind a proxy in the tests of `scene`, by name: settings in, a `Gateway` out."""


@pytest.fixture(scope="session")
def scenes(tmp_path_factory):
    opened = {}

    def get(kind, judge):
        if (kind, judge) not in opened:
            folder = tmp_path_factory.mktemp(kind)
            opened[kind, judge] = open_scene(kind, folder, gateway=GATEWAYS[judge])
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
