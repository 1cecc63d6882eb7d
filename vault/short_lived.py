"""State that lives seconds: one-time codes, replay guards, rates. Nothing else knows Redis.

Two stores, one contract: this process's memory (one process, the embedded default)
and Redis (shared and exact over many). What is here may be lost; nothing is kept by it.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final, Protocol, runtime_checkable

from redis.asyncio import Redis

from vault.short_lived_memory import MemoryShortLived
from vault.short_lived_rate import Rate
from vault.short_lived_redis import RedisShortLived

__all__ = ["Rate", "ShortLived", "open_short_lived"]

ANSWER_SECONDS: Final = 5
"""How long Redis may take: a request that waits longer fails, and is not let through."""


@runtime_checkable
class ShortLived(Protocol):
    """Where short-lived state is kept. Seconds are more than 0 and exact to the millisecond."""

    async def put(self, key: str, value: bytes, seconds: float) -> None:
        """Keep a value for a while; replaces one that is there."""
        ...

    async def get(self, key: str) -> bytes | None:
        """The value, which stays."""
        ...

    async def take(self, key: str) -> bytes | None:
        """The value, which goes: of many takers one gets it."""
        ...

    async def first(self, key: str, seconds: float) -> bool:
        """Whether this key is seen for the first time within that time."""
        ...

    async def each_first(self, marks: Sequence[tuple[str, float]]) -> list[bool]:
        """The same of several keys with their seconds, asked at once: from now on all are seen."""
        ...

    async def hit(self, key: str, limit: int, seconds: float) -> Rate:
        """Count one against `limit` per `seconds`, refilled evenly; a refused one costs nothing."""
        ...


@asynccontextmanager
async def open_short_lived(redis_url: str | None) -> AsyncIterator[ShortLived]:
    """Redis where a URL is given, this process's memory otherwise."""
    if redis_url is None:
        yield MemoryShortLived()
        return
    redis = Redis.from_url(
        redis_url, socket_timeout=ANSWER_SECONDS, socket_connect_timeout=ANSWER_SECONDS
    )
    try:
        yield RedisShortLived(redis)
    finally:
        await redis.aclose()
