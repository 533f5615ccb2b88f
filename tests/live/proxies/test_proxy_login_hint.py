"""Which providers a rule asks for reaches the login page through every real proxy, and no client has a say in it."""

from functools import partial
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.kit.proxies import STARTS
from tests.kit.real_gateway import ISSUER, RealGateway
from tests.kit.scene import open_scene

pytestmark = pytest.mark.live

PAGE = [("Accept", "text/html"), ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document")]
PROVIDERS = {
    name: {"issuer": f"{ISSUER}/{name}", "client_id": "gateway", "anyone": True, "user": f"{name}:{{sub}}"}
    for name in ("test", "partner", "guests")
}
RULES = [
    {
        "name": "partners",
        "paths": ["/partners/**"],
        "providers": ["partner", "guests"],
        "allow": "authenticated",
    },
    {"name": "public", "paths": ["/public"], "allow": "public"},
    {"name": "rest", "allow": "authenticated"},
]


@pytest.fixture(scope="module", params=STARTS)
def hinting(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    gateway = partial(
        RealGateway, folder=tmp_path_factory.mktemp("gateway"), written={"providers": PROVIDERS}
    )
    scene = open_scene(request.param, folder, gateway=gateway, changes={"rules": RULES})
    yield scene
    scene.stop()


@pytest.mark.parametrize("signed_in", [False, True], ids=["anonymous", "signed in elsewhere"])
def test_a_rule_tells_the_login_page_its_providers(hinting, signed_in):
    """Without that, a session of another provider would be sent straight back, again and again."""
    answer = hinting.ask("/partners/x", headers=PAGE, signed_in=signed_in)

    assert answer.status == 303
    assert query(answer)["provider"] == ["partner,guests"]


def test_a_rule_without_providers_tells_none(hinting):
    """Any login will do there, and nothing is left over from the answer before."""
    hinting.ask("/partners/x", headers=PAGE)

    answer = hinting.ask("/x", headers=PAGE)

    assert list(query(answer)) == ["rd"]


def test_a_client_names_no_provider_in_the_proxys_voice(hinting):
    """Neither where the rule names some, nor where it names none; and the application never sees the header."""
    forged = [("X-Gateway-Login-Providers", "test")]

    named, unnamed = (hinting.ask(path, headers=[*PAGE, *forged]) for path in ("/partners/x", "/x"))
    hinting.ask("/public", headers=forged)

    assert query(named)["provider"] == ["partner,guests"]
    assert list(query(unnamed)) == ["rd"]
    assert hinting.application.seen[-1].all("x-gateway-login-providers") == []


def query(answer):
    return parse_qs(urlsplit(answer.first("location")).query)
