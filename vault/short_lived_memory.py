"""Short-lived state in this process's memory: exact in one process, gone with it."""

import time
from collections.abc import Callable, Sequence
from typing import Final

from vault.short_lived_rate import Rate, count

SWEEP_EVERY: Final = 1_024
"""Writes between two sweeps of what has expired; as many as there is kept, where that is more."""


class MemoryShortLived:
    """The store of the embedded default. Each call runs whole between two turns of the loop."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: dict[str, tuple[float, bytes]] = {}
        self._arrivals: dict[str, float] = {}
        self._writes = 0

    async def put(self, key: str, value: bytes, seconds: float) -> None:
        """Keep a value for a while."""
        self._put(key, value, seconds)

    async def get(self, key: str) -> bytes | None:
        """The value, which stays."""
        return self._get(key)

    async def take(self, key: str) -> bytes | None:
        """The value, which goes."""
        found = self._get(key)
        self._kept.pop(key, None)
        return found

    async def first(self, key: str, seconds: float) -> bool:
        """Whether this key is seen for the first time."""
        return self._first(key, seconds)

    async def each_first(self, marks: Sequence[tuple[str, float]]) -> list[bool]:
        """Whether each of these keys is seen for the first time."""
        return [self._first(key, seconds) for key, seconds in marks]

    async def hit(self, key: str, limit: int, seconds: float) -> Rate:
        """Count one."""
        self._sweep()
        rate, self._arrivals[key] = count(
            self._arrivals.get(key, 0.0), self._clock(), limit, seconds
        )
        return rate

    def _put(self, key: str, value: bytes, seconds: float) -> None:
        self._sweep()
        self._kept[key] = (self._clock() + seconds, value)

    def _get(self, key: str) -> bytes | None:
        until, value = self._kept.get(key, (0.0, b""))
        return value if self._clock() < until else None

    def _first(self, key: str, seconds: float) -> bool:
        if self._get(key) is not None:
            return False
        self._put(key, b"", seconds)
        return True

    def _sweep(self) -> None:
        self._writes += 1
        if self._writes >= max(SWEEP_EVERY, len(self._kept), len(self._arrivals)):
            self._writes = 0
            now = self._clock()
            self._kept = {key: kept for key, kept in self._kept.items() if now < kept[0]}
            self._arrivals = {key: at for key, at in self._arrivals.items() if now < at}
