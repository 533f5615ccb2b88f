"""Two shells, one answer: whatever is sent to the quick shell and to ASGI comes back the same, byte for byte.

Both ask the same `Verify`, over real sockets. Left out are the `Date` line, and nothing else: the ids of decisions are
one and the same here. In CI over 20 000 requests go to each shell, elsewhere a tenth of them.
"""

import asyncio
import itertools
import os
import re
import socket
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.observe.events import DecisionMade
from tests.attacks.test_verify_wire import INNER, MALFORMED, REQUEST_LINES, UNREAD, UPGRADES
from tests.kit.harvest import harvest
from tests.kit.shells import LOCAL, listening, question
from tests.kit.verify_house import CONTRACTS, PEOPLE, WRITTEN, open_house

pytestmark = pytest.mark.xdist_group("shells")

WHOLE = bool(os.environ.get("CI"))
MADE = 2_500 if WHOLE else 150
SHARE = 1 if WHOLE else 10
"""One in so many of the harvested requests is sent."""
AT_ONCE = 12
"""Different requests on one connection."""
TIMES = 3
"""A head is known when it comes the third time."""

QUIET = 0.3
"""Seconds of silence after which a server that expects more is told that there is none."""
ANSWERED = 3.0
"""Seconds for what is whole, and so is answered."""
PATIENCE = 10.0
LAST = b"GET /verify/forward-auth HTTP/1.1\r\nHost: verify\r\nConnection: close\r\n\r\n"
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_STATUS = re.compile(rb"HTTP/1\.1 [0-9]{3} ")
_LENGTH = re.compile(rb"\r\ncontent-length: ([0-9]+)", re.IGNORECASE)
_DATE = re.compile(rb"\r\ndate: [^\r\n]*", re.IGNORECASE)
VAULT = {"name": "vault", "paths": ["/vault/**"], "freshness": "strict", "allow": "authenticated"}
"""Opened anew for each check: what the quick shell cannot answer at once."""


class Both:
    """One house behind both shells."""

    def __init__(self, house, ports):
        self.house = house
        self.ports = ports
        self.compared = 0

    def alike(self, *pieces, quiet=QUIET):
        """What both answer to these pieces, on one connection, one after the other; fails where they differ."""
        quick, asgi = (self._exchange(port, pieces, quiet) for port in self.ports)
        assert quick == asgi, pieces
        self.compared += len(_STATUS.findall(quick[0]))
        return quick[0]

    def _exchange(self, port, pieces, quiet=QUIET):
        before = len(self.house.events)
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as link:
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            answer = _converse(link, pieces, quiet)
        made = [one for one in self.house.events[before:] if isinstance(one, DecisionMade)]
        return _DATE.sub(b"", answer), [replace(one, seconds=0) for one in made]


def _converse(link, pieces, quiet):
    """Everything that comes back. A piece is said when the one before has been answered.

    Said at once they are a race: what is broken behind a question makes uvicorn forget its answer where both come in
    one segment.
    """
    heard = bytearray()
    with suppress(OSError):
        for piece in pieces:
            link.sendall(piece)
            # What is whole is answered, however busy the machine; only of the rest silence is all that can be awaited.
            seconds = ANSWERED if _HEAD_END.search(piece) and quiet == QUIET else quiet
            _hear(link, seconds, heard, head_only=piece.startswith(b"HEAD "))
        link.sendall(LAST)
    with suppress(OSError):
        _hear(link, QUIET, heard, to_the_end=True)
        link.shutdown(socket.SHUT_WR)
        _hear(link, PATIENCE, heard, to_the_end=True)
    return bytes(heard)


def _hear(link, seconds, heard, *, to_the_end=False, head_only=False):
    """One answer, or all until the end; or until nothing has come for so long."""
    link.settimeout(seconds)
    begin = len(heard)
    with suppress(TimeoutError):
        while to_the_end or not _is_whole(heard[begin:], head_only=head_only):
            data = link.recv(1 << 20)
            if not data:
                return
            heard += data


def _is_whole(answer, *, head_only):
    head, end, body = answer.partition(b"\r\n\r\n")
    length = _LENGTH.search(head)
    return bool(end) and (head_only or len(body) >= int(length[1] if length else 0))


@pytest.fixture(scope="module")
def both():
    house = asyncio.run(open_house(**LOCAL, rules=[VAULT, *WRITTEN["rules"]]))
    house.verify._new_id = house.app.nginx_login._new_id = lambda: "d-1"
    with listening(house, "quick", "asgi") as ports:
        yield Both(house, ports)
    assert not house.alarms


def rows(all_of_them):
    """Those that are sent, in rows for one connection."""
    chosen = iter(list(all_of_them)[::SHARE])
    while row := list(itertools.islice(chosen, AT_ONCE)):
        yield row


def ask_in_rows(both, questions):
    """Each question three times: what comes again need not be parsed again, and is answered alike."""
    for row in rows(questions):
        both.alike(*[ask for ask in row for _ in range(TIMES)])


HARVEST = harvest()


@pytest.mark.parametrize("contract", CONTRACTS)
@pytest.mark.parametrize("who", PEOPLE)
def test_every_path_of_the_attack_tests(both, contract, who):
    """As GET and POST, of a browser and of a program."""
    html = b"Accept: text/html\r\n"
    fine = [uri for uri in HARVEST.uris if not set(uri) & set(b"\r\n\x00")]
    ask_in_rows(
        both,
        [
            question(both.house, contract, uri, who, more, method=method)
            for uri in fine
            for method, more in ((b"GET", html), (b"POST", b""))
        ],
    )


@pytest.mark.parametrize("contract", CONTRACTS)
@pytest.mark.parametrize("who", PEOPLE)
def test_every_value_of_the_attack_tests_as_host_cookie_and_address(both, contract, who):
    """Wherever a value of theirs may stand."""
    safe = [value for value in HARVEST.values if not set(value) & set(range(32))]
    session = both.house.cookie_spec.name.encode()
    ask_in_rows(
        both,
        [
            question(both.house, contract, b"/x", who, more, host=host)
            for value in safe
            for host, more in (
                (value, b""),
                (b"app.example.com", b"Cookie: " + session + b"=" + value + b"\r\n"),
                (b"app.example.com", b"X-Forwarded-For: " + value + b"\r\n"),
                (b"app.example.com", b"Origin: " + value + b"\r\nUpgrade: websocket\r\n"),
            )
        ],
    )


@pytest.mark.parametrize("contract", CONTRACTS)
@pytest.mark.parametrize("who", PEOPLE)
def test_every_header_line_of_the_attack_tests(both, contract, who):
    """At a public, an optional, a protected, a forbidden and a strict place."""
    places = (b"/public/x", b"/welcome/x", b"/x", b"/admin/x", b"/vault/x")
    ask_in_rows(
        both,
        [
            question(both.house, contract, place, who, name + b": " + value + b"\r\n")
            for name, value in HARVEST.lines
            if not set(value) & set(b"\r\n\x00")
            for place in places
        ],
    )


@pytest.mark.parametrize(("more", "after"), MALFORMED)
def test_a_malformed_request(both, more, after):
    """And what stands behind it."""
    for contract in CONTRACTS:
        for who in PEOPLE:
            both.alike(question(both.house, contract, who=who, more=more) + after)


@pytest.mark.parametrize("more", [*UNREAD, b"Content-Length: 5\r\n"])
@pytest.mark.parametrize("body", [b"", b"12345", INNER], ids=["no body", "five bytes", "a question"])
def test_a_body_that_nobody_wants(both, more, body):
    """Sent, or only announced."""
    for who in PEOPLE:
        both.alike(question(both.house, who=who, more=more) + body)


@pytest.mark.parametrize(("line", "_"), REQUEST_LINES)
def test_a_strange_request_line(both, line, _):
    """A head of ours behind it."""
    for who in PEOPLE:
        head = question(both.house, who=who).partition(b"\r\n")[2]
        both.alike(line + b"\r\n" + head)


PATHS = [
    b"/", b"/healthz", b"/readyz", b"/verify", b"/verify/", b"/verify/forward-auth?x=/y", b"/verify/forward-auth/",
    b"/verify/forward-auth#x", b"/verify/%66orward-auth", b"/verify/policy/billing/forward-auth", b"*",
    b"/verify/policy/billing/auth-request", b"/verify/policy/x/forward-auth", b"/verify/auth-request/login",
    b"http://x/verify/forward-auth", b"//verify/forward-auth", b"/verify/forward-auth\xff",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", [b"GET", b"HEAD", b"POST", b"OPTIONS", b"DELETE"])
def test_every_path_of_the_listener(both, path, method):
    """The verify endpoints, and what stands beside them."""
    for contract in CONTRACTS:
        for who in PEOPLE:
            whole = question(both.house, contract, who=who)
            both.alike(whole.replace(b"GET /verify/" + contract.encode(), method + b" " + path, 1))


CONNECTIONS = [
    pytest.param(b"1.1", b"", id="1.1"),
    pytest.param(b"1.0", b"", id="1.0"),
    pytest.param(b"1.1", b"Connection: close\r\n", id="close"),
    pytest.param(b"1.1", b"Connection: Close, x\r\n", id="close and more"),
    pytest.param(b"1.1", b"Connection: keep-alive\r\n", id="keep-alive"),
    pytest.param(b"1.0", b"Connection: keep-alive\r\n", id="1.0 keep-alive"),
    pytest.param(b"1.1", b"Expect: 100-continue\r\n", id="expect"),
    *[pytest.param(b"1.1", upgrade, id=f"upgrade {i}") for i, upgrade in enumerate(UPGRADES)],
]


@pytest.mark.parametrize(("version", "more"), CONNECTIONS)
def test_connections_are_kept_and_closed_alike(both, version, more):
    """What need not wait, and what must; with more behind it, and more said later."""
    for contract in CONTRACTS:
        for uri in (b"/x", b"/vault/x"):
            for who in PEOPLE:
                ask = question(both.house, contract, uri, who, more, version)
                both.alike(ask, ask)
                both.alike(ask + ask, ask)


ORDERS = list(itertools.product((b"/public/x", b"/x", b"/vault/x", b"/vault/y"), repeat=4))


@pytest.mark.parametrize("order", ORDERS[:: 1 if WHOLE else 16])
def test_what_need_not_wait_overtakes_nothing_that_waits(both, order):
    """In one piece, or said one after the other: the same answers in the same order."""
    row = [question(both.house, uri=uri, who=who) for uri, who in zip(order, (*PEOPLE, "alice"), strict=True)]
    assert both.alike(b"".join(row)) == both.alike(*row)


def test_a_decision_is_told_once(both):
    """By either shell, whether it waits or not, with the same words."""
    for uri in (b"/public/x", b"/x", b"/admin/x", b"/vault/x", b"/nobody/../x"):
        for who in PEOPLE:
            ask = question(both.house, uri=uri, who=who, more=b"Connection: close\r\n")
            told = [both._exchange(port, [ask])[1] for port in both.ports]
            assert told[0] == told[1]
            assert len(told[0]) == 1


# Heads as nobody would write them

NAMES = st.sampled_from(
    [b"Cookie", b"X-Forwarded-For", b"X-Forwarded-Uri", b"X-Forwarded-Host", b"X-Forwarded-Method", b"X-Original-URL",
     b"X-Original-Method", b"X-Forwarded-Proto", b"Accept", b"Origin", b"Upgrade", b"Connection", b"Sec-Fetch-Mode",
     b"Sec-WebSocket-Key", b"X-Requested-With", b"Content-Length", b"Transfer-Encoding", b"Expect", b"Host",
     b"X-Gateway-Secret", b"Keep-Alive", b"Authorization"]
) | st.from_regex(rb"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,12}", fullmatch=True)  # fmt: skip
VALUES = (
    st.sampled_from([*HARVEST.values, *HARVEST.uris, b"GET", b"close", b"keep-alive", b"0", b"chunked"])
    | st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=30).map(
        lambda t: t.encode("latin-1")
    )
    | st.binary(max_size=20)
)
LINES = st.lists(st.tuples(NAMES, VALUES), max_size=6)


@st.composite
def made_requests(draw):
    """A question of a proxy, more or less."""
    lines = [(b"Host", b"verify")]
    contract = draw(st.sampled_from(CONTRACTS))
    uri = draw(
        st.sampled_from([b"/x", b"/public/x", b"/admin/x", b"/vault/x"]) | st.sampled_from(HARVEST.uris)
    )
    method = draw(st.sampled_from([b"GET", b"HEAD", b"POST"]))
    lines += [
        (b"X-Forwarded-Method", method),
        (b"X-Forwarded-Host", b"app.example.com"),
        (b"X-Forwarded-Uri", uri),
    ]
    lines += [(b"X-Original-Method", method), (b"X-Original-URL", b"https://app.example.com" + uri)]
    lines += draw(LINES)
    wire_method = draw(st.sampled_from([b"GET", b"GET", b"GET", b"HEAD", b"POST"]))
    version = draw(st.sampled_from([b"1.1", b"1.1", b"1.1", b"1.0"]))
    who = draw(st.sampled_from(PEOPLE))
    return who, wire_method + b" /verify/" + contract.encode() + b" HTTP/" + version, lines


@settings(max_examples=MADE, suppress_health_check=list(HealthCheck))
@given(made=st.lists(made_requests(), min_size=1, max_size=8))
def test_made_heads(both, made):
    """Up to eight on one connection."""
    pieces = []
    for who, first, lines in made:
        own = [] if who == "nobody" else [(b"Cookie", both.house.cookie(who).encode())]
        head = b"".join([name + b": " + value + b"\r\n" for name, value in lines + own])
        # A value may end the head. What stands behind it is another piece, see `_converse`.
        pieces += _HEAD_END.sub(rb"\g<0>\0\0", first + b"\r\n" + head + b"\r\n").split(b"\0\0")
    both.alike(*[piece for piece in pieces * TIMES if piece])


@settings(max_examples=MADE // 5, suppress_health_check=list(HealthCheck))
@given(cuts=st.lists(st.integers(1, 4000), max_size=6))
def test_a_head_may_come_in_pieces(both, cuts):
    """Questions that wait and questions that need not, cut anywhere."""
    whole = b"".join(
        [question(both.house, uri=uri, who="alice") for uri in (b"/x", b"/vault/x", b"/public/x")]
    )
    edges = sorted({0, len(whole), *[cut % len(whole) for cut in cuts]})

    pieces = [whole[a:b] for a, b in itertools.pairwise(edges)]

    assert both.alike(*pieces, quiet=0.005) == both.alike(whole)


@pytest.mark.skipif(not WHOLE, reason="a tenth of the corpus is sent where CI is not set")
def test_so_many_requests_were_compared(both, figure, request):
    """The number of answers; `--dist loadgroup` keeps this file in one process."""
    if "PYTEST_XDIST_WORKER" in os.environ and not request.config.getoption("loadgroup"):
        pytest.skip("counted where this file runs in one process")
    figure("requests answered alike by both shells", both.compared, "requests")
    assert both.compared >= 20_000
