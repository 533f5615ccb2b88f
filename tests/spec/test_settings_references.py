"""Values from outside the file: `${NAME}`, `file:` and overrides; and that no secret is ever shown."""

import os
import traceback

import pytest

from gateway.errors import SettingsFault
from gateway.settings.load import load
from gateway.settings.shape import holds_secrets, secret_type
from tests.kit.config_file import FINE, changed, faults_of, faults_of_text

CORP = FINE["providers"]["corp"]
MARK = "hunter2-Tr0ub4dor"


def with_secret(value):
    return {"providers": {"corp": CORP | {"client_secret": value}}}


def settings_of(folder, environ, **changes):
    import yaml

    path = folder / "gateway.yaml"
    path.write_text(yaml.safe_dump(changed(**changes)))
    return load(path, environ)


def secret_of(settings):
    return settings.providers["corp"].client_secret.get_secret_value()


def test_a_variable_stands_in_any_text(tmp_path):
    """Whole, in part, several times, and in lists."""
    environ = {"HOST": "app.example.com", "A": "x"}

    settings = settings_of(tmp_path, environ, hosts=["https://${HOST}"], pages={"title": "${A} and ${A}"})

    assert settings.hosts == ("https://app.example.com",)
    assert settings.pages.title == "x and x"


def test_two_dollars_write_the_characters_themselves(tmp_path):
    """What looks like a reference can be written, and nothing is replaced twice."""
    settings = settings_of(tmp_path, {"A": "${B}"}, pages={"title": "$${A} ${A} $A $"})

    assert settings.pages.title == "${A} ${B} $A $"


def test_a_secret_comes_by_a_variable(tmp_path):
    """The whole value is the reference."""
    settings = settings_of(tmp_path, {"S": MARK}, **with_secret("${S}"))

    assert secret_of(settings) == MARK


@pytest.mark.parametrize(
    ("content", "secret"),
    [
        pytest.param(b"abc\n", "abc", id="one-line-break"),
        pytest.param(b"abc\r\n", "abc", id="windows-line-break"),
        pytest.param(b"abc", "abc", id="no-line-break"),
        pytest.param(b" a\xc3\xa9c ", " aéc ", id="blanks-are-kept"),
        pytest.param(b"${S}", "${S}", id="nothing-is-replaced"),
    ],
)
def test_a_secret_comes_by_a_file(tmp_path, content, secret):
    """Without the line break that editors and `kubectl` leave at its end."""
    (tmp_path / "secret").write_bytes(content)

    settings = settings_of(tmp_path, {}, **with_secret(f"file:{tmp_path}/secret"))

    assert secret_of(settings) == secret


def test_file_is_a_word_like_any_other_where_no_secret_belongs(tmp_path):
    """Only secrets are read from files, so that no other key can be made to show one."""
    settings = settings_of(tmp_path, {}, pages={"title": "file:/etc/passwd"})

    assert settings.pages.title == "file:/etc/passwd"


@pytest.mark.parametrize(
    ("store", "environ", "value"),
    [
        pytest.param("sqlite:/x.db", {}, "sqlite:/x.db", id="no-secret-in-it"),
        pytest.param("redis://r:6379/0", {}, "redis://r:6379/0", id="no-password"),
        pytest.param("redis://u:${P}@r/0", {"P": MARK}, f"redis://u:{MARK}@r/0", id="password-by-variable"),
        pytest.param("unix:///r.sock?db=0&password=${P}", {"P": MARK}, f"unix:///r.sock?db=0&password={MARK}", id="password-as-parameter"),
        pytest.param("${URL}", {"URL": f"rediss://:{MARK}@r/0"}, f"rediss://:{MARK}@r/0", id="all-by-variable"),
    ],
)  # fmt: skip
def test_the_store_holds_a_secret_in_part(tmp_path, store, environ, value):
    """The address may be read in the file; the password may not."""
    settings = settings_of(tmp_path, environ, store=store)

    assert settings.store.get_secret_value() == value
    assert MARK not in repr(settings)


OVERRIDES = [
    pytest.param("GATEWAY__log__level", "debug", lambda s: s.log.level, "debug", id="text"),
    pytest.param("GATEWAY__log__allows", "all", lambda s: s.log.allows, "all", id="word-for-a-number"),
    pytest.param("GATEWAY__log__allows", "0", lambda s: s.log.allows, 0, id="none"),
    pytest.param("GATEWAY__log__denials", "1", lambda s: s.log.denials, 1, id="at-least-one"),
    pytest.param("GATEWAY__login__per_prefix", "7", lambda s: s.login.per_prefix, 7, id="number"),
    pytest.param("GATEWAY__hosts", "[https://b.example.com]", lambda s: s.hosts, ("https://b.example.com",), id="list"),
    pytest.param("GATEWAY__headers", "{user: X-Me, name: null}", lambda s: (s.headers.user, s.headers.name), ("X-Me", None), id="mapping"),
    pytest.param("GATEWAY__headers__name", "null", lambda s: s.headers.name, None, id="null"),
    pytest.param("GATEWAY__pages__title", "${OTHER}!", lambda s: s.pages.title, "other!", id="reference"),
    pytest.param("GATEWAY__server__bind", "0.0.0.0:80", lambda s: str(s.server.bind), "0.0.0.0:80", id="in-a-section-of-the-file"),
    pytest.param("GATEWAY__providers__corp__timeout", "9s", lambda s: s.providers["corp"].timeout, 9.0, id="in-a-named-section"),
    pytest.param("GATEWAY__providers__corp__client_secret", "a: b#c", secret_of, "a: b#c", id="secret-as-it-is"),
    pytest.param("GATEWAY__store", "redis://:p@r/0", lambda s: s.store.get_secret_value(), "redis://:p@r/0", id="store-with-its-password"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value", "read", "expected"), OVERRIDES)
def test_the_environment_overrides_one_key(tmp_path, name, value, read, expected):
    """The rest stays as the file has it."""
    settings = settings_of(tmp_path, {name: value, "OTHER": "other", "GATEWAY_CONFIG": "elsewhere.yaml"})

    assert read(settings) == expected
    assert settings.public_url == FINE["public_url"]


REFERENCE_FAULTS = [
    pytest.param({"pages": {"title": "${NOPE} and ${NADA}"}}, {}, ["refers to ${NOPE}, which is not set; set the environment variable NOPE", "refers to ${NADA}, which is not set"], id="unset-variables"),
    pytest.param({"pages": {"title": "${no-name}"}}, {}, ["holds `${` without a name; write ${NAME}, or $${"], id="no-name"),
    pytest.param({"pages": {"title": "${A}"}}, {"A": "a\nb"}, ["holds a control character"], id="line-break-from-a-variable"),
    pytest.param(with_secret("${NOPE}"), {}, ["refers to ${NOPE}, which is not set"], id="unset-secret"),
    pytest.param(with_secret("${S}"), {"S": ""}, ["is empty: ${S} is set to nothing"], id="empty-variable"),
    pytest.param(with_secret("plain"), {}, ["is a secret written out; write ${NAME} or file:/path/of/secret in its place"], id="secret-in-the-file"),
    pytest.param(with_secret("a${S}"), {"S": "b"}, ["is a secret written out"], id="secret-partly-in-the-file"),
    pytest.param(with_secret(12345), {}, ["is a secret written out"], id="number-as-secret"),
    pytest.param(with_secret(["a"]), {}, ["is a secret written out"], id="list-as-secret"),
    pytest.param(with_secret(None), {}, ["is empty; write ${NAME} or file:/path/of/secret, or leave the key out"], id="nothing-as-secret"),
    pytest.param(with_secret("file:/nowhere/at/all"), {}, ["cannot be read: no such file or directory"], id="missing-file"),
    pytest.param(with_secret("file:/"), {}, ["cannot be read: it is not a regular file"], id="folder-as-file"),
    pytest.param(with_secret("file:a\x00b"), {}, ["cannot be read"], id="no-file-name"),
    pytest.param(with_secret("${S}"), {"S": "a\tb"}, ["holds a control character"], id="tab-in-a-secret"),
    pytest.param({"store": "redis://:p@r/0"}, {}, ["holds a password written out"], id="password-in-the-file"),
    pytest.param({"store": "redis://:p${S}@r/0"}, {"S": "q"}, ["holds a password written out"], id="password-partly-in-the-file"),
    pytest.param({"store": "unix:///r.sock?password=p"}, {}, ["holds a password written out"], id="password-as-parameter"),
    pytest.param({"store": "${S}"}, {"S": "mysql://x"}, ["does not fit; write sqlite:PATH"], id="store-of-another-kind-by-variable"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "environ", "expected"), REFERENCE_FAULTS)
def test_a_reference_that_leads_nowhere_is_a_fault(tmp_path, changes, environ, expected):
    """And it is the only fault: what it damages is not reported a second time."""
    found = faults_of(tmp_path, environ, **changes)

    assert len(found) == len(expected)
    for line, part in zip(found, expected, strict=True):
        assert part in line


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(b"\n", "refers to a file that is empty", id="empty"),
        pytest.param(b"\xff", "it is not UTF-8 text", id="not-text"),
        pytest.param(b"x" * 70_000, "it is larger than 64 kB", id="large"),
    ],
)
def test_a_secret_file_must_hold_a_secret(tmp_path, content, reason):
    """A file that was never filled must not become an empty secret."""
    (tmp_path / "secret").write_bytes(content)

    found = faults_of(tmp_path, **with_secret(f"file:{tmp_path}/secret"))

    assert [reason in line for line in found] == [True]


def test_a_pipe_is_not_waited_for(tmp_path):
    """A start that hangs says nothing."""
    os.mkfifo(tmp_path / "pipe")

    found = faults_of(tmp_path, **with_secret(f"file:{tmp_path}/pipe"))

    assert ["it is not a regular file" in line for line in found] == [True]


OVERRIDE_FAULTS = [
    pytest.param("GATEWAY__server__bindd", "x", "GATEWAY__server__bindd: overrides a key that does not exist; write GATEWAY__server__bind, or remove it", id="unknown-key"),
    pytest.param("GATEWAY__SERVER__BIND", "x", "GATEWAY__SERVER__BIND: overrides a key that does not exist; write GATEWAY__server, or remove it", id="upper-case"),
    pytest.param("GATEWAY__", "x", "GATEWAY__: overrides a key that does not exist", id="no-key"),
    pytest.param("GATEWAY__rules__0__allow", "public", "GATEWAY__rules__0__allow: overrides a key that does not exist; override GATEWAY__rules as a whole", id="inside-a-list"),
    pytest.param("GATEWAY__log__level", "loud", "GATEWAY__log__level: is none of the words that fit", id="bad-word"),
    pytest.param("GATEWAY__log__level", "[", "GATEWAY__log__level: is not YAML; write a plain value", id="not-yaml"),
    pytest.param("GATEWAY__server__trusted_proxies", "[10.0.0.0/8, 0.0.0.0/0]", "GATEWAY__server__trusted_proxies[1]: 0.0.0.0/0 trusts everybody", id="fault-of-meaning"),
    pytest.param("GATEWAY__providers__corp__client_secret", "", "GATEWAY__providers__corp__client_secret: is empty", id="empty-secret"),
    pytest.param("GATEWAY__log__format", "", "GATEWAY__log__format: is none of the words", id="empty-value"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value", "message"), OVERRIDE_FAULTS)
def test_a_fault_of_an_override_names_the_variable(tmp_path, name, value, message):
    """There is no line to point at, so the variable stands in its place."""
    found = faults_of(tmp_path, {name: value})

    assert len(found) == 1
    assert found[0].startswith(message)


def test_an_override_inside_what_is_no_mapping_is_a_fault(tmp_path):
    """Then the file is to be mended first."""
    found = faults_of(tmp_path, {"GATEWAY__log__level": "info"}, log="x")

    assert [line.split(":")[0] for line in found] == ["gateway.yaml", "GATEWAY__log__level"]


def mark_everywhere():
    """Configurations that hold the mark in every place where somebody might have put a secret."""
    places = {
        "public_url": MARK, "hosts": [MARK], "store": f"redis://:{MARK}@r/0", "shared_origin": MARK, "rules": MARK,
        "policies": MARK, "providers": MARK, "server": MARK, "sessions": MARK, "login": {"per_prefix": MARK},
        "headers": {"user": f"{MARK}\t", "encoding": MARK}, "assertion": {"lifetime": MARK}, "keys": {"file": [MARK]},
        "log": {"level": MARK}, "pages": {"title": [MARK]},
    }  # fmt: skip
    yield from ({key: value} for key, value in places.items())
    for key in ("bind", "verify_bind", "metrics_bind", "verify_secret"):
        yield {"server": {key: MARK}}
    yield {"server": {"trusted_proxies": [MARK]}}
    yield {"sessions": {"cookie_domain": f"{MARK}.", "idle": MARK, "cookie_name": MARK}}
    for key in ("hosts", "paths", "methods", "networks", "providers"):
        for value in (MARK, [MARK], [[MARK]], [f"regex:({MARK}", f"/{MARK}?", f"x{MARK}"]):
            yield {"rules": [{key: value, "name": MARK, "allow": MARK}]}
            yield {"rules": [{key: value, "allow": "public"}]}
    for allow in (MARK, [MARK], {"users": MARK}, {"emails": [MARK]}, {"email_domains": [f"{MARK}@"]}):
        yield {"rules": [{"allow": allow}]}
    yield from (
        with_secret(value)
        for value in (MARK, f"{MARK}\n", [MARK], {"a": MARK}, f"${{S}}{MARK}", f"$${{{MARK}")
    )
    for key in (
        "type",
        "issuer",
        "client_auth",
        "scopes",
        "user",
        "namespace",
        "anyone",
        "allow",
        "timeout",
        "title",
    ):
        yield {"providers": {"corp": CORP | {key: MARK}}}
        yield {"providers": {"corp": CORP | {key: [MARK]}}}
        yield {"providers": {"corp": CORP | {key: f"{{{MARK} {{"}}}
    yield {"providers": {"corp": CORP | {"issuer": f"http://{MARK}@idp.example.com"}}}


@pytest.mark.parametrize("changes", list(mark_everywhere()))
def test_no_fault_ever_repeats_a_value(tmp_path, changes):
    """A secret in the wrong place stays where it is: in no message, no repr, no traceback."""
    import yaml

    path = tmp_path / "gateway.yaml"
    path.write_text(yaml.safe_dump(changed(**changes)))

    try:
        shown = repr(load(path, {"S": MARK})) if MARK not in str(changes.get("providers")) else ""
    except SettingsFault as fault:
        chain = [fault, fault.__cause__, fault.__context__]
        shown = f"{fault} {fault!r} {fault.faults} {chain} {''.join(traceback.format_exception(fault))}"

    assert MARK not in shown


@pytest.mark.parametrize(
    "name",
    ["store", "providers__corp__client_secret", "server__verify_secret", "log__level", "hosts", "login"],
)
@pytest.mark.parametrize(
    "value", [MARK, f"[{MARK}", f"*{MARK}", f"!{MARK} x", f"{MARK}\t", f'"{MARK}', f"file:{MARK}\n"]
)
def test_no_fault_repeats_a_value_of_the_environment(tmp_path, name, value):
    """The environment is where secrets are; what is wrong with one is said without it."""
    environ = {f"GATEWAY__{name}": value, "GATEWAY__log__format": "x"}

    found = faults_of(tmp_path, environ)

    assert found
    assert MARK not in str(found)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"client_secret: *{MARK}", id="alias"),
        pytest.param(f"client_secret: &{MARK} a\nb: &{MARK} c\n- d", id="anchor"),
        pytest.param(f"client_secret: '{MARK}", id="open-quote"),
        pytest.param(f"client_secret: {MARK}: x", id="colon"),
        pytest.param(f"client_secret: !{MARK} x", id="tag"),
        pytest.param(f"%{MARK}", id="directive"),
        pytest.param(f"client_secret: `{MARK}", id="backtick"),
        pytest.param(f"!h!{MARK} x", id="tag-handle"),
    ],
)
def test_no_fault_of_syntax_repeats_the_file(tmp_path, text):
    """The parser's own messages quote what they found; ours do not."""
    found = faults_of_text(tmp_path, text)

    assert found
    assert MARK not in str(found)


def test_settings_do_not_show_their_secrets(tmp_path):
    """Neither by repr, nor by str, nor when they are dumped."""
    environ = {"S": MARK}

    settings = settings_of(tmp_path, environ, **with_secret("${S}"), store="redis://:${S}@r/0")

    assert MARK not in f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"
    assert settings.store.kind == "redis"


def test_whatever_holds_a_secret_is_looked_at_value_by_value():
    """Rules hold none, so their values are passed by; a secret that the model gets one day is found wherever it is."""
    secrets = [("server", "verify_secret"), ("providers", "corp", "client_secret"), ("store",)]

    assert all(secret_type(path) for path in secrets)
    assert all(holds_secrets(path[:end]) for path in secrets for end in range(len(path) + 1))
    assert not any(holds_secrets((key,)) for key in ("rules", "policies", "hosts", "sessions", "no-such-key"))
    assert not holds_secrets(("server", "bind"))


def test_a_reference_in_a_rule_is_replaced(tmp_path):
    """Where no secret can stand, a text may still refer to one variable, or to none that is set."""
    rules = [{"paths": ["/${A}/**"], "allow": {"groups": ["${A}"]}}]

    assert settings_of(tmp_path, {"A": "x"}, rules=rules).rules[0].paths == ("/x/**",)
    assert "rules[0].paths[0]: refers to ${A}, which is not set" in faults_of(tmp_path, rules=rules)[0]
