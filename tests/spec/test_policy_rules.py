"""Rules: the first that fits decides, in every reading, at a cost that does not grow with their number."""

from ipaddress import ip_address

import pytest

from gateway.errors import Malformed
from gateway.policy.hosts import Hosts
from gateway.policy.rules import Access, Rules, compile_policies
from gateway.policy.target import parse_target
from gateway.settings.access import PolicySettings, RuleSettings

HOSTS = Hosts.of(["https://app.example.com", "https://*.example.com", "https://example.com", "https://[::1]"])


def rule(name, allow="authenticated", **written):
    return RuleSettings(name=name, allow=allow, **written)


def target(uri="/", host="app.example.com", method="GET"):
    return parse_target(host.encode(), uri.encode(), method.encode(), HOSTS)


def met(rules, asked, client=None):
    found = Rules.of(rules).match(asked, ip_address(client) if client else None)
    return found.name if found else None


def test_the_first_rule_that_fits_decides():
    """Order, not closeness."""
    rules = [rule("wide", paths=["/a/**"]), rule("close", paths=["/a/b"]), rule("rest")]

    assert met(rules, target("/a/b")) == "wide"
    assert met(rules, target("/c")) == "rest"


def test_where_no_rule_fits_there_is_none():
    """The verdict on nothing is no."""
    assert met([rule("a", paths=["/a"])], target("/b")) is None


def test_a_rule_without_a_name_is_called_by_its_place():
    """Counted from one, as people do."""
    rules = Rules.of([rule("a", paths=["/a"]), RuleSettings(allow="public")])

    assert [rule.name for rule in rules.rules] == ["a", "rule-2"]


@pytest.mark.parametrize(
    ("hosts", "host", "fits"),
    [
        pytest.param(["app.example.com"], "app.example.com", True, id="exact"),
        pytest.param(["app.example.com"], "APP.example.com.", True, id="exact in another spelling"),
        pytest.param(["app.example.com"], "b.example.com", False, id="another"),
        pytest.param(["*.example.com"], "app.example.com", True, id="below a suffix"),
        pytest.param(["*.example.com"], "a.b.example.com", True, id="far below a suffix"),
        pytest.param(["*.example.com"], "example.com", False, id="the suffix itself"),
        pytest.param(["b.example.com", "*.b.example.com"], "x.b.example.com", True, id="one of two"),
        pytest.param(["[::1]"], "[::1]", True, id="IPv6"),
        pytest.param([], "b.example.com", True, id="none written"),
    ],
)
def test_a_rule_fits_its_hosts(hosts, host, fits):
    """Exact or below a suffix."""
    assert met([rule("a", hosts=hosts)], target(host=host)) == ("a" if fits else None)


def test_rules_for_one_host_for_a_suffix_and_for_all_keep_their_order():
    """However they are found."""
    rules = [
        rule("all-x", paths=["/x"]),
        rule("suffix", hosts=["*.example.com"], paths=["/x", "/y/**"]),
        rule("exact", hosts=["app.example.com"]),
        rule("all"),
    ]

    assert [met(rules, target(path)) for path in ("/x", "/y/z", "/z")] == ["all-x", "suffix", "exact"]
    assert met(rules, target("/z", host="b.example.com")) == "all"


@pytest.mark.parametrize(
    ("methods", "method", "fits"),
    [
        pytest.param(["GET"], "GET", True, id="same"),
        pytest.param(["GET"], "HEAD", True, id="GET includes HEAD"),
        pytest.param(["HEAD"], "GET", False, id="HEAD does not include GET"),
        pytest.param(["GET"], "POST", False, id="another"),
        pytest.param(["GET"], "OPTIONS", False, id="OPTIONS is not free"),
        pytest.param([], "FOO", True, id="none written"),
    ],
)
def test_a_rule_fits_its_methods(methods, method, fits):
    """Exact names, none means any."""
    assert met([rule("a", methods=methods)], target(method=method)) == ("a" if fits else None)


@pytest.mark.parametrize(
    ("network", "client", "fits"),
    [
        pytest.param("10.0.0.0/8", "10.1.2.3", True, id="inside"),
        pytest.param("10.0.0.0/8", "11.1.2.3", False, id="outside"),
        pytest.param("10.0.0.0/8", "::ffff:10.1.2.3", True, id="inside, as IPv6 writes it"),
        pytest.param("::ffff:10.0.0.0/104", "10.1.2.3", True, id="a network of mapped addresses"),
        pytest.param("2001:db8::/32", "2001:db8::1", True, id="IPv6"),
        pytest.param("::/0", "10.1.2.3", False, id="another family"),
        pytest.param("0.0.0.0/0", None, False, id="nobody knows the client"),
    ],
)
def test_a_rule_fits_its_networks(network, client, fits):
    """An unknown client is in no network."""
    assert met([rule("a", networks=[network])], target(), client) == ("a" if fits else None)


@pytest.mark.parametrize(
    ("allow", "access"),
    [
        ("public", Access.PUBLIC),
        ("optional", Access.OPTIONAL),
        ("authenticated", Access.AUTHENTICATED),
        ({"groups": ["a"]}, Access.CRITERIA),
        ([{"groups": ["a"]}, {"users": ["b"]}], Access.CRITERIA),
    ],
)
def test_a_rule_says_what_it_asks_of_a_person(allow, access):
    """A word, or criteria."""
    compiled = Rules.of([rule("a", allow)]).rules[0]

    assert compiled.access is access
    assert len(compiled.criteria) == (len(allow) if isinstance(allow, list) else isinstance(allow, dict))


def test_readings_that_meet_one_rule_are_judged_by_it():
    """An encoded slash in a name is no crime."""
    rules = [rule("files", paths=["/files/**"]), rule("rest")]

    assert met(rules, target("/files/a%2Fb")) == "files"


@pytest.mark.parametrize(
    "uri",
    [
        pytest.param("/files%2Fa", id="an encoded slash"),
        pytest.param("/files;x/a", id="a parameter"),
        pytest.param("/files%23/a", id="an encoded number sign"),
        pytest.param("/f%2569les/a", id="a letter encoded twice"),
    ],
)
def test_readings_that_meet_different_rules_are_refused(uri):
    """Nobody knows which of them the application takes."""
    with pytest.raises(Malformed) as refused:
        met([rule("files", paths=["/files/**", "/files"]), rule("rest")], target(uri))

    assert refused.value.reason == "ambiguous_path"


def test_a_reading_that_meets_no_rule_is_a_different_one():
    """Nothing is not the same as something."""
    with pytest.raises(Malformed):
        met([rule("files", paths=["/files/*"])], target("/files/a%2Fb"))


def test_a_policy_is_found_by_its_name():
    """Each has its own rules."""
    policies = compile_policies({"staff": PolicySettings(rules=(rule("only"),))})

    assert policies["staff"].match(target(), None).name == "only"


def test_a_rule_without_capitals_is_the_same_in_one_case():
    """A rule is made once, and once more only for a pattern that is another one there."""
    rules = Rules.of([rule("small", paths=["/a/**"]), rule("large", paths=["/B/**"]), rule("rest")])
    small, large, rest = rules.folded.rules

    assert small is rules.rules[0]
    assert rest is rules.rules[2]
    assert [pattern.text for pattern in large.paths] == ["/b/**"]
    assert (large.name, large.index, large.access) == ("large", 1, rules.rules[1].access)


@pytest.mark.parametrize(
    "many",
    [
        pytest.param(lambda i: rule(None, paths=[f"/place-{i}/**"]), id="by first segment"),
        pytest.param(lambda i: rule(None, paths=[f"/api/v1/place-{i}/*"]), id="by a later segment"),
        pytest.param(lambda i: rule(None, paths=[f"/place-{i}"]), id="by whole path"),
        pytest.param(lambda i: rule(None, hosts=[f"place-{i}.example.com"]), id="by host"),
        pytest.param(lambda i: rule(None, hosts=[f"*.place-{i}.example.com"]), id="by suffix"),
    ],
)
@pytest.mark.parametrize("uri", ["/", "/place-7/x", "/api/v1/place-7/x", "/place-7"])
def test_thousands_of_rules_cost_as_much_as_ten(many, uri):
    """No more candidates are looked at, and the same rule is found."""
    last = rule("last")
    few_rules = Rules.of([*[many(i) for i in range(10)], last])
    many_rules = Rules.of([*[many(i) for i in range(2_000)], last])

    for host in ("app.example.com", "place-7.example.com", "x.place-7.example.com"):
        few = few_rules.index.candidates(host, uri)
        assert len(few) <= 2
        assert [c.value.name for c in few] == [c.value.name for c in many_rules.index.candidates(host, uri)]


def test_a_path_is_not_cut_up_deeper_than_the_rules_go():
    """A client chooses how many slashes it sends; that must not set the price."""
    index = Rules.of([rule("a", paths=["/a/b/**"]), rule("rest")]).index

    assert len(index._prefixes("/a" * 4000)) == 3
