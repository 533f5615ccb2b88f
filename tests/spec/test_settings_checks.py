"""The meaning of the configuration: what is refused although every value by itself is fine."""

import re

import pytest

from gateway.settings import checks
from tests.kit.config_file import FINE, paths, settings

EVERYONE = {"name": "everyone", "allow": "authenticated"}
CORP = FINE["providers"]["corp"]
GOOGLE = {"issuer": "https://accounts.google.com", "client_id": "g"}
ALONE = {"public_url": "https://app.example.com/_gateway", "hosts": ["https://app.example.com"]}


def rules(*first, **rest):
    return {"rules": [*first, EVERYONE], **rest}


def criteria(**lists):
    return rules({"name": "some", "paths": ["/a"], "allow": lists})


def provider(**keys):
    return {"providers": {"corp": CORP | keys}}


FAULTS = [
    # Who may ask.
    pytest.param({"server": {"trusted_proxies": []}}, "server.trusted_proxies", "no proxy may ask", id="trusts-nobody"),
    pytest.param({"server": {"trusted_proxies": ["0.0.0.0/0"]}}, "server.trusted_proxies[0]", "trusts everybody", id="trusts-ipv4"),
    pytest.param({"server": {"trusted_proxies": ["::/0"]}}, "server.trusted_proxies[0]", "trusts everybody", id="trusts-ipv6"),
    pytest.param({"server": {"trusted_proxies": ["0.0.0.0/1", "128.0.0.0/1"]}}, "server.trusted_proxies", "together", id="trusts-two-halves"),
    pytest.param({"server": {"verify_bind": "same"}}, "server.verify_bind", "lets browsers ask", id="same-port-without-secret"),
    pytest.param({"server": {"verify_secret": "short"}}, "server.verify_secret", "can be guessed", id="short-verify-secret"),
    pytest.param({"server": {"verify_secret": "0123456789 abcdefghi"}}, "server.verify_secret", "no header can carry", id="secret-with-a-blank"),
    pytest.param({"server": {"verify_bind": "127.0.0.1:4180"}}, "server.verify_bind", "address of server.bind", id="two-listeners-on-one-address"),
    # public_url, hosts, cookie.
    pytest.param({"public_url": "http://auth.example.com"}, "public_url", "in the clear", id="plain-http-public-url"),
    pytest.param({"hosts": ["http://app.example.com"]}, "hosts[0]", "in the clear", id="plain-http-host"),
    pytest.param({"hosts": ["http://app.localhost"]}, "hosts[0]", "is http while public_url is https", id="mixed-schemes"),
    pytest.param({"hosts": ["https://app.example.com", "https://APP.example.com:443"]}, "hosts[1]", "stands in hosts[0]", id="host-twice"),
    pytest.param({"hosts": ["https://app.example.com", "https://app.example.com:8443"]}, "hosts[1]", "stands in hosts[0]", id="host-with-two-ports"),
    pytest.param({"sessions": {"cookie_domain": None}}, "sessions.cookie_domain", "does not reach app.example.com, *.apps.example.com", id="no-cookie-domain"),
    pytest.param(ALONE, "sessions.cookie_domain", "is not needed", id="cookie-domain-on-one-host"),
    pytest.param({"hosts": ["https://app.example.com", "https://app.example.org"]}, "hosts[1]", "app.example.org is outside", id="host-outside-the-domain"),
    pytest.param({"hosts": ["https://app.badexample.com"]}, "hosts[0]", "is outside", id="domain-match-needs-a-dot"),
    pytest.param({"public_url": "https://auth.example.org"}, "public_url", "is outside", id="public-url-outside-the-domain"),
    pytest.param({"sessions": {"cookie_domain": "com"}}, "sessions.cookie_domain", "public suffix", id="one-label"),
    pytest.param({"sessions": {"cookie_domain": "co.uk"}}, "sessions.cookie_domain", "public suffix", id="public-suffix"),
    pytest.param({"sessions": {"cookie_domain": "10.0.0.1"}}, "sessions.cookie_domain", "is an address", id="domain-that-is-an-address"),
    # Times and headers.
    pytest.param({"sessions": {"idle": "31d"}}, "sessions.idle", "longer than sessions.absolute, 30d", id="idle-over-absolute"),
    pytest.param({"sessions": {"idle": 0}}, "sessions.idle", "no time at all", id="no-idle-time"),
    pytest.param({"sessions": {"cache_ttl": 30.1}}, "sessions.cache_ttl", "at most 30s", id="long-memory"),
    pytest.param({"sessions": {"on_store_failure": {"grace": "31s"}}}, "sessions.on_store_failure.grace", "at most 30s", id="long-grace"),
    pytest.param({"sessions": {"on_store_failure": {"grace": 0}}}, "sessions.on_store_failure.grace", "no time at all", id="no-grace"),
    pytest.param({"login": {"attempt_lifetime": "0s"}}, "login.attempt_lifetime", "no time at all", id="no-time-for-login"),
    pytest.param({"assertion": {"lifetime": 0}}, "assertion.lifetime", "no time at all", id="no-assertion-lifetime"),
    pytest.param(provider(timeout=0), "providers.corp.timeout", "no time at all", id="no-provider-timeout"),
    pytest.param({"headers": {"user": "X-Who", "name": "x-who"}}, "headers.name", "name of headers.user too", id="one-header-for-two"),
    pytest.param({"headers": {"user": "Cookie"}}, "headers.user", "meaning of its own", id="cookie-as-identity-header"),
    pytest.param({"headers": {"user": "authorization"}}, "headers.user", "meaning of its own", id="authorization-as-identity-header"),
    pytest.param({"headers": {"email": "X-Forwarded-For"}}, "headers.email", "meaning of its own", id="forwarded-header"),
    pytest.param({"headers": {"groups": "Transfer-Encoding"}}, "headers.groups", "meaning of its own", id="hop-by-hop-header"),
    pytest.param({"headers": {"groups": "X-Accel-Redirect"}}, "headers.groups", "meaning of its own", id="header-that-commands-nginx"),
    # Rules.
    pytest.param(rules(EVERYONE | {"paths": ["/a"]}), "rules[1].name", "name of rule everyone (rules[0]) too", id="rule-name-twice"),
    pytest.param(rules({"name": "rule-2", "paths": ["/a"], "allow": "public"}), "rules[0].name", "rule without a name is called", id="default-name-taken"),
    pytest.param(rules({"hosts": [], "allow": "public"}), "rules[0].hosts", "empty list", id="empty-matcher"),
    pytest.param(rules({"hosts": ["app.example.org"], "allow": "public"}), "rules[0].hosts[0]", "app.example.org is not among the hosts", id="rule-for-a-foreign-host"),
    pytest.param(rules({"name": "x", "hosts": ["*.example.org"], "allow": "public"}), "rules[0].hosts[0]", "rule x: *.example.org is not", id="rule-for-a-foreign-suffix"),
    pytest.param(rules({"hosts": ["apps.example.com"], "allow": "public"}), "rules[0].hosts[0]", "not among", id="suffix-itself-is-not-covered"),
    pytest.param(rules({"methods": ["get"], "allow": "public"}), "rules[0].methods[0]", "no method", id="lower-case-method"),
    pytest.param(rules({"methods": ["CONNECT"], "allow": "public"}), "rules[0].methods[0]", "no method", id="connect"),
    pytest.param(rules({"providers": ["crop"], "paths": ["/a"], "allow": "authenticated"}), "rules[0].providers[0]", "no provider has this name; write corp", id="unknown-provider"),
    pytest.param({"providers": {}}, "rules[0].allow", "nowhere to log in", id="login-without-providers"),
    pytest.param({"rules": [EVERYONE, {"name": "late", "allow": "public"}]}, "rules[1]", "rule late: is never reached, because rule everyone (rules[0])", id="rule-after-one-that-fits-all"),
    pytest.param({"policies": {"api": {"rules": [EVERYONE, EVERYONE | {"name": "b"}]}}}, "policies.api.rules[1]", "never reached", id="unreached-rule-of-a-policy"),
    # Paths.
    pytest.param(rules({"paths": ["admin"], "allow": "public"}), "rules[0].paths[0]", "begin with a slash", id="path-without-slash"),
    pytest.param(rules({"paths": ["/a?b=c"], "allow": "public"}), "rules[0].paths[0]", "character that no path has", id="path-with-query"),
    pytest.param(rules({"paths": ["/a/../b"], "allow": "public"}), "rules[0].paths[0]", "dot segment", id="dot-segment"),
    pytest.param(rules({"paths": ["/a//b"], "allow": "public"}), "rules[0].paths[0]", "empty segment", id="empty-segment"),
    pytest.param(rules({"paths": ["/a%20b"], "allow": "public"}), "rules[0].paths[0]", "compared decoded", id="escape-in-a-glob"),
    pytest.param(rules({"paths": ["/a**"], "allow": "public"}), "rules[0].paths[0]", "** within a segment", id="stars-within-a-segment"),
    pytest.param(rules({"paths": ["regex:"], "allow": "public"}), "rules[0].paths[0]", "empty expression", id="empty-expression"),
    pytest.param(rules({"paths": ["regex:/(a"], "allow": "public"}), "rules[0].paths[0]", "no regular expression: an error at character 1", id="broken-expression"),
    pytest.param(rules({"paths": ["regex:/[[a]b]"], "allow": "public"}), "rules[0].paths[0]", "no regular expression", id="expression-with-a-warning"),
    pytest.param(rules({"paths": ["regex:/(a+)+"], "allow": "public"}), "rules[0].paths[0]", "repeats a repetition", id="nested-repetition"),
    # Criteria.
    pytest.param(criteria(), "rules[0].allow", "name nobody", id="criteria-without-a-list"),
    pytest.param(rules({"paths": ["/a"], "allow": []}), "rules[0].allow", "lets nobody in", id="no-criteria-at-all"),
    pytest.param(rules({"paths": ["/a"], "allow": [{"users": ["a"]}, {}]}), "rules[0].allow[1]", "name nobody", id="one-of-several-criteria-is-empty"),
    pytest.param(criteria(users=["a"], groups=[]), "rules[0].allow.groups", "empty list names nobody", id="emptied-list-beside-another"),
    pytest.param(criteria(users=[""]), "rules[0].allow.users[0]", "empty text", id="empty-user"),
    pytest.param(criteria(emails=["ann"]), "rules[0].allow.emails[0]", "no e-mail address", id="email-without-at"),
    pytest.param(criteria(emails=["a@b@example.com"]), "rules[0].allow.emails[0]", "no e-mail address", id="email-with-two-at"),
    pytest.param(criteria(email_domains=["@example.com"]), "rules[0].allow.email_domains[0]", "no e-mail domain", id="domain-with-at"),
    pytest.param(criteria(email_domains=["*.example.com"]), "rules[0].allow.email_domains[0]", "no e-mail domain", id="domain-with-star"),
    pytest.param(provider(allow={}), "providers.corp.allow", "name nobody", id="provider-with-empty-criteria"),
    # Providers.
    pytest.param({"providers": {"login": CORP}}, "providers.login", "gateway's own paths", id="reserved-name"),
    pytest.param({"providers": {"logout-all": CORP}}, "providers.logout-all", "gateway's own paths", id="reserved-name-with-hyphen"),
    pytest.param(provider(issuer="http://idp.example.com"), "providers.corp.issuer", "in the clear", id="plain-http-issuer"),
    pytest.param(provider(issuer="https://user@idp.example.com"), "providers.corp.issuer", "no address", id="issuer-with-userinfo"),
    pytest.param(provider(scopes=["profile"]), "providers.corp.scopes", "lacks openid", id="without-openid"),
    pytest.param(provider(scopes=["openid", "a b"]), "providers.corp.scopes[1]", "no scope", id="two-scopes-in-one"),
    pytest.param({"providers": {"google": GOOGLE}}, "providers.google", "lets everybody in", id="google-for-everybody"),
    pytest.param(provider(issuer="https://GitLab.com/"), "providers.corp", "lets everybody in", id="public-gitlab-in-other-letters"),
    pytest.param(provider(issuer="https://login.microsoftonline.com/common/v2.0"), "providers.corp", "lets everybody in", id="microsoft-common"),
    pytest.param(provider(user="preferred_username"), "providers.corp.user", "no template", id="template-without-claim"),
    pytest.param(provider(user="{a} {b"), "providers.corp.user", "no template", id="template-with-an-open-brace"),
    pytest.param({"providers": {"one": CORP, "two": CORP}}, "providers.two.user", "name of another person of one", id="same-template-twice"),
    pytest.param({"providers": {"one": CORP, "two": CORP | {"user": "two:{sub}"}}}, "providers.one.user", "name of another person of two", id="bare-claim-beside-a-prefix"),
    pytest.param({"providers": {"one": CORP | {"namespace": "a"}, "two": CORP | {"namespace": "b"}}}, "providers.two.user", "name of another person", id="two-namespaces"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "path", "what"), FAULTS)
def test_a_fault_of_meaning_is_found_at_its_path(changes, path, what):
    """Each rule that needs two keys, or the meaning of a value, speaks up where it is broken."""
    found = checks.faults(settings(**changes))

    assert path in paths(found)
    assert any(what in str(fault) for fault in found if paths((fault,)) == [path])


@pytest.mark.parametrize(("changes", "path", "what"), FAULTS)
def test_a_sentence_does_not_repeat_its_own_place(changes, path, what):
    """File, line and path stand in front of it already; a rule is named there, if it has a name."""
    for fault in (*checks.faults(settings(**changes)), *checks.warnings(settings(**changes))):
        place = re.match(r"(policies\.\w+\.)?rules\[\d+\]", paths((fault,))[0])
        assert place is None or place[0] not in str(fault)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="the-fine-configuration"),
        pytest.param({"server": {"trusted_proxies": [], "verify_bind": "unix:/run/g.sock"}}, id="a-socket-for-the-proxy"),
        pytest.param({"server": {"trusted_proxies": [], "verify_secret": "0123456789abcdef"}}, id="a-secret-for-the-proxy"),
        pytest.param({"server": {"verify_bind": "same", "verify_secret": "0123456789abcdef"}}, id="one-port-with-a-secret"),
        pytest.param(ALONE | {"sessions": {"cookie_domain": None}}, id="everything-on-one-host"),
        pytest.param({"public_url": "http://auth.gw.localhost:8080", "hosts": ["http://app.gw.localhost:8080"], "sessions": {"cookie_domain": "gw.localhost"}}, id="plain-http-on-loopback"),
        pytest.param({"public_url": "http://127.0.0.1:4180", "hosts": ["http://127.0.0.1:4180"], "sessions": {"cookie_domain": None}}, id="plain-http-on-a-loopback-address"),
        pytest.param({"sessions": {"idle": "30d"}}, id="idle-as-long-as-absolute"),
        pytest.param({"sessions": {"cache_ttl": "30s"}}, id="longest-memory"),
        pytest.param({"sessions": {"cache_ttl": "0s"}}, id="no-memory"),
        pytest.param({"sessions": {"on_store_failure": {"grace": "30s"}}}, id="longest-grace"),
        pytest.param({"sessions": {"outage_grace": 0}}, id="no-outage-grace"),
        pytest.param({"headers": {"user": "X-Forwarded-User", "email": "Remote-Email", "name": None}}, id="usual-header-names"),
        pytest.param(rules({"hosts": ["*.eu.apps.example.com", "b.apps.example.com"], "paths": ["/a"], "allow": "public"}), id="rule-below-a-listed-suffix"),
        pytest.param(rules({"hosts": ["*.example.com"], "paths": ["/a"], "allow": "public"}), id="rule-suffix-above-listed-hosts"),
        pytest.param(rules({"paths": ["/a/**", "**/*.css", "/*/b c", "/x%2Fy", "regex:/v[0-9]+(/[^/]+)*", "regex:/(a|b)+/c*"], "allow": "public"}), id="patterns"),
        pytest.param(rules({"methods": ["GET", "PROPFIND"], "allow": "public"}), id="methods"),
        pytest.param(rules({"networks": ["10.0.0.0/8"], "allow": "public"}, {"networks": ["10.0.0.0/7"], "allow": "public"}), id="wider-network-later"),
        pytest.param(rules({"paths": ["/a/b"], "allow": "public"}, {"paths": ["/a/**"], "allow": "optional"}), id="wider-path-later"),
        pytest.param({"providers": {}, "rules": [{"allow": "public"}]}, id="no-provider-and-nobody-to-log-in"),
        pytest.param(criteria(emails=["ann@example.com"], email_domains=["Example.com"]), id="criteria"),
        pytest.param({"providers": {"google": GOOGLE | {"anyone": True}}}, id="a-public-provider-for-everybody"),
        pytest.param({"providers": {"google": GOOGLE | {"allow": {"email_domains": ["example.com"]}}}}, id="a-public-provider-for-some"),
        pytest.param(provider(issuer="https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0"), id="one-microsoft-tenant"),
        pytest.param(provider(issuer="http://localhost:8080/realms/x"), id="an-issuer-on-loopback"),
        pytest.param(provider(user="corp:{https://example.com/login}"), id="a-claim-that-is-a-url"),
        pytest.param({"providers": {"one": CORP | {"user": "one:{sub}"}, "two": CORP | {"user": "two:{sub}"}}}, id="templates-apart-in-front"),
        pytest.param({"providers": {"one": CORP | {"user": "{sub}@one"}, "two": CORP | {"user": "{sub}@two"}}}, id="templates-apart-at-the-end"),
        pytest.param({"providers": {"one": CORP | {"namespace": "a"}, "two": CORP | {"namespace": "a"}}}, id="one-namespace"),
    ],
)  # fmt: skip
def test_what_is_meant_well_passes(changes):
    """The checks refuse what is wrong, and nothing else."""
    assert checks.faults(settings(**changes)) == ()


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        pytest.param({}, {"paths": ["/a"]}, id="no-matcher"),
        pytest.param({"paths": ["/a/**"]}, {"paths": ["/a/b", "/a/c/*"]}, id="path-below"),
        pytest.param({"paths": ["/a/**"]}, {"paths": ["/a"]}, id="path-itself"),
        pytest.param({"paths": ["/**"]}, {"paths": ["regex:/x"]}, id="all-paths"),
        pytest.param({"hosts": ["*.apps.example.com"]}, {"hosts": ["b.apps.example.com"]}, id="host-below"),
        pytest.param({"methods": ["GET"]}, {"methods": ["HEAD"]}, id="head-is-get"),
        pytest.param({"networks": ["10.0.0.0/8"]}, {"networks": ["10.1.0.0/16"]}, id="network-within"),
    ],
)
def test_a_rule_that_an_earlier_one_covers_is_never_reached(earlier, later):
    """Rules are read in order, so a wider one in front leaves nothing to the one behind it."""
    found = checks.faults(settings(**rules(earlier | {"allow": "public"}, later | {"allow": "optional"})))

    assert "rules[1]" in paths(found)


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        pytest.param({"server": {"trusted_proxies": [], "verify_bind": "unix:/run/g.sock"}}, "server.trusted_proxies", id="pages-see-the-proxy"),
        pytest.param({"server": {"trusted_proxies": ["10.0.0.0/7"]}}, "server.trusted_proxies[0]", id="wide-ipv4-network"),
        pytest.param({"server": {"trusted_proxies": ["2000::/3"]}}, "server.trusted_proxies[0]", id="wide-ipv6-network"),
        pytest.param({"public_url": "http://localhost", "hosts": ["http://localhost"], "sessions": {"cookie_domain": None}}, "public_url", id="plain-http"),
        pytest.param({"rules": [{"allow": "public"}]}, "rules[0].allow", id="everything-is-public"),
        pytest.param(rules({"methods": ["GTE"], "allow": "public"}), "rules[0].methods[0]", id="rare-method"),
        pytest.param({"providers": {"one": CORP, "two": CORP}, "rules": [{"allow": {"groups": ["staff"]}}]}, "rules[0].allow.groups[0]", id="bare-group-of-several-providers"),
    ],
)  # fmt: skip
def test_what_may_be_meant_is_warned_about(changes, path):
    """A warning names the path, and is no fault."""
    assert path in paths(checks.warnings(settings(**changes)))
    assert path not in paths(checks.faults(settings(**changes)))


def test_the_fine_configuration_has_no_warning():
    """A warning that always stands there is not read."""
    assert checks.warnings(settings()) == ()


def test_the_suggested_cookie_domain_is_the_longest_that_fits_all():
    """A narrow domain gives the cookie to fewer hosts."""
    narrow = {"public_url": "https://auth.dev.example.com", "hosts": ["https://a.dev.example.com"]}

    found = checks.faults(settings(**narrow, sessions={"cookie_domain": None}))

    assert [fault.instead for fault in found] == ["write cookie_domain: dev.example.com"]


@pytest.mark.parametrize(
    "hosts",
    [
        pytest.param(["https://app.example.org"], id="nothing-in-common"),
        pytest.param(["https://app.other.com"], id="a-top-level-domain-in-common"),
        pytest.param(["https://192.0.2.1"], id="an-address"),
    ],
)
def test_no_cookie_domain_is_suggested_where_none_would_work(hosts):
    """Then only other host names help, and the message says so."""
    found = checks.faults(settings(hosts=hosts, sessions={"cookie_domain": None}))

    assert [fault.instead.partition(" names under")[0] for fault in found] == [
        "give public_url and the hosts"
    ]


def test_a_check_is_silent_where_what_it_reads_is_damaged():
    """A stand-in for a value that could not be read must not raise faults of its own."""
    empty = settings(server={"trusted_proxies": []}, sessions={"idle": "31d"})

    found = checks.faults(empty, without=[("server", "trusted_proxies")])

    assert paths(found) == ["sessions.idle"]


def test_every_check_names_what_exists():
    """The paths that a check says it reads are paths of the model."""
    from gateway.settings.shape import expected

    unknown = [path for row in (*checks.CHECKS, *checks.WARNINGS) for path in row.reads if not expected(path)]

    assert unknown == []
