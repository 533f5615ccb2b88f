"""Where a session was begun: a browser, a system, a network, and no more."""

import pytest

from gateway.identity.presented import Head
from gateway.sessions.device import Device, device_of

MOZILLA = "Mozilla/5.0 (X11; Linux x86_64"


def head(*agents):
    return Head("GET", b"/", tuple([(b"user-agent", agent) for agent in agents]), "127.0.0.1")


@pytest.mark.parametrize(
    ("agent", "family"),
    [
        pytest.param(f"{MOZILLA}; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux", id="firefox"),
        pytest.param(
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
            "Chrome on Windows",
            id="chrome",
        ),
        pytest.param(
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0",
            "Edge on Windows",
            id="edge",
        ),
        pytest.param(
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15",
            "Safari on macOS",
            id="safari",
        ),
        pytest.param(
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/140.0 Mobile/15E148 Safari/604.1",
            "Chrome on iOS",
            id="chrome on a phone",
        ),
        pytest.param(
            "Mozilla/5.0 (Linux; Android 15; SM-S921B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36",
            "Samsung Internet on Android",
            id="samsung",
        ),
        pytest.param("Mozilla/5.0 (X11; CrOS x86_64 1) Chrome/140.0 Safari/537.36", "Chrome on ChromeOS", id="cros"),
        pytest.param("curl/8.14.1", "curl", id="curl"),
        pytest.param(f"{MOZILLA})", "Linux", id="a system alone"),
        pytest.param("<script>alert(1)</script>", "", id="something else"),
        pytest.param("", "", id="empty"),
        pytest.param("x" * 600 + "Firefox/1.0", "", id="beyond what is looked at"),
    ],
)  # fmt: skip
def test_a_user_agent_becomes_two_words_of_ours(agent, family):
    """No version, and nothing that the browser wrote."""
    assert device_of(head(agent.encode()), "").family == family


@pytest.mark.parametrize("agents", [(), (b"curl/8", b"Firefox/140.0"), (b"\xff\xfe\x00",)])
def test_no_one_agent_is_no_family(agents):
    """Neither missing, nor two, nor bytes of no text."""
    assert device_of(head(*agents), "") == Device()


@pytest.mark.parametrize(
    ("address", "network"),
    [
        pytest.param("192.0.2.7", "192.0.2.0/24", id="four"),
        pytest.param("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48", id="six"),
        pytest.param("::ffff:192.0.2.7", "192.0.2.0/24", id="four in six"),
        pytest.param("fe80::1%eth0", "fe80::/48", id="with a zone"),
        pytest.param("unknown", "", id="unknown"),
        pytest.param("", "", id="none"),
    ],
)
def test_of_an_address_the_network_is_kept(address, network):
    """A /24, or a /48."""
    assert device_of(head(), address).network == network
