"""How often, and how large: limits by address prefix, and the size of a request."""

from ipaddress import ip_address

import pytest

from gateway.errors import Limited, StoreFault
from gateway.guard.middleware import MAX_BODY, MAX_FIELDS, MAX_HEADER_BYTES, oversized
from gateway.guard.rate_limit import RateLimit, prefix_of
from gateway.identity.presented import Head
from tests.kit.clock import Clock
from tests.kit.login_door import AUTH, LoginHouse
from tests.kit.memory_store import MemoryStore


@pytest.mark.parametrize(
    ("client", "prefix"),
    [
        pytest.param("192.0.2.77", "192.0.2.0/24", id="IPv4"),
        pytest.param("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64", id="IPv6"),
        pytest.param("::ffff:192.0.2.77", "192.0.2.0/24", id="IPv4 in IPv6"),
        pytest.param("::1", "::/64", id="loopback"),
        pytest.param("fe80::1%eth0", "fe80::/64", id="with a zone"),
        pytest.param(None, "unknown", id="nobody knows"),
    ],
)
def test_a_limit_is_kept_for_a_prefix(client, prefix):
    """One person owns many addresses of one prefix."""
    assert prefix_of(ip_address(client) if client else None) == prefix


@pytest.mark.anyio
async def test_a_limit_lets_a_burst_through_and_then_a_trickle():
    """GCRA: no window whose edge lets twice as many through."""
    clock = Clock()
    limit = RateLimit(MemoryStore(clock), "test", 3, 30.0, clock)
    for _ in range(3):
        await limit.take("a")

    with pytest.raises(Limited) as caught:
        await limit.take("a")
    assert caught.value.retry_after == pytest.approx(10)
    await limit.take("b")
    clock.advance(10)
    await limit.take("a")
    with pytest.raises(Limited):
        await limit.take("a")


@pytest.mark.anyio
async def test_a_limit_that_cannot_be_counted_lets_nobody_through():
    """It fails closed."""
    clock = Clock()
    store = MemoryStore(clock, down=True)

    with pytest.raises(StoreFault):
        await RateLimit(store, "test", 3, 30.0, clock).take("a")


def head(*headers, target=b"/"):
    return Head("POST", target, headers, "192.0.2.1")


@pytest.mark.parametrize(
    ("request_head", "status"),
    [
        pytest.param(head(), None, id="nothing"),
        pytest.param(head(*[(b"a", b"b")] * MAX_FIELDS), None, id="as many fields as may be"),
        pytest.param(head(*[(b"a", b"b")] * (MAX_FIELDS + 1)), 431, id="a field too many"),
        pytest.param(head((b"cookie", b"x" * (MAX_HEADER_BYTES - 7))), None, id="as long as may be"),
        pytest.param(head((b"cookie", b"x" * (MAX_HEADER_BYTES - 6))), 431, id="a byte too many"),
        pytest.param(head(target=b"/" * (MAX_HEADER_BYTES + 1)), 431, id="a long target"),
        pytest.param(head((b"content-length", str(MAX_BODY).encode())), None, id="the largest body"),
        pytest.param(head((b"content-length", str(MAX_BODY + 1).encode())), 413, id="a larger one"),
        pytest.param(head((b"content-length", b"9" * 5000)), 413, id="a number nobody converts"),
        pytest.param(head((b"content-length", b"-1")), 413, id="a negative length"),
        pytest.param(head((b"content-length", "٣".encode())), 413, id="a digit of another script"),
    ],
)
def test_the_size_of_a_request_is_bounded(request_head, status):
    """Refused by its head, before anything of its body is read."""
    fault = oversized(request_head)

    assert (fault.status if fault else None) == status


@pytest.mark.anyio
@pytest.mark.parametrize("announced", [True, False], ids=["announced", "chunked"])
async def test_a_body_over_the_limit_is_refused(announced):
    """Also where it announces no length; the connection is not used again."""
    house = LoginHouse()
    sent = []
    chunks = [{"type": "http.request", "body": b"x" * 30_000, "more_body": True}] * 3
    messages = iter([*chunks, {"type": "http.request", "body": b"", "more_body": False}])

    async def receive():
        return next(messages)

    async def send(message):
        sent.append(message)

    headers = [(b"content-length", b"90000")] if announced else [(b"transfer-encoding", b"chunked")]
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/auth/logout",
        "raw_path": b"/auth/logout",
        "query_string": b"",
        "headers": headers,
        "client": ("192.0.2.1", 1),
    }
    await house.app(scope, receive, send)

    assert sent[0]["status"] == 413
    assert (b"connection", b"close") in sent[0]["headers"]


@pytest.mark.anyio
async def test_a_head_over_the_limit_is_a_page():
    """431, with what to do."""
    hop = await LoginHouse().browser().open(f"{AUTH}/auth/login", headers={"x-long": "x" * MAX_HEADER_BYTES})

    assert hop.status == 431
    assert "Delete the cookies" in hop.response.text
