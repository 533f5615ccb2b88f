"""Attacks that a configuration invites: trusting everybody by default, odd values, hosts in other letters."""

import pytest
import yaml
from click.testing import CliRunner

from gateway.cli import main
from gateway.settings import checks
from tests.kit.config_file import FINE, changed, faults_of, paths, settings

CORP = FINE["providers"]["corp"]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"hosts": ["https://app.example.com", []]}, id="short-list"),
        pytest.param({"hosts": {}}, id="mapping-for-a-list"),
        pytest.param({"rules": [None]}, id="empty-rule"),
        pytest.param({"rules": [[]]}, id="list-for-a-rule"),
        pytest.param({"rules": [{"allow": {"users": None}}]}, id="empty-list-of-users"),
        pytest.param({"providers": {"corp": None}}, id="empty-provider"),
        pytest.param({"providers": {"corp": {}}}, id="provider-without-keys"),
        pytest.param({"providers": {"": CORP}}, id="provider-without-name"),
        pytest.param({"providers": [CORP]}, id="list-of-providers"),
        pytest.param({"server": {"trusted_proxies": [None]}}, id="empty-network"),
        pytest.param({"server": {"bind": {"port": 80}}}, id="mapping-for-an-address"),
        pytest.param({"sessions": {"idle": [3, "d"]}}, id="list-for-a-duration"),
        pytest.param({"policies": {"api": {"rules": "all"}}}, id="text-for-rules"),
    ],
)
def test_p25_an_odd_configuration_is_a_sentence_and_not_a_traceback(tmp_path, monkeypatch, changes):
    """CVE-2024-21493: Caddy's auth module panicked on short lists and empty sections."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gateway.yaml").write_text(yaml.safe_dump(changed(**changes)))

    result = CliRunner().invoke(main, ["check"])

    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert all(line.startswith("gateway.yaml:") and "; " in line for line in result.stderr.splitlines())


@pytest.mark.parametrize(
    "server",
    [
        pytest.param(None, id="nothing-written"),
        pytest.param({"trusted_proxies": []}, id="empty-list"),
        pytest.param({"trusted_proxies": [], "verify_bind": "0.0.0.0:4181"}, id="a-tcp-port-for-everybody"),
    ],
)
def test_t12_forwarded_headers_need_a_trusted_proxy(tmp_path, server):
    """CVE-2026-40575: without a list of proxies, whoever asks directly could name the path that is judged."""
    found = faults_of(tmp_path, server=server) if server else faults_of(tmp_path, server=None)

    assert any("server.trusted_proxies: is empty, so that no proxy may ask" in line for line in found)


@pytest.mark.parametrize(
    "networks",
    [
        pytest.param(["0.0.0.0/0"], id="all-of-ipv4"),
        pytest.param(["::/0"], id="all-of-ipv6"),
        pytest.param(["127.0.0.1/32", "0.0.0.0/0"], id="among-others"),
        pytest.param(["0.0.0.0/1", "128.0.0.0/1"], id="in-two-halves"),
        pytest.param(["::/1", "8000::/2", "c000::/2"], id="in-three-parts"),
    ],
)
def test_o13_trusting_everybody_is_refused(networks):
    """CVE-2026-76835: the default list of trusted proxies was the whole internet."""
    found = checks.faults(settings(server={"trusted_proxies": networks}))

    assert any("trust" in fault.what and "everybody" in fault.what for fault in found)


def test_p7_hosts_of_rules_are_read_in_one_form():
    """CVE-2026-48794: a wildcard in upper case never matched, and the stricter rule was passed by."""
    rule = {"hosts": ["*.ADMIN.Apps.Example.com", "App.example.com."], "allow": "authenticated"}

    read = settings(rules=[rule])

    assert read.rules[0].hosts == ("*.admin.apps.example.com", "app.example.com")
    assert checks.faults(read) == ()


@pytest.mark.parametrize(
    "host", ["bücher.example.com", "\u212aube.example.com", "app.example.com:8443", "app.example.com/", "a,b"]
)
def test_p7_a_host_without_one_form_is_refused(tmp_path, host):
    """What could be two hosts is none."""
    found = faults_of(tmp_path, rules=[{"hosts": [host], "allow": "authenticated"}])

    assert [": rules[0].hosts[0]: does not fit; write a host" in line for line in found] == [True]


def test_p11_a_rule_for_an_unlisted_host_is_a_fault():
    """CVE-2026-77560: a lookup by host that misses must not mean an empty rule, and is found before it happens."""
    rule = {"name": "secret", "hosts": ["SECRET.example.net"], "allow": {"groups": ["few"]}}

    found = checks.faults(settings(rules=[rule]))

    assert paths(found) == ["rules[0].hosts[0]"]
    assert found[0].what.startswith("rule secret: secret.example.net is not among the hosts")
