"""A path that the application reads differently from us: every published trick is refused, or judged as what it hides.

The rules are those of a usual installation: a place for administrators, a public one, a login for the rest. What
must never happen is that a path under `/admin` for somebody meets another rule than that of `/admin`.
"""

import pytest

from gateway.errors import Malformed
from gateway.policy.hosts import Hosts
from gateway.policy.rules import Rules
from gateway.policy.target import parse_target
from gateway.settings.access import RuleSettings

HOSTS = Hosts.of(["https://app.example.com"])
RULES = (
    RuleSettings(name="admin", paths=["/admin/**"], allow={"groups": ["admins"]}),
    RuleSettings(name="public", paths=["/public/**", "/foo"], allow="public"),
    RuleSettings(name="rest", allow="authenticated"),
)
REFUSED = "refused"


def judged(uri, rules=RULES, method=b"GET", **paths):
    try:
        target = parse_target(
            b"app.example.com", uri if isinstance(uri, bytes) else uri.encode(), method, HOSTS
        )
        rule = Rules.of(rules, **paths).match(target, None)
    except Malformed:
        return REFUSED
    return rule.name if rule else None


@pytest.mark.parametrize("uri", ["//admin", "/admin//x", "///admin///x", "//admin/"])
def test_a17_empty_segments_are_merged(uri):
    """nginx and most frameworks merge them; whoever does not, still meets a rule at least as strict."""
    assert judged(uri) == "admin"


@pytest.mark.parametrize(
    "uri",
    [
        "/./admin",
        "/public/../admin",
        "/public/./../admin",
        "/public/%2e%2e/admin",
        "/public/%2E%2e%2fadmin",
        "/public/.%2e/admin",
        "/public/%2e./admin",
        "/public/..%2fadmin",
        "/public/..%5cadmin",
        "/public/%252e%252e/admin",
        "/public/%25252e%25252e/admin",
        "/public;/../admin",
        "/public/..;/admin",
        "/public/..;a=b/admin",
        "/public/..%3b/admin",
        "/public/x%23/../../admin",
        "/public/%2e%2e%23/admin",
        "/..",
        "/public/..",
        "/public/.",
    ],
)
def test_a18_t08_x1_dot_segments_are_refused(uri):
    """In every spelling (CVE-2026-42274, CVE-2021-29492, CVE-2026-33494): never judged as the public path."""
    assert judged(uri) == REFUSED


@pytest.mark.parametrize(
    "uri", ["/public%2f..%2fadmin", "/%252fadmin", "/admin%252fx", "/public/%255c..%255cadmin"]
)
def test_a19_slashes_that_are_encoded_twice_or_lead_upwards_are_refused(uri):
    """CVE-2026-42272: such paths pass every proxy as they are."""
    assert judged(uri) == REFUSED


@pytest.mark.parametrize("uri", ["/admin%2fx", "/admin%2Fx", "/%2fadmin", "/public%2fx"])
def test_a19_an_encoded_slash_that_makes_a_difference_is_refused(uri):
    """One segment for some, two for others, and two rules."""
    assert judged(uri) == REFUSED


def test_a19_an_encoded_slash_inside_one_place_is_judged():
    """Real applications put whole names into one segment."""
    assert judged("/admin/projects/group%2Fname") == "admin"


@pytest.mark.parametrize("uri", ["/admin;a=b/x", "/;/admin", "/admin;", "/;a/;b/admin/x", "/admin%3bx/y"])
def test_a20_parameters_that_make_a_difference_are_refused(uri):
    """A servlet container cuts them off, a static server does not."""
    assert judged(uri) == REFUSED


@pytest.mark.parametrize("uri", ["/admin/..;/x", "/..;/admin", "/public/.;/../admin"])
def test_a20_parameters_behind_dots_are_refused(uri):
    """The oldest of Tomcat's tricks."""
    assert judged(uri) == REFUSED


def test_a20_a_parameter_inside_one_place_is_judged():
    """`;jsessionid=` and matrix parameters are in real use."""
    assert judged("/admin/list;jsessionid=1") == "admin"


@pytest.mark.parametrize(
    "uri", ["/public\\..\\admin", "\\admin", "/\\admin", "/public/..%5cadmin", "/admin%5Cx"]
)
def test_a21_backslashes_are_refused(uri):
    """Browsers, IIS and Envoy make slashes of them."""
    assert judged(uri) == REFUSED


@pytest.mark.parametrize(
    "uri",
    [
        "/public#/../admin",
        "/admin#foo",
        "/admin#/public",
        "/public/x#",
        "/public?a#b",
        "/admin%23x",
        "/admin%23",
    ],
)
def test_a22_t09_number_signs_that_make_a_difference_are_refused(uri):
    """nginx passes a raw one on; an application cuts there (CVE-2021-32779, GHSA-pxq7-h93f-9jrg)."""
    assert judged(uri) == REFUSED


def test_a22_an_encoded_number_sign_inside_one_place_is_judged():
    """`C#.pdf` is a name."""
    assert judged("/public/C%23.pdf") == "public"


@pytest.mark.parametrize(
    "uri",
    [
        b"/%00",
        b"/public/%00/admin",
        b"/public%00",
        b"/%zz",
        b"/%",
        b"/%4",
        b"/%c0%ae%c0%ae/admin",
        b"/public/%c0%af..",
        b"/%e0%80%ae/",
        b"/%u002fadmin",
        b"/public/%u002e%u002e/admin",
        b"/public/\t../admin",
        b"/pub\tlic",
        b"/\x00admin",
        b"/admin\r\nX-Auth-User: root",
        b"/admin%0d%0aX-Auth-User:%20root",
        b"/public/\xff",
        b"/public/\xe9",
        b"/public/\x7f",
        "/public/\uff0e\uff0e/admin".encode(),
        "/public\uff0f..\uff0fadmin".encode(),
        b"/public/%ef%bc%8e%ef%bc%8e/admin",
        "/public/\u2024\u2024\u2215admin".encode(),
    ],
)
def test_a23_bytes_with_more_than_one_meaning_are_refused(uri):
    """NUL, bad escapes, overlong and full-width forms, controls, and what is no UTF-8."""
    assert judged(uri) == REFUSED


@pytest.mark.parametrize("uri", ["/\uff41dmin", "/%ef%bd%81dmin", "/ad\u24dcin"])
def test_a23_foreign_letters_that_fold_onto_another_rule_are_refused(uri):
    """Some databases and file systems take a full-width letter for its plain one."""
    assert judged(uri) == REFUSED


def test_a23_raw_and_encoded_foreign_letters_are_one_path():
    """Traefik encodes them, nginx does not."""
    rules = (RuleSettings(name="letters", paths=["/é/**"], allow="public"), RULES[2])

    assert judged("/é/x", rules) == judged("/%C3%A9/x", rules) == judged("/%c3%a9/x", rules) == "letters"


@pytest.mark.parametrize(
    "uri",
    [
        pytest.param("/Admin/x", id="the first letter"),
        pytest.param("/ADMIN", id="all letters"),
        pytest.param("/aDMIN/users", id="all but the first"),
        pytest.param("/%41dmin/x", id="an escape"),
        pytest.param("//Admin//x", id="behind an empty segment"),
        pytest.param("/Admin;x", id="before a parameter"),
        pytest.param("/adm%C4%B0n", id="the i with a dot, which Java takes for one without"),
        pytest.param("/adm\u0131n", id="the dotless i, whose upper case is ours"),
        pytest.param("/\uff21dmin", id="a full-width capital"),
        pytest.param("/%2541dmin", id="a capital encoded twice"),
    ],
)
def test_a24_another_case_of_a_protected_place_is_refused(uri):
    """An application that tells no case apart would show what the weaker rule lets through."""
    assert judged(uri) == REFUSED


@pytest.mark.parametrize(
    ("pattern", "uri"),
    [
        pytest.param("/Admin/**", "/admin/x", id="a capital in the rule"),
        pytest.param("/Admin/**", "/ADMIN", id="capitals elsewhere"),
        pytest.param("/API/*/Keys", "/api/7/keys", id="around a wildcard"),
        pytest.param("/K\u00c4SE/**", "/k\u00e4se", id="a foreign capital"),
        pytest.param("/Stra\u00dfe/**", "/STRASSE/7", id="a letter with two capitals"),
        pytest.param("regex:/Admin/[A-Z]+", "/admin/x", id="a regular expression"),
        pytest.param("regex:/Stra\u00dfe/.*", "/strasse/7", id="a regular expression with a foreign letter"),
    ],
)
def test_a24_a_rule_in_capitals_protects_its_place_in_every_case(pattern, uri):
    """The application does not ask how the operator wrote it."""
    rules = (RuleSettings(name="keys", paths=[pattern], allow={"groups": ["admins"]}), RULES[2])

    assert judged(uri, rules) == REFUSED


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("/Users/JohnDoe", "rest"),
        ("/admin/Projects/README.md", "admin"),
        ("/public/Logo.PNG", "public"),
        ("/admin/Stra\u00dfe", "admin"),
        ("/admin/a%2FB", "admin"),
        ("/", "rest"),
    ],
)
def test_a24_capitals_that_meet_the_same_rule_are_judged_by_it(uri, name):
    """Real paths are full of them."""
    assert judged(uri) == name


@pytest.mark.parametrize(
    ("pattern", "uri"),
    [
        ("/Admin/**", "/Admin/x"),
        ("/API/*/Keys", "/API/7/Keys"),
        ("/Stra\u00dfe/*", "/Stra\u00dfe/7"),
        ("regex:/Stra\u00dfe/[A-Z]+", "/Stra\u00dfe/X"),
        (r"regex:/v\d+/\S+", "/v1/x"),
        ("regex:(?i)/admin(/.*)?", "/Admin/x"),
    ],
)
def test_a24_a_rule_in_capitals_is_met_as_it_is_written(pattern, uri):
    """The folded form of a path meets the folded form of its own rule."""
    rules = (RuleSettings(name="keys", paths=[pattern], allow={"groups": ["admins"]}), RULES[2])

    assert judged(uri, rules) == "keys"


def test_a24_an_application_that_tells_case_apart_may_say_so():
    """Then letters are compared as they are, and two rules may differ in nothing else."""
    rules = (RuleSettings(name="capital", paths=["/Admin/**"], allow="public"), *RULES)
    apart = [judged(uri, rules, case_sensitive=True) for uri in ("/Admin/x", "/admin/x", "/ADMIN")]

    assert apart == ["capital", "admin", "rest"]
    assert judged("/admin/x", rules) == judged("/ADMIN", rules) == REFUSED


def test_a25_a_place_is_protected_with_and_without_its_slash():
    """A rule for `/admin/**` leaves no gap at its edge."""
    assert judged("/admin") == judged("/admin/") == judged("/admin/x") == "admin"


@pytest.mark.parametrize("uri", ["/adminx", "/admin-old", "/administrator/x"])
def test_w28_a_name_that_begins_alike_is_another_place(uri):
    """`/apiary` is not below `/api`."""
    assert judged(uri) == "rest"


def test_a26_the_first_segment_is_never_taken_for_a_host():
    """`urlsplit("//admin/x")` loses it (CVE-2026-26205)."""
    assert judged("//admin/x") == "admin"


@pytest.mark.parametrize(
    "uri", ["/x?/public", "/x?/public/", "/x?a=/public/x", "/x?%2fpublic", "/x??/../public/y"]
)
def test_a27_t21_s7_the_query_takes_no_part(uri):
    """CVE-2026-32811, CVE-2025-54576, CVE-2023-33189."""
    assert judged(uri) == "rest"


def test_a27_an_encoded_question_mark_is_judged_both_ways():
    """For us it is a letter of the path; who decodes first cuts there."""
    assert judged("/public/x%3fy") == "public"
    assert judged("/admin%3f/public") == REFUSED


STATUS = (
    RuleSettings(name="status", paths=["regex:/api/.*/status"], allow="public"),
    RuleSettings(name="glob", paths=["/files/**/bar"], allow="public"),
    RuleSettings(name="rest", allow="authenticated"),
)


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("/api/private/x?p=/status", "rest"),
        ("/api/private/x?/status", "rest"),
        ("/api/private/x%3F/status", REFUSED),
        ("/api/private/x%3f/status", REFUSED),
        ("/api/private/x%253F/status", REFUSED),
        ("/api/x/status", "status"),
    ],
)
def test_o08_a_pattern_is_held_against_the_path_alone(uri, name):
    """CVE-2025-54576: the query satisfied the pattern."""
    assert judged(uri, STATUS) == name


@pytest.mark.parametrize("uri", ["/files/secret%23/bar", "/files/secret#/bar", "/files/secret%2523/bar"])
def test_o14_what_an_application_cuts_off_does_not_satisfy_a_rule(uri):
    """CVE-2026-41059: the end of the pattern stood behind a number sign."""
    assert judged(uri, STATUS) == REFUSED


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("/bar?x=/foo", "rest"),
        ("/admin?x=/foo", "admin"),
        ("/admin#/foo", REFUSED),
        ("/admin;/foo", REFUSED),
        ("/foo/../admin", REFUSED),
        ("/foo%2f..%2fadmin", REFUSED),
        ("/foo/%2e%2e/admin", REFUSED),
        ("/foo/%252e%252e/admin", REFUSED),
        ("//admin", "admin"),
        ("/./admin", REFUSED),
        ("/foobar", "rest"),
        ("/foo\\..\\admin", REFUSED),
        ("/ADMIN", REFUSED),
        ("/foo", "public"),
    ],
)
def test_p14_a_public_path_is_that_path_only(uri, name):
    """GHSA-r27r-rr9v-vv37: an unanchored expression over the raw target."""
    assert judged(uri, RULES) == name


@pytest.mark.parametrize(
    "uri",
    [
        "/.well-known/acme-challenge/../../admin",
        "/.well-known/acme-challenge/%2e%2e/%2e%2e/admin",
        "/oauth2/../admin",
        "/_gateway/../admin",
        "/auth/login/..;/..;/admin",
    ],
)
def test_t50_a_special_place_is_no_way_around(uri):
    """Neither the place of certificates nor our own prefix."""
    assert judged(uri) == REFUSED


@pytest.mark.parametrize(
    "uri", ["/oauth2x", "/_gatewayx", "/auth/login", "/verify/forward-auth", "/.well-known/x"]
)
def test_t50_our_own_names_open_nothing_at_an_application(uri):
    """They meet the rule that every other path meets."""
    assert judged(uri) == "rest"


@pytest.mark.parametrize(
    "uri",
    [
        b"",
        b"%",
        b"/%zz",
        b"*",
        b"http://evil.example/x",
        b"http://[::1",
        b"https://\x00app.example.com/",
        b"https://app.example.com/%zz",
        b"app.example.com:443",
        b"admin",
        b" /admin",
        b"/" + b"a" * 64_000,
    ],
)
def test_p1_w11_t05_a_target_that_does_not_parse_is_refused(uri):
    """GHSA-68wm-pfjf-wqp6: a URL that would not parse was answered with 200."""
    for method in (b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS", b"TRACE", b"PROPFIND"):
        assert judged(uri, method=method) == REFUSED


@pytest.mark.parametrize("method", [b"CONNECT", b"get", b"Get", b"", b"GET POST", b"GET\r\nX: y"])
def test_a29_a_method_without_one_meaning_is_refused(method):
    """A tunnel has no path; `get` is GET for some frameworks and unknown to others."""
    assert judged("/public/x", method=method) == REFUSED


@pytest.mark.parametrize("method", [b"POST", b"PUT", b"DELETE", b"OPTIONS", b"FOO"])
def test_x2_a41_a_rule_for_get_opens_no_other_method(method):
    """Neither a write nor a preflight."""
    rules = (RuleSettings(name="read", methods=["GET"], allow="public"), RULES[2])

    assert judged("/x", rules, method) == "rest"
