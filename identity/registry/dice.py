"""Choices from a seed: the same on every machine, for synthetic data alone. Not random."""

import hashlib
from collections.abc import Sequence
from typing import Final, TypeVar

T = TypeVar("T")

_BLOCK: Final = 4096


class Dice:
    """A stream of choices: SHAKE-256 of the seed and a counter."""

    def __init__(self, seed: str) -> None:
        self._seed = seed.encode()
        self._blocks = 0
        self._bytes = b""

    def below(self, count: int) -> int:
        """A whole number from 0, uniform but for one part in 2³²."""
        return int.from_bytes(self._take(8), "big") * count >> 64

    def between(self, lowest: int, highest: int) -> int:
        """A whole number, both ends included."""
        return lowest + self.below(highest - lowest + 1)

    def chance(self, percent: float) -> bool:
        """True so many times in a hundred."""
        return self.below(100_000) < percent * 1000

    def one_of(self, choices: Sequence[T]) -> T:
        """One of these, each as likely."""
        return choices[self.below(len(choices))]

    def _take(self, size: int) -> bytes:
        if len(self._bytes) < size:
            counter = self._blocks.to_bytes(8, "big")
            self._bytes += hashlib.shake_256(counter + self._seed).digest(_BLOCK)
            self._blocks += 1
        taken, self._bytes = self._bytes[:size], self._bytes[size:]
        return taken
