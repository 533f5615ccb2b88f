"""The volatile store in a dict: all verbs and laws of `gateway.storage.store`, a movable clock, faults on demand.

`store.down = True` makes every verb raise `StoreFault` until it is `False` again; `store.fail_next("read")` makes
the next call of that verb raise; `store.lose_reply("commit")` lets the next one act and then raises, as a cut
connection does. `store.calls` lists the verbs that were asked.
"""

import functools
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from gateway.errors import StoreFault
from gateway.storage.store import Acquired, Bucket, Reading, Record, Reservation, Turn, Written, lease_key


def verb(call):
    """Note the call, and raise the fault that was asked for: before it acts, or after."""
    name = call.__name__

    @functools.wraps(call)
    async def asked(self, *arguments, **named):
        self.calls.append(name)
        if self.down:
            raise StoreFault("the store is down")
        if self.failing[name]:
            self.failing[name] -= 1
            raise StoreFault(f"{name} failed")
        result = await call(self, *arguments, **named)
        if self.losing[name]:
            self.losing[name] -= 1
            raise StoreFault(f"the reply of {name} was lost")
        return result

    return asked


@dataclass
class Plain:
    value: bytes
    ends: float


@dataclass
class Versioned:
    fields: dict[str, bytes]
    ends: float
    version: int = 1


@dataclass
class Lease:
    owner: str
    fence: int
    ambiguous: bool
    ends: float


@dataclass
class Place:
    holder: str
    ends: float


@dataclass
class MemoryStore:
    clock: Callable[[], float]
    down: bool = False
    plain: dict[str, Plain] = field(default_factory=dict)
    records: dict[str, Versioned] = field(default_factory=dict)
    leases: dict[str, Lease] = field(default_factory=dict)
    pools: dict[str, dict[str, Place]] = field(default_factory=dict)
    indexes: dict[str, dict[str, float]] = field(default_factory=dict)
    arrivals: dict[str, float] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    closed: bool = False
    another_server_at: float = float("-inf")
    failing: Counter = field(default_factory=Counter)
    losing: Counter = field(default_factory=Counter)

    def fail_next(self, verb: str, times: int = 1) -> None:
        self.failing[verb] += times

    def lose_reply(self, verb: str, times: int = 1) -> None:
        self.losing[verb] += times

    # What is there now

    def _plain(self, key: str) -> Plain | None:
        found = self.plain.get(key)
        if found is not None and found.ends <= self.clock():
            del self.plain[key]
            return None
        return found

    def _record(self, key: str) -> Versioned | None:
        found = self.records.get(key)
        if found is not None and found.ends <= self.clock():
            del self.records[key]
            return None
        return found

    def _value(self, key: str) -> bytes | None:
        found = self._plain(key)
        return found.value if found else None

    def _put(self, key: str, value: bytes, ttl: float) -> None:
        assert ttl > 0, f"{key} would be kept for ever, or never"
        self.plain[key] = Plain(bytes(value), self.clock() + ttl)

    # Plain values

    @verb
    async def get(self, key: str) -> bytes | None:
        return self._value(key)

    @verb
    async def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        return [self._value(key) for key in keys]

    @verb
    async def put(self, key: str, value: bytes, ttl: float) -> None:
        self._put(key, value, ttl)

    @verb
    async def add(self, key: str, value: bytes, ttl: float) -> bool:
        if self._plain(key) is not None:
            return False
        self._put(key, value, ttl)
        return True

    @verb
    async def replace(self, key: str, old: bytes | None, new: bytes, ttl: float) -> bool:
        if self._value(key) != old:
            return False
        self._put(key, new, ttl)
        return True

    @verb
    async def take(self, key: str) -> bytes | None:
        value = self._value(key)
        self.plain.pop(key, None)
        return value

    @verb
    async def delete(self, keys: Sequence[str]) -> int:
        gone = 0
        for key in keys:
            there = self._plain(key) is not None or self._record(key) is not None
            gone += there
            self.plain.pop(key, None)
            self.records.pop(key, None)
        return gone

    @verb
    async def bump(self, key: str, ttl: float) -> int:
        number = int(self._value(key) or b"0") + 1
        self._put(key, str(number).encode(), ttl)
        return number

    # Records

    @verb
    async def create(self, key: str, fields: Mapping[str, bytes], ttl: float) -> bool:
        if self._record(key) is not None:
            return False
        assert ttl > 0, f"{key} would be kept for ever, or never"
        self.records[key] = Versioned(dict(fields), self.clock() + ttl)
        return True

    @verb
    async def read(self, key: str, fields: Sequence[str], beside: Sequence[str] = ()) -> Reading:
        values = tuple([self._value(name) for name in beside])
        found = self._record(key)
        if found is None:
            return Reading(None, values)
        return Reading(
            Record(found.version, {name: found.fields[name] for name in fields if name in found.fields}),
            values,
        )

    @verb
    async def acquire(self, key: str, seen_version: int, owner: str, ttl: float, now: float) -> Acquired:
        found, held = self._record(key), self._lease(key)
        if found is None:
            return Acquired(Turn.GONE)
        if found.version > seen_version:
            return Acquired(Turn.NEWER)
        if held is not None and held.owner == owner:
            return Acquired(Turn.HELD, held.fence, held.ambiguous)
        if held is not None:
            return Acquired(Turn.BUSY, remaining=held.ends - self.clock())
        if int(found.fields.get("next", b"0")) > now:
            return Acquired(Turn.BACKOFF)
        ambiguous = "intent" in found.fields
        fence = int(found.fields.get("fence", b"0")) + 1
        found.fields |= {"fence": b"%d" % fence, "intent": b"%d" % fence}
        self._put(lease_key(key), b"held", ttl)
        self.leases[key] = Lease(owner, fence, ambiguous, self.clock() + ttl)
        return Acquired(Turn.LEAD, fence, ambiguous)

    @verb
    async def commit(
        self,
        key: str,
        seen_version: int,
        fence: int,
        owner: str,
        fields: Mapping[str, bytes | None],
        ttl: float,
    ) -> Written:
        found = self._record(key)
        if found is None:
            return Written.GONE
        writer = f"{fence} {owner}".encode("ascii")
        if found.version == seen_version + 1 and found.fields.get("wf") == writer:
            return Written.DONE
        if found.version != seen_version:
            return Written.CONFLICT
        forgotten = {"intent": None, "next": None, "fails": None}
        for name, value in {**fields, **forgotten, "wf": writer}.items():
            if value is None:
                found.fields.pop(name, None)
            else:
                found.fields[name] = bytes(value)
        found.version += 1
        found.ends = self.clock() + ttl
        self._end_lease(key, owner)
        return Written.DONE

    @verb
    async def fail(self, key: str, version: int, owner: str, next_try: float, definite: bool) -> int | None:
        found = self._record(key)
        ours, current = self._end_lease(key, owner), found is not None and found.version == version
        if not ours and current and not definite:
            found.fields.setdefault("intent", b"0")
        if not ours or not current:
            return None
        fails = int(found.fields.get("fails", b"0")) + 1
        found.fields |= {"fails": b"%d" % fails, "next": b"%d" % math.ceil(next_try)}
        if definite:
            found.fields.pop("intent", None)
        return fails

    @verb
    async def give_back(self, key: str, owner: str, definite: bool) -> None:
        if self._end_lease(key, owner) and definite and (found := self._record(key)):
            found.fields.pop("intent", None)

    def _lease(self, key: str) -> Lease | None:
        # The plain value beside the record is what ends, or is deleted, as in the products.
        return self.leases[key] if self._plain(lease_key(key)) else None

    def _end_lease(self, key: str, owner: str) -> bool:
        held = self._lease(key)
        if held is None or held.owner != owner:
            return False
        del self.plain[lease_key(key)]
        return True

    @verb
    async def touch(self, key: str, ttl: float, beside: str, value: bytes, beside_ttl: float) -> bool:
        found = self._record(key)
        if found is None:
            return False
        found.ends = self.clock() + ttl
        self._put(beside, value, beside_ttl)
        return True

    # Limits

    @verb
    async def count(self, buckets: Sequence[Bucket], now: float) -> float:
        arrivals = []
        wait = 0.0
        for bucket in buckets:
            step = bucket.period / bucket.burst
            before = self.arrivals.get(bucket.key, now)
            if before - now > 2 * bucket.period:  # the clock went back
                before = now
            arrival = max(max(before, now) + step * bucket.cost, now)
            arrivals.append((bucket.key, arrival))
            wait = max(wait, arrival - now - step * bucket.burst)
        if wait > 0:
            return wait
        self.arrivals.update(arrivals)
        return 0.0

    @verb
    async def reserve(
        self, pool: str, holder: str, member: str, ttl: float, ceiling: int, now: float
    ) -> Reservation:
        places = self.pools.setdefault(pool, {})
        for name in [name for name, place in places.items() if place.ends <= now]:
            del places[name]
        evicted: tuple[str, ...] = ()
        if member not in places and len(places) >= ceiling:
            held = Counter(place.holder for place in places.values())
            heaviest, most = held.most_common(1)[0]
            if heaviest == holder or held[holder] >= most:
                return Reservation(admitted=False)
            oldest = next(name for name, place in places.items() if place.holder == heaviest)
            del places[oldest]
            evicted = (oldest,)
        places[member] = Place(holder, now + ttl)
        return Reservation(admitted=True, evicted=evicted)

    @verb
    async def release(self, pool: str, member: str) -> None:
        self.pools.get(pool, {}).pop(member, None)

    # Indexes

    @verb
    async def index_add(self, index: str, member: str, ttl: float, limit: int, now: float) -> tuple[str, ...]:
        members = self._living(index, now)
        members.pop(member, None)
        ends, last = now + ttl, max(members.values(), default=0.0)
        members[member] = last + 0.001 if ends <= last < ends + 1 else ends
        line = sorted(members.items(), key=lambda one: one[1])
        members.clear()
        members.update(line)
        fallen = tuple(members)[: max(0, len(members) - limit)]
        for name in fallen:
            del members[name]
        return fallen

    @verb
    async def index_remove(self, index: str, member: str) -> None:
        self.indexes.get(index, {}).pop(member, None)

    @verb
    async def index_list(self, index: str, now: float) -> tuple[str, ...]:
        return tuple(self._living(index, now))

    def _living(self, index: str, now: float) -> dict[str, float]:
        members = self.indexes.setdefault(index, {})
        for name in [name for name, ends in members.items() if ends <= now]:
            del members[name]
        return members

    # The store itself

    def remembers(self, seconds: float) -> bool:
        return self.clock() - self.another_server_at >= seconds

    @verb
    async def ping(self) -> None:
        """It answers."""

    async def close(self) -> None:
        self.closed = True
