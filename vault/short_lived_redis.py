"""Short-lived state in Redis: shared by every process, exact by its single thread."""

import asyncio
from collections.abc import Sequence
from itertools import islice
from typing import Any, Final, cast

from redis.asyncio import Redis

from vault.short_lived_rate import Rate

PREFIX: Final = "amana:"
# The algorithm of short_lived_rate, run where the key is: Redis's clock, in microseconds.
_COUNT: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local limit, period = tonumber(ARGV[1]), tonumber(ARGV[2])
local interval = period / limit
local arrival = tonumber(redis.call('GET', KEYS[1]) or '0')
local full = math.max(arrival, now) + interval
local wait = full - now - period
if wait > 1 then
    return {0, 0, math.ceil(wait)}
end
redis.call('SET', KEYS[1], string.format('%.0f', full), 'PX', math.ceil((full - now) / 1000))
return {1, math.floor((period - (full - now)) / interval + 0.000001), 0}
"""
# One command for any number: to send and to read each costs more than to do it.
_MARK_EACH: Final = """
local first = {}
for n, key in ipairs(KEYS) do
    first[n] = redis.call('SET', key, '', 'PX', ARGV[n], 'NX') and 1 or 0
end
return first
"""
_MICROSECONDS: Final = 1_000_000

Mark = tuple[str, float]
"""A key, and for how many seconds it is remembered."""
Waiting = tuple[Sequence[Mark], asyncio.Future[list[bool]]]


class RedisShortLived:
    """The store of many processes."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._count = redis.register_script(_COUNT)
        self._mark_each = redis.register_script(_MARK_EACH)
        self._waiting: list[Waiting] = []
        self._marking: asyncio.Task[None] | None = None

    async def put(self, key: str, value: bytes, seconds: float) -> None:
        """Keep a value for a while."""
        await self._redis.set(PREFIX + key, value, px=_milliseconds(seconds))

    async def get(self, key: str) -> bytes | None:
        """The value, which stays."""
        return cast("bytes | None", await self._redis.get(PREFIX + key))

    async def take(self, key: str) -> bytes | None:
        """The value, which goes."""
        return cast("bytes | None", await self._redis.getdel(PREFIX + key))

    async def first(self, key: str, seconds: float) -> bool:
        """Whether this key is seen for the first time."""
        done: Any = await self._redis.set(PREFIX + key, b"", px=_milliseconds(seconds), nx=True)
        return done is not None

    async def each_first(self, marks: Sequence[Mark]) -> list[bool]:
        """Whether each of these keys is seen for the first time; who asks meanwhile asks along."""
        answer: asyncio.Future[list[bool]] = asyncio.get_running_loop().create_future()
        self._waiting.append((marks, answer))
        if self._marking is None:
            self._marking = asyncio.create_task(self._mark_all())
        return await answer

    async def hit(self, key: str, limit: int, seconds: float) -> Rate:
        """Count one."""
        allowed, remaining, wait = await self._count(
            keys=[f"{PREFIX}rate:{key}"], args=[limit, round(seconds * _MICROSECONDS)]
        )
        return Rate(allowed=bool(allowed), remaining=remaining, retry_after=wait / _MICROSECONDS)

    async def _mark_all(self) -> None:
        await asyncio.sleep(0)  # one turn of the loop: what arrives together goes together
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                done = iter(await self._mark([mark for marks, _ in batch for mark in marks]))
            except Exception as fault:  # noqa: BLE001  (it is handed to those who asked)
                # Never once more: what was marked already would be taken for seen.
                for _, answer in batch:
                    if not answer.done():
                        answer.set_exception(fault)
            else:
                for marks, answer in batch:
                    firsts = list(islice(done, len(marks)))
                    if not answer.done():  # whoever asked was cancelled
                        answer.set_result(firsts)
        self._marking = None

    async def _mark(self, marks: Sequence[Mark]) -> list[bool]:
        done: list[int] = await self._mark_each(
            keys=[PREFIX + key for key, _ in marks],
            args=[_milliseconds(seconds) for _, seconds in marks],
        )
        return [bool(each) for each in done]


def _milliseconds(seconds: float) -> int:
    return max(round(seconds * 1_000), 1)
