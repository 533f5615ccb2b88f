"""The embedded store: one SQLite file in WAL mode, shared by the worker processes of one machine."""

from gateway.storage.sqlite.store import SqliteStore, open_sqlite

__all__ = ["SqliteStore", "open_sqlite"]
