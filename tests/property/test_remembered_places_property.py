"""Places, candidates and plain targets: the quick way is the slow way, for every target and however often it is asked."""

from ipaddress import ip_address

from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.errors import Refused
from gateway.forward_auth.contracts.contract import Question
from gateway.forward_auth.places import Places
from gateway.policy import target as targets
from gateway.policy.hosts import Hosts
from gateway.policy.patterns import compile_pattern
from gateway.policy.readings import readings_of
from gateway.policy.rule_index import RuleIndex
from gateway.policy.rules import Rules
from gateway.policy.target import parse_target, raw_path
from gateway.settings.access import RuleSettings
from tests.property.test_target_property import PATHS

HOSTS = Hosts.of(["https://app.example.com", "https://*.example.com", "https://b.example.com"])
WRITTEN = [
    RuleSettings(name="office", paths=["/a/**"], networks=["10.0.0.0/8"], allow="public"),
    RuleSettings(name="admin", paths=["/admin/**"], allow={"groups": ["admins"]}),
    RuleSettings(name="b", hosts=["b.example.com"], paths=["/a/*", "/**/b"], methods=["GET"], allow="public"),
    RuleSettings(name="public", hosts=["*.example.com"], paths=["/public/**"], allow="public"),
]
RULES = Rules.of(WRITTEN)
PLACES = Places(HOSTS, RULES, {"strict": Rules.of(WRITTEN[1:], case_sensitive=True)})
STRICT = PLACES._rules["strict"]

QUERIES = st.sampled_from(["", "?", "?a=b", "?a#b", "?a b", "?\\", "??", "?/../x", "?\x00", "?ü"])
URIS = st.one_of(
    st.tuples(PATHS, QUERIES).map(lambda pair: "".join(pair).encode()),
    st.binary(max_size=40),
    st.from_regex(rb"(/[ab.;]{0,3}){0,5}", fullmatch=True),
)
QUESTIONS = st.builds(
    Question,
    method=st.sampled_from([b"GET", b"POST", b"HEAD", b"get", b"CONNECT", b"", b"PROPFIND"]),
    host=st.sampled_from(
        [
            b"app.example.com",
            b"b.example.com",
            b"B.example.com:443",
            b"x.b.example.com",
            b"evil.test",
            b"",
            b"a,b",
        ]
    ),
    uri=URIS,
    policy=st.sampled_from(["", "strict"]),
)
CLIENTS = st.sampled_from([None, ip_address("10.0.0.1"), ip_address("192.0.2.1"), ip_address("::a00:1")])


def told(act):
    """The result, or the refusal with its reason and detail."""
    try:
        return act()
    except Refused as error:
        return type(error), error.reason, error.detail


def looked_up(question, client):
    target = parse_target(question.host, question.uri, question.method, HOSTS)
    return target, told(lambda: (STRICT if question.policy else RULES).match(target, client))


def remembered(question, client):
    place = PLACES.find(question, client)
    return place.target, told(place.judge)


@settings(max_examples=500)
@given(question=QUESTIONS, client=CLIENTS)
def test_a_place_is_the_target_and_its_rule(question, client):
    """Refusals, their reasons and their details included; one memory over all examples, each asked three times."""
    expected = told(lambda: looked_up(question, client))

    for _ in range(3):
        assert told(lambda: remembered(question, client)) == expected


def slowly(uri):
    """As `parse_target` reads what is not plain."""
    raw = raw_path(uri)
    return (*readings_of(raw), raw)


PLAIN = st.from_regex(rb"(/[A-Za-z0-9_.~:@!$&'()*+,=-]{0,6}){0,6}/?(\?[!-~]{0,6})?", fullmatch=True)


@settings(max_examples=800)
@given(uri=st.one_of(PLAIN, URIS))
@example(uri=b"/.")
@example(uri=b"/..?x")
@example(uri=b"/.../a")
@example(uri=b"//a")
@example(uri=b"/a//")
@example(uri=b"/a\n")
@example(uri=b"/a?b\n")
@example(uri=b"/a?\x7f")
@example(uri=b"/./")
@example(uri=b"")
@example(uri=b"?")
@example(uri=b"/a;b")
@example(uri=b"/" + b"a" * targets.MAX_PATH)
@example(uri=b"/" + b"a" * (targets.MAX_PATH - 1))
def test_a_plain_target_is_what_the_slow_way_makes_of_it(uri):
    """Nothing is accepted that the slow way refuses, and nothing has another reading there."""
    expected = told(lambda: slowly(uri))

    def read():
        target = parse_target(b"app.example.com", uri, b"GET", HOSTS)
        return target.path, target.readings, target.raw

    assert told(read) == expected


PATTERNS = [
    "/a",
    "/a/",
    "/a/**",
    "/a/b",
    "/a/b/c",
    "/a/*",
    "/**/b",
    "/**",
    "regex:/a.*",
    "/a/b/**",
    "/b/*/c/**",
]
ROW = st.tuples(
    st.lists(st.sampled_from(["app.example.com", "*.example.com", "*.b.example.com"]), max_size=2),
    st.lists(st.sampled_from(PATTERNS), max_size=3),
)
SEEN_HOSTS = ["app.example.com", "b.example.com", "x.b.example.com", "other.test"]


def fits(hosts, host):
    return not hosts or any(host == one or (one[0] == "*" and host.endswith(one[1:])) for one in hosts)


@settings(max_examples=150)
@given(
    written=st.lists(ROW, max_size=10),
    asked=st.lists(
        st.tuples(st.sampled_from(SEEN_HOSTS), st.from_regex(r"(/[abc]){0,5}/?", fullmatch=True)), max_size=12
    ),
)
def test_candidates_are_those_of_a_walk_over_all_rows(written, asked):
    """In order, none missing; in whatever order places are asked for, each of them three times."""
    rows = [(hosts, [compile_pattern(path) for path in paths], i) for i, (hosts, paths) in enumerate(written)]
    index = RuleIndex.of(rows)

    for host, path in asked * 3:
        found = index.candidates(host, path or "/")
        fitting = [one.value for one in found if one.pattern is None or one.pattern.matches(path or "/")]
        walked = [
            value
            for hosts, patterns, value in rows
            if fits(hosts, host) and (not patterns or any(one.matches(path or "/") for one in patterns))
        ]
        assert [one.order for one in found] == sorted(one.order for one in found)
        assert list(dict.fromkeys(fitting)) == walked
