"""Explanations: each rule with the matcher it failed at, and the verdict of the check itself."""

from ipaddress import ip_address

from gateway.identity.identity import Identity
from gateway.policy.decide import Allow, Challenge, Forbid
from gateway.policy.explain import explain
from gateway.policy.hosts import Hosts
from gateway.policy.rules import Rules
from gateway.policy.target import parse_target
from gateway.settings.access import RuleSettings

HOSTS = Hosts.of(["https://app.example.com"])
RULES = Rules.of(
    [
        RuleSettings(name="elsewhere", hosts=["other.example.com"], allow="public"),
        RuleSettings(name="static", paths=["/static/**"], allow="public"),
        RuleSettings(name="writes", methods=["POST"], allow="authenticated"),
        RuleSettings(name="office", networks=["10.0.0.0/8"], allow="authenticated"),
        RuleSettings(name="admin", paths=["/admin/**"], allow=[{"groups": ["admins"]}, {"users": ["root"]}]),
        RuleSettings(name="rest", allow="authenticated"),
    ]
)
ADA = Identity(provider="corp", issuer="i", subject="1", user="ada", authenticated_at=1)


def explained(uri, client="192.0.2.1", identities=(ADA,)):
    target = parse_target(b"app.example.com", uri, b"GET", HOSTS)
    return explain(RULES, target, ip_address(client), identities)


def test_every_rule_before_the_deciding_one_says_why_it_does_not_fit():
    """In order, and not further than the one that fits."""
    told = explained(b"/admin/users")

    assert [(step.rule.name, step.misfit) for step in told.steps] == [
        ("elsewhere", "host"),
        ("static", "path"),
        ("writes", "method"),
        ("office", "network"),
        ("admin", ""),
    ]


def test_the_lists_that_a_person_fails_are_named():
    """For each block of criteria."""
    told = explained(b"/admin/users")

    assert told.decision == Forbid(RULES.rules[4], "criteria")
    assert told.unmet == (("groups",), ("users",))


def test_the_verdict_is_that_of_the_check():
    """Not a second opinion."""
    assert explained(b"/x").decision == Allow(RULES.rules[5], ADA)
    assert explained(b"/x", identities=()).decision == Challenge(RULES.rules[5], "anonymous")
    assert explained(b"/x", client="::ffff:10.0.0.1").decision == Allow(RULES.rules[3], ADA)


def test_a_path_whose_readings_part_has_no_verdict():
    """Both walks are shown."""
    told = explained(b"/static%2Fx")

    assert told.decision is None
    assert {step.path: step.rule.name for step in told.steps if not step.misfit} == {
        "/static%2Fx": "rest",
        "/static/x": "static",
    }


def test_a_path_that_another_case_takes_to_another_rule_has_no_verdict():
    """The walk in one case is shown as well, and not where nothing would differ."""
    told, plain = explained(b"/Static/x"), explained(b"/static/x")

    assert told.decision is None
    assert {step.path: step.rule.name for step in told.steps if not step.misfit} == {
        "/Static/x": "rest",
        "/static/x": "static",
    }
    assert {step.path for step in plain.steps} == {"/static/x"}


def test_a_request_that_meets_no_rule_is_told_so():
    """Every rule is listed, none fits."""
    rules = Rules.of([RuleSettings(name="a", paths=["/a"], allow="public")])
    target = parse_target(b"app.example.com", b"/b", b"GET", HOSTS)

    told = explain(rules, target, None, ())

    assert ([step.misfit for step in told.steps], told.decision) == (["path"], Forbid(None, "no_rule"))
