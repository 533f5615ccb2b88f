"""Reading gateway.yaml: the value that was written, or every fault with its file, line and path."""

from ipaddress import ip_network

import pytest

from gateway.errors import SettingsFault
from gateway.settings.load import load, load_with_warnings
from gateway.settings.model import Criteria
from gateway.settings.units import Bind
from tests.kit.config_file import changed, faults_of, faults_of_text

FINE = """\
public_url: https://auth.example.com
hosts: [https://app.example.com]
sessions: {cookie_domain: example.com}
providers:
  corp: {issuer: https://idp.example.com, client_id: gateway}
server:
  trusted_proxies: [127.0.0.1/32]
rules:
  - allow: authenticated
"""


def loaded(folder, text, environ=None):
    path = folder / "gateway.yaml"
    path.write_text(text)
    return load(path, environ or {})


def test_a_file_becomes_settings(tmp_path):
    """What is written is what the settings say; what is not has its default."""
    settings = loaded(tmp_path, FINE)

    assert settings.public_url == "https://auth.example.com"
    assert settings.server.trusted_proxies == (ip_network("127.0.0.1/32"),)
    assert settings.server.bind == Bind("127.0.0.1", 4180)
    assert settings.sessions.idle == 3 * 86400


def test_addresses_are_kept_in_one_form(tmp_path):
    """Upper case, default ports and slashes at the end are gone, so that strings can be compared."""
    text = FINE.replace("https://auth.example.com", "HTTPS://Auth.Example.COM.:443/gw//")
    text = text.replace(
        "[https://app.example.com]", '["https://APP.example.com:443/", "https://*.B.example.com"]'
    )

    settings = loaded(tmp_path, text)

    assert settings.public_url == "https://auth.example.com/gw"
    assert settings.hosts == ("https://app.example.com", "https://*.b.example.com")


@pytest.mark.parametrize(
    ("allow", "value"),
    [
        pytest.param("public", "public", id="word"),
        pytest.param("{users: [a]}", Criteria(users=("a",)), id="criteria"),
        pytest.param("[{users: [a]}, {groups: [b]}]", (Criteria(users=("a",)), Criteria(groups=("b",))), id="list"),
    ],
)  # fmt: skip
def test_allow_has_three_forms(tmp_path, allow, value):
    """A word, criteria, or a list of criteria."""
    settings = loaded(tmp_path, FINE.replace("allow: authenticated", f"allow: {allow}"))

    assert settings.rules[0].allow == value


def test_text_is_text(tmp_path):
    """`no`, dates and sexagesimal numbers of YAML 1.1 are what they look like."""
    rules = "allow: {users: [no, on, 2026-01-01, 12:30, 1.5, 0x1f, 1_000]}"

    settings = loaded(tmp_path, FINE.replace("allow: authenticated", rules))

    assert settings.rules[0].allow.users == ("no", "on", "2026-01-01", "12:30", "1.5", "0x1f", "1_000")


def test_anchors_are_read(tmp_path):
    """One list may stand in two places."""
    rules = "allow: {users: &u [ann]}\n    paths: [/a]\n  - allow: {groups: *u}"

    settings = loaded(tmp_path, FINE.replace("allow: authenticated", rules))

    assert settings.rules[1].allow.groups == ("ann",)


BROKEN = [
    pytest.param("storee: x", "gateway.yaml:10: storee: is not a key that belongs here; write store, or remove it", id="unknown-key"),
    pytest.param("zzz: x", "gateway.yaml:10: zzz: is not a key that belongs here; write one of assertion, ", id="unknown-key-like-none"),
    pytest.param("log: {levle: info}", "gateway.yaml:10: log.levle: is not a key that belongs here; write level, or remove it", id="unknown-key-in-a-section"),
    pytest.param("log:\n  level: loud", "gateway.yaml:11: log.level: is none of the words that fit; write 'debug', 'info', 'warning' or 'error'", id="unknown-word"),
    pytest.param("log: {allows: some}", "gateway.yaml:10: log.allows: does not fit; write how many lines a second, as in 10; 0 for none, or all", id="lines-in-a-word"),
    pytest.param("log: {denials: 0}", "gateway.yaml:10: log.denials: does not fit; write how many lines a second, as in 100, or all; without any nobody would see who was refused", id="no-line-of-a-denial"),
    pytest.param("log: []", "gateway.yaml:10: log: must be a mapping; write its keys beneath it, as `key: value`", id="list-for-a-section"),
    pytest.param("log:", "gateway.yaml:10: log: is empty; write its value, or leave the key out", id="nothing-for-a-section"),
    pytest.param("pages: {title: 5}", "gateway.yaml:10: pages.title: must be text; write it in quotes", id="number-for-text"),
    pytest.param("pages: {title: " + "x" * 61 + "}", "gateway.yaml:10: pages.title: is too long; write at most 60 characters", id="long-text"),
    pytest.param('pages: {title: "a\\tb"}', "gateway.yaml:10: pages.title: holds a control character; write it without line breaks and tabs", id="control-character"),
    pytest.param("login: {per_prefix: many}", "gateway.yaml:10: login.per_prefix: must be a whole number; write digits alone, without unit and quotes", id="text-for-a-number"),
    pytest.param("login: {per_prefix: 0}", "gateway.yaml:10: login.per_prefix: is too small; write 1 or more", id="small-number"),
    pytest.param("assertion: {lifetime: 5}", "gateway.yaml:10: assertion.lifetime: does not fit; write a duration with its unit: 500ms, 30s, 15m, 12h or 3d", id="duration-without-unit"),
    pytest.param("headers: {user: X Who}", "gateway.yaml:10: headers.user: does not fit; write letters, digits and hyphens, as in X-Auth-User", id="header-name"),
    pytest.param("policies: {Api: {rules: [{allow: public}]}}", "gateway.yaml:10: policies.Api: does not fit; write lower-case letters, digits and hyphens, beginning with a letter", id="name-of-a-policy"),
    pytest.param("policies: {api: {rules: []}}", "gateway.yaml:10: policies.api.rules: is empty; write at least one entry", id="policy-without-rules"),
    pytest.param("policies:\n  api:\n    rules: [{name: x}]", "gateway.yaml:12: policies.api.rules[0].allow: is missing; write public, optional, authenticated, or criteria", id="rule-without-allow"),
    pytest.param("store: mysql://x", "gateway.yaml:10: store: does not fit; write sqlite:PATH, redis://HOST:PORT/0, rediss://HOST:PORT/0 or unix:///path/of.sock", id="store-of-another-kind"),
    pytest.param("store: 5", "gateway.yaml:10: store: must be text; write sqlite:PATH", id="number-for-the-store"),
    pytest.param("log: {}\nlog: {}", "gateway.yaml:11: log: is written twice: it stands on line 10 already; keep one of the two", id="key-twice"),
    pytest.param("log: !!python/name:os.system x", "gateway.yaml:10: log: log carries a YAML tag; write the plain value without `!`", id="tag"),
    pytest.param("log: {<<: {level: info}}", 'gateway.yaml:10: log["<<"]: is not a key that belongs here', id="merge-key"),
    pytest.param("? [a]\n: b", "gateway.yaml:1: a key is not plain text; write `key: value`", id="list-as-key"),
    pytest.param('"a\\nb\\x1b[31m": 1', 'gateway.yaml:10: ["a\\nb\\u001b[31m"]: is not a key that belongs here', id="hostile-key"),
]  # fmt: skip


@pytest.mark.parametrize(("addition", "message"), BROKEN)
def test_a_fault_says_where_and_what_to_write_instead(tmp_path, addition, message):
    """File, line and path; what is wrong; what to write."""
    found = faults_of_text(tmp_path, f"{FINE}{addition}\n")

    assert len(found) == 1
    assert found[0].startswith(message)


@pytest.mark.parametrize(
    ("allow", "message"),
    [
        pytest.param("everyone", "rules[0].allow: is none of the words that fit; write 'public', 'optional' or 'authenticated', or criteria", id="word"),
        pytest.param("5", "rules[0].allow: does not say who may pass; write public, optional, authenticated, or criteria", id="number"),
        pytest.param("", "rules[0].allow: is empty; write its value", id="nothing"),
        pytest.param("{userz: [a]}", "rules[0].allow.userz: is not a key that belongs here; write users, or remove it", id="key"),
        pytest.param("{users: a}", "rules[0].allow.users: must be a list; write [a, b]", id="text-for-a-list"),
        pytest.param("{users: [5]}", "rules[0].allow.users[0]: must be text; write it in quotes", id="number-for-a-user"),
        pytest.param("[public]", "rules[0].allow[0]: must be a mapping; write its keys beneath it", id="word-in-a-list"),
        pytest.param("[{userz: [a]}]", "rules[0].allow[0].userz: is not a key that belongs here", id="key-in-a-list"),
    ],
)  # fmt: skip
def test_a_wrong_allow_is_one_fault(tmp_path, allow, message):
    """A value with three forms is judged in the form in which it was written."""
    found = faults_of_text(tmp_path, FINE.replace("allow: authenticated", f"allow: {allow}"))

    assert len(found) == 1
    assert found[0].startswith(f"gateway.yaml:9: {message}")


@pytest.mark.parametrize(
    ("written", "message"),
    [
        pytest.param("open", "on_store_failure: is none of the words that fit; write 'closed', or {grace: 30s}", id="word"),
        pytest.param("30", "on_store_failure: does not say what to do; write closed, or {grace: 30s}", id="number"),
        pytest.param("{grace: 30}", "on_store_failure.grace: does not fit; write a duration with its unit", id="no-unit"),
        pytest.param("{grace: 2m}", "on_store_failure.grace: is how long somebody who has signed out", id="too-long"),
        pytest.param("{for: 30s}", "on_store_failure.grace: is missing; write it", id="another-key"),
        pytest.param("", "on_store_failure: is empty; write its value", id="nothing"),
    ],
)  # fmt: skip
def test_a_wrong_on_store_failure_says_what_it_can_be(tmp_path, written, message):
    """One word, or how long."""
    found = faults_of_text(
        tmp_path, FINE.replace("sessions: {", f"sessions: {{on_store_failure: {written}, ")
    )

    assert any(fault.startswith(f"gateway.yaml:3: sessions.{message}") for fault in found)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("a: b: c", "gateway.yaml:1: a colon cannot stand here; put text that holds a colon in quotes", id="colon"),
        pytest.param("a: 1\nb\nc: 2", "gateway.yaml:3: a key lacks its colon; write `key: value`", id="key-without-colon"),
        pytest.param("a:\n\tb: 1", "gateway.yaml:2: text cannot begin with this character; put the text in quotes, and indent with spaces", id="tab"),
        pytest.param("a: 'b", "gateway.yaml:1: a quote or bracket is never closed; close it", id="open-quote"),
        pytest.param("a: *b", "gateway.yaml:1: an alias refers to no anchor", id="alias"),
        pytest.param("a: 1\n---\nb: 1", "gateway.yaml:2: a second document begins here; keep one document", id="two-documents"),
        pytest.param("a: 1\nb: \x07", "gateway.yaml:2: a character is not printable", id="unprintable"),
        pytest.param("a: {", "gateway.yaml:1: this is not YAML", id="open-brace"),
        pytest.param('a: "\\U99999999"', "gateway.yaml:1: this is not YAML", id="escape-beyond-unicode"),
        pytest.param("- a", "gateway.yaml:1: must be a mapping; write `key: value` lines", id="list"),
        pytest.param("text", "gateway.yaml:1: must be a mapping", id="text"),
        pytest.param("[" * 5000, "gateway.yaml:1: the file is nested too deeply", id="deep-brackets"),
        pytest.param("a: &a [*a, *a]", "gateway.yaml:1: a[0][0]: the file grows too large here", id="alias-of-itself"),
        pytest.param("a: &a [x, x]\nb: &b [*a, *a]\n" + "".join(f"{chr(c + 1)}: &{chr(c + 1)} [" + ", ".join([f"*{chr(c)}"] * 9) + "]\n" for c in range(98, 110)), "", id="tree-of-aliases"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_says_why(tmp_path, text, message):
    """One fault, at the line where reading stopped."""
    found = faults_of_text(tmp_path, text)

    assert len(found) == 1
    assert found[0].startswith(message)


def test_bytes_that_are_no_utf8_are_a_fault(tmp_path):
    """An old editor's encoding is named as such."""
    path = tmp_path / "gateway.yaml"
    path.write_bytes(FINE.encode() + "pages: {title: Grüße}".encode("latin-1"))

    with pytest.raises(SettingsFault, match=r"gateway.yaml:10: is not UTF-8; save the file as UTF-8$"):
        load(path, {})


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("missing.yaml", id="missing"),
        pytest.param(".", id="folder"),
        pytest.param("nul\x00byte", id="no-file-name"),
        pytest.param("x" * 5000, id="name-too-long"),
    ],
)
def test_a_file_that_is_not_there_says_what_to_do(tmp_path, monkeypatch, path):
    """The first start of many operators ends here."""
    monkeypatch.chdir(tmp_path)

    with pytest.raises(
        SettingsFault, match=r"cannot be read: .*; name the file with --config or GATEWAY_CONFIG"
    ):
        load(path, {})


def test_an_empty_file_lists_what_must_be_written(tmp_path):
    """An empty file is a file in which everything is missing."""
    found = faults_of_text(tmp_path, "# nothing yet\n")

    assert [line.split(":")[2].strip() for line in found] == [
        "public_url",
        "hosts",
        "rules",
        "server.trusted_proxies",
    ]


def test_every_fault_is_reported_at_once_and_in_order(tmp_path):
    """Syntax of values, meaning, references and unknown keys stand side by side, as the file has them."""
    text = """\
public_url: https://auth.example.com
hosts: [https://app.example.com]
rules:
  - allow: everyone
colour: blue
server:
  trusted_proxies: [0.0.0.0/0]
  verify_bind: same
  verify_secret: ${MISSING}
sessions:
  idle: 3
providers:
  login: {issuer: "https://idp.example.com", client_id: gateway}
log: {level: info, level: info}
headers: {user: Host}
"""

    found = faults_of_text(tmp_path, text)

    assert [line.split(": ")[0] + " " + line.split(": ")[1] for line in found] == [
        "gateway.yaml:4 rules[0].allow",
        "gateway.yaml:5 colour",
        "gateway.yaml:7 server.trusted_proxies[0]",
        "gateway.yaml:9 server.verify_secret",
        "gateway.yaml:10 sessions.cookie_domain",
        "gateway.yaml:11 sessions.idle",
        "gateway.yaml:13 providers.login",
        "gateway.yaml:14 log.level",
        "gateway.yaml:15 headers.user",
    ]


def test_a_damaged_value_raises_no_fault_of_its_absence(tmp_path):
    """One mistake is one message: the proxies are not called missing because one of them is misspelt."""
    found = faults_of(tmp_path, server={"trusted_proxies": ["10.0.0.1/8"]})

    assert len(found) == 1
    assert "a network without host bits" in found[0]


def test_a_fault_of_meaning_has_the_line_of_its_path(tmp_path):
    """A fault in a list points at its item."""
    text = FINE.replace(
        "[https://app.example.com]", "\n  - https://app.example.com\n  - https://app.example.org"
    )

    found = faults_of_text(tmp_path, text)

    assert len(found) == 1
    assert found[0].startswith("gateway.yaml:4: hosts[1]: app.example.org is outside sessions.cookie_domain")


def test_warnings_come_with_the_settings(tmp_path):
    """They have file, line and path like a fault."""
    path = tmp_path / "gateway.yaml"
    path.write_text(FINE.replace("allow: authenticated", "allow: public"))

    loaded = load_with_warnings(path, {})

    assert loaded.settings.rules[0].allow == "public"
    assert [line.split(": ")[1] for line in loaded.warnings] == ["rules[0].allow"]


def test_a_message_can_be_printed_on_any_terminal(tmp_path):
    """Half a surrogate pair, which YAML can write, must not become an error of the terminal."""
    found = faults_of_text(tmp_path, FINE + '"\\ud800": "\\ud800"\n')

    assert found
    assert all(line.encode("utf-8") for line in found)


def test_the_fine_configuration_of_the_kit_is_fine(tmp_path):
    """The ground on which the other tests stand."""
    assert faults_of(tmp_path) == []
    assert set(changed()) == {"public_url", "hosts", "rules", "providers", "server", "sessions"}
