"""The gateway's own session: its value, its cookie, its sealed record, and the refresh of what it holds."""
