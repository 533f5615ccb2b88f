"""The proxy configurations that we ship are exactly what the generator writes for the shipped examples."""

import os
import re
from pathlib import Path

import pytest
import yaml

from gateway.errors import SettingsFault
from gateway.forward_auth.snippets import caddy, haproxy, nginx, traefik
from gateway.forward_auth.snippets.plan import KNOWN_IDENTITY, plan
from gateway.settings.model import Server, Settings

CONFIG = Path(__file__).parents[2] / "config"
GENERATORS = {
    "nginx": nginx.snippet,
    "traefik": traefik.snippet,
    "caddy": caddy.snippet,
    "haproxy": haproxy.snippet,
}
EXAMPLES = ["one-host", "parent-domain"]
ALL = [(proxy, example) for proxy in GENERATORS for example in EXAMPLES]
FAILS_OPEN = [
    "failopen",
    "fail_open",
    "failure_mode_allow",
    "allow_degradation",
    "satisfy any",
    "trustforwardheader: true",
]


def example_settings(name, proxy=""):
    """The shipped example; for Traefik, which reaches no Unix socket, with the check on its usual port."""
    settings = Settings.model_validate(yaml.safe_load((CONFIG / f"{name}.yaml").read_text(encoding="utf-8")))
    if proxy != "traefik":
        return settings
    return settings.model_copy(
        update={"server": settings.server.model_copy(update={"verify_bind": Server().verify_bind})}
    )


def settings_of(**changes):
    given = {
        "public_url": "https://auth.example.com",
        "hosts": ["https://app.example.com"],
        "rules": [{"allow": "authenticated"}],
        "server": {"trusted_proxies": ["127.0.0.1"]},
        "sessions": {"cookie_domain": "example.com"},
    }
    return Settings.model_validate(given | changes)


def texts_of(settings, proxy, **more):
    return "\n".join(GENERATORS[proxy](settings, **more).values())


@pytest.mark.parametrize(("proxy", "example"), ALL)
def test_the_shipped_files_are_what_the_generator_writes(proxy, example):
    """A change of a generator shows in the shipped files, and nobody edits these by hand."""
    folder = CONFIG / proxy / example
    written = GENERATORS[proxy](example_settings(example, proxy))
    if os.environ.get("GATEWAY_WRITE_GOLDEN"):
        folder.mkdir(parents=True, exist_ok=True)
        for stale in folder.iterdir():
            stale.unlink()
        for name, text in written.items():
            (folder / name).write_text(text, encoding="utf-8")

    shipped = {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}

    assert shipped == written


@pytest.mark.parametrize(("proxy", "example"), ALL)
@pytest.mark.parametrize("word", FAILS_OPEN)
def test_a44_no_shipped_file_can_fail_open(proxy, example, word):
    """Options that turn a fault of the gateway into a yes do not occur."""
    for path in (CONFIG / proxy / example).iterdir():
        assert word not in path.read_text(encoding="utf-8").lower()


@pytest.mark.parametrize("example", EXAMPLES)
def test_a48_nothing_of_nginx_answers_in_front_of_the_check(example):
    """No `return`, `if` or `try_files` where auth_request guards, and the check itself is internal."""
    texts = nginx.snippet(example_settings(example))

    location = texts["gateway-location.conf"]
    assert not re.search(r"^\s*(return|if|try_files|rewrite)\b", location, re.MULTILINE)
    assert "satisfy all;" in location
    check = texts["gateway-server.conf"].partition("location = /.gateway-check {")[2].partition("}")[0]
    assert "internal;" in check


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_files_of_traefik_are_valid_yaml(example):
    """Both parts parse, and every router names middlewares and services that exist."""
    texts = traefik.snippet(example_settings(example, "traefik"))

    static, dynamic = (yaml.safe_load(texts[name]) for name in ("traefik.yml", "gateway-dynamic.yml"))

    http = dynamic["http"]
    for router in http["routers"].values():
        assert set(router["middlewares"]) <= set(http["middlewares"])
        assert router["service"] in http["services"]
        assert set(router["entryPoints"]) <= set(static["entryPoints"])
    guarded = [router for router in http["routers"].values() if router["service"] != "gateway"]
    assert guarded
    assert all("gateway-check" in router["middlewares"] for router in guarded)
    assert all(point["http"]["aliasHeadersStrategy"] == "delete" for point in static["entryPoints"].values())


@pytest.mark.parametrize("proxy", GENERATORS)
def test_the_secret_itself_is_never_written(proxy):
    """A snippet is for sharing: it names the variable, and the proxy reads it."""
    settings = settings_of(server={"trusted_proxies": ["127.0.0.1"], "verify_secret": "s3cret-of-the-proxy"})

    text = texts_of(settings, proxy)

    assert "s3cret" not in text
    assert "GATEWAY_VERIFY_SECRET" in text


@pytest.mark.parametrize("proxy", GENERATORS)
def test_without_a_secret_no_variable_is_asked_for(proxy):
    """A variable that nobody sets would keep the proxy from starting."""
    assert "GATEWAY_VERIFY_SECRET" not in texts_of(settings_of(), proxy)


@pytest.mark.parametrize("proxy", GENERATORS)
def test_the_operators_application_takes_the_place_of_the_example(proxy):
    """The address is written where the application's traffic goes."""
    text = texts_of(settings_of(), proxy, application="http://10.0.0.9:3000")

    assert "10.0.0.9:3000" in text
    assert "127.0.0.1:8080" not in text


@pytest.mark.parametrize(
    "application",
    [
        "10.0.0.9:3000",
        "ftp://x",
        "http://app/path",
        "http://app:3000/path",
        "http://a b",
        "",
        "http://*.x.test",
    ],
)
def test_an_application_that_is_no_origin_is_a_fault(application):
    """A path there would make a proxy rewrite what was judged."""
    with pytest.raises(SettingsFault):
        plan(settings_of(), application)


def test_a_gateway_without_a_place_of_its_own_is_a_fault():
    """On the application's own origin it needs a path."""
    with pytest.raises(SettingsFault, match="_gateway"):
        plan(settings_of(public_url="https://app.example.com"))


def test_traefik_says_that_it_cannot_reach_a_socket():
    """Better no snippet than one that cannot work."""
    server = {"trusted_proxies": ["127.0.0.1"], "verify_bind": "unix:/run/gateway/verify.sock"}

    with pytest.raises(SettingsFault, match="Unix socket"):
        traefik.snippet(settings_of(server=server))


def test_sites_by_name_come_before_those_by_star():
    """The gateway's own host, and a host that is listed by name, may lie under a star."""
    told = plan(settings_of(hosts=["https://*.example.com", "https://app.example.com"]))

    assert [str(site.origin) for site in told.sites] == [
        "https://app.example.com",
        "https://auth.example.com",
        "https://*.example.com",
    ]
    assert [site.protected for site in told.sites] == [True, False, True]


def test_the_same_host_on_another_port_is_another_origin():
    """Only the origin of public_url carries our pages."""
    told = plan(
        settings_of(
            public_url="https://app.example.com:8443/_gateway",
            hosts=["https://app.example.com", "https://app.example.com:8443"],
        )
    )

    assert [(site.origin.port, site.gateway) for site in told.sites] == [(443, ""), (8443, "/_gateway")]
    assert told.sites[1].port_suffix == ":8443"
    assert [first.origin.port for first, _ in told.listeners()] == [443, 8443]


def test_a_loopback_host_is_never_opened_to_the_network():
    """What has no TLS listens on this machine alone, for every proxy."""
    local = settings_of(public_url="http://app.localhost:8000/_gateway", hosts=["http://app.localhost:8000"])

    told = plan(local)

    assert [site.listen for site in told.sites] == ["127.0.0.1:8000"]
    assert "listen 127.0.0.1:8000;" in texts_of(local, "nginx")
    assert "bind 127.0.0.1" in texts_of(local, "caddy")
    assert 'address: "127.0.0.1:8000"' in texts_of(local, "traefik")
    assert "bind 127.0.0.1:8000" in texts_of(local, "haproxy")


def test_a_listener_on_all_interfaces_is_reached_on_this_machine():
    """0.0.0.0 is where to listen, not where to connect."""
    server = {"trusted_proxies": ["127.0.0.1"], "bind": "0.0.0.0:4180", "verify_bind": "[::]:4181"}

    told = plan(settings_of(server=server))

    assert str(told.public) == "127.0.0.1:4180"
    assert str(told.verify) == "[::1]:4181"


@pytest.mark.parametrize("name", KNOWN_IDENTITY)
def test_a_header_that_is_switched_off_is_cleared_as_well(name):
    """nginx has no wildcard, so every name that the gateway knows is listed there."""
    headers = {"user": "Remote-User", "subject": None, "groups": None}

    texts = nginx.snippet(settings_of(headers=headers))

    assert f"proxy_set_header {name} " in texts["gateway-location.conf"]
    assert f'proxy_set_header {name} "";' in texts["gateway-public.conf"]
