"""From claims to an identity: read with suspicion, refused by name, never guessed."""

import pytest

from gateway.errors import NotAllowed, ProviderLied
from gateway.providers.admission import Admission
from gateway.providers.reading import Reading
from gateway.settings.model import OidcProvider

ALICE = {"sub": "u-1", "preferred_username": "alice"}


def identity(claims=None, userinfo=None, **changes):
    several = changes.pop("several", False)
    read = section(**changes)
    reading = Reading.of(read, "idp", read.issuer, read.claims, several=several)
    return reading.identity(({**ALICE, **(claims or {})}, userinfo or {}), ("", "u-1"), 5)


@pytest.mark.parametrize(
    ("template", "claims", "user"),
    [
        pytest.param("{preferred_username}", {}, "alice", id="one claim"),
        pytest.param("corp-{sub}", {}, "corp-u-1", id="with text around"),
        pytest.param("{org.name}/{sub}", {"org": {"name": "acme"}}, "acme/u-1", id="a path into an object"),
        pytest.param("{https://a.example/id}", {"https://a.example/id": "x"}, "x", id="a name with dots"),
        pytest.param("{preferred_username}", {"preferred_username": "爱丽丝"}, "爱丽丝", id="another script"),
        pytest.param(
            "{email}", {"email": "a@b.example", "email_verified": True}, "a@b.example", id="verified"
        ),
    ],
)
def test_the_user_is_written_by_the_template(template, claims, user):
    """X-Auth-User is what the operator asked for."""
    assert identity(claims, user=template).user == user


@pytest.mark.parametrize(
    ("template", "claims", "named"),
    [
        pytest.param("{upn}", {}, "upn", id="missing"),
        pytest.param("{preferred_username}", {"preferred_username": ""}, "preferred_username", id="empty"),
        pytest.param("{preferred_username}", {"preferred_username": " "}, "preferred_username", id="blank"),
        pytest.param("{preferred_username}", {"preferred_username": 7}, "preferred_username", id="a number"),
        pytest.param(
            "{preferred_username}", {"preferred_username": ["a"]}, "preferred_username", id="a list"
        ),
        pytest.param("{a.b}", {"a": "text"}, "a.b", id="a path into a text"),
        pytest.param("{email}", {"email": "a@b.example"}, "email", id="an address nobody vouches for"),
    ],
)
def test_a_missing_claim_of_the_template_is_refused_by_name(template, claims, named):
    """An empty or half a name would be somebody else's."""
    with pytest.raises(ProviderLied, match=f"claim {named} is"):
        identity(claims, user=template)


@pytest.mark.parametrize(
    ("value", "groups"),
    [
        pytest.param(["a", "b", "a"], ("a", "b"), id="a list, each once"),
        pytest.param("a", ("a",), id="one text"),
        pytest.param(["a", 7, None, ["b"], {"c": 1}], ("a",), id="other types are dropped"),
        pytest.param({"a": 1}, (), id="an object"),
        pytest.param(7, (), id="a number"),
        pytest.param([], (), id="an empty list"),
        pytest.param(["a\r\nX-Auth-Groups: admins", "b"], ("b",), id="a line break"),
        pytest.param(["a,b"], ("a,b",), id="a comma stays inside its name"),
        pytest.param(["\ud800", "b"], ("b",), id="half a surrogate pair"),
    ],
)
def test_groups_are_the_texts_of_a_list(value, groups):
    """What is no printable text is no group."""
    assert identity({"groups": value}).groups == groups


def test_groups_may_stand_deep_in_a_document():
    """Keycloak keeps roles under realm_access.roles."""
    claims = {"realm_access": {"roles": ["admin"]}}

    assert identity(claims, groups_claim="realm_access.roles", several=True).groups == ("idp:admin",)


def test_an_empty_list_is_an_answer():
    """Nobody's groups in the signed document are not filled up from the other one."""
    assert identity({"groups": []}, {"groups": ["admins"]}).groups == ()


def test_more_groups_than_can_be_meant_are_refused():
    """A list that is cut would take rights away in silence."""
    with pytest.raises(ProviderLied, match="groups"):
        identity({"groups": [f"g{n}" for n in range(1001)]})


@pytest.mark.parametrize("flag", [True, "true"])
def test_an_address_is_verified_by_a_plain_yes(flag):
    """Some providers send the flag as a text."""
    assert identity({"email": "a@b.example", "email_verified": flag}).verified_email == "a@b.example"


@pytest.mark.parametrize(
    "flag", [False, "false", "True", 1, "1", "yes", None, ["true"], {"true": True}], ids=repr
)
def test_nothing_else_verifies_an_address(flag):
    """A doubt is a no."""
    read = identity({"email": "a@b.example", "email_verified": flag})

    assert read.email == "a@b.example"
    assert read.verified_email == ""


def test_the_flag_counts_for_the_address_beside_it():
    """A flag of one document says nothing about the address of another."""
    read = identity({"email": "victim@b.example"}, {"email": "own@b.example", "email_verified": True})

    assert (read.email, read.verified_email) == ("victim@b.example", "")


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        pytest.param({"auth_time": 1700}, 1700, id="as the provider says"),
        pytest.param({}, 5, id="absent"),
        pytest.param({"auth_time": "1700"}, 5, id="a text"),
        pytest.param({"auth_time": True}, 5, id="a boolean"),
        pytest.param({"auth_time": 1e300}, 5, id="absurd"),
        pytest.param({"auth_time": -1}, 5, id="negative"),
    ],
)
def test_the_time_of_authentication_is_the_providers_or_that_of_the_login(claims, expected):
    """A claim of the wrong shape counts as absent."""
    assert identity(claims).authenticated_at == expected


def test_strength_is_read_from_the_signed_document_alone():
    """acr and amr of userinfo prove nothing about this login."""
    read = identity({"acr": "2", "amr": ["pwd", "otp", 7]}, {"acr": "9", "amr": ["hwk"]})

    assert (read.acr, read.amr) == ("2", ("pwd", "otp"))


def section(**changes):
    return OidcProvider.model_validate({"issuer": "https://idp.example", "client_id": "x"} | changes)


BOB = {"email": "bob@Corp.example", "email_verified": True, "groups": ["ops", "dev"]}


@pytest.mark.parametrize(
    "allow",
    [
        pytest.param({"users": ["alice"]}, id="user"),
        pytest.param({"emails": ["BOB@corp.example"]}, id="address, without case"),
        pytest.param({"email_domains": ["corp.example", "b.example"]}, id="domain"),
        pytest.param({"groups": ["dev", "nobody"]}, id="group"),
        pytest.param({"email_domains": ["corp.example"], "groups": ["ops"]}, id="both lists hold"),
    ],
)
def test_whom_the_list_names_may_sign_in(allow):
    """Values of a list are alternatives."""
    Admission.of(section(allow=allow)).admit(identity(BOB))


@pytest.mark.parametrize(
    "allow",
    [
        pytest.param({"users": ["Alice"]}, id="a user name has a case"),
        pytest.param({"emails": ["other@corp.example"]}, id="another address"),
        pytest.param({"email_domains": ["sub.corp.example"]}, id="a subdomain"),
        pytest.param({"email_domains": ["example"]}, id="a suffix"),
        pytest.param({"email_domains": ["corp.example"], "groups": ["admins"]}, id="one list fails"),
        pytest.param({}, id="no list at all"),
    ],
)
def test_whom_the_list_does_not_name_may_not(allow):
    """Every list that is written must hold, and a list without a name in it holds for nobody."""
    with pytest.raises(NotAllowed):
        Admission.of(section(allow=allow)).admit(identity(BOB))


def test_without_a_list_the_provider_has_said_who_belongs():
    """A company's own provider; for one that the public can join the configuration is refused without a word."""
    Admission.of(section()).admit(identity())
    Admission.of(section(anyone=True)).admit(identity())


def test_a_list_counts_whatever_else_is_written():
    """Of two words that disagree the narrower one holds."""
    with pytest.raises(NotAllowed, match="groups"):
        Admission.of(section(anyone=True, allow={"groups": ["admins"]})).admit(identity(BOB))
