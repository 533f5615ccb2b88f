"""Sections of several types side by side: what each must say, and what no two may say."""

import pytest

from gateway.settings import checks
from tests.kit.config_file import FINE, faults_of, paths, settings

CORP = FINE["providers"]["corp"] | {"user": "corp:{preferred_username}"}
FORUM = {
    "type": "oauth2",
    "client_id": "gateway",
    "authorization_endpoint": "https://forum.example.com/oauth/authorize",
    "token_endpoint": "https://forum.example.com/oauth/token",
    "userinfo_endpoint": "https://forum.example.com/api/me",
    "user": "forum:{login}",
    "claims": {"subject": "id"},
}


def beside(**changes):
    return {"providers": {"corp": CORP, "forum": {**FORUM, **changes}}}


def without(key):
    return {"providers": {"corp": CORP, "forum": {name: FORUM[name] for name in FORUM if name != key}}}


def test_providers_of_two_types_stand_side_by_side():
    """Each section is read as its type says."""
    read = settings(**beside())

    assert [(one.type, one.home) for one in read.providers.values()] == [
        ("oidc", CORP["issuer"]),
        ("oauth2", "https://forum.example.com/oauth/authorize"),
    ]
    assert checks.faults(read) == ()


@pytest.mark.parametrize("kind", ["saml", "OIDC", "oauth", 7, True, ["oidc"], {"a": 1}])
def test_a_type_that_there_is_not_is_one_fault(tmp_path, kind):
    """It names those that there are."""
    [fault] = faults_of(tmp_path, **beside(type=kind))

    assert "providers.forum.type: is none of the types of providers" in fault
    assert "'oidc', 'oauth2'" in fault


@pytest.mark.parametrize(
    ("key", "instead"),
    [
        ("authorization_endpoint", "write it"),
        ("token_endpoint", "write it"),
        ("userinfo_endpoint", "write it"),
        ("client_id", "write what the provider calls the gateway"),
        ("user", "write a template of X-Auth-User"),
        ("claims", "write where the claims stand"),
    ],
)
def test_what_is_missing_is_said_with_what_to_write(tmp_path, key, instead):
    """Of a provider without a discovery document nothing can be guessed."""
    [fault] = faults_of(tmp_path, **without(key))

    assert f"providers.forum.{key}: is missing" in fault
    assert instead in fault


def test_claims_without_a_subject_name_nobody(tmp_path):
    """It is what keeps two people apart, so there is no default."""
    [fault] = faults_of(tmp_path, **beside(claims={"email": "mail"}))

    assert "providers.forum.claims.subject: is missing" in fault


def test_a_key_of_another_type_is_none_of_this_one(tmp_path):
    """An issuer's key in a section without one would do nothing, in silence."""
    [fault] = faults_of(tmp_path, **beside(frontchannel_logout=True))

    assert "providers.forum.frontchannel_logout: is not a key that belongs here" in fault


@pytest.mark.parametrize(
    ("changes", "path", "words"),
    [
        pytest.param({"token_endpoint": "http://forum.example.com/token"}, "token_endpoint", "in the clear", id="plain http"),
        pytest.param({"userinfo_endpoint": "https:///me"}, "userinfo_endpoint", "is no address", id="no host"),
        pytest.param({"scopes": ["a b"]}, "scopes[0]", "is no scope", id="two scopes in one"),
        pytest.param({"scopes": ["a"], "required_scopes": ["b"]}, "required_scopes[0]", "is not asked for", id="required, not asked for"),
        pytest.param({"user": "{login}"}, "user", "could give a person of forum the name of another person of corp", id="a name of the other"),
        pytest.param({"user": "corp:{login}"}, "user", "could give a person", id="the text of the other in front"),
        pytest.param(
            {"qualify_groups": False, "groups_claim": [{"path": "roles", "prefix": "corp:"}]},
            "groups_claim[0].prefix", "would make groups of corp", id="groups of the other",
        ),
        pytest.param({"authorization_endpoint": "https://github.com/login/oauth/authorize"}, None, "lets everybody in", id="open to the public"),
    ],
)  # fmt: skip
def test_what_could_harm_somebody_is_a_fault(changes, path, words):
    """At the start, before anybody is signed in."""
    found = checks.faults(settings(**beside(**changes)))

    where = "providers.forum" + (f".{path}" if path else "")
    assert [one for one in paths(found) if one.startswith("providers.forum")] == [where]
    assert words in found[0].what


@pytest.mark.parametrize(
    "said",
    [{"anyone": True}, {"allow": {"groups": ["forum:staff"]}}],
    ids=["anyone", "allow"],
)
def test_a_public_provider_with_a_word_on_whom_is_fine(said):
    """The operator has thought of it."""
    changes = {"authorization_endpoint": "https://github.com/login/oauth/authorize", **said}

    assert checks.faults(settings(**beside(**changes))) == ()


@pytest.mark.parametrize(
    ("written", "places"),
    [
        pytest.param("roles", [("roles", "")], id="a path"),
        pytest.param(["roles", "groups"], [("roles", ""), ("groups", "")], id="paths"),
        pytest.param(["groups", {"path": "a.b", "prefix": "role:"}], [("groups", ""), ("a.b", "role:")], id="both forms"),
        pytest.param({"path": "roles"}, [("roles", "")], id="one place"),
    ],
)  # fmt: skip
def test_places_of_groups_are_written_short_or_long(written, places):
    """Most people need the short form."""
    read = settings(**beside(groups_claim=written))

    assert [(one.path, one.prefix) for one in read.providers["forum"].groups_claim] == places


@pytest.mark.parametrize("written", ["", [""], [{"prefix": "a"}], [{"path": "a", "sort": "b"}], [7], 7])
def test_a_place_that_is_none_is_a_fault(tmp_path, written):
    """With the path of the entry."""
    faults = faults_of(tmp_path, **beside(groups_claim=written))

    assert faults
    assert all("providers.forum.groups_claim" in fault for fault in faults)
