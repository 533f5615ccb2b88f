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
        ("authorization_endpoint", "write where browsers are sent"),
        ("token_endpoint", "write where codes become tokens"),
        ("userinfo_endpoint", "write where the person is read"),
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
    assert "remove it: other types of providers have it" in fault


@pytest.mark.parametrize(
    ("changes", "path", "words"),
    [
        pytest.param(
            {"orgs": ["a"]}, "orgs", "write one of allow, anyone,", id="a key near one of another type"
        ),
        pytest.param(
            {"claims": {"subject": "id", "mail": "m"}}, "claims.mail", "write email, or", id="in a mapping"
        ),
        pytest.param({"allow": "authenticated"}, "allow", "{groups: [staff]}", id="a word of rules"),
        pytest.param(
            {"user": ["{login}"]}, "user", "must be one text, and is a list", id="a list for a text"
        ),
        pytest.param(
            {"type": "dingtalk", "pkce": True}, "pkce", "write false", id="a boolean as YAML has it"
        ),
    ],
)
def test_what_to_write_is_said_for_the_type_that_stands_there(tmp_path, changes, path, words):
    """A key that only some other type has would be the next fault."""
    found = "\n".join(
        one for one in faults_of(tmp_path, **beside(**changes)) if f"providers.forum.{path}:" in one
    )

    assert words in found
    assert "corps" not in found


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


def test_the_address_of_a_document_is_no_issuer():
    """It is what one finds in a browser, and so what one pastes."""
    corp = CORP | {"issuer": "https://idp.example.com/realms/main/.well-known/openid-configuration"}
    [fault] = checks.faults(settings(providers={"corp": corp}))

    assert fault.path == ("providers", "corp", "issuer")
    assert fault.instead == "write the issuer itself, as in https://idp.example.com/realms/main"


@pytest.mark.parametrize(
    "host", ["https://cdn.example.com/", "cdn.example.com/a", "CDN.example.com", "*", ""]
)
def test_a_host_of_pictures_is_a_host(tmp_path, host):
    """Anything else would match nothing, in silence."""
    [fault] = faults_of(tmp_path, **beside(avatar_hosts=[host]))

    assert "providers.forum.avatar_hosts[0]" in fault
    assert "write a host in lower case" in fault


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


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        pytest.param(beside(), "rules[0]", id="bare, of several"),
        pytest.param(beside(allow={"groups": ["staff"]}), "providers.forum", id="bare, in the section of one of several"),
        pytest.param(beside(allow={"groups": ["corp:staff"]}), "providers.forum", id="of the other, in a section"),
        pytest.param({"providers": {"corp": CORP | {"qualify_groups": True}}}, "rules[0]", id="bare, of one that names them"),
        pytest.param({"providers": {"staff": CORP}}, "rules[1]", id="named, of one that does not"),
    ],
)  # fmt: skip
def test_a_group_that_nobody_can_have_is_a_warning(changes, place):
    """The rule would let nobody in, and no log line says why."""
    rules = [{"paths": ["/a"], "allow": {"groups": ["staff"]}}, {"allow": {"groups": ["staff:all"]}}]

    assert f"{place}.allow.groups[0]" in paths(checks.warnings(settings(**changes, rules=rules)))


@pytest.mark.parametrize(
    ("providers", "group"),
    [
        pytest.param({"corp": CORP, "forum": FORUM}, "forum:staff", id="named, of several"),
        pytest.param({"corp": CORP | {"qualify_groups": False}, "forum": FORUM}, "staff", id="bare, where one is written so"),
        pytest.param({"corp": CORP | {"allow": {"groups": ["role:a"]}}}, "role:admin", id="a prefix that is no provider"),
    ],
)  # fmt: skip
def test_a_group_that_somebody_can_have_is_none(providers, group):
    """A warning that is always there is read by nobody."""
    read = settings(providers=providers, rules=[{"allow": {"groups": [group]}}])

    assert checks.warnings(read) == ()
