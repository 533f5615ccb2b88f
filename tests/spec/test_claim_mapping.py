"""The mapping of claims that the configuration writes: where they stand, which groups count, what is demanded."""

import pytest

from gateway.errors import NotAllowed, ProviderLied
from gateway.providers.claims import find, named_subject
from gateway.providers.reading import Reading
from gateway.settings.model import OidcProvider

ALICE = {"sub": "u-1", "preferred_username": "alice"}
ROLES = {
    "realm_access": {"roles": ["admin", "offline_access"]},
    "resource_access": {"my.app": {"roles": ["editor"]}},
    "groups": ["/staff", "/staff/ops"],
}


def identity(*documents, several=False, name="idp", **changes):
    section = OidcProvider.model_validate({"issuer": "https://idp.example", "client_id": "my.app"} | changes)
    reading = Reading.of(section, name, section.issuer, section.claims, several=several)
    return reading.identity(({**ALICE, **documents[0]}, *documents[1:]), ("", "u-1"), 5)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param("groups", ["/staff", "/staff/ops"], id="a name"),
        pytest.param("realm_access.roles", ["admin", "offline_access"], id="a path"),
        pytest.param("resource_access.my.app.roles", ["editor"], id="a name with a dot on the way"),
        pytest.param("resource_access.my.roles", None, id="half a name"),
        pytest.param("realm_access.roles.admin", None, id="a path into a list"),
        pytest.param("", None, id="nothing"),
    ],
)
def test_a_path_takes_the_longest_name_at_each_step(path, expected):
    """Client ids and namespaced claims have dots of their own."""
    assert find(ROLES, path) == expected


def test_groups_and_roles_are_read_from_several_places():
    """A prefix keeps a role from being the group of that name, and a leading slash goes where it is asked to."""
    places = [
        {"path": "groups", "strip": "/"},
        {"path": "realm_access.roles", "prefix": "role:"},
        {"path": "resource_access.my.app.roles", "prefix": "app:"},
    ]

    read = identity(ROLES, groups_claim=places)

    assert read.groups == ("staff", "staff/ops", "role:admin", "role:offline_access", "app:editor")


def test_a_group_never_looks_like_a_role_of_the_same_provider():
    """Whoever may name a group would else give out roles."""
    places = [{"path": "groups", "strip": "/"}, {"path": "realm_access.roles", "prefix": "role:"}]
    said = {**ROLES, "groups": ["/role:root", "role:root", "/staff", "/roles"]}

    assert identity(said, groups_claim=places).groups == (
        "staff",
        "roles",
        "role:admin",
        "role:offline_access",
    )


def test_groups_that_match_no_glob_are_dropped():
    """Of a thousand groups an application wants ten."""
    said = {"groups": ["team-a", "team-b", "everyone", "Team-c"]}

    assert identity(said, keep_groups=["team-*", "every?ne"]).groups == ("team-a", "team-b", "everyone")


def test_the_globs_are_asked_before_the_groups_are_counted():
    """Who filters may come from a provider that lists thousands."""
    said = {"groups": [f"g{number}" for number in range(2000)]}

    assert identity(said, keep_groups=["g7"]).groups == ("g7",)
    with pytest.raises(ProviderLied, match="more than 1000 groups"):
        identity(said)


@pytest.mark.parametrize(
    ("several", "qualify", "groups"),
    [
        pytest.param(False, None, ("ops",), id="one provider"),
        pytest.param(True, None, ("idp:ops",), id="several"),
        pytest.param(True, False, ("ops",), id="several, and said to be bare"),
        pytest.param(False, True, ("idp:ops",), id="one, and said to be qualified"),
    ],
)
def test_groups_are_qualified_where_there_are_several_providers(several, qualify, groups):
    """Or where the configuration says so."""
    assert identity({"groups": ["ops"]}, several=several, qualify_groups=qualify).groups == groups


def test_a_bare_group_never_looks_like_one_of_another_provider():
    """Whoever may name a group at one provider would else be an administrator of the other."""
    said = {"groups": ["corp:admins", "Corp:admins", "a b:c", "ops"]}

    assert identity(said, several=True, qualify_groups=False).groups == ("Corp:admins", "a b:c", "ops")
    assert identity(said, several=True).groups[0] == "idp:corp:admins"


@pytest.mark.parametrize(
    ("said", "required"),
    [
        pytest.param({"hd": "corp.example"}, {"hd": ["corp.example", "b.example"]}, id="one of the values"),
        pytest.param({"hd": "anything"}, {"hd": []}, id="any value"),
        pytest.param({"mfa": True}, {"mfa": ["true"]}, id="a truth value"),
        pytest.param({"level": 3}, {"level": ["3", "4"]}, id="a whole number"),
        pytest.param(ROLES, {"realm_access.roles": ["admin"]}, id="one of a list"),
        pytest.param({"a": "1", "b": "2"}, {"a": ["1"], "b": ["2"]}, id="all of several claims"),
    ],
)
def test_who_has_the_required_claims_is_let_in(said, required):
    """Values are written as text."""
    assert identity(said, required_claims=required).user == "alice"


@pytest.mark.parametrize(
    ("said", "required"),
    [
        pytest.param({}, {"hd": ["corp.example"]}, id="absent"),
        pytest.param({}, {"hd": []}, id="absent, where any value would do"),
        pytest.param({"hd": ""}, {"hd": []}, id="empty"),
        pytest.param({"hd": None}, {"hd": []}, id="null"),
        pytest.param({"hd": {"a": 1}}, {"hd": []}, id="of another type"),
        pytest.param({"hd": "evil.example"}, {"hd": ["corp.example"]}, id="another value"),
        pytest.param({"hd": "corp.example.evil.example"}, {"hd": ["corp.example"]}, id="a longer value"),
        pytest.param({"hd": "Corp.example"}, {"hd": ["corp.example"]}, id="another case"),
        pytest.param({"mfa": False}, {"mfa": ["true"]}, id="untrue"),
        pytest.param({"a": "1"}, {"a": ["1"], "b": ["2"]}, id="one of two is absent"),
    ],
)
def test_who_lacks_a_required_claim_is_not_let_in(said, required):
    """Absent is as good as wrong: nothing passes because a provider forgot to say it."""
    with pytest.raises(NotAllowed, match="required_claims") as refused:
        identity(said, required_claims=required)

    assert refused.value.reason == "claim_missing"


def test_claims_are_read_where_the_configuration_says_they_stand():
    """A provider with names of its own needs no code."""
    said = {"profile": {"display": "Alice", "mail": "a@b.example", "mail_ok": True}}
    paths = {"name": "profile.display", "email": "profile.mail", "email_verified": "profile.mail_ok"}

    read = identity(said, claims=paths)

    assert (read.name, read.verified_email) == ("Alice", "a@b.example")


def test_an_address_whose_flag_has_no_path_is_never_verified():
    """An empty path says that the provider vouches for none."""
    said = {"email": "a@b.example", "email_verified": True}

    assert identity(said, claims={"email_verified": ""}).verified_email == ""


def test_a_name_is_no_address_that_another_claim_vouches_for():
    """The template says email, the verified address stands elsewhere: the two are not the same claim."""
    said = {"email": "victim@b.example", "mail": "own@b.example", "email_verified": True}

    with pytest.raises(ProviderLied, match="email is not a verified address"):
        identity(said, user="{email}", claims={"email": "mail"})


@pytest.mark.parametrize(
    "url",
    [
        "https://cdn.example.com/avatars/1/a_b.png?size=64",
        "https://img.pictures.example.net/x",
    ],
)
def test_a_picture_on_a_listed_host_is_kept(url):
    """The hosts are exact, or a whole domain beneath a dot."""
    assert (
        identity({"picture": url}, avatar_hosts=["cdn.example.com", "*.pictures.example.net"]).picture == url
    )


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("http://cdn.example.com/a.png", id="plain http"),
        pytest.param("https://evil.example/a.png", id="another host"),
        pytest.param("https://cdn.example.com.evil.example/a.png", id="a longer host"),
        pytest.param("https://cdn.example.com@evil.example/a.png", id="a host as a user"),
        pytest.param("https://evil.example/https://cdn.example.com/a.png", id="the host in the path"),
        pytest.param("https://cdn.example.com:8443/a.png", id="another port"),
        pytest.param("https://cdn.example.com\\@evil.example/a.png", id="a backslash"),
        pytest.param("https://cdn.example.com/a.png\r\nX-Role: admin", id="a line end"),
        pytest.param('https://cdn.example.com/"><script>', id="markup"),
        pytest.param("javascript:alert(1)", id="a script"),
        pytest.param("https://pictures.example.net/a", id="the domain above"),
        pytest.param("https://xpictures.example.net/a", id="no dot in front"),
        pytest.param("https://cdn.example.com/" + "a" * 2000, id="endless"),
        pytest.param(["https://cdn.example.com/a.png"], id="a list"),
    ],
)
def test_any_other_picture_is_none(url):
    """Its address goes into headers and pages, and a stranger wrote it."""
    assert (
        identity({"picture": url}, avatar_hosts=["cdn.example.com", "*.pictures.example.net"]).picture == ""
    )


@pytest.mark.parametrize(
    ("value", "subject"),
    [
        pytest.param("80351110224678912", "80351110224678912", id="a snowflake as text"),
        pytest.param(583231, "583231", id="a whole number"),
        pytest.param(2**60 + 1, "1152921504606846977", id="a number beyond fractions"),
    ],
)
def test_a_subject_is_text_whatever_the_provider_makes_of_it(value, subject):
    """Not a digit is lost."""
    assert named_subject("idp", {"user": {"id": value}}, "user.id") == subject


@pytest.mark.parametrize("value", [None, "", True, 5.0, 1.5e18, ["1"], "a\nb", "x" * 256])
def test_what_names_nobody_is_refused(value):
    """A fraction may have lost digits, and so be somebody else."""
    with pytest.raises(ProviderLied, match="subject"):
        named_subject("idp", {"id": value}, "id")
