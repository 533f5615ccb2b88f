"""The rows, group by group, in the order in which they run."""

from collections.abc import Callable, Mapping

from bench.groups import check, flows, growth, process, proxy
from bench.row import Row
from bench.size import Size

GROUPS: Mapping[str, Callable[[Size], tuple[Row, ...]]] = {
    "check": check.rows,
    "proxy": proxy.rows,
    "growth": growth.rows,
    "flows": flows.rows,
    "process": process.rows,
}
"""By name; `Size` is in the names of rows that depend on it."""
