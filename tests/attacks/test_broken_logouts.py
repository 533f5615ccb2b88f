"""Logouts of a provider that break in the middle: what the log says of them (T41)."""

from urllib.parse import urlencode

import pytest

from gateway.sessions.inventory import Inventory
from tests.attacks.test_backchannel_logout import FRONT, Scene
from tests.kit.login_door import STAFF

pytestmark = pytest.mark.anyio


@pytest.fixture
async def scene():
    return await Scene(("staff", "partners"), framed=("staff",)).fill()


@pytest.mark.parametrize("channel", ["back", "front"])
async def test_t41_a_logout_that_broke_in_the_middle_is_not_told_as_one_that_worked(
    scene, monkeypatch, channel
):
    """The log is what an operator believes when somebody asks why a session went on."""

    async def break_down(*_):
        raise RuntimeError("a bug")

    monkeypatch.setattr(Inventory, "end_login", break_down)
    if channel == "back":
        answer = await scene.tell(scene.token())
    else:
        answer = await scene.ask("GET", f"{FRONT}?{urlencode({'iss': STAFF, 'sid': 'p-1'})}")

    assert answer.status_code == 500
    assert scene.told() == ["gateway_error"]
