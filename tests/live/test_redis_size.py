"""What a session weighs in a real Redis: its record and everything beside it."""

import json
import os
import time

import pytest

from gateway.keys.keyring import Keyring
from gateway.sessions.cookie import CookieSpec
from gateway.sessions.device import Device
from gateway.sessions.sealing import Sealing
from gateway.sessions.sessions import Sessions
from gateway.settings.model import Sessions as Limits
from gateway.storage.redis import open_redis
from tests.kit.people import ISSUERS, person, tokens
from tests.kit.redis_server import RedisServer

pytestmark = [pytest.mark.anyio, pytest.mark.live]


async def test_a_session_weighs_little_more_than_its_plaintext(tmp_path, figure, monkeypatch):
    """Sealing, the lists that it stands on, activity and Redis' own bookkeeping together: a bounded surplus."""
    plaintexts = []
    sealed = Sealing._seal

    def seal(self, ticket, sid, kind, payload):
        plaintexts.append(json.dumps(payload, separators=(",", ":")))
        return sealed(self, ticket, sid, kind, payload)

    monkeypatch.setattr(Sealing, "_seal", seal)
    me = person(sid="3e5c1d7e-54c4-4d0e-9a07-0c9a3f5f4a11")
    grant = tokens(access_token="a" * 1200, id_token="i" * 1000, refresh_token="r" * 400)
    ring = Keyring.generate(os.urandom, time.time())
    spec = CookieSpec("__Host-gw", None, secure=True, max_age=2_592_000)
    with RedisServer(tmp_path) as server:
        store = open_redis(server.url, "https://auth.example.com")
        sessions = Sessions(
            store, ring, spec, Limits(), "here", lambda _: None, time.time, os.urandom, ISSUERS
        )

        await sessions.begin(me, grant, device=Device("Firefox on Linux", "192.0.2.0/24"))

        keys = await store._link.call("KEYS", "*")
        # Each field is weighed: by default Redis weighs five of a hash and guesses the rest.
        weights = [await store._link.call("MEMORY", "USAGE", key, "SAMPLES", 0) for key in keys]
        await store.close()
    plain = sum(map(len, plaintexts))
    figure("plaintext of a session", plain, "B")
    figure("the same in Redis, all its keys", sum(weights), "B")
    assert 2_500 < plain < 3_500
    assert sum(weights) <= 1.3 * plain + 1_300
