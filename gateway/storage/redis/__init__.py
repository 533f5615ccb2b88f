"""The store for replicas: Redis (or Valkey), reached by redis-py; each verb is one command or one Lua script."""

from gateway.storage.redis.store import RedisStore, open_redis

__all__ = ["RedisStore", "open_redis"]
