"""GitLab, cranked by hand against a fake that refuses what GitLab refuses."""

from dataclasses import replace

import pytest

from gateway.errors import ProviderRefused, ProviderUnavailable
from gateway.providers.provider import Ask
from tests.kit.clock import Clock
from tests.kit.scripted_provider import reply
from tests.kit.vendors.gitlab import GitLab
from tests.kit.vendors.openid import SECRET, client_of, refresh, sign_in

USERINFO = "/oauth/userinfo"


@pytest.fixture
def gitlab():
    return GitLab(Clock(), client_secret=SECRET)


@pytest.fixture
def client():
    return client_of({"type": "gitlab"})


def test_a_login_brings_all_groups_and_not_only_those_joined_directly(client, gitlab):
    """They are in userinfo alone; the ID token's groups_direct is another list."""
    identity = sign_in(client, gitlab).identity

    assert identity.groups == ("acme", "acme/ops")
    assert identity.user == "gitlab:1234567"
    assert identity.name == "Alice Example"


def test_a_session_does_not_end_with_the_id_token(client, gitlab):
    """Two minutes for the token, two hours for the access."""
    grant = sign_in(client, gitlab).grant

    assert grant.expires == int(gitlab.clock()) + 7200


def test_a_refresh_repeats_the_address_of_the_login(client, gitlab):
    """Without it GitLab takes the token for dead, and so would we."""
    signed_in = sign_in(client, gitlab)

    refreshed = refresh(client, gitlab, signed_in.grant, signed_in.identity)

    assert refreshed.grant.refresh_token not in {"", signed_in.grant.refresh_token}
    assert refreshed.identity == signed_in.identity


def test_groups_are_read_again_at_each_refresh(client, gitlab):
    """Whoever was taken out of a group is out of it here at the next refresh."""
    signed_in = sign_in(client, gitlab)
    gitlab.groups = ["acme"]

    assert refresh(client, gitlab, signed_in.grant, signed_in.identity).identity.groups == ("acme",)


def test_groups_are_read_again_where_no_id_token_comes(client, gitlab):
    """Strength and moment of the login stay as they were proven."""
    signed_in = sign_in(client, gitlab)
    known = replace(signed_in.identity, acr="2", amr=("otp",), authenticated_at=1_700_000_000)
    gitlab.refreshes_id_token, gitlab.groups = False, ["acme"]

    again = refresh(client, gitlab, signed_in.grant, known).identity

    assert again == replace(known, groups=("acme",))


@pytest.mark.parametrize("with_id_token", [True, False])
@pytest.mark.parametrize(
    ("answer", "alarms"),
    [
        pytest.param(reply(500, {}), False, id="an outage"),
        pytest.param(ProviderUnavailable("idp", "silence"), False, id="silence"),
        pytest.param(reply(200, {"sub": "another"}), True, id="another person"),
    ],
)
def test_groups_that_could_not_be_read_are_not_no_groups(client, gitlab, with_id_token, answer, alarms):
    """Nothing new is known, so that what was proven stays, and nothing is added to it."""
    signed_in = sign_in(client, gitlab)
    gitlab.refreshes_id_token = with_id_token
    gitlab.instead[USERINFO] = [answer]

    refreshed = refresh(client, gitlab, signed_in.grant, signed_in.identity)

    assert refreshed.identity is None
    assert refreshed.grant.refresh_token in gitlab.refreshable
    assert bool(refreshed.alarm) == alarms


def test_a_person_who_lacks_a_demanded_claim_now_is_barred(gitlab):
    """required_claims are asked of userinfo too, also where no ID token came."""
    client = client_of({"type": "gitlab", "required_claims": {"nickname": ["alice"]}})
    signed_in = sign_in(client, gitlab)
    gitlab.refreshes_id_token = False
    gitlab.person["nickname"] = "mallory"

    assert refresh(client, gitlab, signed_in.grant, signed_in.identity).barred


def test_a_token_that_was_used_is_dead_and_so_is_the_access_that_came_with_it(client, gitlab):
    """The second of two refreshes at once gets invalid_grant."""
    signed_in = sign_in(client, gitlab)
    refresh(client, gitlab, signed_in.grant, signed_in.identity)

    with pytest.raises(ProviderRefused) as caught:
        refresh(client, gitlab, signed_in.grant, signed_in.identity)

    assert caught.value.terminal
    old = {"authorization": f"Bearer {signed_in.grant.access_token}"}
    assert gitlab.answer(Ask(f"https://gitlab.com{USERINFO}", headers=old)).status == 401


def test_a_gitlab_of_ones_own_is_named_by_its_address(gitlab):
    """Under a path too, and with the names that nobody else can take there."""
    home = "https://code.example.com/gitlab"
    own = GitLab(gitlab.clock, issuer=home, home=home, client_secret=SECRET)
    client = client_of({"type": "gitlab", "issuer": home, "user": "{preferred_username}"})

    identity = sign_in(client, own).identity

    assert identity.issuer == home
    assert identity.user == "alice"


@pytest.mark.parametrize("address", [None, "https://evil.test/callback"])
def test_the_fake_refuses_a_refresh_without_the_address_of_the_login(client, gitlab, address):
    """So that a client that forgets it is noticed."""
    token = sign_in(client, gitlab).grant.refresh_token
    form = {"grant_type": "refresh_token", "refresh_token": token}
    form |= {"redirect_uri": address} if address else {}
    used = next(ask for ask in gitlab.asked if ask.url.endswith("/token"))

    answer = gitlab.answer(replace(used, form=form))

    assert answer.json == {"error": "invalid_grant"}
