"""Microsoft Entra ID, cranked by hand against a fake that refuses what Entra and Graph refuse."""

import pytest

from gateway.errors import (
    NotAllowed,
    ProviderLied,
    ProviderMisconfigured,
    ProviderRefused,
    ProviderUnavailable,
)
from gateway.providers.provider import Arrival, Ask
from tests.kit.clock import Clock
from tests.kit.scripted_provider import crank, page, reply
from tests.kit.vendors.microsoft import (
    CONSUMERS,
    CORP,
    MEMBERSHIPS,
    OTHER,
    Entra,
    graph_error,
    many_groups,
)
from tests.kit.vendors.openid import CALLBACK, NONCE, SECRET, VERIFIER, client_of, refresh, sign_in

TRACE = {
    "trace_id": "0f1e2d3c-4b5a-4678-8a9b-0c1d2e3f4a5b",
    "correlation_id": "b5a4c3d2-e1f0-4a9b-8c7d-6e5f4a3b2c1d",
}


def vendor(tenant=CORP, **changes):
    return Entra(Clock(), tenant=tenant, client_secret=SECRET, **changes)


def client(tenant=CORP, **keys):
    return client_of({"type": "microsoft", "tenant": tenant, **keys})


@pytest.fixture
def entra():
    return vendor()


def graphs(entra):
    return [ask for ask in entra.asked if MEMBERSHIPS in ask.url]


def test_a_person_is_named_by_tenant_and_object_id(entra):
    """The pairwise sub, the address and the name are none of it."""
    identity = sign_in(client(), entra).identity

    assert identity.key == f"idp:{CORP}:{entra.oid}"
    assert (identity.tenant, identity.subject) == (CORP, entra.oid)
    assert identity.user == "alice@example.com"
    assert identity.groups == tuple(entra.groups)


def test_userinfo_is_not_asked(entra):
    """It knows nothing that the ID token does not say, and its address is unverified."""
    sign_in(client(), entra)

    assert "/oidc/userinfo" not in entra.paths()


@pytest.mark.parametrize(
    ("edov", "verified"),
    [
        pytest.param(None, False, id="not said"),
        pytest.param(False, False, id="no"),
        pytest.param("0", False, id="zero as a text"),
        pytest.param(True, True, id="yes"),
        pytest.param("1", True, id="one as a text"),
        pytest.param("true", True, id="true as a text"),
        pytest.param(1, True, id="one"),
        pytest.param(["1"], False, id="a list"),
    ],
)
def test_only_the_owner_of_the_domain_vouches_for_an_address(entra, edov, verified):
    """Any administrator writes any address into a profile: without xms_edov it is nobody's."""
    entra.edov = edov
    entra.claims = {"email_verified": True}

    identity = sign_in(client(), entra).identity

    assert identity.email == "alice@example.com"
    assert identity.email_verified == verified


@pytest.mark.parametrize("tenant", ["common", "organizations"])
def test_a_shared_address_signs_in_people_of_every_tenant_that_is_listed(tenant):
    """The document's issuer is a template; the token's is that of the person's own tenant."""
    entra = vendor(tenant, home=OTHER)
    one = client(tenant, tenants=[CORP, OTHER])

    signed_in = sign_in(one, entra)

    assert signed_in.identity.tenant == OTHER
    assert signed_in.identity.issuer == f"https://login.microsoftonline.com/{tenant}/v2.0"
    assert refresh(one, entra, signed_in.grant, signed_in.identity).identity == signed_in.identity


def test_personal_accounts_have_a_tenant_of_their_own():
    """Under the word for it, and under its id."""
    entra = vendor("consumers", home=CONSUMERS)

    assert sign_in(client("consumers"), entra).identity.tenant == CONSUMERS


@pytest.mark.parametrize(
    ("tenant", "keys", "home"),
    [
        pytest.param("common", {"tenants": [CORP]}, OTHER, id="a tenant that is not listed"),
        pytest.param("common", {"tenants": [CORP]}, CONSUMERS, id="a personal account"),
        pytest.param("organizations", {}, CONSUMERS, id="a personal account among organizations"),
        pytest.param(CORP, {}, OTHER, id="another tenant than the one"),
    ],
)
def test_a_tenant_that_may_not_sign_in_is_refused_before_its_keys_are_asked_for(tenant, keys, home):
    """Who it is does not matter then, nor what the signature is worth."""
    entra = vendor(tenant, home=home)

    with pytest.raises(NotAllowed) as caught:
        sign_in(client(tenant, **keys), entra)

    assert caught.value.reason == "wrong_tenant"
    assert not any(home in path for path in entra.paths())


def test_a_tenant_that_was_struck_off_the_list_is_barred_at_the_next_refresh():
    """The list counts for sessions too, not for logins alone."""
    entra = vendor("common", home=OTHER)
    signed_in = sign_in(client("common", tenants=[CORP, OTHER]), entra)

    again = refresh(client("common", tenants=[CORP]), entra, signed_in.grant, signed_in.identity)

    assert again.barred


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"says": OTHER}, id="the issuer is another tenant's than tid"),
        pytest.param({"signs_as": OTHER}, id="signed with another tenant's key"),
        pytest.param({"claims": {"tid": "{tenantid}"}}, id="tid is the template"),
        pytest.param({"claims": {"tid": "common"}}, id="tid is a word"),
        pytest.param({"claims": {"tid": f"{CORP}/../{OTHER}"}}, id="tid is a path"),
        pytest.param({"claims": {"tid": None}}, id="no tid"),
        pytest.param({"claims": {"tid": [CORP]}}, id="tid is a list"),
        pytest.param(
            {"claims": {"iss": "https://login.microsoftonline.com/{tenantid}/v2.0"}}, id="the template"
        ),
        pytest.param({"claims": {"iss": f"https://sts.windows.net/{CORP}/"}}, id="the issuer of version 1"),
        pytest.param({"claims": {"iss": f"https://evil.test/{CORP}/v2.0"}}, id="another host"),
        pytest.param({"claims": {"oid": None}}, id="no oid"),
        pytest.param({"claims": {"oid": "alice@example.com"}}, id="oid is an address"),
        pytest.param({"sign": "bad"}, id="a bad signature"),
        pytest.param({"sign": "none"}, id="no signature"),
    ],
)
@pytest.mark.parametrize("tenant", [CORP, "common"])
def test_a_token_that_does_not_prove_its_tenant_is_a_lie(tenant, changes):
    """tid, then the issuer of that tenant, then a key of that tenant."""
    entra = vendor(tenant, **changes)

    with pytest.raises(ProviderLied):
        sign_in(client(tenant, tenants=[CORP, OTHER] if tenant == "common" else []), entra)


@pytest.mark.parametrize(
    "stated",
    [
        pytest.param("https://login.microsoftonline.com/{tenantid}/v2.0", id="a template for one tenant"),
        pytest.param(f"https://login.microsoftonline.com/{OTHER}/v2.0", id="another tenant"),
    ],
)
def test_a_document_speaks_for_the_tenant_that_was_asked_for(entra, stated):
    """Byte for byte, as everywhere."""
    entra.metadata = {"issuer": stated}

    with pytest.raises(ProviderLied, match="issuer"):
        sign_in(client(), entra)


def test_a_document_of_one_tenant_does_not_speak_for_all():
    """At a shared address the template is the one right answer."""
    entra = vendor("common", metadata={"issuer": f"https://login.microsoftonline.com/{OTHER}/v2.0"})

    with pytest.raises(ProviderLied, match="issuer"):
        sign_in(client("common", tenants=[CORP]), entra)


@pytest.mark.parametrize(
    ("issuer", "passes"),
    [
        pytest.param(None, True, id="none, as today"),
        pytest.param(f"https://login.microsoftonline.com/{CORP}/v2.0", True, id="a listed tenant"),
        pytest.param(f"https://login.microsoftonline.com/{OTHER}/v2.0", False, id="another tenant"),
        pytest.param("https://login.microsoftonline.com/x/v2.0", False, id="no tenant"),
        pytest.param("https://evil.test", False, id="somebody else"),
    ],
)
def test_an_issuer_in_the_callback_is_that_of_a_tenant(issuer, passes):
    """RFC 9207, should Entra come to send it."""
    entra = vendor("common")
    flow = client("common", tenants=[CORP]).check_arrival(Arrival("code", issuer, NONCE, VERIFIER, CALLBACK))

    if passes:
        assert crank(flow, entra.answer) is None
    else:
        with pytest.raises(ProviderLied, match="iss"):
            crank(flow, entra.answer)


# Groups


@pytest.mark.parametrize("overage", ["names", "hasgroups"])
@pytest.mark.parametrize("count", [201, 999, 1000])
def test_groups_that_do_not_fit_into_the_token_come_from_graph(overage, count):
    """All of them, page by page, and nothing but groups."""
    entra = vendor(groups=many_groups(count), overage=overage)

    identity = sign_in(client(), entra).identity

    assert identity.groups == tuple(many_groups(count))
    assert len(graphs(entra)) == -(-count // entra.page)
    assert all(ask.headers["consistencylevel"] == "eventual" for ask in graphs(entra))


def test_groups_that_fit_are_not_asked_for_again():
    """Graph is for those whose token leaves them out."""
    entra = vendor(groups=many_groups(200))

    assert len(sign_in(client(), entra).identity.groups) == 200
    assert graphs(entra) == []


def test_where_no_rule_looks_at_groups_graph_is_left_alone():
    """A section that reads app roles alone has no use for them."""
    entra = vendor(groups=many_groups(201), claims={"roles": ["Editor"]})
    one = client(groups_claim=[{"path": "roles", "prefix": "role:"}])

    assert sign_in(one, entra).identity.groups == ("role:Editor",)
    assert graphs(entra) == []


def faulty(**changes):
    return vendor(groups=many_groups(250), **changes)


@pytest.mark.parametrize(
    ("entra", "keys", "reason"),
    [
        pytest.param(faulty(), {"graph": False}, "overage", id="Graph is not to be asked"),
        pytest.param(
            faulty(), {"scopes": ["openid", "profile"]}, "permission_missing", id="no permission to read them"
        ),
        pytest.param(
            faulty(next_link="https://evil.test/v1.0/me/transitiveMemberOf?x"),
            {},
            "overage",
            id="the next page is at another host",
        ),
        pytest.param(
            faulty(next_link="http://graph.microsoft.com/v1.0/me/transitiveMemberOf?x"),
            {},
            "overage",
            id="the next page is in the clear",
        ),
        pytest.param(
            faulty(next_link="https://graph.microsoft.com/v1.0/users?x"),
            {},
            "overage",
            id="the next page is another list",
        ),
        pytest.param(
            faulty(next_link="https://graph.microsoft.com@evil.test/v1.0/me/transitiveMemberOf"),
            {},
            "overage",
            id="the next page is hidden behind a name",
        ),
        pytest.param(
            faulty(next_link="https://graph.microsoft.com/v1.0/me/transitiveMemberOf?$select=id&$top=1"),
            {},
            "overage",
            id="the next page is always the first",
        ),
    ],
)
def test_a_list_that_is_not_complete_refuses_the_login(entra, keys, reason):
    """No groups, or some of them, would be a lie that a rule believes."""
    with pytest.raises(ProviderRefused) as caught:
        sign_in(client(**keys), entra)

    assert caught.value.reason == reason
    assert not caught.value.terminal
    assert all(ask.url.startswith("https://graph.microsoft.com/v1.0/me/") for ask in graphs(entra))


BROKEN = [
    pytest.param(graph_error(400, "BadRequest"), ProviderRefused, id="a refusal"),
    pytest.param(graph_error(503, "ServiceUnavailable"), ProviderUnavailable, id="an outage"),
    pytest.param(graph_error(429, "TooManyRequests"), ProviderUnavailable, id="too many requests"),
    pytest.param(ProviderUnavailable("idp", "silence"), ProviderUnavailable, id="silence"),
    pytest.param(page(200), ProviderRefused, id="HTML"),
    pytest.param(reply(200, {}), ProviderRefused, id="no list"),
    pytest.param(reply(200, {"value": ["x"]}), ProviderRefused, id="a list of texts"),
    pytest.param(
        reply(200, {"value": [{"@odata.type": "#microsoft.graph.group"}]}),
        ProviderRefused,
        id="a group without an id",
    ),
]


@pytest.mark.parametrize(("answer", "fault"), BROKEN)
def test_a_graph_that_fails_refuses_the_login(answer, fault):
    """Whatever it is that fails."""
    entra = faulty()
    entra.instead[MEMBERSHIPS] = [answer]

    with pytest.raises(fault):
        sign_in(client(), entra)


@pytest.mark.parametrize(("answer", "fault"), BROKEN)
def test_a_graph_that_fails_at_a_refresh_leaves_what_was_proven(answer, fault):
    """Never "no groups", never more than was proven, and a word to the operator where it is no passing outage."""
    entra = faulty()
    signed_in = sign_in(client(), entra)
    entra.groups = many_groups(260)
    entra.instead[MEMBERSHIPS] = [answer]

    refreshed = refresh(client(), entra, signed_in.grant, signed_in.identity)

    assert refreshed.identity is None
    assert refreshed.grant.refresh_token in entra.refreshable
    assert bool(refreshed.alarm) == (fault is ProviderRefused)


def test_groups_are_read_again_at_each_refresh():
    """Also those that only Graph knows."""
    entra = faulty()
    signed_in = sign_in(client(), entra)
    entra.groups = many_groups(240)

    refreshed = refresh(client(), entra, signed_in.grant, signed_in.identity)

    assert refreshed.identity.groups == tuple(many_groups(240))


def test_the_hosts_of_a_national_cloud_are_configured():
    """Login and Graph stand elsewhere there."""
    home = "https://login.microsoftonline.us"
    one = client(login_url=home, graph_url="https://graph.microsoft.us")

    assert one.issuer == f"{home}/{CORP}/v2.0"
    assert next(one.depart(CALLBACK, "s", NONCE, VERIFIER, {})).url.startswith(
        f"{home}/{CORP}/v2.0/.well-known/"
    )


# Refresh and errors


def test_a_refresh_brings_a_new_token_and_leaves_the_old_one(entra):
    """So that a second use of it is no theft there."""
    signed_in = sign_in(client(), entra)

    first = refresh(client(), entra, signed_in.grant, signed_in.identity)
    second = refresh(client(), entra, signed_in.grant, signed_in.identity)

    assert len({signed_in.grant.refresh_token, first.grant.refresh_token, second.grant.refresh_token}) == 3


@pytest.mark.parametrize(
    ("number", "fault", "reason", "terminal"),
    [
        pytest.param(50057, ProviderRefused, "account_disabled", True, id="the account is disabled"),
        pytest.param(50173, ProviderRefused, "refresh_dead", True, id="sessions were revoked"),
        pytest.param(700082, ProviderRefused, "refresh_dead", True, id="unused for too long"),
        pytest.param(70008, ProviderRefused, "code_spent", True, id="too old"),
        pytest.param(50076, ProviderRefused, "mfa_required", True, id="a second factor is wanted"),
        pytest.param(50078, ProviderRefused, "mfa_required", True, id="the second factor was long ago"),
        pytest.param(53003, ProviderRefused, "interaction_required", True, id="conditional access"),
        pytest.param(50105, ProviderRefused, "not_a_member", True, id="not assigned any more"),
        pytest.param(65001, ProviderRefused, "consent_denied", True, id="consent withdrawn"),
        pytest.param(7000222, ProviderMisconfigured, "client_rejected", False, id="our secret has ended"),
        pytest.param(700016, ProviderMisconfigured, "client_rejected", False, id="our application is gone"),
        pytest.param(50196, ProviderUnavailable, "throttled", False, id="asked too often"),
    ],
)
def test_a_number_says_what_an_error_means(entra, number, fault, reason, terminal):
    """With the ids for the operator, and never the description."""
    signed_in = sign_in(client(), entra)
    entra.fails = [number]

    with pytest.raises(fault) as caught:
        refresh(client(), entra, signed_in.grant, signed_in.identity)

    assert caught.value.reason == reason
    assert caught.value.trace == {"error_codes": str(number), **TRACE}
    assert getattr(caught.value, "terminal", False) == terminal
    assert "alice" not in str(caught.value)


@pytest.mark.parametrize(
    "codes", [["50057"], "50057", [True], [-1], [10**9], [[50057]], {"50057": 1}, None, [0.5]]
)
def test_a_number_that_is_none_says_nothing(entra, codes):
    """The word of OAuth stays, and nothing of it reaches the log."""
    signed_in = sign_in(client(), entra)
    body = {"error": "invalid_grant", "error_codes": codes, "trace_id": "<script>", "correlation_id": 7}
    entra.instead[f"/{CORP}/oauth2/v2.0/token"] = [reply(400, body)]

    with pytest.raises(ProviderRefused) as caught:
        refresh(client(), entra, signed_in.grant, signed_in.identity)

    assert caught.value.terminal
    assert caught.value.reason == "code_spent"
    assert caught.value.trace == {"correlation_id": "7"}


@pytest.mark.parametrize(
    ("parameters", "reason", "trace"),
    [
        pytest.param(
            {
                "error": "access_denied",
                "error_description": "AADSTS65004: User declined to consent. Trace ID: "
                f"{TRACE['trace_id']} Correlation ID: {TRACE['correlation_id']} Timestamp: 2026",
            },
            "consent_denied",
            {"error_codes": "65004", **TRACE},
            id="the person said no",
        ),
        pytest.param(
            {"error": "invalid_request", "error_description": "AADSTS90094: admin"},
            "consent_denied",
            {"error_codes": "90094"},
            id="an administrator must agree",
        ),
        pytest.param({"error": "access_denied"}, "consent_denied", {}, id="without a description"),
        pytest.param(
            {"error": "x", "error_description": "Trace ID: <b>alice</b> AADSTS<script>"}, "", {}, id="markup"
        ),
        pytest.param({"error": "x", "error_description": "AADSTS9" * 9999}, "", {}, id="a flood"),
    ],
)
def test_the_error_of_a_callback_gives_its_number_and_ids_away_and_nothing_else(parameters, reason, trace):
    """Anybody can have written it into the address."""
    assert client().explain_error(parameters) == (reason, trace)


def test_a_logout_token_is_from_somebody_else(entra):
    """Entra has no back-channel logout: there is nothing to verify it against."""
    with pytest.raises(ProviderLied, match="logout_token"):
        crank(client().read_logout("a.b.c", entra.clock()), entra.answer)

    assert entra.asked == []


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({}, 401, id="no token"),
        pytest.param({"authorization": "Bearer access-1"}, 400, id="no ConsistencyLevel"),
        pytest.param({"authorization": "Bearer access-1", "consistencylevel": "eventual"}, 200, id="right"),
    ],
)
def test_the_fake_graph_refuses_what_graph_refuses(entra, headers, status):
    """So that a client that forgets a header is noticed."""
    sign_in(client(), entra)
    token = next(token for token in entra.scopes if token.startswith("access"))
    sent = {name: value.replace("access-1", token) for name, value in headers.items()}

    answer = entra.answer(Ask(f"https://graph.microsoft.com{MEMBERSHIPS}", headers=sent))

    assert answer.status == status


def test_more_groups_than_are_carried_refuse_the_login_unless_globs_choose_among_them():
    """A list that is cut short would silently take rights away."""
    entra = vendor(groups=many_groups(1001))

    with pytest.raises(ProviderLied) as caught:
        sign_in(client(), entra)

    assert caught.value.reason == "overage"
    some = client(keep_groups=["*-0000000000f?"])
    assert len(sign_in(some, entra).identity.groups) == 16
