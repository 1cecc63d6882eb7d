"""Records' keys as cipher objects, for a while: bounded in number and in time."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from policies.vocabulary import SubjectId
from vault.ciphers import SubjectKey
from vault.opaque import Opaque

CACHED_SECONDS: Final = 300
CACHED_KEYS: Final = 50_000
"""Records per process; about 3 kB each (measured)."""


class KeyCache(Opaque):
    """Keys at hand; the oldest make room."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held: dict[SubjectId, tuple[datetime, SubjectKey]] = {}

    def split(
        self, subjects: Sequence[SubjectId], now: datetime
    ) -> tuple[dict[SubjectId, SubjectKey], list[SubjectId]]:
        """Those held and not too old, and those to be read."""
        found, absent = {}, []
        for subject in dict.fromkeys(subjects):
            until, key = self._held.get(subject, (now, None))
            if key is not None and now < until:
                found[subject] = key
            else:
                absent.append(subject)
        return found, absent

    def keep(self, opened: dict[SubjectId, SubjectKey], now: datetime) -> None:
        """Hold for a while; the oldest make room."""
        until = now + timedelta(seconds=CACHED_SECONDS)
        for subject, key in opened.items():
            self._held.pop(subject, None)  # so that it moves to the end: the order is by age
            self._held[subject] = (until, key)
        while len(self._held) > CACHED_KEYS:
            del self._held[next(iter(self._held))]

    def drop(self, subjects: Sequence[SubjectId]) -> None:
        """Hold these no longer."""
        for subject in subjects:
            self._held.pop(subject, None)

    def clear(self) -> None:
        """Hold none."""
        self._held.clear()
