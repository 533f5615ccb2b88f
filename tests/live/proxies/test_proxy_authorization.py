"""HTTP Basic through every real proxy: read where a rule reads it, and then for nobody else."""

import json
from base64 import b64encode
from functools import partial

import pytest

from tests.kit.echo_app import reached, values
from tests.kit.proxies import STARTS
from tests.kit.real_gateway import ISSUER, RealGateway
from tests.kit.scene import open_scene
from tests.kit.users_file import person, write_people

pytestmark = pytest.mark.live

RULES = [
    {"name": "public", "paths": ["/public/**", "/public"], "allow": "public"},
    {"name": "api", "paths": ["/api/**"], "allow": "authenticated", "accept": ["session", "basic"]},
    {
        "name": "handed",
        "paths": ["/handed/**"],
        "allow": "authenticated",
        "accept": "basic",
        "pass_authorization": True,
    },
    {"name": "rest", "allow": "authenticated"},
]
CREDENTIAL = "Basic " + b64encode(b"ann:correct horse").decode()
RIGHT = ("Authorization", CREDENTIAL)
WRONG = ("Authorization", "Basic " + b64encode(b"ann:wrong horse").decode())


@pytest.fixture(scope="module", params=STARTS)
def scene(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("gateway")
    people = folder / "people.json"
    write_people(people, ann=person("correct horse"))
    providers = {
        "test": {
            "issuer": ISSUER,
            "client_id": "gateway",
            "anyone": True,
            "user": "test:{preferred_username}",
        },
        "local": {"type": "users-file", "file": str(people), "user": "local:{username}"},
    }
    changes = {"rules": RULES, "providers": providers}
    gateway = partial(RealGateway, folder=folder)
    opened = open_scene(
        request.param, tmp_path_factory.mktemp(request.param), gateway=gateway, changes=changes
    )
    yield opened
    opened.stop()


def test_a_script_is_known_and_its_password_is_not_handed_on(scene):
    """The application learns who it is, and nothing by which it could be the person elsewhere."""
    said = reached(scene.ask("/api/x", headers=[RIGHT]))

    assert values(said, "x-auth-user") == ["local:ann"]
    assert "".join(values(said, "authorization")) == ""
    assert CREDENTIAL.removeprefix("Basic ") not in json.dumps(said)


def test_a_rule_may_hand_it_on(scene):
    """`pass_authorization: true`, for an application that asks for it itself."""
    assert values(reached(scene.ask("/handed/x", headers=[RIGHT])), "authorization") == [CREDENTIAL]


@pytest.mark.parametrize("value", [CREDENTIAL, "Bearer of-the-application", "Negotiate abc=="])
def test_where_no_rule_reads_it_the_application_gets_it_as_it_came(scene, value):
    """Under a public rule, and under one that looks at sessions alone."""
    line = ("Authorization", value)

    for path, person_of_it in (("/public", []), ("/x", [("Cookie", scene.gateway.cookie)])):
        assert values(reached(scene.ask(path, headers=[line, *person_of_it])), "authorization") == [value]


def test_another_scheme_beside_a_session_is_the_applications(scene):
    """Under a rule that reads Basic, a token is not read, and so not taken."""
    lines = [("Authorization", "Bearer of-the-application"), ("Cookie", scene.gateway.cookie)]

    said = reached(scene.ask("/api/x", headers=lines))

    assert values(said, "authorization") == ["Bearer of-the-application"]


def test_a_wrong_password_and_none_are_asked_for_basic(scene):
    """With one challenge, through nginx too, which asks the gateway twice."""
    for lines in ([WRONG], []):
        answer = scene.ask("/api/x", headers=lines)
        assert answer.status == 401
        assert answer.all("www-authenticate") == ['Basic realm="gateway", charset="UTF-8"']


def test_a_wrong_password_beside_a_session_is_no_session(scene):
    """What is brought decides alone."""
    assert scene.ask("/api/x", headers=[WRONG, ("Cookie", scene.gateway.cookie)]).status == 401
