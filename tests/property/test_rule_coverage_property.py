"""Which rules are never reached: bits of numbers against the comparison of every pair, which is the definition."""

import pytest
from hypothesis import example, given
from hypothesis import settings as run
from hypothesis import strategies as st

from gateway.policy.letter_case import fold
from gateway.settings.addresses import read_address
from gateway.settings.checks.coverage import Coverage, Matcher
from gateway.settings.checks.letter_case import rules_differ_in_more_than_case
from gateway.settings.checks.naming import all_rules, label, rule_lists, whose
from gateway.settings.checks.origins import listed
from gateway.settings.checks.patterns import REGEX
from gateway.settings.checks.rules import every_rule_is_reached, hosts_are_listed
from gateway.settings.fault import Fault
from gateway.settings.model import RuleSettings
from tests.kit.config_file import settings

HOSTS = ["app.example.com", "a.apps.example.com", "*.apps.example.com", "*.b.apps.example.com", "*.example.com", "*.com", "example.com", "xexample.com", "[2001:db8::1]", "10.0.0.1"]  # fmt: skip
PATHS = ["/", "/**", "**", "/a", "/A", "/a/", "/a/**", "/A/**", "/a/b", "/a/B/**", "/a/b/**", "/a/*", "/*/b", "/*/**", "/a*/**", "/a/*/c/**", "/a/**/c", "/a/**/**", "/ab", "/é/**", "/É/x", "**/x", "/*x/**", "/a/b*", "/aa/**", "regex:/**/a", "regex:/a/.*", "regex:/A/.*", "regex:/**", "regex:/a/**"]  # fmt: skip
METHODS = ["GET", "HEAD", "POST"]
NETWORKS = ["0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", "11.0.0.0/8", "::/0", "2001:db8::/32", "2001:db8::/33", "::ffff:10.0.0.0/104"]  # fmt: skip


def some(values, most=3):
    """A matcher: left out more often than not, else a few values."""
    return st.just([]) | st.just([]) | st.lists(st.sampled_from(values), max_size=most)


MATCHERS = st.fixed_dictionaries(
    {"hosts": some(HOSTS), "paths": some(PATHS), "methods": some(METHODS), "networks": some(NETWORKS)}
)
RULES = st.lists(MATCHERS, min_size=1, max_size=12)
# A few rules many times, so that one value has many holders.
LONG = st.tuples(st.lists(MATCHERS, min_size=1, max_size=6), st.randoms()).map(
    lambda drawn: [drawn[1].choice(drawn[0]) for _ in range(60)]
)


def written(matchers):
    return [{"allow": "public", "name": f"r{i}", **values} for i, values in enumerate(matchers)]


def covers(wide, narrow):
    """A matcher that is left out fits everything; one that is written must cover each value of the other's."""
    return (
        (not wide.hosts or each(narrow.hosts, wide.hosts, host_within))
        and (not wide.paths or each(narrow.paths, wide.paths, path_within))
        and (not wide.methods or each(narrow.methods, wide.methods, method_within))
        and (not wide.networks or each(narrow.networks, wide.networks, network_within))
    )


def each(narrow, wide, within):
    return bool(narrow) and all(any(within(one, other) for other in wide) for one in narrow)


def host_within(one, other):
    return one == other or (other.startswith("*.") and one.endswith(other[1:]))


def path_within(one, other):
    if other in {one, "/**"}:
        return True
    stem = other.removesuffix("**")
    if stem == other or "*" in stem or one.startswith(REGEX) or stem.startswith(REGEX):
        return False
    return stem.endswith("/") and f"{one}/".startswith(stem)


def method_within(one, other):
    return one == other or (one == "HEAD" and other == "GET")


def network_within(one, other):
    return one.version == other.version and one.subnet_of(other)


def unreached_by_pairs(found):
    for rules in rule_lists(found):
        for position, (path, rule) in enumerate(rules):
            earlier = next((one for one in rules[:position] if covers(one[1], rule)), None)
            if earlier is not None:
                yield Fault(
                    path,
                    f"{whose(rule)}is never reached, because {label(*earlier)} fits all that it fits",
                    "move it in front of that rule, or remove it",
                )


def one_case(rule):
    paths = tuple([path if path.startswith(REGEX) else fold(path) for path in rule.paths])
    return rule.model_copy(update={"paths": paths})


def alike_but_for_case_by_pairs(found):
    """Path and the earlier rule of each finding; for one list, whatever its letters."""
    rules = next(rule_lists(found))
    folded = [one_case(rule) for _, rule in rules]
    for position, (path, rule) in enumerate(rules):
        before = [i for i in range(position) if covers(folded[i], folded[position])]
        if before and not any(covers(rules[i][1], rule) for i in before):
            yield path, label(*rules[before[0]])


def unlisted_by_pairs(found):
    for path, rule in all_rules(found):
        for index, pattern in enumerate(rule.hosts):
            asked = read_address(f"https://{pattern}")
            names = [host.shown_host for host in listed(found)]
            if asked is None or not any(
                host_within(asked.shown_host, name) or host_within(name, asked.shown_host) for name in names
            ):
                yield (*path, "hosts", index)


@pytest.mark.parametrize(
    ("matcher", "values"), [("hosts", HOSTS), ("paths", PATHS), ("methods", METHODS), ("networks", NETWORKS)]
)
def test_each_value_is_within_those_that_contain_it(matcher, values):
    """All pairs of values of one matcher."""
    rules = [RuleSettings(allow="public", **{matcher: [value]}) for value in values]
    coverage = Coverage(rules + rules)

    for i, narrow in enumerate(rules):
        found = coverage.before(len(rules) + i)
        within = [bool(found >> j & 1) for j in range(len(rules))]
        assert within == [covers(wide, narrow) for wide in rules], getattr(narrow, matcher)


@run(max_examples=400)
@given(RULES | LONG, st.lists(RULES, max_size=2))
def test_the_rules_that_are_never_reached_are_those_of_every_pair(matchers, of_policies):
    """The same findings in the same order and the same words, in each list by itself."""
    policies = {f"p{i}": {"rules": written(of_policy)} for i, of_policy in enumerate(of_policies)}
    found = settings(rules=written(matchers), policies=policies)

    assert list(every_rule_is_reached(found)) == list(unreached_by_pairs(found))


@run(max_examples=400)
@given(RULES | LONG)
@example([{"paths": ["/a/**"]}, {"paths": ["/A/**"]}, {"paths": ["/A/b"]}])
def test_the_rules_that_differ_in_case_alone_are_those_of_every_pair(matchers):
    """Each names the first rule that fits all of it but for case, and none that a rule fits letter by letter."""
    found = settings(rules=written(matchers))
    expected = [
        (path, f"because {earlier} fits all that it fits but for") for path, earlier in alike_but_for_case_by_pairs(found)
    ]  # fmt: skip

    faults = list(rules_differ_in_more_than_case(found))

    assert [fault.path for fault in faults] == [path for path, _ in expected]
    assert [words in fault.what for fault, (_, words) in zip(faults, expected, strict=True)] == [True] * len(
        expected
    )


@run(max_examples=300)
@given(RULES, st.lists(st.sampled_from(HOSTS), min_size=1, max_size=3))
def test_the_hosts_of_rules_that_are_not_listed_are_those_of_every_pair(matchers, hosts):
    """A listed host may stand beneath that of the rule, or above it."""
    found = settings(rules=written(matchers), hosts=[f"https://{host}" for host in hosts])

    assert [fault.path for fault in hosts_are_listed(found)] == list(unlisted_by_pairs(found))


def test_no_rule_is_held_against_every_other():
    """What a value could be contained in is asked once for each value, however many rules there are."""
    asked = []

    def around(value):
        asked.append(value)
        return (value, value // 2)

    rows = [(i, i + 1) for i in range(5_000)]
    matcher = Matcher(rows, around)
    found = [matcher.covering(position) for position in range(len(rows))]

    assert len(asked) == 2 * len(rows)
    assert all(bits >> position & 1 for position, bits in enumerate(found))


def test_one_path_for_thousands_of_networks_is_still_the_first_that_contains_them():
    """Where most matchers are alike, too."""
    networks = [f"10.{i // 250}.{i % 250}.0/24" for i in range(3_000)]
    rules = [
        RuleSettings(allow="public", paths=["/api/**"], methods=["GET"], networks=[one]) for one in networks
    ]
    late = RuleSettings(
        allow="public", paths=["/api/x"], methods=["HEAD"], networks=[networks[2_000], networks[2_000]]
    )
    coverage = Coverage([*rules, late])

    assert coverage.before(len(rules)) == 1 << 2_000
    assert not any(coverage.before(position) for position in range(len(rules)))
