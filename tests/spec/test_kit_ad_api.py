"""The scripted directory API is as strict as a real one."""

import pytest

from gateway.providers.provider import Ask
from tests.kit.clock import Clock
from tests.kit.vendors.ad_api import KEY, PATHS, AdApi

STATUSES = {"token": (401, 400, 422), "user-by-status": (401, 400, 422), "user": (200, 200, 200)}


def ask(api, name="ann", password="ann-pw", **more):
    return api.answer(Ask(api.url, json={"username": name, "password": password, **more}))


@pytest.mark.parametrize("shape", PATHS)
def test_each_shape_refuses_in_its_own_way(shape):
    """By the status, or by the body alone."""
    api = AdApi(Clock(), shape=shape)

    answers = (ask(api, password="wrong"), ask(api, domain="ELSEWHERE"), ask(api, name=""))

    assert tuple(answer.status for answer in answers) == STATUSES[shape]
    assert {answer.json["success"] for answer in answers} == {False}
    assert ask(api, domain="BRANCH").json["success"] is True


def test_wrong_passwords_lock_an_account():
    """At the threshold, and for the right one as well."""
    api = AdApi(Clock(), threshold=2)

    assert [ask(api, password="wrong").status for _ in range(3)] == [401, 401, 423]
    assert ask(api).status == 423


def test_states_are_told_to_whoever_knows_the_password_alone():
    """A disabled account with a wrong password is a wrong password."""
    api = AdApi(Clock(), disabled={"ann"}, expired={"bob"})

    assert ask(api, password="wrong").json["code"] == "invalid_credentials"
    assert ask(api).json["code"] == "account_disabled"
    assert ask(api, "bob", "bob-pw").json["code"] == "password_expired"


def test_the_key_of_the_api_comes_first():
    """Without it no name is looked at."""
    api = AdApi(Clock(), key=KEY)

    assert ask(api, "nobody").json["code"] == "API_KEY_EXPIRED"
    assert api.wrong == {}
