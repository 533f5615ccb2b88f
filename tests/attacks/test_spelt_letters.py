"""Rules whose capital letters are spelt by number: an application that tells no case is protected all the same."""

import pytest

from gateway.errors import Malformed
from gateway.policy.hosts import Hosts
from gateway.policy.rules import Rules
from gateway.policy.target import parse_target
from gateway.settings.access import RuleSettings

HOSTS = Hosts.of(["https://app.example.com"])


def met_by(rules, path):
    """The rule that decides; `nobody` where the path is refused."""
    try:
        return rules.match(parse_target(b"app.example.com", path, b"GET", HOSTS), None).name
    except Malformed:
        return "nobody"


SPELT = [
    pytest.param(r"regex:/Admin/.*", id="as it is"),
    pytest.param(r"regex:/\x41dmin/.*", id="by two digits"),
    pytest.param(r"regex:/\u0041dmin/.*", id="by four digits"),
    pytest.param(r"regex:/\101dmin/.*", id="by three octal digits"),
    pytest.param(r"regex:/\N{LATIN CAPITAL LETTER A}dmin/.*", id="by its name"),
]


@pytest.mark.parametrize("path", [b"/Admin/x", b"/admin/x", b"/ADMIN/x"])
@pytest.mark.parametrize("pattern", SPELT)
def test_a_letter_that_is_spelt_by_number_has_a_case_too(pattern, path):
    """The rule that was written for it decides, or nobody does; never the one behind it."""
    rules = Rules.of(
        [
            RuleSettings.model_validate(
                {"name": "admin", "paths": [pattern], "allow": {"groups": ["admins"]}}
            ),
            RuleSettings.model_validate({"name": "rest", "allow": "public"}),
        ]
    )

    assert met_by(rules, path) in {"admin", "nobody"}
