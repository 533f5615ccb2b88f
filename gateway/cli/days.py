"""Moments, as an operator reads them."""

from datetime import UTC, datetime


def day(seconds: int) -> str:
    """A date, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")
