"""Whatever stands in the file and the environment: settings, or faults that can be read. Never anything else."""

import copy
import tempfile
from pathlib import Path

import yaml
from click.testing import CliRunner
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gateway.cli import main
from gateway.errors import SettingsFault
from gateway.settings.checks.patterns import repeats_a_repetition
from gateway.settings.load import load
from gateway.settings.model import Settings
from tests.kit.config_file import FINE

REFERENCE = yaml.safe_load((Path(__file__).resolve().parents[2] / "gateway.yaml").read_text())
WORDS = sorted(
    {
        word
        for text in (str(REFERENCE), "same null ${A} $${ ${ file: regex: ** {sub} *.x [::1]:1")
        for word in text.split()
    }
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(WORDS)
    | st.sampled_from(["0.0.0.0/0", "https://a.b", "/x", "regex:(a+)+", "regex:[[", "3d", "GET", "a@b.c", "unix:/x", "co.uk"])
)  # fmt: skip
KEYS = st.text(max_size=8) | st.sampled_from(
    sorted({*Settings.model_fields, "allow", "users", "issuer", "client_id"})
)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
RELAXED = settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)


def outcome(text, environ=None):
    """Load it: settings, or faults of which each is a printable line that begins where it was found."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "gateway.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
        try:
            found, faults = load(path, environ or {}), ()
        except SettingsFault as fault:
            found, faults = None, fault.faults

    assert isinstance(found, Settings) or faults
    for line in faults:
        assert line.startswith((f"{path}:", "GATEWAY__"))
        assert "; " in line
        assert line.isprintable()
        assert line.encode()


def places(value, path=()):
    """Every path of a tree."""
    yield path
    children = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, child in children:
        yield from places(child, (*path, key))


def replaced(tree, path, value):
    """A copy of the tree with another value at the path."""
    if not path:
        return value
    result = copy.deepcopy(tree)
    place = result
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    return result


@RELAXED
@given(TREES)
def test_any_structure_is_settings_or_faults(tree):
    """The wrong type, anywhere, is a sentence."""
    outcome(yaml.safe_dump(tree, allow_unicode=True))


@RELAXED
@given(st.text(max_size=200) | st.binary(max_size=200))
@example("a: " + "[" * 3000)
@example("%YAML 9.9\n---\n")
@example('"\\uD800": 1')
@example("? ? ? a")
@example("<<: *x")
@example("!!binary a: !!set {a}")
@example("\ufeffpublic_url: x")
def test_any_text_is_settings_or_faults(text):
    """Also what is no YAML, and what is no text."""
    outcome(text)


@settings(RELAXED, max_examples=400)
@given(st.sampled_from(sorted(places(REFERENCE), key=str)), TREES)
def test_any_value_in_any_place_of_a_fine_file_is_settings_or_faults(path, value):
    """Deep in the file, where the checks meet it."""
    outcome(yaml.safe_dump(replaced(REFERENCE, path, value), sort_keys=False))


@settings(RELAXED, max_examples=200)
@given(
    st.dictionaries(
        st.lists(st.sampled_from([*Settings.model_fields, "bind", "corp", "issuer", "0", "", "x"]), max_size=4).map("__".join).map("GATEWAY__".__add__),
        st.text(max_size=20) | TREES.map(lambda tree: yaml.safe_dump(tree, default_flow_style=True)),
        max_size=4,
    )
)  # fmt: skip
def test_any_environment_is_settings_or_faults(environ):
    """An override meets the same judge as the file."""
    outcome(yaml.safe_dump(dict(FINE)), environ)


@RELAXED
@given(st.text("abc*?[]{}\\/.-|()+^$0", max_size=25))
def test_any_pattern_is_settings_or_faults(pattern):
    """Globs and expressions are the most easily mistyped of all values."""
    rules = [{"paths": [f"/{pattern}", f"regex:/{pattern}"], "allow": "public"}, {"allow": "authenticated"}]

    outcome(yaml.safe_dump({**FINE, "rules": rules}))
    assert repeats_a_repetition(pattern) in {True, False}


@settings(RELAXED, max_examples=50)
@given(TREES)
def test_the_command_ends_with_0_or_1_whatever_the_file(tree):
    """And prints no traceback."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "gateway.yaml"
        path.write_text(yaml.safe_dump(tree))
        result = CliRunner().invoke(main, ["check", "--config", str(path)])

    assert result.exit_code in {0, 1}
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert "Traceback" not in result.output
