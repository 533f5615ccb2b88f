"""What a callback says: its code by the provider's name for it, its error by a word of ours."""

from types import SimpleNamespace
from urllib.parse import parse_qsl, urlencode

import pytest

from gateway.errors import Malformed, ProviderRefused, ProviderUnavailable
from gateway.login.answer import check_error, the_code
from gateway.observe.events import LoginFinished
from gateway.reasons import REASONS
from tests.kit.login_door import APP, AUTH, LoginHouse

NAMES = ("authCode", "code")


class Explaining:
    """A provider with words of its own in the callback."""

    name, title, issuer = "corp", "Corp", "https://idp.example.test"

    def __init__(self, reason, trace=None):
        self.said = reason, trace or {}

    def explain_error(self, parameters):
        assert parameters["error_description"].startswith("AADSTS")
        return self.said


@pytest.mark.parametrize(
    ("answer", "names", "code"),
    [
        pytest.param({"code": "a"}, ("code",), "a", id="as the specification has it"),
        pytest.param({"authCode": "a"}, NAMES, "a", id="another name"),
        pytest.param({"code": "a"}, NAMES, "a", id="the second name"),
        pytest.param({"authCode": "a", "code": "a"}, NAMES, "a", id="both, and the same"),
        pytest.param({"authCode": "a", "code": ""}, NAMES, "a", id="one of them empty"),
    ],
)
def test_the_code_stands_under_the_provider_s_name_for_it(answer, names, code):
    """DingTalk calls it `authCode`, and in some places `code`."""
    assert the_code(answer, names) == code


@pytest.mark.parametrize(
    ("answer", "names", "reason"),
    [
        pytest.param({}, ("code",), "code_missing", id="none"),
        pytest.param({"authCode": "a"}, ("code",), "code_missing", id="under a name of somebody else's"),
        pytest.param({"code": ""}, NAMES, "code_missing", id="empty"),
        pytest.param({"authCode": "a", "code": "b"}, NAMES, "code_ambiguous", id="two codes"),
    ],
)
def test_no_code_and_two_codes_are_refused(answer, names, reason):
    """One of two is somebody else's, and which one is anybody's guess."""
    with pytest.raises(Malformed) as caught:
        the_code(answer, names)

    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("error", "kind", "reason"),
    [
        ("access_denied", ProviderRefused, "consent_denied"),
        ("login_required", ProviderRefused, "interaction_required"),
        ("interaction_required", ProviderRefused, "interaction_required"),
        ("consent_required", ProviderRefused, "interaction_required"),
        ("account_selection_required", ProviderRefused, "interaction_required"),
        ("unmet_authentication_requirements", ProviderRefused, "mfa_required"),
        ("invalid_request", ProviderRefused, ""),
        ("unauthorized_client", ProviderRefused, ""),
        ("made_up", ProviderRefused, ""),
        ("server_error", ProviderUnavailable, "provider_down"),
        ("temporarily_unavailable", ProviderUnavailable, "provider_down"),
    ],
)
def test_an_error_has_a_word_of_ours_where_it_says_what_happened_to_the_person(error, kind, reason):
    """The page is chosen by it; nothing of what came is repeated."""
    with pytest.raises(kind) as caught:
        check_error(SimpleNamespace(name="corp"), {"error": error, "error_description": "PRIVATE"})

    assert caught.value.reason == reason
    assert reason in REASONS | {""}
    assert "PRIVATE" not in str(caught.value)


@pytest.mark.parametrize(
    ("said", "reason"),
    [("wrong_tenant", "wrong_tenant"), ("", "consent_denied"), ("<script>", "consent_denied")],
)
def test_a_provider_with_words_of_its_own_is_asked_what_they_mean(said, reason):
    """Its answer counts where it is one of our reasons."""
    provider = Explaining(said, {"trace_id": "b4d1"})

    with pytest.raises(ProviderRefused) as caught:
        check_error(provider, {"error": "access_denied", "error_description": "AADSTS50105: …"})

    assert (caught.value.reason, dict(caught.value.trace)) == (reason, {"trace_id": "b4d1"})


@pytest.mark.anyio
async def test_reason_and_trace_stand_in_the_event_and_not_on_the_page():
    """The provider's support asks for the ids; a person has no use for them."""
    house = LoginHouse()
    browser = house.browser()
    base, _, query = (await house.callback_of(browser, f"{AUTH}/auth/staff?rd={APP}/x")).partition("?")
    house.flow.providers["staff"].explain_error = lambda _: ("wrong_tenant", {"trace_id": "b4d1", "n": "7"})
    state = dict(parse_qsl(query))["state"]

    hop = await browser.open(f"{base}?{urlencode({'error': 'access_denied', 'state': state})}", follow=False)

    (told,) = [event for event in house.events if isinstance(event, LoginFinished)]
    assert (told.reason, told.trace) == ("wrong_tenant", "trace_id=b4d1 n=7")
    assert (hop.status, "b4d1" in hop.response.text) == (403, False)


@pytest.mark.anyio
async def test_a_code_under_the_provider_s_own_name_signs_in():
    """Through the whole door, with everything else as ever."""
    house = LoginHouse()
    house.flow.providers["staff"].code_names = NAMES
    browser = house.browser()
    callback = await house.callback_of(browser, f"{AUTH}/auth/staff?rd={APP}/x")

    assert (await browser.open(callback.replace("?code=", "?authCode="))).url == f"{APP}/x"
