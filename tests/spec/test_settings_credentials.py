"""`accept:`, `basic:` and `pass_authorization:` of rules, and the section of a users-file."""

import pytest

from gateway.policy.rules import Rules
from gateway.settings.credentials import password_providers, reads_basic, takes_authorization
from tests.kit.config_file import faults_of, settings

CORP = {"issuer": "https://idp.example.com", "client_id": "gateway", "user": "corp:{preferred_username}"}
LOCAL = {"type": "users-file", "file": "people.yaml", "user": "local:{username}"}
OTHER = {"type": "users-file", "file": "others.yaml", "user": "other:{username}"}


@pytest.fixture
def faults(tmp_path):
    def found(rule, **providers):
        rules = [{"allow": "authenticated", **rule}]
        return faults_of(tmp_path, rules=rules, providers={"corp": CORP, **providers})

    return found


def test_without_the_key_a_rule_looks_at_sessions_alone():
    """What every rule meant before there was the key."""
    (rule,) = Rules.of(settings().rules).rules

    assert (rule.schemes, rule.cookie, rule.basic, rule.passes_on) == (frozenset(), True, "", False)


@pytest.mark.parametrize(
    ("written", "schemes", "cookie"),
    [
        ("basic", {"basic"}, False),
        (["session", "basic"], {"basic"}, True),
        (["bearer", "basic"], {"basic", "bearer"}, False),
        ("session", set(), True),
    ],
)
def test_a_rule_reads_what_it_accepts(written, schemes, cookie):
    """One word, or a list of them."""
    (rule,) = Rules.of(settings(rules=[{"allow": "authenticated", "accept": written}]).rules).rules

    assert (rule.schemes, rule.cookie) == (schemes, cookie)


def test_one_rule_that_takes_something_changes_the_answers_under_all():
    """A proxy copies what is left of the header, or it copies nothing."""
    rule = {"allow": "authenticated", "accept": "basic"}
    plain = {"name": "rest", "allow": "authenticated"}

    assert takes_authorization(settings(rules=[rule, plain]))
    assert not takes_authorization(settings(rules=[rule | {"pass_authorization": True}, plain]))
    assert not takes_authorization(settings(rules=[plain]))
    assert takes_authorization(settings(rules=[plain], policies={"billing": {"rules": [rule]}}))
    assert reads_basic(settings(rules=[rule | {"pass_authorization": True}]))
    assert password_providers(settings(providers={"corp": CORP, "local": LOCAL})) == ("local",)


@pytest.mark.parametrize(
    "rule", [{"accept": "basic"}, {"accept": ["session", "basic"], "providers": ["local"]}]
)
def test_basic_is_checked_at_the_only_provider_that_takes_passwords(faults, rule):
    """And at the one that is named, where there are several."""
    assert faults(rule, local=LOCAL) == []
    assert faults(rule | {"basic": {"provider": "local"}}, local=LOCAL, other=OTHER) == []


@pytest.mark.parametrize(
    ("rule", "providers", "said"),
    [
        ({"accept": "basic"}, {}, "no provider takes them"),
        ({"accept": "basic"}, {"local": LOCAL, "other": OTHER}, "which of several providers"),
        ({"accept": "basic", "basic": {"provider": "corp"}}, {"local": LOCAL}, "is no provider that takes"),
        ({"accept": "basic", "basic": {"provider": "lokal"}}, {"local": LOCAL}, "is no provider that takes"),
        ({"accept": "basic", "providers": ["corp"]}, {"local": LOCAL}, "does not look at"),
        ({"basic": {"provider": "local"}}, {"local": LOCAL}, "is never asked"),
        ({"pass_authorization": True}, {"local": LOCAL}, "reads no Authorization"),
        ({"accept": "basic", "allow": "public"}, {"local": LOCAL}, "looks at no credential"),
        ({"accept": "basic", "pass_token": "access_token"}, {"local": LOCAL}, "only a session has tokens"),
        ({"accept": []}, {"local": LOCAL}, "is empty"),
        ({"accept": ["digest"]}, {"local": LOCAL}, "is none of the words"),
    ],
)
def test_what_means_nothing_is_a_fault(faults, rule, providers, said):
    """With what to write instead."""
    (fault,) = faults(rule, **providers)

    assert said in fault


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({"type": "users-file"}, "is missing"),
        (LOCAL | {"file": ""}, "is empty"),
        (LOCAL | {"recheck": "0s"}, "is no time at all"),
        (LOCAL | {"user": "everybody"}, "is no template"),
        (LOCAL | {"issuer": "https://idp.example.com"}, "is not a key that belongs here"),
    ],
)
def test_a_section_of_a_file_that_is_damaged_is_a_fault(faults, section, said):
    """As those of every provider."""
    (fault,) = faults({}, local=section)

    assert said in fault


def test_a_file_of_people_needs_no_allow(tmp_path):
    """Nobody makes an account there but the operator."""
    assert faults_of(tmp_path, providers={"local": LOCAL}) == []
