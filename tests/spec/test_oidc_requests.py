"""What we send as an OAuth client, and what a token answer may say."""

import base64
from urllib.parse import parse_qsl, urlsplit

import pytest

from gateway.errors import ProviderLied, ProviderMisconfigured, ProviderRefused, ProviderUnavailable
from gateway.providers.client_auth import Client
from gateway.providers.oauth import YEAR, lifetime, read_tokens, s256
from gateway.providers.provider import Answer
from tests.kit.scripted_provider import page, reply

NOW = 1_800_000_000
GOOD = {"access_token": "a", "token_type": "Bearer"}


def test_the_challenge_is_that_of_rfc_7636_appendix_b():
    """The vector of the specification."""
    assert (
        s256("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    )


def test_the_query_of_an_endpoint_stays_and_gives_way_to_ours():
    """An endpoint may carry a query of its own; none of it replaces a parameter of the protocol."""
    client = Client("idp", "gateway")

    url = client.authorization_url(
        "https://idp.example/authorize?p=B2C_1&client_id=evil&state=evil#part", {"state": "s"}, {}
    )

    assert parse_qsl(urlsplit(url).query) == [
        ("p", "B2C_1"),
        ("response_type", "code"),
        ("client_id", "gateway"),
        ("state", "s"),
    ]
    assert urlsplit(url).fragment == ""


def test_an_extra_parameter_adds_and_never_replaces():
    """Whatever asks for a fresh login cannot turn the flow into another one."""
    client = Client("idp", "gateway")

    url = client.authorization_url(
        "https://idp.example/a", {"state": "s"}, {"max_age": "60", "state": "evil", "response_type": "token"}
    )

    sent = parse_qsl(urlsplit(url).query)
    assert sorted(sent) == [
        ("client_id", "gateway"),
        ("max_age", "60"),
        ("response_type", "code"),
        ("state", "s"),
    ]


def test_basic_credentials_are_form_urlencoded_before_they_are_joined():
    """RFC 6749 section 2.3.1: a colon or a plus in a credential is not a separator."""
    ask = Client("idp", "a:b", "c+d é").token_ask("https://idp.example/token", {"code": "x"})

    sent = base64.b64decode(ask.headers["authorization"].removeprefix("Basic ")).decode()
    assert sent == "a%3Ab:c%2Bd+%C3%A9"
    assert ask.form == {"code": "x"}


def test_credentials_in_the_body_leave_the_header_alone():
    """A client authenticates by one method only."""
    ask = Client("idp", "gateway", "secret", "post").token_ask("https://idp.example/token", {"code": "x"})

    assert ask.form == {"code": "x", "client_id": "gateway", "client_secret": "secret"}
    assert "authorization" not in ask.headers


def test_a_public_client_sends_its_id_alone():
    """Without a secret the proof is the code verifier."""
    ask = Client("idp", "gateway").token_ask("https://idp.example/token", {"code": "x"})

    assert ask.form == {"code": "x", "client_id": "gateway"}
    assert "authorization" not in ask.headers


def test_secrets_stay_out_of_the_repr():
    """A request that lands in a log or a traceback carries no credential."""
    client = Client("idp", "gateway", "hunter2", "post")
    ask = client.token_ask("https://idp.example/token", {"code": "the-code"})
    tokens = read_tokens("idp", reply(200, {**GOOD, "access_token": "the-token"}), NOW)

    shown = f"{client!r} {ask!r} {tokens!r}"

    assert "hunter2" not in shown
    assert "the-code" not in shown
    assert "the-token" not in shown


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        pytest.param(3600, 3600, id="a number"),
        pytest.param("3600", 3600, id="a string, as AD FS sends it"),
        pytest.param(3599.9, 3599, id="a fraction"),
        pytest.param("59.5", 59, id="a fraction in a string"),
        pytest.param(None, 0, id="missing"),
        pytest.param(0, 0, id="zero"),
        pytest.param(-5, 0, id="negative"),
        pytest.param(True, 0, id="a boolean"),
        pytest.param("soon", 0, id="a word"),
        pytest.param([3600], 0, id="a list"),
        pytest.param(1e300, YEAR, id="past the end of time"),
        pytest.param(float("inf"), YEAR, id="endless"),
        pytest.param("9" * 5000, YEAR, id="five thousand digits"),
        pytest.param("٣٦٠٠", 3600, id="digits of another script"),
    ],
)
def test_a_lifetime_is_read_whatever_its_shape(value, seconds):
    """Seen in the wild: strings, fractions, nothing, and numbers past the year 10000."""
    assert lifetime(value) == seconds


@pytest.mark.parametrize("kind", ["Bearer", "bearer", "BEARER"])
def test_the_type_of_a_token_has_no_case(kind):
    """RFC 6749 section 5.1."""
    tokens = read_tokens("idp", reply(200, {**GOOD, "token_type": kind, "expires_in": 60}), NOW)

    assert tokens.access_token == "a"
    assert tokens.expires == NOW + 60


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({**GOOD, "token_type": "DPoP"}, id="bound token"),
        pytest.param({"access_token": "a"}, id="no type"),
        pytest.param({**GOOD, "token_type": ["Bearer"]}, id="type in a list"),
        pytest.param({"token_type": "Bearer"}, id="no token"),
        pytest.param({**GOOD, "access_token": ""}, id="empty token"),
        pytest.param({**GOOD, "access_token": "a\r\nX-Role: admin"}, id="token with a line break"),
        pytest.param({**GOOD, "access_token": "ü"}, id="token outside ASCII"),
    ],
)
def test_an_answer_without_a_usable_bearer_token_is_a_lie(body):
    """A token of another kind would be sent as a bearer token, and one with a line break as a header."""
    with pytest.raises(ProviderLied):
        read_tokens("idp", reply(200, body), NOW)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        pytest.param(reply(400, {"error": "invalid_grant"}), "invalid_grant", id="the grant is dead"),
        pytest.param(reply(200, {"error": "bad_code"}), "bad_code", id="an error with a 200"),
        pytest.param(reply(400, {"error": "invalid_scope"}), "invalid_scope", id="another error"),
        pytest.param(reply(400, {"error": 'a"b\n'}), "unreadable_error", id="no error code at all"),
        pytest.param(reply(400, {"error": {"code": 7}}), "unreadable_error", id="an object"),
    ],
)
def test_an_error_object_is_a_refusal(answer, error):
    """RFC 6749 section 5.2; only invalid_grant is final, and only a well-formed code reaches a log."""
    with pytest.raises(ProviderRefused) as caught:
        read_tokens("idp", answer, NOW)

    assert caught.value.error == error
    assert caught.value.terminal == (error == "invalid_grant")
    assert not isinstance(caught.value, ProviderMisconfigured)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(reply(401, {"error": "invalid_client"}), id="invalid_client"),
        pytest.param(reply(400, {"error": "unauthorized_client"}), id="unauthorized_client"),
        pytest.param(page(401), id="a bare 401"),
    ],
)
def test_a_rejected_client_is_the_operators_fault(answer):
    """It is about us, not about the person, and it is not final."""
    with pytest.raises(ProviderMisconfigured) as caught:
        read_tokens("idp", answer, NOW)

    assert not caught.value.terminal


@pytest.mark.parametrize(
    ("answer", "ambiguous", "wait"),
    [
        pytest.param(reply(500, {"error": "invalid_grant"}), True, None, id="500 with an error object"),
        pytest.param(page(502), True, None, id="502 page"),
        pytest.param(reply(503, {}, {"retry-after": "7"}), True, 7.0, id="503 with seconds"),
        pytest.param(reply(429, {}, {"retry-after": "30"}), False, 30.0, id="429 with seconds"),
        pytest.param(reply(429, {}), False, 5.0, id="429 alone"),
        pytest.param(reply(429, {}, {"retry-after": "9" * 400}), False, 600.0, id="429 for ever"),
        pytest.param(reply(429, {}, {"retry-after": "soon"}), False, 5.0, id="429 with a word"),
        pytest.param(
            reply(429, {}, {"retry-after": "Fri, 15 Jan 2027 08:00:20 GMT"}),
            False,
            20.0,
            id="429 with a date",
        ),
        pytest.param(page(200), True, None, id="HTML with a 200"),
        pytest.param(page(404), False, 5.0, id="HTML with a 404"),
        pytest.param(
            Answer(302, {"location": "https://x"}, b"", None), False, 5.0, id="a redirect, not followed"
        ),
        pytest.param(reply(400, {"error": "temporarily_unavailable"}), False, None, id="weak for a moment"),
        pytest.param(reply(200, ["a"]), True, None, id="a JSON array"),
    ],
)
def test_anything_else_is_an_outage(answer, ambiguous, wait):
    """Transient, with a word on whether its effect may have happened and how long to wait."""
    with pytest.raises(ProviderUnavailable) as caught:
        read_tokens("idp", answer, NOW)

    assert caught.value.ambiguous == ambiguous
    assert caught.value.retry_after == wait


def test_a_fault_never_repeats_the_body():
    """Bodies of token answers hold tokens, also the broken ones."""
    with pytest.raises(ProviderUnavailable) as caught:
        read_tokens("idp", page(200, "<html>secret-token</html>"), NOW)

    assert "secret-token" not in str(caught.value)
