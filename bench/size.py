"""How much a run does: a look, the usual, or what takes gigabytes."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Size:
    """Numbers of things. `stored` are sessions in a store that has grown; of those `real` at most are sealed ones."""

    name: str
    sessions: int
    cold: int
    stored: int
    real: int
    checks: int
    distinct: int
    logins: int
    hashes: int
    storm: int
    rules: tuple[int, ...]
    connections: tuple[int, ...]
    groups: tuple[int, ...]
    bytes: tuple[int, ...]


SIZES = {
    one.name: one
    for one in (
        Size(
            "small", 50, 100, 100, 100, 5_000, 100, 10, 3, 20, (10, 100), (1, 16), (0, 10), (1_000, 4_000)
        ),
        Size(
            "usual", 1_000, 10_000, 10_000, 10_000, 1_000_000, 10_000, 300, 40, 1_000,
            (10, 100, 1_000, 10_000), (1, 4, 16, 64, 256, 1_000), (0, 10, 100, 500),
            (500, 1_000, 2_000, 4_000, 8_000, 16_000),
        ),
        Size(
            "large", 1_000, 10_000, 1_000_000, 10_000, 1_000_000, 100_000, 1_000, 100, 1_000,
            (10, 100, 1_000, 10_000), (1, 4, 16, 64, 256, 1_000), (0, 10, 100, 500),
            (500, 1_000, 2_000, 4_000, 8_000, 16_000),
        ),
    )
}  # fmt: skip
