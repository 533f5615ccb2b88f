"""Two parsers read the configuration: they must never read it differently."""

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.settings import composing, document
from gateway.settings.document import read_document

pytestmark = pytest.mark.skipif(
    not yaml.__with_libyaml__, reason="PyYAML was built without libyaml: there is one parser alone"
)

PIECES = ["a", "b", "1", "true", "~", " ", "  ", "\n", "\n  ", "\n- ", "- ", ": ", ":", ", ", "[", "]", "{", "}", "#", " #", "'", '"', "*a", "&a ", "!", "!!str ", "|\n", ">-\n", "|", ">", "?", "? ", "%", "---\n", "...\n", "@", "`", "\t", "\r\n", "\x85", "\u2028", "\ufeff", "é", "…", "\U0001f600", "<<: ", "a:b", "a|b", "a!", "/**", "*.x", "\n\n", "key: v\n", "k:\n  - x\n", "k: [", "k: {", "- k: v\n  l: w\n", '"a\n b"', "'a\n\n b'", '"\\\n"', '"\\x41\\u00e9"', '"\\/"', "\\d"]  # fmt: skip


def slowly(text):
    """By PyYAML's own parser alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(document, "compose", composing.compose_slowly)
        return read_document(text)


@settings(max_examples=2_000)
@given(st.lists(st.sampled_from(PIECES), max_size=16).map("".join) | st.text(max_size=40))
@example("a: 1\t")
@example("!")
@example(">#")
@example("[a?b]")
@example("[#? \\\n?\n: ]\r\n")
@example('"\\uD800"')
@example('"\\U00110000"')
@example("a: 1\na: 2")
@example("rules: [\n{paths: ['/a/**'], allow: {groups: [x]}}\n]")
def test_both_parsers_read_the_same(text):
    """The same data, lines and faults, whichever parser had the text."""
    assert read_document(text) == slowly(text)


def test_the_quick_parser_reads_what_rules_are_written_in(monkeypatch):
    """Globs, expressions, comments, quotes and both styles of lists are nothing to dispute about."""
    text = "# Who may pass: nobody, at first!\nrules:\n- paths: ['/a/**', \"/é\", 'regex:/v[0-9]+/(a|b)>']\n  allow: {groups: [x-1, 'y!']}\n"
    expected = slowly(text)
    monkeypatch.setattr(composing, "compose_slowly", None)

    assert read_document(text) == expected
    assert expected.data["rules"][0]["allow"] == {"groups": ["x-1", "y!"]}


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "- a: ", "[{a: "])
def test_no_depth_ends_the_process(opening):
    """libyaml's own composer would overflow the stack; here it is a fault, as with the other parser."""
    assert read_document(opening * 100_000).broken


def test_a_machine_without_libyaml_reads_the_same(monkeypatch):
    """It only takes longer."""
    text = "rules:\n- paths: [/a/**]\n  allow: public\n"
    expected = read_document(text)
    monkeypatch.setattr(composing, "_QUICK", None)

    assert read_document(text) == expected
