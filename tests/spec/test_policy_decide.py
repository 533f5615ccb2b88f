"""The verdict: a rule and the logins of a session in, Allow, Challenge or Forbid out."""

import pytest

from gateway.identity.identity import Identity
from gateway.policy.criteria import Criteria, read_email
from gateway.policy.decide import Allow, Challenge, Forbid, decide
from gateway.policy.rules import Access, Rule
from gateway.settings.access import Criteria as CriteriaSettings


def identity(provider="corp", **known):
    fields = {"issuer": "https://idp.example", "subject": "1", "user": "ada", "authenticated_at": 1} | known
    return Identity(provider=provider, **fields)


def rule(access, *criteria, providers=()):
    return Rule("r", 0, access, criteria, providers)


ADA = identity(groups=("staff",), email="ada@corp.example", email_verified=True)
GUEST = identity("social", user="guest")


def test_without_a_rule_the_answer_is_no():
    """Deny by default."""
    assert decide(None, (ADA,), True) == Forbid(None, "no_rule")


def test_a_public_rule_lets_everybody_pass_as_nobody():
    """It does not look at who it is."""
    public = rule(Access.PUBLIC)

    assert decide(public, (ADA,), True) == Allow(public, None)


@pytest.mark.parametrize(
    ("identities", "providers", "seen"),
    [
        pytest.param((), (), None, id="nobody"),
        pytest.param((ADA,), (), ADA, id="somebody"),
        pytest.param((GUEST,), ("corp",), None, id="somebody of another provider"),
    ],
)
def test_an_optional_rule_always_allows(identities, providers, seen):
    """And says who it is, where it knows."""
    optional = rule(Access.OPTIONAL, providers=providers)

    assert decide(optional, identities, True) == Allow(optional, seen)


@pytest.mark.parametrize("access", [Access.AUTHENTICATED, Access.CRITERIA])
@pytest.mark.parametrize(
    ("identities", "providers", "may_login", "verdict"),
    [
        pytest.param((), (), True, (Challenge, "anonymous"), id="nobody"),
        pytest.param((), (), False, (Forbid, "no_login"), id="nobody, and no way to become somebody"),
        pytest.param((GUEST,), ("corp",), True, (Challenge, "other_provider"), id="signed in elsewhere"),
        pytest.param(
            (GUEST,), ("corp",), False, (Forbid, "no_login"), id="elsewhere, and that provider is gone"
        ),
    ],
)
def test_who_has_no_login_that_counts_is_asked_for_one(access, identities, providers, may_login, verdict):
    """If one could help."""
    asked = rule(access, Criteria(groups=frozenset({"staff"})), providers=providers)

    decision = decide(asked, identities, may_login)

    assert (type(decision), decision.reason) == verdict


def test_a_login_is_enough_for_an_authenticated_rule():
    """Any login will do."""
    authenticated = rule(Access.AUTHENTICATED)

    assert decide(authenticated, (ADA,), True) == Allow(authenticated, ADA)


@pytest.mark.parametrize(
    ("identities", "providers", "seen"),
    [
        pytest.param((ADA, GUEST), (), GUEST, id="the latest of all"),
        pytest.param((ADA, GUEST), ("corp",), ADA, id="the one that the rule asks for"),
        pytest.param((GUEST, ADA), ("corp", "social"), ADA, id="the latest of those that the rule asks for"),
    ],
)
def test_a_rule_is_judged_by_exactly_one_login(identities, providers, seen):
    """The latest of its providers, else the latest."""
    asked = rule(Access.AUTHENTICATED, providers=providers)

    assert decide(asked, identities, True) == Allow(asked, seen)


def test_two_logins_never_add_up_to_a_third_person():
    """The group of one and the name of the other do not meet."""
    both = Criteria(users=frozenset({"guest"}), groups=frozenset({"staff"}))

    assert isinstance(decide(rule(Access.CRITERIA, both), (ADA, GUEST), True), Forbid)
    assert isinstance(decide(rule(Access.CRITERIA, both), (GUEST, ADA), True), Forbid)


@pytest.mark.parametrize(
    ("written", "unmet"),
    [
        pytest.param({"users": ["ada"]}, (), id="user"),
        pytest.param({"users": ["bob", "ada"]}, (), id="one of the users"),
        pytest.param({"users": ["Ada"]}, ("users",), id="users are case-sensitive"),
        pytest.param({"emails": ["ADA@corp.example"]}, (), id="addresses are not"),
        pytest.param({"emails": ["bob@corp.example"]}, ("emails",), id="another address"),
        pytest.param({"email_domains": ["Corp.example"]}, (), id="domain"),
        pytest.param({"email_domains": ["example"]}, ("email_domains",), id="a parent domain is another one"),
        pytest.param({"groups": ["admins", "staff"]}, (), id="one of the groups"),
        pytest.param({"groups": ["", "staff"]}, (), id="an empty group beside a real one"),
        pytest.param({"groups": ["Staff"]}, ("groups",), id="groups are case-sensitive"),
        pytest.param({"users": ["ada"], "groups": ["admins"]}, ("groups",), id="every list has to hold"),
        pytest.param({"users": ["bob"], "groups": ["admins"]}, ("users", "groups"), id="two lists fail"),
        pytest.param({}, ("empty",), id="no list"),
    ],
)
def test_criteria_hold_if_every_written_list_does(written, unmet):
    """Values of one list are alternatives; nothing written means nobody."""
    assert Criteria.of(CriteriaSettings(**written)).unmet(ADA) == unmet


def test_an_empty_value_is_nobody():
    """A missing name is not equal to an empty entry of a list."""
    nobody = identity(user="", groups=("",))

    assert Criteria(users=frozenset({""})).unmet(nobody) == ("users",)
    assert Criteria(emails=frozenset({""})).unmet(nobody) == ("emails",)
    assert Criteria(email_domains=frozenset({""})).unmet(nobody) == ("email_domains",)
    assert Criteria(groups=frozenset({""})).unmet(nobody) == ("groups",)


def test_one_block_of_criteria_is_enough():
    """A list of criteria is an or."""
    asked = rule(Access.CRITERIA, Criteria(users=frozenset({"bob"})), Criteria(groups=frozenset({"staff"})))

    assert decide(asked, (ADA,), True) == Allow(asked, ADA)


@pytest.mark.parametrize(
    "criteria",
    [
        pytest.param((), id="no block"),
        pytest.param((Criteria(),), id="an empty block"),
        pytest.param((Criteria(users=frozenset({"bob"})),), id="a block that fails"),
    ],
)
def test_criteria_that_do_not_hold_forbid(criteria):
    """Empty ones too: a rule that somebody forgot to fill opens nothing."""
    asked = rule(Access.CRITERIA, *criteria)

    assert decide(asked, (ADA,), True) == Forbid(asked, "criteria")


def test_an_address_that_nobody_verified_is_no_address():
    """Anybody can type one into a profile."""
    typed = identity(email="ada@corp.example", email_verified=False)

    assert Criteria(emails=frozenset({"ada@corp.example"})).unmet(typed) == ("emails",)


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        pytest.param("ada@corp.example", "corp.example", id="plain"),
        pytest.param("Ada.L+x@Corp.Example", "corp.example", id="letters and signs"),
        pytest.param("", "", id="missing"),
        pytest.param("ada", "", id="no at sign"),
        pytest.param("@corp.example", "", id="nobody"),
        pytest.param("ada@", "", id="nowhere"),
        pytest.param("ada@localhost", "", id="no domain"),
        pytest.param("x@corp.example@evil.example", "", id="two at signs"),
        pytest.param("x@evil.example@corp.example", "", id="two at signs, ours last"),
        pytest.param('"a@corp.example"@evil.example', "", id="quoted"),
        pytest.param("a@corp.example.", "", id="trailing dot"),
        pytest.param("a@.corp.example", "", id="leading dot"),
        pytest.param("a@corp..example", "", id="empty label"),
        pytest.param("a@corp.example\x00", "", id="NUL"),
        pytest.param("a@corp.example\n", "", id="line end"),
        pytest.param(" a@corp.example", "", id="space"),
        pytest.param("a@evil.example,b@corp.example", "", id="two addresses"),
        pytest.param("a\uff20corp.example", "", id="full-width at sign"),
        pytest.param("a@evil.example\uff20corp.example", "", id="both at signs"),
        pytest.param("a@corp.ex\u0430mple", "", id="a Cyrillic letter"),
        pytest.param("a@corp.\u212aom", "", id="a Kelvin sign"),
        pytest.param("Ada <a@corp.example>", "", id="a name and an address"),
        pytest.param("a" * 250 + "@corp.example", "", id="too long"),
    ],
)
def test_an_address_has_one_at_sign_and_needs_no_quoting(text, domain):
    """What could be read in two ways belongs to no domain."""
    assert read_email(text) == ((text.lower(), domain) if domain else ("", ""))
