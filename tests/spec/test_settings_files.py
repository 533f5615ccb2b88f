"""The files that come with the gateway: they load, and every key is explained in them."""

import json
import re
from pathlib import Path

import pytest

from gateway.settings.load import load_with_warnings
from gateway.settings.schema import json_schema

ROOT = Path(__file__).resolve().parents[2]
SECRETS = {
    "CLIENT_SECRET": "a",
    "STAFF_CLIENT_SECRET": "b",
    "GOOGLE_CLIENT_ID": "c",
    "REDIS_PASSWORD": "d",
    "AD_API_KEY": "k",
    "BIND_PASSWORD": "l",
    "VERIFY_SECRET": "0123456789abcdef",
}


def sections():
    """(prefix of its keys in the documentation, its schema) of every mapping of the file."""
    schema = json_schema()
    named = schema["$defs"]
    found = {
        "": schema,
        "rules[].": named["RuleSettings"],
        "rules[].allow.": named["Criteria"],
        "policies.NAME.": named["PolicySettings"],
        "providers.NAME.": named["OidcProvider"],
    }
    for key, value in schema["properties"].items():
        if "$ref" in value:
            section = found[f"{key}."] = named[value["$ref"].rpartition("/")[2]]
            for inner, part in section["properties"].items():
                if "$ref" in part:
                    found[f"{key}.{inner}."] = named[part["$ref"].rpartition("/")[2]]
    return found


def below(lines, prefix):
    """The lines of the reference configuration from the one that begins this section, and how deep its keys stand."""
    parts = prefix.split(".")[:-1]
    for depth, part in enumerate(parts):
        lines = lines[lines.index(f"{'  ' * depth}{part}:") :]
    return lines, "  " * len(parts)


def written(key, section):
    """The default of a key as the documentation writes it."""
    if key in section.get("required", ()):
        return "*required*"
    value = section["properties"][key].get("default")
    if isinstance(value, dict):  # a section of its own: its keys have defaults, not it
        return ""
    if isinstance(value, list):
        return f"`[{', '.join([str(one) for one in value])}]`" if value else ""
    return (
        f"`{str(value).lower() if isinstance(value, bool) else value}`" if value not in (None, "", {}) else ""
    )


KEYS = [
    pytest.param(prefix, key, section, id=f"{prefix}{key}")
    for prefix, section in sections().items()
    for key in section["properties"]
]


def of_vendors():
    """(type, key, section) of every key by which a type of provider differs from the general one."""
    named = json_schema()["$defs"]
    general = named["OidcProvider"]
    [types] = json_schema()["properties"]["providers"]["patternProperties"].values()
    for ref in types["oneOf"]:
        section = named[ref["$ref"].rpartition("/")[2]]
        said = section["properties"]["type"]
        kind = said["const"] if "const" in said else said["enum"][0]
        for key in section["properties"]:
            same = written(key, section) == written(key, general) if key in general["properties"] else False
            if section is not general and key != "type" and not same:
                yield pytest.param(kind, key, section, id=f"{kind}.{key}")


@pytest.mark.parametrize(("kind", "key", "section"), list(of_vendors()))
def test_every_key_of_a_vendor_is_documented_with_its_default(kind, key, section):
    """One row of the table in the part of docs/providers.md that begins with the type."""
    text = (ROOT / "docs" / "providers.md").read_text()
    part = next(one for one in text.split("\n## ") if f"`type: {kind}`" in one.partition("\n\n|")[0])

    rows = [line.split("|")[1:4] for line in part.splitlines() if line.startswith(f"| `{key}` |")]

    assert len(rows) == 1
    assert rows[0][1].strip() == written(key, section)
    assert rows[0][2].strip()


@pytest.fixture
def secret_files(tmp_path):
    """What the examples expect under /run/secrets comes by override here."""
    return {
        "parent-domain.yaml": {"GATEWAY__providers__google__client_secret": "e"},
        "redis.yaml": {"GATEWAY__providers__corp__client_secret": "e"},
    }


EXAMPLES = [*(ROOT / "config").glob("*.yaml"), *(ROOT / "config" / "examples").glob("*/gateway.yaml")]


@pytest.mark.parametrize("name", sorted([str(path.relative_to(ROOT / "config")) for path in EXAMPLES]))
def test_every_example_loads_without_a_warning(name, secret_files):
    """With the variables and files that it asks for."""
    loaded = load_with_warnings(ROOT / "config" / name, SECRETS | secret_files.get(name, {}))

    assert loaded.warnings == ()


def test_the_reference_configuration_loads_as_shipped():
    """Without any variable."""
    loaded = load_with_warnings(ROOT / "gateway.yaml", {})

    assert loaded.warnings == ()


def test_the_smallest_useful_file_is_small():
    """Under 15 lines, so that it is read."""
    assert len((ROOT / "config" / "minimal.yaml").read_text().splitlines()) < 15


@pytest.mark.parametrize(("prefix", "key", "section"), KEYS)
def test_every_key_stands_in_the_reference_configuration(prefix, key, section):
    """As a key, live or commented out."""
    lines = (ROOT / "gateway.yaml").read_text().splitlines()

    assert any(re.match(rf"\s*(# )?\s*(- )?{key}:( |$)", line) for line in lines)


@pytest.mark.parametrize(("prefix", "key", "section"), KEYS)
def test_every_key_is_documented_with_its_default(prefix, key, section):
    """One row of a table each."""
    rows = (ROOT / "docs" / "configuration.md").read_text().splitlines()

    row = [line.split("|")[1:4] for line in rows if line.startswith(f"| `{prefix}{key}` |")]

    assert len(row) == 1
    assert row[0][1].strip() == written(key, section)
    assert row[0][2].strip()


@pytest.mark.parametrize(("prefix", "key", "section"), KEYS)
def test_the_reference_configuration_shows_defaults(prefix, key, section):
    """What it writes for a key of a section that has a default is that default, or an example in a comment."""
    default = section["properties"][key].get("default")
    if prefix in {"", "rules[].", "rules[].allow.", "policies.NAME.", "providers.NAME."} or default is None:
        return
    lines, indent = below((ROOT / "gateway.yaml").read_text().splitlines(), prefix)
    if isinstance(default, dict):  # a section of its own
        assert f"{indent}{key}:" in lines
        return

    found = next(line for line in lines if re.match(rf"{indent}{key}:", line))

    shown = json.dumps(default) if default == "" or isinstance(default, bool) else str(default)
    assert default == [] or found.split(": ", 1)[1] == shown


@pytest.mark.parametrize(("prefix", "key", "section"), KEYS)
def test_every_key_is_described_in_the_schema(prefix, key, section):
    """Editors show it."""
    prop = section["properties"][key]

    assert prop.get("description") or "$ref" in prop
