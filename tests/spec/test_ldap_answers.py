"""What comes from a directory, and what goes to it, as values: result codes, attributes, filters, the state of an account."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import PasswordRefused, ProviderMisconfigured, ProviderUnavailable
from gateway.providers.ldap import standing
from gateway.providers.ldap.entry import Entry, key_bytes
from gateway.providers.ldap.filters import equals, escaped, filled, person_filter
from gateway.providers.ldap.refusals import REASONS as SUB_CODES
from gateway.providers.ldap.refusals import Outcome, failed, refused_login, refused_service
from gateway.reasons import REASONS
from tests.kit.fake_directory import entry

TEXT = "80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data {}, v3839"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("525", "wrong_password"),
        ("52e", "wrong_password"),
        ("530", "not_now"),
        ("531", "not_here"),
        ("532", "password_expired"),
        ("533", "account_disabled"),
        ("701", "account_expired"),
        ("773", "password_change_needed"),
        ("775", "account_locked"),
        ("999", "wrong_password"),
    ],
)
def test_a_sub_code_becomes_a_reason(data, reason):
    """What nobody has heard of is a wrong password."""
    refused = refused_login("corp", Outcome(49, TEXT.format(data)))

    assert isinstance(refused, PasswordRefused)
    assert refused.reason == reason
    assert refused.trace == {"result": "49", "data": data}


def test_every_sub_code_has_a_word_of_the_vocabulary():
    """It is a label, and chooses a sentence."""
    assert set(SUB_CODES.values()) <= REASONS


@pytest.mark.parametrize("message", ["", "Invalid credentials", "metadata 532 of ann", "data", "data zzz"])
def test_a_refusal_without_a_sub_code_is_a_wrong_password(message):
    """OpenLDAP says no more than that."""
    refused = refused_login("corp", Outcome(49, message))

    assert (refused.reason, refused.trace) == ("wrong_password", {"result": "49"})


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (8, ProviderMisconfigured),
        (13, ProviderMisconfigured),
        (51, ProviderUnavailable),
        (80, ProviderUnavailable),
    ],
)
def test_what_is_not_about_the_password_is_no_refusal(code, kind):
    """Nobody's tries are counted for it."""
    assert type(refused_login("corp", Outcome(code))) is kind


@pytest.mark.parametrize("code", [1, 10, 32, 34, 50])
def test_a_search_that_may_not_be_is_the_operators(code):
    """With what to compare."""
    assert "base and bind_dn" in failed("corp", "a search", Outcome(code)).remedy


def test_a_refused_service_account_says_which_word_it_was():
    """An expired password there is a Monday morning that somebody will want to understand."""
    fault = refused_service("corp", Outcome(49, TEXT.format("532")))

    assert "password_expired" in str(fault)
    assert "bind_dn and bind_password" in fault.remedy


@pytest.mark.parametrize("message", [TEXT.format("52e"), "cn=ann,dc=example"])
def test_the_servers_own_words_stay_behind(message):
    """They name people, and who reads them need not know these."""
    fault = refused_login("corp", Outcome(49, message))

    assert "LdapErr" not in f"{fault!r}{fault.trace}"
    assert "cn=ann" not in f"{fault!r}{fault.trace}"


def test_an_attribute_is_found_in_any_case():
    """RFC 4512 section 2.5."""
    assert entry("cn=x", Mail="a@example.com").texts("mAiL") == ["a@example.com"]


def test_a_guid_is_read_as_windows_writes_it():
    """The first three numbers have the low byte in front."""
    raw = bytes.fromhex("33221100554477668899aabbccddeeff")

    assert entry("cn=x", objectGUID=raw).name_for_ever("objectGUID") == "00112233-4455-6677-8899-aabbccddeeff"
    assert key_bytes("objectguid", "00112233-4455-6677-8899-aabbccddeeff") == raw


@pytest.mark.parametrize("values", [(), (b"short",), (bytes(16), bytes(16))])
def test_a_key_that_is_none_names_nobody(values):
    """Absent, of another length, or two of them."""
    assert Entry("cn=x", {"objectguid": values}).name_for_ever("objectGUID") == ""


def test_a_session_of_another_key_is_not_looked_for():
    """A text that is no GUID is no name of anybody."""
    with pytest.raises(ValueError, match="UUID"):
        key_bytes("objectGUID", "ann")


def test_claims_are_the_attributes_that_are_wanted():
    """One value is a text, several are a list, bytes that are no text are none, and nobody claims how they signed in."""
    found = entry(
        "cn=x",
        mail="a@example.com",
        memberOf=["one", "two"],
        photo=b"\xff\xfe",
        amr="mfa",
        sid="s",
        extra="x",
    )

    claims = found.claims(["MAIL", "memberOf", "photo", "amr", "sid"], amr=["pwd"])

    assert claims == {"MAIL": "a@example.com", "memberOf": ["one", "two"], "amr": ["pwd"]}


@given(st.text())
def test_a_value_stays_in_its_place_whatever_it_is(value):
    """Letters, digits and escapes, which read back are the value's own bytes (RFC 4515 section 3)."""
    try:
        raw = value.encode()
    except UnicodeEncodeError:
        return
    made = escaped(value)

    assert all(part.isalnum() and part.isascii() for part in made.split("\\") if part)
    read, at = bytearray(), 0
    while at < len(made):
        if made[at] == "\\":
            read += bytes.fromhex(made[at + 1 : at + 3])
            at += 3
        else:
            read += made[at].encode()
            at += 1
    assert bytes(read) == raw


def test_a_filter_of_the_configuration_is_filled_with_escaped_values():
    """Structure is the operator's alone."""
    text = filled("(&(uid={name})(o={domain}))", {"name": "a)(b=*", "domain": ""})

    assert text == "(&(uid=a\\29\\28b\\3d\\2a)(o=\\00))"


def test_a_person_is_looked_for_by_every_suffix_of_their_domain():
    """And by no other."""
    assert person_filter("ann", ["corp", "example.com"]) == (
        "(&(objectCategory=person)(objectClass=user)(|(sAMAccountName=ann)"
        "(userPrincipalName=ann\\40corp)(userPrincipalName=ann\\40example\\2ecom)))"
    )
    assert equals("objectGUID", bytes([0, 65])) == "(objectGUID=\\00A)"


NOW = 1_795_000_000


def filetime(seconds):
    return str((seconds + 11_644_473_600) * 10_000_000)


def standing_account(**changes):
    usual = {"userAccountControl": "512", "pwdLastSet": "1", "accountExpires": "0"}
    return entry("cn=x", **{**usual, **changes})


def test_an_account_expires_at_its_second():
    """Not before."""
    assert standing.fallen(standing_account(accountExpires=filetime(NOW + 1)), "1", NOW) == ""
    assert standing.fallen(standing_account(accountExpires=filetime(NOW)), "1", NOW) == "account_expired"


def test_the_stamp_is_that_of_the_password():
    """Another time, another password."""
    assert standing.stamp(standing_account(), active=True) == "1"
    assert standing.fallen(standing_account(), "2", NOW) == "password_changed"


@pytest.mark.parametrize(
    ("lasts", "seconds"),
    [(str(-1800 * 10_000_000), 1200.0), (str(-300 * 10_000_000), 0.0), (str(-(2**63)), None), ("0", None)],
)
def test_a_lock_lasts_as_long_as_the_domain_says(lasts, seconds):
    """From when it was made; one without an end has none."""
    locked = standing_account(lockoutTime=filetime(NOW - 600))

    assert standing.locked_for(locked, entry("dc=x", lockoutDuration=lasts), NOW) == seconds


def test_a_lock_of_which_nothing_is_known_has_no_end_that_we_name():
    """The entry was read before the try that made it."""
    assert standing.locked_for(standing_account(), None, NOW) is None


@pytest.mark.parametrize("text", ["", "abc", "1e9", "٣", "9" * 40, "0x10"])
def test_what_is_no_number_is_none(text):
    """Of another script, too long, or written otherwise."""
    assert entry("cn=x", pwdLastSet=text).number("pwdLastSet") is None
