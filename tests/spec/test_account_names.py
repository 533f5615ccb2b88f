"""The name that a person types: one account in all its spellings, and none for what is no name."""

import pytest

from gateway.providers.account import Account, Spellings

CORP = Spellings(
    {"corp": "corp.example", "corp.example": "corp.example", "old.example": "corp.example"}, "corp.example"
)


@pytest.mark.parametrize(
    "typed",
    [
        pytest.param("ann", id="bare"),
        pytest.param("Ann", id="in capitals"),
        pytest.param(" ann ", id="with blanks around"),
        pytest.param("ann@corp.example", id="with the domain"),
        pytest.param("ann@OLD.example", id="with a former domain"),
        pytest.param("CORP\\ann", id="with the short domain"),
        pytest.param("CORP\\ ann", id="with a blank behind it"),
        pytest.param("ann @corp.example", id="with a blank before the sign"),
        pytest.param("\uff41\uff4e\uff4e", id="in full width"),
    ],
)
def test_an_account_is_one_in_every_spelling(typed):
    """Limits count it once, and the directory is asked the same."""
    assert CORP.read(typed) == Account("ann", "corp.example")


@pytest.mark.parametrize(
    "typed",
    ["", "  ", "a\0b", "corp\\a\\b", "corp\\a@b", "\\ann", "@corp.example", "ann@evil.example", "a" * 257],
)
def test_what_is_no_name_is_none(typed):
    """Two readers could find two names in it, or none."""
    assert CORP.read(typed) is None


@pytest.mark.parametrize("name", ["\u00e5sa", "asa\u00ad", "\u00e0sa", "\u0101s\u200ba", "Asa"])
def test_spellings_that_a_directory_overlooks_share_their_tries(name):
    """Else each accent brought new tries at one password."""
    assert Account(name).counted == "asa"


@pytest.mark.parametrize(
    ("name", "plain"),
    [("s\u00f8ren", "soren"), ("\u0111ura", "dura"), ("\u0142ukasz", "lukasz"), ("\u0127al", "hal")],
)
def test_a_stroke_is_overlooked_as_an_accent_is(name, plain):
    """Though no normal form takes it apart."""
    assert Account(name).counted == plain


def test_names_in_other_scripts_stay_what_they_are():
    """They have no plain letter beneath."""
    assert {Account(name).counted for name in ("\u738b", "\u674e", "\u0438\u0432\u0430\u043d")} == {
        "\u738b",
        "\u674e",
        "\u0438\u0432\u0430\u043d",
    }
