"""What the configuration says of token hand-through: the rules, the headers, and what has to be kept for them."""

import pytest

from gateway.forward_auth.snippets import caddy, haproxy, nginx, traefik
from gateway.policy.rules import Rules
from gateway.settings import checks
from gateway.settings.hand_through import identity_headers, kept_tokens, passed_tokens
from tests.kit.config_file import FINE, paths, settings

CORP = FINE["providers"]["corp"]
TWO = {
    "corp": CORP | {"namespace": "all"},
    "partner": {
        "issuer": "https://partner.example.com",
        "client_id": "g",
        "namespace": "all",
        "anyone": True,
    },
}
EVERYONE = {"name": "everyone", "allow": "authenticated"}
BOTH = frozenset({"access_token", "id_token"})
SNIPPETS = {
    "nginx": nginx.snippet,
    "traefik": traefik.snippet,
    "caddy": caddy.snippet,
    "haproxy": haproxy.snippet,
}


def api(passes, **more):
    return {
        "name": "api",
        "hosts": ["app.example.com"],
        "paths": ["/api/**"],
        "allow": "authenticated",
        "pass_token": passes,
        **more,
    }


@pytest.mark.parametrize(
    ("written", "means"),
    [
        ("access_token", {"access_token"}),
        ("id_token", {"id_token"}),
        (["access_token", "id_token"], BOTH),
        (["id_token", "id_token"], {"id_token"}),
        ([], set()),
    ],
)
def test_one_token_or_a_list_of_them(written, means):
    """A word alone is a list of one; none is what it says."""
    given = settings(rules=[api(written), EVERYONE])

    assert Rules.of(given.rules).rules[0].tokens == passed_tokens(given) == means


@pytest.mark.parametrize(
    "written", ["refresh_token", "token", ["access_token", "all"], True, {"access_token": True}]
)
def test_nothing_else_can_be_passed(written):
    """Above all no refresh token: it is worth a session."""
    with pytest.raises(ValueError, match="pass_token"):
        settings(rules=[api(written), EVERYONE])


def test_by_default_nothing_is_passed_kept_or_named():
    """Off: no header of a token is among those of an answer."""
    given = settings(rules=[EVERYONE])

    assert (passed_tokens(given), kept_tokens(given)) == (frozenset(), {})
    assert not set(identity_headers(given)) & BOTH


def test_what_is_kept_is_what_a_rule_passes_of_a_provider_that_it_may_judge():
    """Without `providers:` that is any; the rules of a policy count as well."""
    policies = {"billing": {"rules": [api("id_token", hosts=[], providers=["partner"])]}}
    some = settings(
        rules=[api("access_token", providers=["corp"]), EVERYONE], providers=TWO, policies=policies
    )
    every = settings(rules=[api("access_token"), EVERYONE], providers=TWO)

    assert kept_tokens(some) == {"corp": {"access_token"}, "partner": {"id_token"}}
    assert kept_tokens(every) == {"corp": {"access_token"}, "partner": {"access_token"}}
    assert passed_tokens(some) == BOTH


def test_the_headers_have_names_of_the_operators_own():
    """As every identity header."""
    given = settings(rules=[api("access_token"), EVERYONE], headers={"access_token": "X-Token"})

    names = identity_headers(given)

    assert names["access_token"] == "X-Token"
    assert "id_token" not in names


FAULTS = [
    pytest.param({"rules": [api("id_token", allow="public"), EVERYONE]}, "rules[0].pass_token", "looks at no session", id="public"),
    pytest.param({"rules": [api("id_token"), EVERYONE], "headers": {"id_token": None}}, "rules[0].pass_token", "headers.id_token is null", id="no-header"),
    pytest.param({"rules": [api("id_token"), EVERYONE], "headers": {"id_token": "X-Auth-User"}}, "headers.id_token", "is the name of headers.user too", id="name-of-another"),
    pytest.param({"rules": [api("id_token"), EVERYONE], "headers": {"id_token": "Authorization"}}, "headers.id_token", "has a meaning of its own", id="name-with-a-meaning"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "path", "words"), FAULTS)
def test_what_cannot_work_is_a_fault(change, path, words):
    """At start, with the place and what to write."""
    (fault,) = checks.faults(settings(**change))

    assert paths([fault]) == [path]
    assert words in fault.what


def test_names_of_headers_that_are_not_sent_clash_with_none():
    """A name that somebody uses for something else is fine while no rule passes that token."""
    given = settings(rules=[EVERYONE], headers={"name": "X-Auth-Id-Token"})

    assert checks.faults(given) == ()


@pytest.mark.parametrize("allow", ["optional", "authenticated", {"groups": ["staff"]}])
def test_a_rule_that_looks_at_the_session_may_pass_its_token(allow):
    """`optional` too: empty for whom nobody knows."""
    assert checks.faults(settings(rules=[api("access_token", allow=allow), EVERYONE])) == ()


@pytest.mark.parametrize(
    ("hosts", "named", "noted"),
    [
        (["https://app.example.com", "https://wiki.example.com"], [], True),
        (["https://*.example.com"], [], True),
        (["https://app.example.com", "https://wiki.example.com"], ["app.example.com"], False),
        (["https://app.example.com"], [], False),
    ],
)
def test_a_token_for_every_application_is_worth_a_look(hosts, named, noted):
    """A warning: whoever runs one of them can act as its people at the provider."""
    more = {"hosts": named} if named else {}
    rule = {"name": "api", "allow": "authenticated", "pass_token": "access_token", **more}
    rest = [EVERYONE] if named else []

    found = [
        one
        for one in checks.warnings(settings(hosts=hosts, rules=[rule, *rest]))
        if "passes the token" in one.what
    ]

    assert bool(found) == noted


@pytest.mark.parametrize("proxy", SNIPPETS)
@pytest.mark.parametrize("name", ["X-Auth-Access-Token", "X-Token"])
def test_a_proxy_copies_the_header_exactly_where_a_rule_passes_the_token(proxy, name):
    """And takes it from the client in any case: an application may go on believing in it."""
    server = FINE["server"] | {"verify_bind": "127.0.0.1:4181"}
    on = settings(rules=[api("access_token"), EVERYONE], headers={"access_token": name}, server=server)
    off = settings(rules=[EVERYONE], headers={"access_token": name}, server=server)
    copied = {
        "nginx": f"proxy_set_header {name} $gateway_",
        "traefik": f"- {name}" if name == "X-Token" else "authResponseHeadersRegex: '(?i)^X-Auth-'",
        "caddy": f"\t\t{name}\n",
        "haproxy": f'"{name.lower()}"',
    }[proxy]

    texts = ["\n".join(SNIPPETS[proxy](given).values()) for given in (on, off)]

    assert copied in texts[0]
    if (proxy, name) != ("traefik", "X-Auth-Access-Token"):
        assert copied not in texts[1]
    if proxy == "nginx":
        assert 'proxy_set_header X-Auth-Access-Token "";' in texts[1]
