"""`gateway check --online`: what the providers say of themselves, beside what gateway.yaml says of them."""

import os

import pytest
import yaml
from click.testing import CliRunner

from gateway.cli import main
from gateway.keys.password_hash import hash_password
from tests.kit.client_keys import pem
from tests.kit.config_file import changed
from tests.kit.scripted_provider import Key, ScriptedProvider, page, reply
from tests.kit.servers import free_port
from tests.kit.threaded_provider import served
from tests.kit.users_file import write_people

SECRET = "the-secret-that-nobody-sees"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("GATEWAY")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SECRET", SECRET)
    (tmp_path / "key.pem").write_text(pem("p256"))
    return tmp_path


@pytest.fixture
def provider(clock):
    """One that offers everything, by its metadata."""
    return ScriptedProvider(clock, metadata=everything())


@pytest.fixture
def clock():
    return lambda: 1_800_000_000.0


def everything():
    return {
        "response_types_supported": ["code", "code id_token"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "token_endpoint_auth_methods_supported": [
            "client_secret_basic",
            "client_secret_post",
            "private_key_jwt",
        ],
        "token_endpoint_auth_signing_alg_values_supported": ["RS256", "PS256", "ES256"],
        "code_challenge_methods_supported": ["plain", "S256"],
        "prompt_values_supported": ["none", "login", "consent"],
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
        "frontchannel_logout_supported": True,
    }


KEYED = {"client_secret": None, "client_auth": "private_key_jwt", "client_key": "file:key.pem"}


def check(folder, provider, *, name="corp", others=None, **changes):
    """The command, with this provider on a port and this section."""
    with served(provider) as issuer:
        written = {"issuer": issuer, "client_id": "gateway", "client_secret": "${SECRET}"} | changes
        section = {key: value for key, value in written.items() if value is not None}
        providers = {name: section} | (others(issuer) if others else {})
        (folder / "gateway.yaml").write_text(yaml.safe_dump(changed(providers=providers)))
        return CliRunner().invoke(main, ["check", "--online"], catch_exceptions=False)


def lines(done):
    """The report as a mapping, without the summary after it; of one provider."""
    report = done.stdout.partition("gateway.yaml: fine\n")[0]
    rows = [line.strip().split(None, 1) for line in report.splitlines() if line.startswith("  ")]
    return dict([row for row in rows if len(row) == 2])


def test_a_provider_that_fits_is_fine(folder, provider):
    """The report, then the summary; exit code 0, nothing on standard error."""
    done = check(folder, provider)

    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith("providers.corp (oidc)\n")
    assert "gateway.yaml: fine\n" in done.stdout
    told = lines(done)
    assert told["endpoints"] == "authorization, token, userinfo, revocation, logout"
    assert told["keys"] == "RS256"
    assert (
        told["client"]
        == "client_secret_basic; the provider takes client_secret_basic, client_secret_post, private_key_jwt"
    )
    assert told["request"] == "PKCE plain, S256; by the browser; iss in the callback"
    assert told["refresh"] == "offered; offline_access is known, and not asked for"
    assert told["logout"] == "back-channel, one session; front-channel; by redirect"
    assert told["prompts"] == "none, login, consent"


def test_only_what_stands_open_is_asked_for_and_no_secret_is_sent(folder, provider):
    """Two documents; no form, no authorization, no cookie."""
    check(folder, provider, **KEYED, security="strict")

    assert sorted(provider.paths()) == ["/.well-known/openid-configuration", "/keys"]
    assert not any(ask.form for ask in provider.asked)
    assert not any({"authorization", "cookie"} & set(ask.headers) for ask in provider.asked)


def test_a_provider_that_says_nothing_fits_too(folder, clock):
    """Everything but the must of Discovery is left out; it is told as not said, and nothing is held against it."""
    silent = ScriptedProvider(
        clock, metadata={"end_session_endpoint": None, "authorization_response_iss_parameter_supported": None}
    )

    done = check(folder, silent)

    assert (done.exit_code, done.stderr) == (0, "")
    told = lines(done)
    assert told["client"] == "client_secret_basic; the provider takes client_secret_basic"
    assert told["request"] == "PKCE not said; by the browser; no iss in the callback"
    assert (told["refresh"], told["logout"], told["prompts"]) == ("not said", "none", "not said")


@pytest.mark.parametrize(
    ("metadata", "changes", "sentence"),
    [
        pytest.param({"issuer": "https://evil.example"}, {}, "issuer: verification failed: discovery: issuer", id="another issuer"),
        pytest.param({"token_endpoint": "http://idp.example/token"}, {}, "issuer: verification failed: discovery: token_endpoint", id="an endpoint in the clear"),
        pytest.param({"jwks_uri": None}, {}, "discovery: jwks_uri", id="no keys"),
        pytest.param({"id_token_signing_alg_values_supported": ["HS256"]}, {}, "expected one algorithm at least", id="symmetric alone"),
        pytest.param({"response_types_supported": ["id_token"]}, {}, "has no authorization code flow (id_token); switch", id="no code flow"),
        pytest.param({"token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"]}, {}, "client_auth: is basic, and the provider takes client_secret_post, private_key_jwt; write client_auth: post", id="post alone"),
        pytest.param({"token_endpoint_auth_methods_supported": ["tls_client_auth"]}, {}, "client_auth: is basic, and the provider takes tls_client_auth; let the provider take client_secret_basic", id="nothing of ours"),
        pytest.param({"token_endpoint_auth_methods_supported": None}, KEYED, "client_auth: is private_key_jwt, and the provider takes client_secret_basic; write client_auth: basic", id="no assertions"),
        pytest.param({"token_endpoint_auth_signing_alg_values_supported": ["RS256", "PS256"]}, KEYED, "client_key: signs with ES256, and the provider takes RS256, PS256; use a key of another kind", id="another key"),
        pytest.param({"id_token_signing_alg_values_supported": ["RS256", "PS256"]}, {"algorithms": ["ES256"]}, "algorithms: has none of those that the provider signs with (RS256, PS256); write algorithms: [RS256]", id="another pin"),
        pytest.param({"id_token_signing_alg_values_supported": ["ES256"]}, {}, "the provider publishes no key for ES256", id="no key for it"),
        pytest.param({"id_token_signing_alg_values_supported": ["RS384"]}, KEYED | {"security": "strict"}, "security: verification failed: discovery: id_token_signing_alg_values_supported", id="not of strict"),
        pytest.param({"authorization_response_iss_parameter_supported": None}, KEYED | {"security": "strict"}, "security: is strict, and the provider does not say that it sends iss", id="strict without iss"),
        pytest.param({"code_challenge_methods_supported": ["plain"]}, KEYED | {"security": "strict"}, "has PKCE without S256 (plain)", id="strict without S256"),
        pytest.param({"require_pushed_authorization_requests": True}, {}, "discovery: pushed_authorization_request_endpoint", id="nowhere to push"),
    ],
)  # fmt: skip
def test_what_keeps_everybody_from_signing_in_is_a_fault(folder, provider, metadata, changes, sentence):
    """On standard error, with file, line and path; exit code 1, and nothing is called fine."""
    provider.metadata |= metadata

    done = check(folder, provider, **changes)

    assert done.exit_code == 1
    assert sentence in done.stderr, done.stderr
    assert done.stderr.startswith("gateway.yaml:")
    assert "providers.corp" in done.stderr
    assert "fine" not in done.stdout


@pytest.mark.parametrize(
    ("metadata", "changes", "sentence"),
    [
        pytest.param({}, {"scopes": ["openid", "groups"]}, "scopes: asks for groups, which the provider does not name", id="a scope"),
        pytest.param({}, {"prompt": "select_account"}, "prompt: has select_account, and the provider names none, login, consent", id="a prompt"),
        pytest.param({"code_challenge_methods_supported": ["plain"]}, {}, "has PKCE without S256", id="no S256"),
        pytest.param({}, {"client_secret": None}, "client_secret: is missing, and the provider takes", id="public"),
        pytest.param({}, {"frontchannel_logout": True}, "register PUBLIC_URL/auth/corp/backchannel-logout", id="a better logout"),
        pytest.param({"backchannel_logout_supported": None, "frontchannel_logout_supported": None}, {"frontchannel_logout": True}, "frontchannel_logout: is true, and the provider does not say", id="no logout"),
    ],
)  # fmt: skip
def test_what_is_worth_a_look_is_a_warning(folder, provider, metadata, changes, sentence):
    """Metadata may say less than the provider can: the exit code stays 0."""
    provider.metadata |= metadata

    done = check(folder, provider, **changes)

    assert done.exit_code == 0
    assert done.stderr.startswith("warning: gateway.yaml:")
    assert sentence in done.stderr
    assert "gateway.yaml: fine\n" in done.stdout


@pytest.mark.parametrize(
    ("metadata", "changes", "verdict"),
    [
        pytest.param({}, {}, "would work: write security: strict, client_auth: private_key_jwt, client_key: file:/path/of/key.pem", id="with a secret"),
        pytest.param({}, KEYED, "would work: write security: strict", id="with a key"),
        pytest.param({}, KEYED | {"security": "strict"}, "in use", id="in use"),
        pytest.param({"id_token_signing_alg_values_supported": ["RS256", "PS256"]}, KEYED | {"security": "strict"}, "in use; for FAPI 2.0 let it sign ID tokens with PS256, and write algorithms: [PS256]", id="in use, with more to gain"),
        pytest.param({"id_token_signing_alg_values_supported": ["RS256", "PS256"]}, KEYED | {"security": "strict", "algorithms": ["RS256"]}, "in use", id="pinned"),
        pytest.param({"authorization_response_iss_parameter_supported": None, "token_endpoint_auth_methods_supported": None}, {}, "would not work: it does not say that it sends iss; it takes no private_key_jwt", id="two reasons"),
        pytest.param({"code_challenge_methods_supported": ["plain"]}, {}, "would not work: it has PKCE without S256", id="no S256"),
    ],
)  # fmt: skip
def test_the_strongest_profile_that_would_work_is_named(folder, provider, metadata, changes, verdict):
    """With what to write for it, or why not."""
    provider.metadata |= metadata

    assert lines(check(folder, provider, **changes))["strict"] == verdict


def test_strict_is_told_what_it_does(folder, provider):
    """Where requests can be pushed, strict pushes them."""
    provider.metadata["pushed_authorization_request_endpoint"] = "https://idp.example/par"

    told = lines(check(folder, provider, **KEYED, security="strict"))

    assert told["request"] == "PKCE plain, S256; pushed; iss in the callback"
    assert "pushed requests" in told["endpoints"]


def test_a_provider_that_is_down_hides_no_other(folder, provider):
    """A fault for the one, a report on the other."""
    nobody = f"http://127.0.0.1:{free_port()}"
    down = {"issuer": nobody, "client_id": "gateway", "user": "down:{sub}"}

    done = check(folder, provider, user="corp:{sub}", others=lambda _: {"down": down})

    assert done.exit_code == 1
    assert "providers.corp (oidc)\n  issuer" in done.stdout
    assert "providers.down (oidc)\n" in done.stdout
    [line] = done.stderr.splitlines()
    assert "providers.down.issuer: ConnectError: expected an answer of" in line
    assert "connection refused" in line


@pytest.mark.parametrize(
    "answer", [page(), reply(200, []), reply(404, {}), reply(500, {}), reply(200, {"issuer": "\x1b[2J"})]
)
def test_a_document_that_is_none_is_a_fault(folder, provider, answer):
    """Whatever stands there; nothing of it reaches the terminal as it is."""
    provider.instead["/.well-known/openid-configuration"] = [answer, answer]

    done = check(folder, provider)

    assert done.exit_code == 1
    assert done.stderr.count("\n") == 1
    assert "\x1b" not in done.output


def test_a_providers_words_do_not_drive_the_terminal(folder, provider):
    """Metadata are text of somebody else's."""
    provider.metadata["prompt_values_supported"] = ["\x1b]0;title\x07", "\u202e", "p" * 5000]

    done = check(folder, provider)

    assert done.exit_code == 0
    assert "\x1b" not in done.stdout
    assert "\x07" not in done.stdout
    assert "\u202e" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) < 1100


def test_a_key_set_that_is_none_is_a_fault(folder, provider):
    """Nobody's ID token could be verified."""
    provider.instead["/keys"] = [reply(200, {"keys": "none"})] * 2

    assert check(folder, provider).exit_code == 1


def test_a_second_key_of_another_kind_is_shown(folder, provider):
    """Each by the algorithm that it is for."""
    provider.published = [provider.signing, Key("e1", "ES256")]

    assert lines(check(folder, provider))["keys"] == "RS256, ES256"


def test_of_plain_oauth_it_is_asked_whether_somebody_answers(folder, provider):
    """At each endpoint, by a question without credentials; what is answered says nothing."""

    def plain(issuer):
        return {
            "code": {
                "type": "oauth2",
                "client_id": "gateway",
                "client_secret": "${SECRET}",
                "authorization_endpoint": f"{issuer}/authorise",
                "token_endpoint": f"{issuer}/oauth/token",
                "userinfo_endpoint": f"http://127.0.0.1:{nobody}/me",
                "issuer": "https://name-only.example",
                "user": "code:{login}",
                "claims": {"subject": "id"},
            }
        }

    nobody = free_port()

    done = check(folder, provider, user="corp:{sub}", others=plain)

    assert done.exit_code == 1
    assert "providers.code (oauth2)\n" in done.stdout
    assert "/authorise answers" in done.stdout
    assert "/oauth/token answers" in done.stdout
    [line] = done.stderr.splitlines()
    assert "providers.code.userinfo_endpoint: ConnectError" in line
    asked = [ask for ask in provider.asked if ask.url.endswith(("/authorise", "/oauth/token"))]
    assert len(asked) == 2
    assert not any(ask.form or "authorization" in ask.headers for ask in asked)
    assert SECRET not in done.output


def test_of_an_api_in_front_of_a_directory_it_is_asked_whether_somebody_answers(folder, provider):
    """Without its key, without a name, without a password."""

    def directory(issuer):
        url = f"{issuer}/api/auth/login"
        return {
            "staff": {
                "type": "ad-api",
                "url": url,
                "headers": {"X-API-Key": "${SECRET}"},
                "user": "staff:{username}",
            }
        }

    done = check(folder, provider, user="corp:{sub}", others=directory)

    assert (done.exit_code, done.stderr) == (0, "")
    assert "providers.staff (ad-api)\n" in done.stdout
    assert "/api/auth/login answers" in done.stdout
    [ask] = [one for one in provider.asked if one.url.endswith("/api/auth/login")]
    assert ask.form is None
    assert SECRET not in str(ask.headers)


def test_of_a_file_of_people_nothing_is_asked(folder, provider):
    """It is at hand, and was read before."""
    people = folder / "people.yaml"
    write_people(people, ann={"password": hash_password("correct horse", b"s" * 16)})
    local = {"type": "users-file", "file": str(people), "user": "local:{username}"}

    done = check(folder, provider, user="corp:{sub}", others=lambda _: {"local": local})

    assert (done.exit_code, done.stderr) == (0, "")
    assert "providers.local (users-file)\n" in done.stdout
