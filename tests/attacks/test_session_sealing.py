"""Sessions under attack: forged and malformed cookies, foreign and broken records, fixation, a stolen store."""

import json

import pytest

from gateway.errors import Unsealable
from gateway.identity.presented import Head
from gateway.keys.keyring import Keyring
from gateway.keys.seal import NONCE, Sealer
from gateway.observe.events import SessionEnded
from gateway.sessions.cookie import CookieSpec, Ticket, issue_ticket, read_ticket
from gateway.sessions.sealing import Sealing, record_key, session_id
from gateway.sessions.sessions import Sessions
from gateway.settings.model import Sessions as Limits
from tests.kit.clock import Clock
from tests.kit.memory_store import MemoryStore
from tests.kit.people import ISSUERS, asking, person, tokens
from tests.kit.randomness import Randomness

NOW = 1_800_000_000
DAY = 86_400
SPEC = CookieSpec("__Host-gw", None, True, 30 * DAY)
RING = Keyring.generate(Randomness(), NOW)


class Scene:
    """One deployment and what it said."""

    def __init__(self):
        self.clock = Clock(NOW)
        self.store = MemoryStore(self.clock)
        self.said = []
        self.sessions = Sessions(
            self.store, RING, SPEC, Limits(), "here", self.said.append, self.clock, Randomness("s"), ISSUERS
        )

    async def opened_by(self, *lines):
        """The session that a request with these `Cookie` lines has."""
        ticket = read_ticket(RING, SPEC, asking(*lines), self.clock())
        return await self.sessions.open(ticket) if ticket else None

    def record(self, begun):
        return self.store.records[record_key(begun.session.id)]


@pytest.fixture
def scene():
    return Scene()


@pytest.fixture
def cookie():
    return issue_ticket(RING, SPEC, NOW, Randomness("c"))[0]


MALFORMED = [
    pytest.param(b"%%%", id="percent-signs"),
    pytest.param(b"", id="empty"),
    pytest.param(b"x", id="one-byte"),
    pytest.param(b"j" * 8192, id="8-kB-of-junk"),
    pytest.param(b"\xff\xfe\x80", id="high-bytes"),
    pytest.param(b"\0", id="nul"),
    pytest.param(b"...", id="dots"),
    pytest.param(b"v1...", id="a-version-and-dots"),
    pytest.param(b"v1.k.%%%.AAAA", id="bad-base64"),
    pytest.param(b"v1.unknown." + b"A" * 48 + b"." + b"A" * 22, id="a-wrong-key-id"),
    pytest.param(b"v1.\xe9." + b"A" * 48 + b"." + b"A" * 22, id="a-key-id-that-is-not-ascii"),
    pytest.param(b"v9." + b"A" * 80, id="another-version"),
    pytest.param(b'"quoted"', id="quotes"),
    pytest.param(b"a;b", id="a-semicolon"),
    pytest.param(b"../../etc/passwd", id="a-path"),
]


@pytest.mark.parametrize("value", MALFORMED)
def test_t01_s6_a_malformed_session_cookie_is_no_session(value):
    """CVE-2026-25748: there an undecodable cookie ended in an implicit yes."""
    assert read_ticket(RING, SPEC, asking(b"__Host-gw=" + value), NOW) is None


def test_t01_the_same_name_twice_is_no_session(cookie):
    """In one line or two, with the same value or another, whichever is good."""
    for lines in (
        [f"__Host-gw={cookie}; __Host-gw={cookie}"],
        [f"__Host-gw={cookie}", f"__Host-gw={cookie}"],
        [f"__Host-gw=junk; __Host-gw={cookie}"],
        [f"__Host-gw={cookie}; a=1; __Host-gw="],
    ):
        assert read_ticket(RING, SPEC, asking(*lines), NOW) is None
    assert read_ticket(RING, SPEC, asking(f"__Host-gw={cookie}"), NOW) is not None


def test_t29_every_flipped_bit_is_the_same_nothing(cookie):
    """CVE-2026-47775: there a padding oracle told one failure from another. Here there is one answer."""
    for position in range(len(cookie)):
        for bit in range(8):
            changed = bytearray(cookie.encode())
            changed[position] ^= 1 << bit

            assert read_ticket(RING, SPEC, asking(b"__Host-gw=" + bytes(changed)), NOW) is None


def test_t29_every_cut_is_the_same_nothing(cookie):
    """A prefix with a good start is not half good."""
    for length in range(len(cookie)):
        assert read_ticket(RING, SPEC, asking(f"__Host-gw={cookie[:length]}"), NOW) is None


def test_a_value_of_one_cookie_means_nothing_in_another(cookie):
    """The name is under the tag: a value cannot be planted under a weaker name."""
    weaker = CookieSpec("gw", None, False, SPEC.max_age)

    assert read_ticket(RING, weaker, asking(f"gw={cookie}"), NOW) is None


def test_t28_no_nonce_comes_twice():
    """CVE-2021-32791 was a constant one: a hundred thousand seals of one plaintext, all different."""
    sealer = Sealer(RING, "sess-enc/v1", Randomness("nonces"))
    prefix = len(f"1.{RING.active}.")

    nonces = {sealer.seal(b"same", b"same")[prefix : prefix + NONCE] for _ in range(100_000)}

    assert len(nonces) == 100_000


def test_t28_sealing_under_a_binding_draws_a_new_nonce_too():
    """Both parts of one session, written again and again."""
    random = Randomness("n")
    sealing, ticket = Sealing(RING, "here", random), Ticket(RING.active, NOW, bytes(32))

    sealed = {sealing.seal_grants(ticket, session_id(ticket), {}) for _ in range(100)}

    assert len(sealed) == 100
    assert random.drawn == 100


@pytest.mark.parametrize("purpose", ["cookie/v1", "attempt/v1", "sess-enc/v2", ""])
def test_t28_the_purpose_is_part_of_the_key(purpose):
    """What is sealed for one use opens in no other."""
    sealed = Sealer(RING, "sess-enc/v1", Randomness("n")).seal(b"x", b"")

    with pytest.raises(Unsealable):
        Sealer(RING, purpose, Randomness("n")).open(sealed, b"")


@pytest.mark.parametrize("count", ["99999999", "-1", "NaN", "1e9", "2"])
def test_t30_no_count_of_parts_is_read_from_the_client(cookie, count):
    """CVE-2024-24814: there the client said how many parts its session had. Here nothing is counted, or joined."""
    chunked = asking(f"__Host-gw_chunks={count}; __Host-gw_0={cookie[:40]}; __Host-gw_1={cookie[40:]}")

    assert read_ticket(RING, SPEC, chunked, NOW) is None


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([b";;;=;"], id="separators"),
        pytest.param([b"="], id="an-equals-sign"),
        pytest.param([b"a"], id="a-letter"),
        pytest.param([b"; " * 200 + b"a=1"], id="200-empty-cookies"),
        pytest.param([b"; ".join([b"c%d=v" % n for n in range(200)])], id="200-cookies"),
        pytest.param([b"a=" + b"x" * 64_000], id="64-kB"),
        pytest.param([b"=" * 64_000], id="64-kB-of-equals-signs"),
        pytest.param([b";" * 64_000], id="64-kB-of-semicolons"),
        pytest.param([b"__Host-gw=" * 6_400], id="64-kB-of-our-name"),
        pytest.param([b"__Host-gw;" * 6_400], id="64-kB-of-our-name-without-a-value"),
        pytest.param([b""] * 200, id="200-empty-lines"),
        pytest.param([bytes(range(256))], id="every-byte"),
    ],
)
def test_t31_a_malformed_cookie_line_is_only_no_session(cookie, lines):
    """CVE-2023-28625 was a crash; and a good cookie on another line is still found."""
    assert read_ticket(RING, SPEC, asking(*lines), NOW) is None
    if not any(b"__Host-gw=" in line for line in lines):
        assert read_ticket(RING, SPEC, asking(*lines, f"__Host-gw={cookie}"), NOW) is not None


@pytest.mark.anyio
@pytest.mark.parametrize("planted", ["valid", "expired", "deleted", "made-up", "joined"])
async def test_t38_x4_a_planted_session_is_never_the_one_that_a_login_fills(scene, planted):
    """Session fixation: whatever was planted, the login mints a new id and key, and the old value is dead."""
    before = await scene.sessions.begin(person("attacker", "partner"), tokens("partner"))
    if planted == "expired":
        scene.clock.advance(3 * DAY + 1)
    if planted == "deleted":
        await scene.sessions.end(before.ticket, "logout")
    ticket = Ticket(RING.active, NOW, bytes(32)) if planted == "made-up" else before.ticket

    login = await scene.sessions.begin(person("victim"), tokens(), joins=ticket)

    assert login.session.id not in {before.session.id, session_id(ticket)}
    assert login.ticket.secret != ticket.secret
    assert await scene.sessions.open(ticket) is None
    assert (await scene.opened_by(f"__Host-gw={login.cookie}")).latest.subject == "victim"


@pytest.mark.anyio
@pytest.mark.parametrize("size", [0, 1, 5, 11, 12, 28, 40])
@pytest.mark.parametrize(
    "junk", [bytes, lambda size: b"1." + bytes(size), None], ids=["zeros", "a-start", "cut"]
)
async def test_x8_a_truncated_record_is_no_session_and_no_crash(scene, size, junk):
    """None, an event to count, and no exception."""
    begun = await scene.sessions.begin(person(), tokens())
    fields = scene.record(begun).fields
    for name in ("identity", "grant"):
        fields[name] = fields[name][:size] if junk is None else junk(size)

    assert await scene.sessions.open(begun.ticket) is None
    assert await scene.sessions.grants(begun.ticket, begun.session) == {}
    assert [event.reason for event in scene.said if isinstance(event, SessionEnded)] == ["unreadable"]


@pytest.mark.anyio
async def test_x8_another_sessions_record_under_this_key_is_no_session(scene):
    """Whoever can write to the store cannot give one person the session of another."""
    mine = await scene.sessions.begin(person("me"), tokens())
    admins = await scene.sessions.begin(person("admin"), tokens())

    scene.record(mine).fields.update(scene.record(admins).fields)

    assert await scene.sessions.open(mine.ticket) is None
    assert await scene.sessions.grants(mine.ticket, mine.session) == {}


@pytest.mark.anyio
async def test_x8_a_record_with_its_two_parts_exchanged_is_no_session(scene):
    """Tokens are never read as a person."""
    begun = await scene.sessions.begin(person(), tokens())
    fields = scene.record(begun).fields
    fields["identity"], fields["grant"] = fields["grant"], fields["identity"]

    assert await scene.sessions.open(begun.ticket) is None
    assert await scene.sessions.grants(begun.ticket, begun.session) == {}


@pytest.mark.anyio
@pytest.mark.parametrize("name", ["token_end", "next", "fails"])
@pytest.mark.parametrize("value", [b"", b"-1", b"x", b"1e9", b"9" * 5000, "٣".encode(), b" 1"])
async def test_x8_a_clear_number_that_is_none_is_no_session(scene, name, value):
    """And no crash either."""
    begun = await scene.sessions.begin(person(), tokens())
    scene.record(begun).fields[name] = value

    assert await scene.sessions.open(begun.ticket) is None


def test_x14_parts_of_two_cookies_are_never_combined():
    """The time of one, the secret of another, the tag of a third."""
    first = issue_ticket(RING, SPEC, NOW, Randomness("1"))[0].split(".")
    second = issue_ticket(RING, SPEC, NOW + 5, Randomness("2"))[0].split(".")

    for mixed in ([*first[:3], second[3]], [*second[:3], first[3]], [*first[:2], *second[2:3], first[3]]):
        assert read_ticket(RING, SPEC, asking(f"__Host-gw={'.'.join(mixed)}"), NOW) is None


@pytest.mark.anyio
async def test_x15_w19_a_cookie_ends_on_the_server(scene):
    """Replayed thirty days later it is nothing, whatever Max-Age the client keeps to, and without asking the store."""
    begun = await scene.sessions.begin(person(), tokens())
    line = f"__Host-gw={begun.cookie}"
    assert await scene.opened_by(line)

    scene.clock.advance(30 * DAY)
    scene.store.calls.clear()

    assert await scene.opened_by(line) is None
    assert scene.store.calls == []


@pytest.mark.anyio
async def test_w19_a_cookie_from_before_the_logout_is_nothing(scene):
    """Revoked means gone: the copy that somebody kept opens nothing."""
    begun = await scene.sessions.begin(person(), tokens())
    await scene.sessions.end(begun.ticket, "logout")

    assert await scene.opened_by(f"__Host-gw={begun.cookie}") is None


@pytest.mark.anyio
async def test_a_copy_of_the_store_and_the_key_file_opens_no_session(scene):
    """Nothing in it names the person, and the ring alone derives no session's key."""
    begun = await scene.sessions.begin(person("7", name="Ada"), tokens())
    sid = begun.session.id
    fields = scene.record(begun).fields
    copy = json.dumps({key: repr(record.fields) for key, record in scene.store.records.items()})

    for word in ("Ada", "user-7", "example.com", "corp", "refresh", begun.ticket.secret.hex(), begun.cookie):
        assert word not in copy
    for binding in (b"", bytes(32), sid.encode()):
        with pytest.raises(Unsealable):
            Sealer(RING, "sess-enc/v1", Randomness("n")).open(
                fields["identity"],
                f"sess/v1|here|{sid}|identity".encode(),
                binding=binding,
                salt=sid.encode(),
            )


@pytest.mark.anyio
async def test_a_stolen_ticket_without_the_servers_key_opens_nothing(scene):
    """The other half: the store and a cookie do not do without the ring."""
    begun = await scene.sessions.begin(person(), tokens())
    own = Keyring.generate(Randomness("attacker"), NOW)
    sealing = Sealing(own, "here", Randomness("n"))

    with pytest.raises(Unsealable):
        sealing.open_logins(begun.ticket, begun.session.id, scene.record(begun).fields["identity"])


@pytest.mark.anyio
async def test_no_event_carries_what_opens_a_session(scene):
    """Logs hold a hash of the id: neither the id nor the cookie."""
    begun = await scene.sessions.begin(person(), tokens())
    await scene.sessions.end(begun.ticket, "logout")

    said = repr(scene.said)

    assert begun.session.id not in said
    assert begun.cookie not in said


def test_a_header_of_another_name_is_no_cookie(cookie):
    """Only `Cookie` lines are read."""
    head = Head("GET", b"/", ((b"x-cookie", f"__Host-gw={cookie}".encode()),), "127.0.0.1")

    assert read_ticket(RING, SPEC, head, NOW) is None
