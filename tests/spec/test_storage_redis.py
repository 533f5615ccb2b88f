"""The Redis store against a real server: what breaks, what is asked again, and what never is."""

import asyncio
import datetime as dt
import ipaddress
import socket
import time
from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from redis.exceptions import ResponseError

from gateway.errors import StoreBusy, StoreFault
from gateway.storage.redis import open_redis
from gateway.storage.redis.node import Node
from gateway.storage.redis.pool import Pool
from gateway.storage.redis.scripts import BUMP
from gateway.storage.store import Acquired, Bucket, Record, Turn, Written
from tests.kit.clock import Clock
from tests.kit.redis_server import RedisServer, eventually
from tests.kit.servers import free_port

pytestmark = [pytest.mark.anyio, pytest.mark.live]

LONG = 60.0
NOW = 1_800_000_000.0
BOUND = 3.0
"""Seconds after which even the slowest way to fail has failed: the longest that a proxy is kept waiting."""


@pytest.fixture
def server(tmp_path):
    with RedisServer(tmp_path) as running:
        yield running


@asynccontextmanager
async def opened(url: str, deployment: str = "test"):
    store = open_redis(url, deployment)
    try:
        yield store
    finally:
        await store.close()


class Wire:
    """A line to the server that can be cut, slow, made deaf, or lose the next reply."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.epoch = 0
        self.deaf = False
        self.delay = 0.0
        self.lose_next_reply = False
        self.made = 0
        self._writers = []
        self._carrying = []

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        self.url = f"redis://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *exc):
        self._server.close()
        for writer in self._writers:
            writer.close()
        await self._server.wait_closed()
        await asyncio.gather(*self._carrying, return_exceptions=True)

    def cut(self) -> None:
        """Connections made so far look alive and break when they are used next; new ones work."""
        self.epoch += 1

    async def _carry(self, reader, writer):
        self._carrying.append(asyncio.current_task())
        epoch, self.made = self.epoch, self.made + 1
        there, back = await asyncio.open_connection("127.0.0.1", self.port)
        self._writers += [writer, back]

        async def replies():
            while data := await there.read(65536):
                if self.lose_next_reply:
                    self.lose_next_reply = False
                    writer.transport.abort()
                    return
                await asyncio.sleep(self.delay)
                writer.write(data)

        answering = asyncio.create_task(replies())
        try:
            while data := await reader.read(65536):
                if epoch != self.epoch:
                    writer.transport.abort()
                    break
                if not self.deaf:
                    back.write(data)
        except ConnectionError:
            pass
        finally:
            back.close()
            writer.close()
            await asyncio.gather(answering, return_exceptions=True)


@pytest.fixture
def alone(monkeypatch):
    """Nobody shares a line: each command wants one of its own."""
    monkeypatch.setattr("gateway.storage.redis.crowd.MOST", 1)


# What is asked again, and what is not


async def test_a_read_survives_a_broken_connection(server):
    """A connection that died while it idled costs a read nothing: it is asked a second time."""
    async with Wire(server.port) as wire, opened(wire.url) as store:
        await store.put("v", b"x", LONG)
        await store.create("s:{a}", {"identity": b"i"}, LONG)

        wire.cut()
        plain = await store.get("v")
        wire.cut()
        record = await store.read("s:{a}", ["identity"], ["a:{a}"])

        assert plain == b"x"
        assert record.record == Record(1, {"identity": b"i"})


async def test_a_write_is_never_sent_twice(server):
    """Where the reply is lost the write has happened once, and the caller is told of the fault."""
    async with Wire(server.port) as wire, opened(wire.url) as store:
        await store.bump("epoch", LONG)

        wire.lose_next_reply = True
        with pytest.raises(StoreFault):
            await store.bump("epoch", LONG)

        assert await store.get("epoch") == b"2"


async def test_a_refresh_survives_lost_replies(server):
    """A lease whose grant was not heard is held by whoever asks again; a commit that was not heard is not written twice."""
    async with Wire(server.port) as wire, opened(wire.url) as store:
        await store.create("s:{a}", {"identity": b"1"}, LONG)
        await store.acquire("s:{b}", 1, "me", LONG, NOW)  # so that the server knows both scripts
        await store.commit("s:{b}", 1, 1, "me", {}, LONG)

        wire.lose_next_reply = True
        with pytest.raises(StoreFault):
            await store.acquire("s:{a}", 1, "me", LONG, NOW)
        leased = await store.acquire("s:{a}", 1, "me", LONG, NOW)
        wire.lose_next_reply = True
        with pytest.raises(StoreFault):
            await store.commit("s:{a}", 1, leased.fence, "me", {"identity": b"2"}, LONG)

        assert leased == Acquired(Turn.HELD, fence=1)
        assert await store.commit("s:{a}", 1, 1, "me", {"identity": b"2"}, LONG) is Written.DONE
        assert (await store.read("s:{a}", ["identity"])).record == Record(2, {"identity": b"2"})


@pytest.mark.usefixtures("alone")
async def test_case28_the_first_dead_connection_takes_its_idle_neighbours_with_it(server):
    """After a restart of the server one request meets a dead socket, not one for each connection of the pool."""
    async with Wire(server.port) as wire, opened(wire.url) as store:
        await asyncio.gather(*(store.put(f"v{i}", b"x", LONG) for i in range(12)))
        assert wire.made >= 5

        wire.cut()
        with pytest.raises(StoreFault):
            await store.put("v", b"first", LONG)

        await asyncio.gather(*(store.put(f"v{i}", b"again", LONG) for i in range(12)))
        assert await store.get_many([f"v{i}" for i in range(12)]) == [b"again"] * 12


async def test_a_cancelled_call_leaves_no_reply_for_the_next(server):
    """Nobody is handed the answer to somebody else's question."""
    async with Wire(server.port) as wire, opened(wire.url) as store:
        await store.put("mine", b"mine", LONG)
        await store.put("theirs", b"theirs", LONG)

        for _ in range(20):
            asked = asyncio.create_task(store.get("theirs"))
            await asyncio.sleep(0.0005)
            asked.cancel()
            await asyncio.gather(asked, return_exceptions=True)

            assert await store.get("mine") == b"mine"


async def test_scripts_are_sent_again_to_a_server_that_forgot_them(server):
    """A restarted server, or SCRIPT FLUSH, costs one more round trip and nothing else."""
    async with opened(server.url) as store:
        await store.bump("epoch", LONG)
        await store._link.call("SCRIPT", "FLUSH")

        assert await store.bump("epoch", LONG) == 2
        assert await store._link.call("SCRIPT", "EXISTS", BUMP.sha) == [1]


# What breaks


async def test_a_server_that_dies_is_a_fault_and_comes_back(server):
    """Down is `StoreFault` for every verb, never "nothing there"; the same store works when the server is back."""
    async with opened(server.url) as store:
        await store.put("v", b"x", LONG)
        server.stop()

        answers = await asyncio.gather(
            store.get("v"),
            store.get_many(["v"]),
            store.read("s", ["identity"], ["v"]),
            store.take("v"),
            store.put("v", b"y", LONG),
            store.delete(["v"]),
            store.count([Bucket("b", 1, 1.0)], NOW),
            store.index_list("u", NOW),
            store.ping(),
            return_exceptions=True,
        )
        server.start()
        deadline = time.monotonic() + 10
        while True:
            try:
                await store.put("v", b"again", LONG)
                break
            except StoreFault:
                assert time.monotonic() < deadline, "it did not come back"
                await asyncio.sleep(0.05)

        assert [type(answer) for answer in answers] == [StoreFault] * len(answers)
        assert await store.get("v") == b"again"


async def test_a_black_hole_is_a_fault_within_bounded_time(server):
    """A server that accepts and never answers costs a caller no more than the bound, a hundred callers too."""
    async with Wire(server.port) as wire, opened(wire.url) as store:
        wire.deaf = True

        async with asyncio.timeout(BOUND):
            with pytest.raises(StoreFault):
                await store.get("v")
        async with asyncio.timeout(BOUND):
            answers = await asyncio.gather(*(store.get("v") for _ in range(100)), return_exceptions=True)

        assert [type(answer) for answer in answers] == [StoreFault] * 100


async def test_connections_that_went_deaf_are_left_behind(server):
    """After an answer that never came the next call goes out on a fresh connection."""
    async with Wire(server.port) as wire, opened(wire.url) as store:
        await asyncio.gather(*(store.put("v", b"x", LONG) for _ in range(10)))

        wire.deaf = True
        with pytest.raises(StoreFault):
            await store.put("v", b"lost", LONG)
        before, wire.deaf = wire.made, False

        assert await store.get("v") == b"x"
        assert wire.made == before + 1


async def test_a_port_where_nobody_listens_is_a_fault():
    """It says where nobody was, and opening the store needs nobody there."""
    port = free_port()
    async with opened(f"redis://127.0.0.1:{port}") as store:
        with pytest.raises(StoreFault, match=str(port)):
            await store.ping()


async def test_while_the_server_is_away_callers_learn_it_at_once():
    """After a few failures the server is left in peace: no connection is tried for each request."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound, not listening: every connection is refused
        async with opened(f"redis://127.0.0.1:{nobody.getsockname()[1]}") as store:
            said = []
            for _ in range(10):
                with pytest.raises(StoreFault) as fault:
                    await store.put("v", b"x", LONG)
                said.append(str(fault.value))

    assert "asked again within a second" in said[-1]
    assert sum("asked again" in sentence for sentence in said) >= 4


async def test_a_burst_beyond_the_pool_waits_and_succeeds(server):
    """Three hundred callers at once share thirty-two connections."""
    async with opened(server.url) as store:
        await asyncio.gather(*(store.bump("epoch", LONG) for _ in range(300)))

        clients = await store._link.call("CLIENT", "LIST")

        assert await store.get("epoch") == b"300"
        assert clients.count(b"id=") <= 32


@pytest.mark.usefixtures("alone")
async def test_too_many_at_once_do_not_put_the_server_under_suspicion(server, monkeypatch):
    """Who finds no free connection is told; the connections stay, and the next caller is served."""
    async with Wire(server.port) as wire, opened(wire.url) as store:
        await asyncio.gather(*(store.put("v", b"x", LONG) for _ in range(100)))
        before, wire.delay = wire.made, 0.3
        monkeypatch.setattr("gateway.storage.redis.lines.TURN", 0.2)

        crowd = [asyncio.create_task(store.put("v", b"x", LONG)) for _ in range(60)]
        await asyncio.wait(crowd, return_when=asyncio.FIRST_EXCEPTION)
        await store.get("v")  # in the midst of it: a connection comes free in time
        answers = await asyncio.gather(*crowd, return_exceptions=True)

        assert before == 32
        assert [type(answer) for answer in answers].count(StoreBusy) == 28
        assert wire.made == before


async def test_whoever_waits_for_a_connection_waits_with_all_others(server):
    """A thousand writes at one moment are sixteen lines, not a thousand turns at thirty-two."""
    async with Wire(server.port) as wire, opened(wire.url) as store:
        wire.delay = 0.05

        await asyncio.gather(*(store.bump("epoch", LONG) for _ in range(1000)))

        assert wire.made <= 17
        assert await store.get("epoch") == b"1000"


async def test_a_write_of_somebody_who_gave_up_before_its_turn_is_not_sent(server):
    """Whoever waits in a crowd for a connection may go away; nothing of theirs is done afterwards."""
    async with Wire(server.port) as wire, opened(wire.url) as store:
        crowd = [asyncio.create_task(store.bump("epoch", LONG)) for _ in range(5)]
        await asyncio.sleep(0)
        for gone in crowd[1:4]:
            gone.cancel()
        await asyncio.wait(crowd)

        assert await store.get("epoch") == b"2"


async def test_closing_ends_who_waits_for_a_connection(server):
    """And leaves no connection behind that was just being made."""
    async with Wire(server.port) as wire:
        wire.delay = 0.2
        store = open_redis(wire.url, "test")
        waiting = asyncio.create_task(store.get("v"))
        await asyncio.sleep(0.05)

        await store.close()

        with pytest.raises(StoreFault):
            await waiting


async def test_a_write_whose_connection_breaks_under_a_crowd_is_not_asked_again(server):
    """A read is; each does what it would have done alone."""
    async with Wire(server.port) as wire, opened(wire.url) as store:
        await store.bump("epoch", LONG)
        wire.lose_next_reply = True

        answers = await asyncio.gather(
            store.bump("epoch", LONG), store.get("epoch"), store.bump("epoch", LONG), return_exceptions=True
        )

        assert [type(answer) for answer in answers] == [StoreFault, bytes, StoreFault]
        assert await store.get("epoch") == b"3"


async def test_reads_of_one_moment_share_a_connection(server):
    """Sixty checks at once are one write on one connection, in place of sixty."""
    async with Wire(server.port) as wire, opened(wire.url) as store:
        for number in range(60):
            await store.put(f"v{number}", b"%d" % number, LONG)

        answers = await asyncio.gather(*(store.get(f"v{number}") for number in range(60)))

        assert answers == [b"%d" % number for number in range(60)]
        assert wire.made == 1


async def test_reads_that_shared_a_connection_survive_its_end(server):
    """Each is asked again; that it broke under all of them is one failure and opens no breaker."""
    async with Wire(server.port) as wire, opened(wire.url) as store:
        await store.put("v", b"x", LONG)

        wire.cut()
        answers = await asyncio.gather(*(store.get("v") for _ in range(50)))

        assert answers == [b"x"] * 50


async def test_whoever_goes_away_takes_nobody_along(server):
    """Of those who share a connection some are cancelled: the others get what is theirs."""
    async with Wire(server.port) as wire, opened(wire.url) as store:
        for number in range(20):
            await store.put(f"v{number}", b"%d" % number, LONG)
        wire.delay = 0.05

        asked = [asyncio.create_task(store.get(f"v{number}")) for number in range(20)]
        await asyncio.sleep(0.02)
        for gone in asked[::2]:
            gone.cancel()
        answers = await asyncio.gather(*asked[1::2])
        again = await store.get("v7")

        assert answers == [b"%d" % number for number in range(1, 20, 2)]
        assert again == b"7"


@pytest.mark.usefixtures("alone")
async def test_whether_the_server_answers_does_not_hang_on_who_waits_for_it(server, monkeypatch):
    """`/readyz` has connections of its own: a crowd on the others says nothing about the server."""
    async with Wire(server.port) as wire, opened(wire.url) as store:
        await store.ping()
        wire.delay = 0.3
        monkeypatch.setattr("gateway.storage.redis.lines.TURN", 0.2)

        crowd = [asyncio.create_task(store.put("v", b"x", LONG)) for _ in range(60)]
        await asyncio.wait(crowd, return_when=asyncio.FIRST_EXCEPTION)
        await store.ping()
        answers = await asyncio.gather(*crowd, return_exceptions=True)

        assert StoreBusy in [type(answer) for answer in answers]


@pytest.mark.parametrize(
    ("write", "word"),
    [
        pytest.param(lambda store: store.bump("text-that-is-secret", LONG), "ResponseError", id="no counter"),
        pytest.param(
            lambda store: store._link.call("NOSUCH", "key-that-is-secret"), "ResponseError", id="old server"
        ),
        pytest.param(lambda store: store.read("text-that-is-secret", []), "WRONGTYPE", id="wrong type"),
    ],
)
async def test_what_the_server_refuses_is_a_fault_that_names_no_key(server, write, word):
    """The text of a refusal may quote the command; ours tells its kind alone."""
    async with opened(server.url) as store:
        await store.put("text-that-is-secret", b"value-that-is-secret", LONG)

        with pytest.raises(StoreFault) as fault:
            await write(store)

        assert word in str(fault.value)
        assert "secret" not in str(fault.value)


async def test_a_replica_that_may_not_write_is_a_fault(server):
    """READONLY means that the primary has moved: a fault, and fresh connections afterwards."""
    async with opened(server.url) as store:
        await store.put("v", b"x", LONG)
        await store._link.call("REPLICAOF", "127.0.0.1", str(free_port()))

        with pytest.raises(StoreFault, match="ReadOnly"):
            await store.put("v", b"y", LONG)
        await store._link.call("REPLICAOF", "NO", "ONE")
        await store.put("v", b"z", LONG)

        assert await store.get("v") == b"z"


async def test_a_replica_that_says_so_inside_a_script_is_left(monkeypatch):
    """Redis before 7.0 wraps READONLY of a script into an error of its own: that is a failover too."""
    said = "Error running script (call to f_1): @user_script:2: -READONLY You can't write against a read only replica."
    clock = Clock(100.0)
    node = Node(lambda **_: Pool(), clock, lambda: None)

    async def refused(*_, **__):
        raise ResponseError(said)

    monkeypatch.setattr(node, "_joined", lambda: SimpleNamespace(join=refused))

    with pytest.raises(ResponseError):
        await node.send("EVALSHA", "x", 0)

    assert not node.primary.same_for(1.0)
    clock.advance(1.0)
    assert node.primary.same_for(1.0)


async def test_a_server_that_was_started_again_is_another_one(server):
    """It may have lost what it confirmed: leases are not taken for a while. One that was only away is the same."""
    async with Wire(server.port) as wire, opened(wire.url) as store:
        await store.put("v", b"x", LONG)
        wire.cut()
        await store.get("v")
        same = store.remembers(LONG)
        server.stop()
        server.start()
        wire.cut()
        await store.get("v")

        assert same
        assert not store.remembers(LONG)


async def test_a_write_waits_for_a_replica_and_stands_without_one(server, tmp_path, monkeypatch):
    """WAIT travels with the commands that must outlive the primary; what it says is told, and never a fault."""
    # A busy machine's replica may need longer than the product waits; that is not the question here.
    monkeypatch.setattr("gateway.storage.redis.node._CONFIRM_MS", 400)
    (tmp_path / "other").mkdir()
    late = []
    with RedisServer(tmp_path / "other", ("--replicaof", f"127.0.0.1 {server.port}")) as replica:
        await asyncio.to_thread(
            eventually, "a copy", lambda: b"state=online" in server.ask("INFO", "replication")
        )
        store = open_redis(server.url, "test", unconfirmed=lambda: late.append(1))
        await store.create("s:{a}", {"identity": b"1"}, LONG)
        leased = await store.acquire("s:{a}", 1, "me", LONG, NOW)
        heard = list(late)
        server.ask("ACL", "SETUSER", "default", "-wait")
        await store.commit("s:{a}", 1, leased.fence, "me", {"identity": b"2"}, LONG)
        refused = list(late)
        server.ask("ACL", "SETUSER", "default", "+wait")
        replica.stop()
        gone = await store.delete(["s:{a}"])
        await store.close()

    assert heard == []
    assert refused == [1]  # the commit, whose WAIT was not granted
    assert gone == 1


async def test_a_refused_write_leaves_no_reply_of_its_wait(server, tmp_path):
    """The reply of WAIT is taken off the line although the command before it was refused."""
    (tmp_path / "other").mkdir()
    with RedisServer(tmp_path / "other", ("--replicaof", f"127.0.0.1 {server.port}")):
        await asyncio.to_thread(
            eventually, "a copy", lambda: b"state=online" in server.ask("INFO", "replication")
        )
        async with opened(server.url) as store:
            await store.put("s:{a}", b"no record", LONG)
            connections = server.ask("INFO", "stats")

            for _ in range(3):
                with pytest.raises(StoreFault, match="WRONGTYPE"):
                    await store.acquire("s:{a}", 1, "me", LONG, NOW)
            assert await store.get("s:{a}") == b"no record"

            assert made(server.ask("INFO", "stats")) - made(connections) <= 1  # that of the last look


def made(stats: bytes) -> int:
    """How many connections the server has taken so far."""
    return int(stats.partition(b"total_connections_received:")[2].partition(b"\r")[0])


async def test_a_full_server_is_a_fault(server):
    """`noeviction` refuses writes instead of forgetting revocations."""
    async with opened(server.url) as store:
        await store._link.call("CONFIG", "SET", "maxmemory", "1")

        with pytest.raises(StoreFault, match="OutOfMemory"):
            await store.put("v", b"x", LONG)


# Where the server is, and what it holds


async def test_a_unix_socket_will_do(server):
    """`unix://` reaches the same data."""
    async with opened(server.socket_url) as store, opened(server.url) as other:
        await store.put("v", b"x", LONG)

        assert await other.get("v") == b"x"


async def test_a_wrong_password_is_a_fault_that_does_not_tell_it(tmp_path):
    """The password of the URL stands in no sentence."""
    with RedisServer(tmp_path, ("--requirepass", "right")) as server:
        where = f"127.0.0.1:{server.port}"
        async with opened(f"redis://:right@{where}") as store, opened(f"redis://:wrong-one@{where}") as bad:
            await store.put("v", b"x", LONG)
            with pytest.raises(StoreFault) as fault:
                await bad.get("v")

    assert "wrong-one" not in str(fault.value)


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("redis://:hush@host:port/0", id="no port"),
        pytest.param("redis://:hush@host/0?socket_timeout=soon", id="bad option"),
    ],
)
def test_a_url_that_cannot_be_read_is_a_fault_that_does_not_tell_it(url):
    """The sentence says what to write and not what was written."""
    with pytest.raises(StoreFault, match="store: write ") as fault:
        open_redis(url, "test")

    assert "hush" not in str(fault.value)
    assert fault.value.__suppress_context__


async def test_deployments_share_a_server_and_nothing_else(server):
    """The same key of two gateways is two keys."""
    async with opened(server.url, "one") as one, opened(server.url, "two") as two:
        await one.put("v", b"one", LONG)
        await two.put("v", b"two", LONG)
        await one.index_add("u", "s", LONG, 5, NOW)

        assert (await one.get("v"), await two.get("v")) == (b"one", b"two")
        assert await two.index_list("u", NOW) == ()


async def test_every_key_has_a_time_to_live(server):
    """Nothing is kept for ever: not a part of a pool, not a limit, not an index."""
    async with opened(server.url) as store:
        await store.put("v", b"x", LONG)
        await store.add("w", b"x", LONG)
        await store.create("s:{a}", {"identity": b"i"}, LONG)
        await store.commit("s:{a}", 1, 0, "nobody", {"identity": b"j"}, LONG)
        await store.touch("s:{a}", LONG, "a:{a}", b"now", LONG)
        await store.acquire("s:{a}", 2, "me", 30.0, NOW)
        await store.bump("epoch", LONG)
        await store.count([Bucket("{l}:b", 5, 60.0), Bucket("{l}:c", 5, 60.0)], NOW)
        await store.reserve("p", "holder", "m", LONG, 5, NOW)
        await store.index_add("u", "s", LONG, 5, NOW)

        keys = await store._link.call("KEYS", "*")
        lives = [await store._link.call("PTTL", key) for key in keys]

        assert len(keys) == 13
        assert all(0 < life <= 61_000 for life in lives)


async def test_the_parts_of_one_structure_share_a_slot(server):
    """In a cluster all keys of one script live on one node, whatever the deployment is called."""
    async with opened(server.url, "https://a.example.com/{x}") as store:
        await store.reserve("pool", "holder", "m", LONG, 5, NOW)
        await store.index_add("u:{x1}", "s", LONG, 5, NOW)
        await store.create("s:{y1}", {}, LONG)
        await store.acquire("s:{y1}", 1, "me", LONG, NOW)

        keys = [key.decode() for key in await store._link.call("KEYS", "*")]

    tags = {key.partition("{")[2].partition("}")[0] for key in keys}
    assert len(keys) == 7
    assert tags == {"pool", "x1", "y1"}


async def test_a_pool_leaves_nothing_behind(server):
    """When all places are given back, only the counter of the sequence waits for its end."""
    async with opened(server.url) as store:
        for turn in range(5):
            await store.reserve("p", f"h{turn % 2}", f"m{turn}", LONG, 3, NOW)
        for turn in range(5):
            await store.release("p", f"m{turn}")

        keys = await store._link.call("KEYS", "*")

        assert keys == [b"gw:test:{p}:places"]
        assert await store._link.call("HLEN", keys[0]) == 1


def _certificate(folder):
    """A certificate for 127.0.0.1 that signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "redis of a test")])
    begin = dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


async def test_tls_is_verified(tmp_path):
    """`rediss://` works with the right authority, and without it is a fault, not a warning."""
    _certificate(tmp_path)
    port = free_port()
    options = ("--tls-port", str(port), "--tls-cert-file", f"{tmp_path}/cert.pem")
    options += ("--tls-key-file", f"{tmp_path}/key.pem", "--tls-auth-clients", "no")
    options += ("--tls-ca-cert-file", f"{tmp_path}/cert.pem")
    with RedisServer(tmp_path, options):
        url = f"rediss://127.0.0.1:{port}/0"
        async with opened(f"{url}?ssl_ca_certs={tmp_path}/cert.pem") as trusting, opened(url) as doubting:
            await trusting.put("v", b"x", LONG)

            assert await trusting.get("v") == b"x"
            with pytest.raises(StoreFault):
                await doubting.get("v")
