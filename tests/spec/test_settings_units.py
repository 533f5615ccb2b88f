"""The small types of the configuration: what each reads, and what it refuses."""

import pytest

from gateway.settings.addresses import parse_host_pattern, parse_origin, parse_public_url, read_address
from gateway.settings.checks.patterns import repeats_a_repetition
from gateway.settings.fault import show_path
from gateway.settings.units import (
    Bind,
    format_duration,
    parse_bind,
    parse_duration,
    parse_lines,
    parse_network,
    parse_size,
    parse_some_lines,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("500ms", 0.5),
        ("30s", 30),
        ("15m", 900),
        ("12h", 43200),
        ("3d", 259200),
        ("1.5h", 5400),
        (0, 0),
        ("0s", 0),
    ],
)
def test_a_duration_has_a_unit(text, seconds):
    """Only nothing needs none."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "value", ["3", 3, "3 d", "-3d", "3w", "", "3D", "٣d", "1e3s", "9999999d", True, False, None, [], float("nan"), float("inf"), -1.0]
)  # fmt: skip
def test_what_is_no_duration_is_refused(value):
    """Without a unit, of another unit, negative, or longer than ten years."""
    with pytest.raises(ValueError, match="write a duration"):
        parse_duration(value)


@pytest.mark.parametrize("text", ["500ms", "30s", "15m", "12h", "3d", "90s", "36h"])
def test_a_duration_is_shown_as_it_is_written(text):
    """In the largest unit that says it in a whole number."""
    assert format_duration(parse_duration(text)) == text


@pytest.mark.parametrize(("text", "size"), [("512B", 512), ("64kB", 64_000), ("16MB", 16_000_000)])
def test_a_size_has_a_unit(text, size):
    """Decimal units."""
    assert parse_size(text) == size


@pytest.mark.parametrize("value", ["64", 64, "64KB", "64 kB", "-1B", None, ""])
def test_what_is_no_size_is_refused(value):
    """Also with the unit in other letters."""
    with pytest.raises(ValueError, match="write a size"):
        parse_size(value)


@pytest.mark.parametrize("value", [0, 1, 10, 100_000, "all"])
def test_lines_are_a_number_or_all(value):
    """Of a second."""
    assert parse_lines(value) == value


@pytest.mark.parametrize(
    "value", [-1, 0.5, 10.0, True, False, "10", "none", "ALL", "10/s", "", None, [], float("inf")]
)
def test_what_is_no_number_of_lines_is_refused(value):
    """Neither a share nor a rate with a unit."""
    for parse in (parse_lines, parse_some_lines):
        with pytest.raises(ValueError, match="write how many lines a second"):
            parse(value)


@pytest.mark.parametrize("value", [1, 100, 100_000, "all"])
def test_lines_of_denials_are_a_number_or_all(value):
    """Of a second, and of each outcome."""
    assert parse_some_lines(value) == value


def test_denials_cannot_do_without_lines():
    """Who was refused is what an operator is asked about."""
    with pytest.raises(ValueError, match="without any nobody would see who was refused"):
        parse_some_lines(0)


@pytest.mark.parametrize(
    ("text", "bind"),
    [
        ("127.0.0.1:4180", Bind("127.0.0.1", 4180)),
        ("[::1]:4180", Bind("::1", 4180)),
        ("localhost:0", Bind("localhost", 0)),
        ("unix:/run/gateway/verify.sock", Bind(path="/run/gateway/verify.sock")),
    ],
)
def test_a_listener_is_an_address_or_a_socket(text, bind):
    """And is shown as it is written."""
    assert parse_bind(text) == bind
    assert str(bind) == text


@pytest.mark.parametrize(
    "value", [4180, ":4180", "127.0.0.1", "127.0.0.1:65536", "::1:4180", "[::g]:1", "[127.0.0.1]:1", "a b:1", "unix:run.sock", "unix:/run/", "unix:/" + "x" * 107, "http://x:1", None, ""]
)  # fmt: skip
def test_what_is_no_listener_is_refused(value):
    """Neither half an address nor a socket whose path the system cannot hold."""
    with pytest.raises(ValueError, match="write address:port"):
        parse_bind(value)


@pytest.mark.parametrize("text", ["10.0.0.0/8", "127.0.0.1/32", "::1/128", "2001:db8::/32"])
def test_a_network_is_read(text):
    """With its length."""
    assert str(parse_network(text)) == text


@pytest.mark.parametrize(
    "value", ["10.0.0.1/8", "10.0.0.0/33", "fe80::/64%eth0", "example.com", "", 10, None]
)
def test_what_is_no_network_is_refused(value):
    """Host bits are a mistake of somebody who meant another network."""
    with pytest.raises(ValueError, match="write a network"):
        parse_network(value)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://auth.example.com", "https://auth.example.com"),
        ("HTTPS://AUTH.example.com:443/", "https://auth.example.com"),
        ("http://localhost:80", "http://localhost"),
        ("https://app.example.com/_gateway/", "https://app.example.com/_gateway"),
        ("https://app.example.com:8443/a/b", "https://app.example.com:8443/a/b"),
        ("https://[2001:DB8:0:0::1]:8443", "https://[2001:db8::1]:8443"),
        ("https://app.example.com.", "https://app.example.com"),
    ],
)
def test_public_url_is_written_in_one_form(text, url):
    """So that it can be compared, and that paths can be put behind it."""
    assert parse_public_url(text) == url


NO_ADDRESS = [
    "", "app.example.com", "ftp://app.example.com", "https://", "https:///x", "https://u@app.example.com",
    "https://u:p@app.example.com", "https://app..example.com", "https://-app.example.com", "https://app.example.com:0",
    "https://app.example.com:65536", "https://app.example.com\\x", "https://app.example.com/?a", "https://a,b.example.com",
    "https://app.example.com/#a", "https://app.example.com/a b", "https://127.1", "https://0x7f.1", "https://1.2.3.4.5",
    "https://\u212aube.example.com", "https://bücher.example.com", "https://[::1", "https://[127.0.0.1]", "https://a.example.com\n",
    "https://*.*.example.com", "https://a*.example.com", "https://*.10.0.0.1", "//app.example.com", None, 5, [],
]  # fmt: skip


@pytest.mark.parametrize(
    "value", [*NO_ADDRESS, "https://*.example.com", "https://a.example.com/../b", "https://a.example.com//b"]
)
def test_what_is_no_public_url_is_refused(value):
    """Nothing is repaired, and nothing that browsers read in another way is let through."""
    with pytest.raises(ValueError, match="write scheme, host and at most a plain path"):
        parse_public_url(value)


@pytest.mark.parametrize("value", [*NO_ADDRESS, "https://a.example.com/x", "https://*.", "https://*"])
def test_what_is_no_origin_is_refused(value):
    """A host has no path of its own here."""
    with pytest.raises(ValueError, match="write scheme, host and no path"):
        parse_origin(value)


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("app.example.com", "app.example.com"),
        ("APP.Example.com.", "app.example.com"),
        ("*.Example.com", "*.example.com"),
        ("[::1]", "[::1]"),
    ],
)
def test_the_host_of_a_rule_is_written_in_one_form(text, pattern):
    """Requests are compared in that form too."""
    assert parse_host_pattern(text) == pattern


@pytest.mark.parametrize(
    "value",
    [
        "",
        "https://a.example.com",
        "a.example.com:443",
        "a/b",
        "*",
        "*.*.a",
        "a.*.b",
        "*.127.0.0.1",
        "bücher.example.com",
        None,
    ],
)
def test_what_is_no_host_of_a_rule_is_refused(value):
    """Scheme and port belong to `hosts:`."""
    with pytest.raises(ValueError, match="write a host without scheme"):
        parse_host_pattern(value)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True),
        ("app.localhost", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("[::1]", True),
        ("notlocalhost", False),
        ("localhost.example.com", False),
        ("128.0.0.1", False),
        ("[::2]", False),
        ("0.0.0.0", False),
    ],
)
def test_loopback_is_what_never_leaves_the_machine(host, loopback):
    """Plain http is allowed there, and nowhere else."""
    assert read_address(f"http://{host}:8080").loopback is loopback


@pytest.mark.parametrize(
    ("expression", "dangerous"),
    [
        ("/(a+)+", True),
        ("/(a*)*", True),
        ("/((a+)b?)+", True),
        ("/(?:a{2,})+", True),
        ("/(a+){3,}", True),
        ("/(a|b+)*", True),
        ("/((a)+)+", True),
        ("/a+b+", False),
        ("/(a+)?", False),
        ("/(a+){1,3}", False),
        ("/(ab)+", False),
        (r"/(\+)+", False),
        ("/([+*])+", False),
        ("/([]+])+", False),
        ("/(/[^/]+)*", False),
        ("/v[0-9]+(?:/[^/]*)*", False),
        ("/(a)+(b)+", False),
    ],
)
def test_a_repeated_repetition_is_seen(expression, dangerous):
    """In groups within groups too; escapes and classes are no repetition."""
    assert repeats_a_repetition(expression) is dangerous


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ((), ""),
        (("rules", 3, "allow"), "rules[3].allow"),
        (("providers", "my-corp"), "providers.my-corp"),
        (("a.b", "c d"), '["a.b"]["c d"]'),
        (("x" * 200,), f'["{"x" * 40}"]'),
        (("\x1b[31m\ud800é",), '["\\u001b[31m\\ud800\\u00e9"]'),
    ],
)
def test_a_path_is_shown_in_printable_ascii(path, shown):
    """Keys come from the file, and may be anything."""
    assert show_path(path) == shown
