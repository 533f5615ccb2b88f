"""Rules that the case of a letter alone tells apart: a fault, unless every application tells it apart as well."""

import pytest

from gateway.settings import checks
from tests.kit.config_file import paths, settings

SMALL = {"name": "small", "paths": ["/admin/**"], "allow": "public"}
LARGE = {"name": "large", "paths": ["/Admin/**"], "allow": "authenticated"}


@pytest.mark.parametrize(
    "rules",
    [
        pytest.param([SMALL, LARGE], id="capitals last"),
        pytest.param([LARGE, SMALL], id="capitals first"),
        pytest.param([SMALL, LARGE | {"paths": ["/Admin/Users/*"]}], id="a part of it"),
        pytest.param(
            [SMALL | {"paths": ["/straße"]}, LARGE | {"paths": ["/STRASSE"]}], id="a foreign letter"
        ),
    ],
)
def test_a_rule_that_differs_from_an_earlier_one_in_case_alone_is_never_reached(rules):
    """Each path of it would meet the other in another case, and so be refused."""
    found = checks.faults(settings(rules=rules))
    of_a_policy = checks.faults(settings(policies={"api": {"rules": rules}}))

    assert paths(found) == ["rules[1]"]
    assert paths(of_a_policy) == ["policies.api.rules[1]"]
    assert (
        f"because rule {rules[0]['name']} (rules[0]) fits all that it fits but for the case" in found[0].what
    )


@pytest.mark.parametrize(
    "rules",
    [
        pytest.param([SMALL | {"paths": ["/admin/x"]}, LARGE], id="less than the later one"),
        pytest.param([SMALL | {"methods": ["GET"]}, LARGE], id="another method"),
        pytest.param(
            [SMALL | {"paths": ["regex:/admin/.*"]}, LARGE], id="an expression, which nobody can compare"
        ),
    ],
)
def test_a_rule_that_has_something_left_is_no_fault(rules):
    """Said only where it is sure."""
    assert checks.faults(settings(rules=rules)) == ()


def test_where_every_application_tells_case_apart_such_rules_are_fine():
    """Each list of rules says so for itself."""
    rules = [SMALL, LARGE]
    apart = {"api": {"case_sensitive_paths": True, "rules": rules}}

    assert checks.faults(settings(case_sensitive_paths=True, rules=rules, policies=apart)) == ()
    assert paths(checks.faults(settings(rules=rules, policies=apart))) == ["rules[1]"]
