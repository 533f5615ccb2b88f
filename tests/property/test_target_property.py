"""Targets under arbitrary bytes: parsed or refused, and never judged by a laxer rule than a lenient reader deserves."""

import re
from contextlib import suppress
from itertools import product
from unicodedata import normalize
from urllib.parse import quote, unquote

from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.errors import Malformed, UnknownHost
from gateway.policy.hosts import Hosts
from gateway.policy.rules import Rules
from gateway.policy.target import parse_target
from gateway.settings.access import RuleSettings

HOSTS = Hosts.of(["https://app.example.com", "https://*.example.com"])
RULES = Rules.of(
    [
        RuleSettings(name="admin", paths=["/admin/**"], allow={"groups": ["admins"]}),
        RuleSettings(name="public", paths=["/public/**"], allow="public"),
        RuleSettings(name="rest", allow="authenticated"),
    ]
)

# What attacks are made of, so that a run of a few pieces is likely to mean something to somebody.
PIECES = (
    *(
        "/",
        "//",
        "admin",
        "public",
        "ADMIN",
        "Public",
        "a",
        ".",
        "..",
        "...",
        ";",
        ";a=b",
        "#",
        "?",
        "\\",
        "%",
        " ",
        "\t",
        "\x00",
    ),
    *(
        "%2f",
        "%2F",
        "%5c",
        "%2e",
        "%2E%2e",
        "%3b",
        "%23",
        "%3f",
        "%00",
        "%61",
        "%64min",
        "%41dmin",
        "adm%C4%B1n",
        "%c3%a9",
        "%c0%af",
        "%20",
    ),
    *(
        "%252f",
        "%252e",
        "%2561",
        "%255c",
        "%2523",
        "%253b",
        "%253f",
        "%25",
        "%2525",
        "%2561dmin",
        "%25252e",
        "%zz",
    ),
    *(
        "é",
        "\uff41dmin",
        "\uff0f",
        "\uff0e",
        "\uff1b",
        "\uff05",
        "\u2024",
        "%ef%bc%8f",
        "%ef%bd%81dmin",
        "%u002f",
    ),
)
PATHS = st.lists(st.sampled_from(PIECES), max_size=9).map(lambda parts: "/" + "".join(parts))


def judged(path):
    """The name of the rule that judges a path; "refused" where none does."""
    try:
        target = parse_target(b"app.example.com", path.encode(), b"GET", HOSTS)
        rule = RULES.match(target, None)
    except Malformed:
        return "refused"
    return rule.name


def lenient_readings(path):
    """What careless readers make of a path: decode up to three times, cut, fold, split at anything, walk dots."""
    for times, cut, first, fold, backslash, case in product(
        (0, 1, 2, 3), (";", "#?", ";#?", ""), *[(False, True)] * 4
    ):
        text = path.partition("?")[0]
        text = cut_at(text, cut) if first else text
        for _ in range(times):
            text = unquote(text, errors="replace")
        text = normalize("NFKC", text) if fold else text
        text = text.replace("\\", "/") if backslash else text
        text = text.upper().lower() if case else text
        yield walked(cut_at(text, cut))


def cut_at(text, marks):
    """Parameters end with their segment, a fragment or a query ends the path."""
    if ";" in marks:
        text = re.sub(";[^/]*", "", text)
    return re.split("[#?]", text)[0] if "#" in marks else text


def walked(text):
    """Empty and dot segments resolved, as a file system does."""
    done = []
    for segment in text.split("/"):
        if segment == "..":
            done = done[:-1]
        elif segment not in {"", "."}:
            done.append(segment)
    return done


@given(host=st.binary(max_size=40), uri=st.binary(max_size=80), method=st.binary(max_size=10))
def test_whatever_bytes_come_they_are_a_target_or_refused(host, uri, method):
    """No other exception, ever: an exception that nobody expects is how a check is passed by."""
    with suppress(Malformed, UnknownHost):
        parse_target(host, uri, method, HOSTS)


@given(uri=st.one_of(PATHS.map(str.encode), st.binary(max_size=60).map(lambda tail: b"/" + tail)))
def test_whatever_path_comes_it_is_judged_or_refused(uri):
    """As above, with everything else in order, through the rules."""
    try:
        target = parse_target(b"app.example.com", uri, b"GET", HOSTS)
        RULES.match(target, None)
    except Malformed:
        return

    for path in (target.path, *target.readings):
        assert path.startswith("/")
        assert "//" not in path
        assert not {".", ".."} & set(path.split("/"))
        assert not re.search(r"[\x00-\x1f\x7f\\]", path)


@given(uri=PATHS)
def test_a_canonical_path_is_its_own_canonical_path(uri):
    """Written down again and read again it is the same, where it has no second reading."""
    try:
        target = parse_target(b"app.example.com", uri.encode(), b"GET", HOSTS)
    except Malformed:
        return

    if not target.readings:
        again = parse_target(b"app.example.com", quote(target.path).encode(), b"GET", HOSTS)
        assert (again.path, again.readings) == (target.path, ())


@settings(max_examples=600)
@given(path=PATHS)
@example("/public/../admin")
@example("/public/%2e%2e%2fadmin")
@example("/public/..;/admin")
@example("/public%2f%2561dmin")
@example("/;/%ef%bd%81dmin")
@example("/admin%23x")
@example("/admin%3Bx")
@example("/admin;x%2f/y")
@example("/Admin/x")
@example("/public;x/%2541DMIN")
def test_no_reader_finds_the_admin_pages_behind_another_rule(path):
    """If anybody can read a path as being under /admin, it is judged as that, or not at all."""
    if any(reading[:1] == ["admin"] for reading in lenient_readings(path)):
        assert judged(path) in {"admin", "refused"}


@settings(max_examples=300)
@given(path=PATHS)
def test_only_what_everybody_reads_as_public_is_public(path):
    """The rule that asks for nothing is the one that must not be reached by a trick."""
    if judged(path) == "public":
        assert all(
            reading[:1] == ["public"]
            for reading in lenient_readings(path)
            if "\ufffd" not in "".join(reading)
        )


@given(path=st.from_regex(r"(/[a-z0-9._~-]{1,8}){0,6}/?", fullmatch=True), query=st.text(max_size=30))
def test_the_query_never_takes_part(path, query):
    """With it or without it the path is the same, or the query is none and the request is refused."""
    try:
        plain = parse_target(b"app.example.com", path.encode(), b"GET", HOSTS)
        asked = parse_target(b"app.example.com", f"{path}?{query}".encode(errors="replace"), b"GET", HOSTS)
    except Malformed:
        return

    assert (asked.path, asked.readings) == (plain.path, plain.readings)


PLACES = ["/a", "/a/", "/a/**", "/a/b", "/a/*", "/**/b", "/**", "regex:/a.*", "/a/b/**"]
RULE = st.builds(
    RuleSettings,
    hosts=st.lists(st.sampled_from(["app.example.com", "*.example.com", "b.example.com"]), max_size=2),
    paths=st.lists(st.sampled_from(PLACES), max_size=3),
    methods=st.lists(st.sampled_from(["GET", "POST"]), max_size=1),
    allow=st.just("authenticated"),
)


@given(
    written=st.lists(RULE, min_size=1, max_size=12),
    path=st.from_regex(r"(/[ab]){0,4}/?", fullmatch=True).map(lambda path: path or "/"),
    host=st.sampled_from([b"app.example.com", b"b.example.com", b"x.b.example.com"]),
    method=st.sampled_from([b"GET", b"POST", b"HEAD"]),
)
def test_the_index_finds_what_a_walk_through_all_rules_finds(written, path, host, method):
    """It saves time and changes nothing."""
    rules = Rules.of(written)
    target = parse_target(host, path.encode(), method, HOSTS)

    walk = [rule for rule in rules.rules if not rule.misfit(target.host, target.path, target.method, None)]

    assert rules.match(target, None) is (walk[0] if walk else None)


CASED = st.lists(
    st.builds(
        RuleSettings,
        paths=st.lists(
            st.sampled_from([*PLACES, "/A/**", "/a/B", "/*/B", "regex:/[A-B]+", "/\u00c9/**", "/\u00df"]),
            min_size=1,
            max_size=3,
        ),
        allow=st.just("authenticated"),
    ),
    min_size=1,
    max_size=6,
)
CASED_PATHS = st.from_regex(r"(/[aAbB\u00e9\u00c9\u00df]{1,2}){1,3}/?", fullmatch=True)


@given(written=CASED, path=CASED_PATHS)
def test_paths_that_differ_in_case_alone_meet_one_rule_or_are_refused(written, path):
    """Whichever of them the application takes it for, no other rule would have judged it."""
    rules = Rules.of(written)
    met = set()

    for variant in (path, path.upper(), path.lower(), path.swapcase(), path.title()):
        with suppress(Malformed):
            rule = rules.match(parse_target(b"app.example.com", quote(variant).encode(), b"GET", HOSTS), None)
            met.add(rule and rule.name)

    assert len(met) <= 1


@given(written=CASED, path=CASED_PATHS)
def test_where_case_counts_it_is_the_rules_alone_that_count(written, path):
    """The switch gives what a walk through the rules gives, and refuses nothing."""
    rules = Rules.of(written, case_sensitive=True)
    target = parse_target(b"app.example.com", quote(path).encode(), b"GET", HOSTS)

    walk = [rule for rule in rules.rules if not rule.misfit(target.host, target.path, target.method, None)]

    assert rules.match(target, None) is (walk[0] if walk else None)
