"""The volatile store: one protocol, Redis and SQLite behind it, one conformance suite over both."""
