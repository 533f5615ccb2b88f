"""Attacks on sections of vendors: on what they take for a name or an address, and on refreshes that say another thing."""

import pytest

from gateway.providers.provider import Answer
from gateway.providers.reading import Reading
from gateway.settings import checks
from gateway.settings.oauth2_presets import GitHubProvider
from gateway.settings.oidc_presets import MicrosoftProvider
from gateway.settings.tenant_presets import FeishuProvider
from tests.kit.clock import Clock
from tests.kit.config_file import FINE, paths, settings
from tests.kit.scripted_provider import reply
from tests.kit.vendors.cranked import client_of, log_in, refresh
from tests.kit.vendors.feishu import Feishu
from tests.kit.vendors.github import GitHub
from tests.kit.vendors.plain import Plain

CORP = {**FINE["providers"]["corp"], "user": "corp:{sub}"}
OURS = {"client_id": "g", "client_secret": "s"}
FORUM = {
    **OURS,
    "type": "oauth2",
    "authorization_endpoint": "https://forum.example.com/authorize",
    "token_endpoint": "https://forum.example.com/token",
    "userinfo_endpoint": "https://forum.example.com/me",
    "user": "forum:{login}",
    "claims": {"subject": "id"},
}


class Linkless(GitHub):
    """GitHub behind a proxy that lets no `Link` through."""

    def answer(self, ask):
        answer = super().answer(ask)
        kept = {name: value for name, value in answer.headers.items() if name != "link"}
        return Answer(answer.status, kept, answer.body, answer.json)


def found(**section):
    """The paths of the faults of a section beside a company's provider."""
    return paths(checks.faults(settings(providers={"corp": CORP, "v": {**OURS, **section}})))


# Whose address it is


def test_a_flag_vouches_for_no_other_claim():
    """The attacker verifies an address of their own, and writes the admin's into a field of the profile."""
    vendor = GitHub(Clock())
    vendor.people["ada"]["blog"] = "admin@corp.example"

    ada = log_in(client_of("github", anyone=True, claims={"email": "blog"}), vendor).identity

    assert (ada.email, ada.verified_email) == ("admin@corp.example", "")


def test_a_flag_vouches_for_no_other_claim_of_openid_connect():
    """An attribute that people write themselves beside the flag of the address that they have verified."""
    section = {**CORP, "claims": {"email": "attributes.mail"}}

    assert settings(providers={"corp": section}).providers["corp"].claims.email_verified == ""


def test_whoever_says_what_vouches_is_believed():
    """The operator knows their provider."""
    claims = {"email": "mail", "email_verified": "mail_ok"}
    read = settings(providers={"corp": {**CORP, "claims": claims}}).providers["corp"].claims

    assert (read.email, read.email_verified) == ("mail", "mail_ok")


def test_one_claim_of_entra_that_is_written_takes_no_other_back():
    """`email_verified` is a claim that the administrators of any tenant can have written; `xms_edov` is Microsoft's."""
    written = {**OURS, "type": "microsoft", "tenant": "organizations", "claims": {"name": "display_name"}}

    claims = MicrosoftProvider.model_validate(written).claims

    assert (claims.name, claims.email_verified, claims.picture) == ("display_name", "xms_edov", "")


def test_the_address_of_one_document_is_no_name_out_of_another():
    """The first one vouches for its address; that of the second is whatever its owner wrote into the profile."""
    section = settings(providers={"corp": {**CORP, "user": "{email}"}}).providers["corp"]
    reading = Reading.of(section, "corp", section.home, section.claims, several=False)
    signed = {"sub": "7", "email": " own@corp.example", "email_verified": True}
    profile = {"sub": "7", "email": "victim@corp.example"}

    identity = reading.identity((signed, profile), ("", "7"), 1)

    assert (identity.user, identity.verified_email) == ("own@corp.example", "own@corp.example")


@pytest.mark.parametrize("kind", ["dingtalk", "feishu", "lark"])
@pytest.mark.parametrize(
    ("said", "where"),
    [
        ({"allow": {"email_domains": ["corp.example"]}}, "allow.email_domains"),
        ({"allow": {"emails": ["a@corp.example"]}}, "allow.emails"),
        ({"anyone": True, "user": "x:{email}"}, "user"),
    ],
)
def test_an_address_that_can_never_count_is_asked_of_nobody(kind, said, where):
    """It would refuse every login, and the log alone would say why."""
    assert f"providers.v.{where}" in found(type=kind, **said)


# Who it is called


@pytest.mark.parametrize("tenants", [[], ["t1", "t2"]])
@pytest.mark.parametrize("user", ["feishu:{user_id}", "feishu:{employee_no}", "feishu:{name}"])
def test_administrators_of_another_tenant_name_nobody_of_ours(tenants, user):
    """Everybody may found a tenant at Feishu, and choose the user_id of its people."""
    assert "providers.v.user" in found(type="feishu", tenants=tenants, anyone=True, user=user)


@pytest.mark.parametrize(
    ("tenants", "user"),
    [
        (["t1"], "feishu:{user_id}"),
        (["t1", "t2"], "feishu:{open_id}"),
        (["t1", "t2"], "feishu:{tenant_key}:{user_id}"),
        (["t1", "t2"], "feishu:{union_id}"),
    ],
)
def test_a_name_that_one_person_alone_can_have_is_fine(tenants, user):
    """Within one tenant its administrators are ours."""
    assert found(type="feishu", tenants=tenants, user=user) == []


@pytest.mark.parametrize(
    ("kind", "user"),
    [
        ("dingtalk", "d:{nick}"),
        ("discord", "d:{global_name}"),
        ("github", "d:{name}"),
        ("feishu", "d:{en_name}-{name}"),
    ],
)
def test_a_name_that_is_only_shown_is_nobodys(kind, user):
    """Anybody calls themselves what they like."""
    assert "providers.v.user" in found(type=kind, anyone=True, user=user)


def test_a_capital_does_not_tell_two_templates_apart():
    """Applications that fold letters would take one person for the other."""
    assert found(**{**FORUM, "user": "Corp:{login}"}) == ["providers.v.user"]


def test_feishu_and_lark_stand_side_by_side():
    """Their default names have texts of their own."""
    sections = {name: {**OURS, "type": name, "tenants": ["t1"]} for name in ("feishu", "lark")}

    assert checks.faults(settings(providers=sections)) == ()
    assert FeishuProvider.model_validate(sections["lark"]).user == "lark:{union_id}"


# Who may come


@pytest.mark.parametrize(
    "changes",
    [
        {
            "issuer": "https://forum.example.com",
            "authorization_endpoint": "https://github.com/login/oauth/authorize",
        },
        {"issuer": "https://forum.example.com", "authorization_endpoint": "https://X.com/i/oauth2/authorize"},
        {"authorization_endpoint": "https://gitee.com/oauth/authorize"},
    ],
)
def test_a_public_provider_by_another_name_is_one(changes):
    """What a section calls its issuer says nothing of whose page it is."""
    assert found(**{**FORUM, **changes}) == ["providers.v"]


def test_an_enterprise_server_with_a_slash_is_asked_at_its_own_address():
    """A doubled slash is another path."""
    section = GitHubProvider.model_validate(
        {
            **OURS,
            "type": "github",
            "url": "https://ghe.example.com/",
            "api_url": "https://ghe.example.com/api/v3/",
        }
    )

    assert section.userinfo_endpoint == "https://ghe.example.com/api/v3/user"


# GitHub's lists


def test_a_list_whose_links_were_taken_away_is_read_to_its_end():
    """A proxy before an Enterprise Server may let no `Link` through; the groups would be cut in silence."""
    vendor = Linkless(Clock())
    vendor.people["ada"]["orgs"] = [f"org-{number}" for number in range(150)]

    signed_in = log_in(client_of("github", anyone=True, groups="organizations"), vendor)

    assert len(signed_in.identity.groups) == 150


@pytest.mark.parametrize("status", [403, 429])
def test_a_limit_that_says_so_in_words_takes_no_address_away(status):
    """GitHub's secondary limits need neither `Retry-After` nor a spent counter. It is weather, not an answer."""
    vendor = GitHub(Clock(), app=True)
    client = client_of("github", app=True, allow={"email_domains": ["example.com"]})
    signed_in = log_in(client, vendor)
    said = {"message": "You have exceeded a secondary rate limit. Please wait a few minutes."}
    vendor.instead["/user/emails"] = [reply(status, said)]

    again = refresh(client, vendor, signed_in)

    assert (again.identity, again.barred, again.alarm) == (None, False, "")


# What a refresh says


def test_tokens_of_somebody_else_are_kept_for_nobody():
    """They would go to applications under the name of the session, whose own are spent."""
    vendor = Plain(Clock())
    client = client_of(**{**vendor.section(), "kind": "oauth2"})
    signed_in = log_in(client, vendor)
    vendor.people["alice"] = {"id": 8, "login": "mallory"}

    again = refresh(client, vendor, signed_in)

    assert (again.identity, again.barred, again.grant.access_token) == (None, False, "")
    assert "not the person of the session" in again.alarm


@pytest.mark.parametrize(
    ("number", "barred"), [(20008, True), (20010, True), (20066, True), (99991400, False), (99, False)]
)
def test_who_is_said_to_be_none_of_theirs_any_more_goes(number, barred):
    """The token endpoint may not know yet what the profile does; a limit, or a number unknown, says nothing of a person."""
    vendor = Feishu(Clock())
    client = client_of("feishu", anyone=True)
    signed_in = log_in(client, vendor)
    vendor.instead["/open-apis/authen/v1/user_info"] = [reply(400, {"code": number, "msg": "no"})]

    again = refresh(client, vendor, signed_in)

    assert (again.identity, again.barred) == (None, barred)
