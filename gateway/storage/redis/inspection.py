"""What a Redis tells about itself that would cost sessions, or bring ended ones back."""

import re
from collections.abc import Callable, Iterator, Mapping

from gateway.settings.redis_address import Layout, RedisAddress, read_redis_address
from gateway.storage.redis.link import Link

_OLDEST = (6, 2)
_SNAPSHOTS_ONLY = (
    "appendonly is off: after a crash the last snapshot comes back, and with it sessions that were ended since; "
    "set appendonly yes"
)
_NOTHING_KEPT = "it keeps nothing on disk: a restart signs everybody out; set appendonly yes"
_NOT_KNOWN = (
    "appendonly is off: a restart signs everybody out, or brings back sessions that were ended since the last "
    "snapshot; set appendonly yes"
)


async def inspect_redis(url: str, ticks: Callable[[], float]) -> tuple[str, ...]:
    """Warnings about each primary, each once; `StoreFault` where one does not answer."""
    link = Link(url, ticks)
    address = read_redis_address(url)
    found = [
        "it is spoken to without TLS over a network; write rediss in front of ://"
    ] * address.leaves_in_clear
    try:
        said = await link.everywhere("INFO")
        # Hosted servers and careful ACLs do not grant CONFIG: then nothing is known, which is no fault.
        saves = await link.everywhere("CONFIG", "GET", "save")
    finally:
        await link.close()
    for info, save in zip(said, saves, strict=True):
        if isinstance(info, bytes):
            found += warnings_of(address, _fields(info), _save_points(save))
        else:
            found.append(
                "INFO is not granted, so nobody sees when another server takes over; grant +info to the gateway's user"
            )
    return tuple(dict.fromkeys(found))


def warnings_of(address: RedisAddress, info: Mapping[str, str], save_points: str | None) -> Iterator[str]:
    """About one server: `info` are the fields of INFO, `save_points` its setting `save` if that may be asked."""
    version = info.get("redis_version", "")
    number = re.match(r"([0-9]+)\.([0-9]+)", version)
    if number and (int(number[1]), int(number[2])) < _OLDEST:
        yield f"it is version {version}, which lacks GETDEL: nobody can sign in; run 6.2 or later"
    policy = info.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        yield f"maxmemory-policy is {policy}: when memory is full it forgets sessions and limits; set it to noeviction"
    if info.get("aof_enabled") == "0":
        yield _NOT_KNOWN if save_points is None else _SNAPSHOTS_ONLY if save_points else _NOTHING_KEPT
    if address.layout is not Layout.SERVER and info.get("connected_slaves") == "0":
        yield "a primary has no replica, and nobody takes over when it dies; add one"


def _fields(info: bytes) -> dict[str, str]:
    lines = [line.partition(":") for line in info.decode("utf-8", "replace").splitlines()]
    return {name: value for name, colon, value in lines if colon}


def _save_points(reply: object) -> str | None:
    value = reply.get(b"save") if isinstance(reply, dict) else None
    return value.decode() if isinstance(value, bytes) else None
