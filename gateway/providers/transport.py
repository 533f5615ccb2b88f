"""The one place that speaks HTTP to a provider: it drives a `Flow` to its end.

Laws:

1. A flow has one deadline over all of its requests, not one for each.
2. No redirect is followed, no cookie kept, no proxy or netrc taken from the environment: requests go through
   httpx's transport, beneath the client that has all of those.
3. At most `LARGEST` bytes of an answer are read. Compressed answers are refused unread (we ask for `identity`), so
   no few bytes can become many.
4. A request that may have reached the provider is asked again only where the `Ask` allows it; the flow hears in
   `ProviderUnavailable.ambiguous` that its effect may have happened.
5. At most `AT_ONCE` requests are under way at one provider. The others wait in line, and were not sent.
"""

import asyncio
import ssl
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import httpx

from gateway.errors import ProviderUnavailable
from gateway.keys.strict_json import parse_object
from gateway.providers.provider import Answer, Ask, Flow
from gateway.providers.remote_keys import RemoteDocuments
from gateway.providers.trust import trust_of
from gateway.providers.unanswered import origin, unanswered

T = TypeVar("T")

DEADLINE = 5.0
LARGEST = 1_000_000
CONNECT_SECONDS = 2.0
AT_ONCE = 40

_LAST_PORT = 65_535

_TIMEOUTS = {"connect": CONNECT_SECONDS, "pool": CONNECT_SECONDS, "read": None, "write": None}
# Whoever has to wait waits here and not in the library's pool: it goes over all of its connections for each request
# that waits, at each step of any of them. A thousand refreshes at once cost ten seconds of CPU, in which nobody else
# was answered.
_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=AT_ONCE, keepalive_expiry=30.0)
# Where the request has certainly not been sent.
_UNSENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.InvalidURL,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
)
# Where asking again at once can help: nothing was there, or a kept connection had died.
_BROKEN = (httpx.ConnectError, httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError)


class Transport:
    """Connections to the providers. `ca_files` gives a provider its own CA bundle, by name, in place of the usual.

    `wire` replaces the network (tests).
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        ca_files: Mapping[str, str] | None = None,
        wire: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._own = {name: _pool(trust_of(name, path)) for name, path in (ca_files or {}).items()}
        self._usual = wire or _pool(verify=True)
        self._documents = RemoteDocuments(self._fetch, clock)
        # One for each provider: whoever is slow keeps nobody waiting but their own.
        self._lines: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(AT_ONCE))

    async def run(self, flow: Flow[T], *, provider: str, deadline: float = DEADLINE) -> T:
        """Drive a flow for at most `deadline` seconds. Raises what the flow raises."""
        ends = asyncio.get_running_loop().time() + deadline
        try:
            ask = next(flow)
            while True:
                try:
                    answer = await self._answer(ask, provider, ends)
                except ProviderUnavailable as fault:
                    # The flow may have something to save: a refresh keeps its new tokens when only the
                    # request after them failed.
                    ask = flow.throw(fault)
                else:
                    ask = flow.send(answer)
        except StopIteration as end:
            result: T = end.value
            return result
        finally:
            flow.close()

    async def close(self) -> None:
        await self._documents.close()
        for pool in (self._usual, *self._own.values()):
            await pool.aclose()

    async def _fetch(self, ask: Ask, provider: str) -> Answer:
        """A standing document is fetched for everybody who waits for it, on a deadline of its own.

        It stands in no line: whoever has tokens in hand may need it to go on, and those behind them wait for that.
        """
        return await self._sent(ask, provider, asyncio.get_running_loop().time() + DEADLINE)

    async def _answer(self, ask: Ask, provider: str, ends: float) -> Answer:
        if asyncio.get_running_loop().time() >= ends:
            raise ProviderUnavailable(provider, "no time left to ask")
        if not ask.keep:
            return await self._within(ask, provider, ends)
        try:
            async with asyncio.timeout_at(ends):
                return await self._documents.get(ask, provider)
        except TimeoutError:
            raise ProviderUnavailable(provider, _late(ask)) from None

    async def _within(self, ask: Ask, provider: str, ends: float) -> Answer:
        line = self._lines[provider]
        now = asyncio.get_running_loop().time()
        try:
            # Half of the time is for the answer: whoever asks at the last moment spends a token and learns nothing.
            async with asyncio.timeout_at((now + ends) / 2):
                await line.acquire()
        except TimeoutError:
            raise ProviderUnavailable(provider, "too many requests are waiting: it was not asked") from None
        try:
            return await self._sent(ask, provider, ends)
        finally:
            line.release()

    async def _sent(self, ask: Ask, provider: str, ends: float) -> Answer:
        changing = ask.changing
        try:
            async with asyncio.timeout_at(ends):
                return await self._exchange(ask, provider)
        except TimeoutError:
            raise ProviderUnavailable(provider, _late(ask), ambiguous=changing) from None
        except (httpx.HTTPError, httpx.InvalidURL) as fault:
            lost = changing and not isinstance(fault, _UNSENT)
            detail, remedy = unanswered(fault, ask.url, provider)
            # A connection that broke later was there: what is to be mended shows when the next one is made.
            raise ProviderUnavailable(
                provider, detail, ambiguous=lost, remedy="" if lost else remedy
            ) from None

    async def _exchange(self, ask: Ask, provider: str) -> Answer:
        if ask.retry:
            try:
                return await self._once(ask, provider)
            except _BROKEN:
                pass
        return await self._once(ask, provider)

    async def _once(self, ask: Ask, provider: str) -> Answer:
        request = _request(ask)
        response = await self._own.get(provider, self._usual).handle_async_request(request)
        try:
            return _read(response, await _body(response, provider, changing=ask.changing))
        finally:
            await response.aclose()


def _request(ask: Ask) -> httpx.Request:
    """Raises `httpx.InvalidURL` where the address is none: some come out of metadata."""
    posted = ask.form is not None or ask.json is not None
    try:
        request = httpx.Request(
            ask.method or ("POST" if posted else "GET"),
            ask.url,
            # GitHub and Discord answer nobody who does not say who is asking.
            headers={
                "accept": "application/json",
                "user-agent": "auth-gateway",
                **ask.headers,
                "accept-encoding": "identity",
            },
            data=None if ask.form is None else dict(ask.form),
            json=None if ask.json is None else dict(ask.json),
            extensions={"timeout": _TIMEOUTS},
        )
    except UnicodeError:  # a host that is a name in no language (RFC 5891)
        raise httpx.InvalidURL("host") from None
    # The library would try, and fail by an exception of the socket's that nobody expects.
    if (request.url.port or 0) > _LAST_PORT:
        raise httpx.InvalidURL("port")
    return request


def _late(ask: Ask) -> str:
    return f"no answer of {origin(ask.url)} within the deadline"


async def _body(response: httpx.Response, provider: str, *, changing: bool) -> bytes:
    if response.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise ProviderUnavailable(
            provider, "a compressed answer, which was not asked for", ambiguous=changing
        )
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > LARGEST:
            raise ProviderUnavailable(provider, f"more than {LARGEST} bytes", ambiguous=changing)
    return bytes(body)


def _read(response: httpx.Response, body: bytes) -> Answer:
    headers = {name.lower(): value for name, value in response.headers.items()}
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    jsonish = kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))
    return Answer(response.status_code, headers, body, _object(body) if jsonish else None)


def _object(body: bytes) -> Mapping[str, Any] | None:
    try:
        return parse_object(body)
    except ValueError:
        return None


def _pool(verify: ssl.SSLContext | bool) -> httpx.AsyncHTTPTransport:
    return httpx.AsyncHTTPTransport(verify=verify, trust_env=False, limits=_LIMITS)
