"""Connections to one server: bounded, with short deadlines, and nothing that acts twice on its own.

redis-py's own settings wait 4 s for a refused port and a minute for a black hole, and repeat commands whose reply was
lost.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Protocol

from redis.asyncio import BlockingConnectionPool, Connection, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.connection import AbstractConnection, RedisSSLContext
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as Broken
from redis.maint_notifications import MaintNotificationsConfig

from gateway.errors import StoreFault
from gateway.settings.redis_address import Place, RedisAddress

CONNECT, ANSWER, TURN = 0.25, 0.5, 1.0
"""Seconds to connect, to wait for a reply, and to wait for a connection where all of a pool are in use."""

_BASE: dict[str, Any] = {
    "socket_connect_timeout": CONNECT,
    "socket_timeout": ANSWER,
    "decode_responses": False,
    "legacy_responses": False,
    # They lengthen timeouts, and switch off the check for stale bytes on an idle connection.
    "maint_notifications_config": MaintNotificationsConfig(enabled=False),
}


class Closes(Protocol):
    async def close(self) -> None: ...


class Handover(Protocol):
    """A connection that somebody else may take over once it is made."""

    @property
    def where(self) -> str: ...

    def hand_over(self, protocol: asyncio.Protocol) -> asyncio.WriteTransport:
        """From now on `protocol` hears what arrives. The connection keeps its ends, so that nothing closes them."""
        ...

    def let_go(self) -> None:
        """Close it, without waiting."""
        ...

    def error_of(self, said: str) -> Exception:
        """The library's exception for a refusal."""
        ...


class Pool(BlockingConnectionPool):
    """The library's pool. What it finds its way by, `guide`, closes with it.

    Only the bus takes connections out of it; commands go over `Lines`, which has them made here.
    """

    guide: Closes | None = None

    async def aclose(self) -> None:
        await super().aclose()
        if self.guide is not None:
            await self.guide.close()


class Connector:
    """Makes pools for the servers of one address. `StoreFault` where a file of the address cannot be used."""

    def __init__(self, address: RedisAddress) -> None:
        self.address = address
        # One for all connections: to read the machine's authorities takes milliseconds, in which nobody is served.
        self._context = _context(address) if address.tls else None

    def to(self, place: Place, size: int, **more: Any) -> Pool:
        """To the server at `place`."""
        return self._pool(
            _TlsConnection if self._context else _PlainConnection, size, host=place[0], port=place[1], **more
        )

    def to_socket(self, size: int, **more: Any) -> Pool:
        """To the Unix socket of the address."""
        return self._pool(_SocketConnection, size, path=self.address.path, **more)

    def to_found(self, find: Callable[[], Awaitable[Place]], size: int, **more: Any) -> Pool:
        """To the server that `find` names at the time when a connection is made; it must be a primary."""
        kind = _FoundTlsConnection if self._context else _FoundConnection
        return self._pool(kind, size, find=find, **more)

    def sentinel(self) -> dict[str, Any]:
        """Settings of redis-py's clients of the sentinels."""
        # One that hangs must not use up the time that its neighbours need to answer.
        settings = _BASE | {
            "socket_timeout": CONNECT,
            "legacy_responses": True,
            "retry": Retry(NoBackoff(), 0),
        }
        settings |= {"username": self.address.sentinel_username, "password": self.address.sentinel_password}
        if self._context:
            settings |= {
                "ssl": True,
                "ssl_ca_certs": self.address.ca_file,
                "ssl_certfile": self.address.certificate,
                "ssl_keyfile": self.address.certificate_key,
            }
        return settings

    def _pool(self, kind: type[Any], size: int, **more: Any) -> Pool:
        secured: dict[str, Any] = {"context": self._context} if self._context else {}
        return Pool(
            connection_class=kind,
            max_connections=size,
            timeout=TURN,
            retry=Retry(NoBackoff(), 0),
            username=self.address.username,
            password=self.address.password,
            db=self.address.db,
            **_BASE,
            **secured,
            **more,
        )


def _context(address: RedisAddress) -> RedisSSLContext:
    """The server's certificate and name are always checked."""
    context = RedisSSLContext(
        cert_reqs="required",
        check_hostname=True,
        ca_certs=address.ca_file,
        certfile=address.certificate,
        keyfile=address.certificate_key,
    )
    try:
        context.get()
    except OSError:  # which ssl.SSLError is too
        raise StoreFault(
            "store: a file of ssl_ca_certs, ssl_certfile or ssl_keyfile cannot be read; write files in PEM that the gateway may read"
        ) from None
    return context


class _Sends(AbstractConnection):
    """Says on uvloop, too, that a connection is broken; and may be taken over, as `Handover`."""

    @property
    def where(self) -> str:
        return str(self._host_error())

    def hand_over(self, protocol: asyncio.Protocol) -> asyncio.WriteTransport:
        if self._writer is None:
            raise Broken("the connection was closed")
        transport = self._writer.transport
        transport.set_protocol(protocol)
        return transport

    def let_go(self) -> None:
        self._close()  # type: ignore[no-untyped-call]

    def error_of(self, said: str) -> Exception:
        error: Exception = self._parser.parse_error(said)  # type: ignore[no-untyped-call]
        return error

    async def send_packed_command(
        self, command: bytes | str | Iterable[bytes], check_health: bool = True
    ) -> None:
        try:
            await super().send_packed_command(command, check_health)
        except RuntimeError as error:
            # A reset that arrives after the connection was looked at has closed its transport. To write on it is a
            # RuntimeError of uvloop where asyncio has a ConnectionResetError; nothing was sent.
            raise Broken("the connection was closed") from error


class _PlainConnection(_Sends, Connection):
    """Over TCP."""


class _SocketConnection(_Sends, UnixDomainSocketConnection):
    """Over a Unix socket."""


class _TlsConnection(_Sends, SSLConnection):
    def __init__(self, *, context: RedisSSLContext, **settings: Any) -> None:
        super().__init__(**settings)
        self.ssl_context = context


class _FoundConnection(_PlainConnection):
    """Asks where to go each time that it connects."""

    def __init__(self, *, find: Callable[[], Awaitable[Place]], **settings: Any) -> None:
        super().__init__(**settings)
        self._find = find

    async def _connect(self) -> None:
        self.host, self.port = await self._find()
        await super()._connect()  # type: ignore[no-untyped-call]

    async def on_connect_check_health(self, check_health: bool = True) -> None:
        await super().on_connect_check_health(check_health)
        # A sentinel may not have heard yet that this server was deposed, and as a replica it would answer reads
        # (Redis, "Guidelines for Redis clients with support for Redis Sentinel", step 3).
        await self.send_command("ROLE", check_health=False)
        if (await self.read_response())[0] != b"master":
            raise Broken("the server that was named is no primary")


class _FoundTlsConnection(_FoundConnection, _TlsConnection):
    """The same over TLS."""
