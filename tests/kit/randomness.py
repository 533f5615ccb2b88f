"""Randomness that a test can foretell: the same seed yields the same bytes, and no bytes come twice."""

import hashlib


class Randomness:
    """Callable like `secrets.token_bytes`. `drawn` counts the calls."""

    def __init__(self, seed: str = "seed") -> None:
        self.seed = seed
        self.drawn = 0

    def __call__(self, size: int) -> bytes:
        self.drawn += 1
        return hashlib.shake_256(f"{self.seed}:{self.drawn}".encode()).digest(size)
