"""The discovery document: believed where it fits what gateway.yaml says."""

import pytest

from gateway.errors import ProviderLied, ProviderUnavailable
from gateway.providers.discovery import discover, document_url
from tests.kit.clock import Clock
from tests.kit.scripted_provider import ScriptedProvider, crank, page, reply

ISSUER = "https://idp.example.test"


def metadata_of(provider, issuer=ISSUER):
    return crank(discover("idp", issuer), provider.answer)


def test_the_document_is_read():
    """Endpoints, algorithms and the promise to send `iss`."""
    metadata = metadata_of(ScriptedProvider(Clock()))

    assert metadata.token_endpoint == f"{ISSUER}/token"
    assert metadata.algorithms == ("RS256",)
    assert metadata.states_issuer


@pytest.mark.parametrize(
    ("issuer", "url"),
    [
        pytest.param("https://a.example", "https://a.example/.well-known/openid-configuration", id="bare"),
        pytest.param("https://a.example/", "https://a.example/.well-known/openid-configuration", id="slash"),
        pytest.param(
            "https://a.example/realms/x",
            "https://a.example/realms/x/.well-known/openid-configuration",
            id="path",
        ),
    ],
)
def test_the_document_stands_beneath_the_issuer(issuer, url):
    """Discovery section 4: appended, without a doubled slash."""
    assert document_url(issuer) == url


@pytest.mark.parametrize(
    "stated",
    [
        pytest.param("https://idp.example.test/", id="a slash more"),
        pytest.param("https://IDP.example.test", id="another case"),
        pytest.param("https://evil.example", id="another host"),
        pytest.param(None, id="missing"),
        pytest.param([ISSUER], id="in a list"),
    ],
)
def test_another_issuer_is_refused(stated):
    """The comparison is byte for byte (Discovery section 4.3)."""
    provider = ScriptedProvider(Clock(), metadata={"issuer": stated})

    with pytest.raises(ProviderLied, match="issuer"):
        metadata_of(provider)


@pytest.mark.parametrize(
    ("configured", "stated", "remedy"),
    [
        pytest.param(
            ISSUER, f"{ISSUER}/", f"write issuer: {ISSUER}/ (providers.idp): the slash", id="a slash less"
        ),
        pytest.param(
            f"{ISSUER}/", ISSUER, f"write issuer: {ISSUER} (providers.idp): the slash", id="a slash more"
        ),
        pytest.param(
            ISSUER, "https://idp.example.test/realms/x", "what the provider calls itself", id="another realm"
        ),
        pytest.param(ISSUER, None, "what the provider calls itself", id="none"),
    ],
)
def test_another_issuer_is_told_with_both_values_and_what_to_write(configured, stated, remedy):
    """The commonest mistake of a set-up, in one sentence that names the key."""
    provider = ScriptedProvider(Clock(), metadata={"issuer": stated})

    with pytest.raises(ProviderLied) as fault:
        metadata_of(provider, configured)

    assert str(fault.value).startswith("provider idp: ")
    assert f"says {stated!r}, gateway.yaml says {configured!r}" in str(fault.value)
    assert remedy in fault.value.remedy


def test_what_a_document_says_fills_no_log():
    """It is another's text: cut, and without characters that end a line."""
    provider = ScriptedProvider(Clock(), metadata={"issuer": "x\n" + "y" * 100_000})

    with pytest.raises(ProviderLied) as fault:
        metadata_of(provider)

    assert len(str(fault.value)) < 1000
    assert "\n" not in str(fault.value)


@pytest.mark.parametrize(
    ("answer", "mends"),
    [
        pytest.param(page(404), True, id="404: a realm is missing"),
        pytest.param(page(302), True, id="a redirect"),
        pytest.param(page(200), True, id="a page instead of a document"),
        pytest.param(page(500), False, id="500"),
        pytest.param(page(503), False, id="503"),
        pytest.param(page(429), False, id="too many requests"),
    ],
)
def test_no_document_is_told_with_its_address_and_weather_is_no_alarm(answer, mends):
    """What will not pass by itself says what to write; what may, does not."""
    provider = ScriptedProvider(Clock())
    provider.instead["/.well-known/openid-configuration"] = [answer]

    with pytest.raises(ProviderUnavailable) as fault:
        metadata_of(provider)

    said = str(answer.status) if answer.status != 200 else "not a JSON object"
    assert f"expected at {document_url(ISSUER)}, seen " in fault.value.detail
    assert said in fault.value.detail
    assert ("/realms/NAME" in fault.value.remedy) == mends


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        pytest.param(
            {"id_token_signing_alg_values_supported": ["HS256"]}, ("RS256", "seen ['HS256']"), id="algorithms"
        ),
        pytest.param(
            {"token_endpoint": "http://idp.example.test/token"},
            ("token_endpoint", "seen 'http://idp.example.test/token'"),
            id="an endpoint without https",
        ),
    ],
)
def test_a_document_that_cannot_be_used_is_told_with_what_was_expected(metadata, words):
    """Expected, seen, and something to do."""
    with pytest.raises(ProviderLied) as fault:
        metadata_of(ScriptedProvider(Clock(), metadata=metadata))

    assert all(word in str(fault.value) for word in (*words, "provider idp", "expected"))
    assert fault.value.remedy


@pytest.mark.parametrize(
    "name", ["authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"]
)
@pytest.mark.parametrize(
    "url",
    [
        pytest.param("http://idp.example.test/x", id="plain http"),
        pytest.param("http://127.0.0.1/x", id="loopback beside an https issuer"),
        pytest.param("https://user:pass@idp.example.test/x", id="userinfo"),
        pytest.param("https://idp.example.test/x#part", id="fragment"),
        pytest.param("https:///x", id="no host"),
        pytest.param("javascript:alert(1)", id="script"),
        pytest.param("file:///etc/passwd", id="file"),
        pytest.param("https://idp.example.test/a b", id="blank"),
        pytest.param("https://idp.example.test/\r\nX: y", id="line break"),
        pytest.param("https://[::1/x", id="broken host"),
        pytest.param(7, id="a number"),
    ],
)
def test_an_endpoint_that_is_not_plain_https_is_refused(name, url):
    """Codes, secrets and browsers are sent there."""
    provider = ScriptedProvider(Clock(), metadata={name: url})

    with pytest.raises(ProviderLied, match=name):
        metadata_of(provider)


def test_loopback_http_serves_an_issuer_on_loopback():
    """Development and tests need no certificate."""
    provider = ScriptedProvider(Clock(), issuer="http://127.0.0.1:9")

    assert metadata_of(provider, "http://127.0.0.1:9").token_endpoint == "http://127.0.0.1:9/token"


@pytest.mark.parametrize(
    ("offered", "accepted"),
    [
        pytest.param(
            ["none", "HS256", "ES256", "RS256"], ("RS256", "ES256"), id="the asymmetric ones of many"
        ),
        pytest.param(None, ("RS256",), id="nothing said means RS256"),
    ],
)
def test_algorithms_are_those_of_both_sides(offered, accepted):
    """Neither side alone decides how a token may be signed."""
    provider = ScriptedProvider(Clock(), metadata={"id_token_signing_alg_values_supported": offered})

    assert metadata_of(provider).algorithms == accepted


@pytest.mark.parametrize("offered", [["none", "HS256"], [], "RS256", {"RS256": True}], ids=repr)
def test_a_provider_without_an_acceptable_algorithm_is_refused(offered):
    """There is no fallback to a weak one."""
    provider = ScriptedProvider(Clock(), metadata={"id_token_signing_alg_values_supported": offered})

    with pytest.raises(ProviderLied, match="algorithm"):
        metadata_of(provider)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(page(200), id="HTML"),
        pytest.param(reply(500, {}), id="500"),
        pytest.param(page(302), id="302"),
    ],
)
def test_no_document_is_an_outage(answer):
    """A maintenance page is not a lie."""
    provider = ScriptedProvider(Clock())
    provider.instead["/.well-known/openid-configuration"] = [answer]

    with pytest.raises(ProviderUnavailable, match="discovery"):
        metadata_of(provider)


def test_a_kept_document_that_does_not_fit_is_asked_for_anew():
    """An operator who mends the provider does not wait for an hour."""
    provider = ScriptedProvider(Clock())
    provider.instead["/.well-known/openid-configuration"] = [reply(200, {"issuer": "https://old.example"})]

    metadata = metadata_of(provider)

    assert metadata.issuer == ISSUER
    assert [ask.renew for ask in provider.asked] == [False, True]
