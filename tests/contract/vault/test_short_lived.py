"""One contract, two stores: this process's memory and Redis."""

import asyncio
from uuid import uuid4

import pytest
from redis.commands.core import AsyncScript
from redis.exceptions import RedisError

from vault.short_lived import ShortLived, open_short_lived
from vault.short_lived_memory import SWEEP_EVERY, MemoryShortLived


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.redis)])
async def store(request):
    url = request.getfixturevalue("redis_server") if request.param == "redis" else None
    async with open_short_lived(url) as opened:
        yield opened


@pytest.fixture
def key():
    return f"test:{uuid4()}"


async def test_both_stores_keep_the_contract(store):
    assert isinstance(store, ShortLived)


async def test_a_value_stays_until_taken_and_is_taken_once(store, key):
    assert await store.get(key) is None
    await store.put(key, b"code\0\xff", 30)
    assert await store.get(key) == b"code\0\xff"
    assert await store.take(key) == b"code\0\xff"
    assert await store.take(key) is None
    assert await store.get(key) is None


async def test_putting_again_replaces(store, key):
    await store.put(key, b"one", 30)
    await store.put(key, b"two", 30)
    assert await store.take(key) == b"two"


async def test_of_many_takers_one_gets_it(store, key):
    await store.put(key, b"code", 30)
    taken = await asyncio.gather(*(store.take(key) for _ in range(20)))
    assert taken.count(b"code") == 1
    assert taken.count(None) == 19


async def test_of_many_who_come_first_one_does(store, key):
    came = await asyncio.gather(*(store.first(key, 30) for _ in range(20)))
    assert came.count(True) == 1
    assert not await store.first(key, 30)


async def test_several_come_first_each_by_itself(store, key):
    marks = [(f"{key}/{name}", 30.0) for name in "abc"]
    assert await store.first(*marks[1])
    assert await store.each_first(marks) == [True, False, True]
    assert await store.each_first(marks) == [False, False, False]
    assert await store.each_first([]) == []
    brief = [(f"{key}/brief", 0.05), (f"{key}/long", 30.0)]
    assert await store.each_first(brief) == [True, True]
    await asyncio.sleep(0.1)  # until the brief one is over
    assert await store.each_first(brief) == [True, False]


async def test_of_many_who_bring_several_one_comes_first(store, key):
    marks = [(f"{key}/{name}", 30.0) for name in "ab"]
    came = await asyncio.gather(*(store.each_first(marks) for _ in range(20)))
    assert came.count([True, True]) == 1
    assert came.count([False, False]) == 19


@pytest.mark.redis
class TestRedis:
    """Many who ask Redis at once ask in one trip, and nobody's mark is made twice."""

    @pytest.fixture
    async def shared(self, redis_server):
        async with open_short_lived(redis_server) as opened:
            yield opened

    @pytest.fixture
    def trips(self, monkeypatch):
        made = []
        real = AsyncScript.__call__

        async def counted(self, keys, args):
            made.append(len(keys))
            return await real(self, keys, args)

        monkeypatch.setattr(AsyncScript, "__call__", counted)
        return made

    async def test_who_asks_at_once_asks_along(self, shared, key, trips):
        asked = [[(f"{key}/{n}", 30.0), (f"{key}/{n % 3}/again", 30.0)] for n in range(9)]
        came = await asyncio.gather(*map(shared.each_first, asked))
        assert trips == [18]
        assert came == [[True, n < 3] for n in range(9)]
        assert await shared.each_first(asked[0]) == [False, False]
        assert trips == [18, 2]

    async def test_who_was_cancelled_holds_up_nobody(self, shared, key):
        gone = asyncio.create_task(shared.each_first([(f"{key}/a", 30.0)]))
        stays = asyncio.create_task(shared.each_first([(f"{key}/b", 30.0)]))
        await asyncio.sleep(0)
        gone.cancel()
        assert await stays == [True]
        # Its question was sent all the same: what it marked is used up.
        assert await shared.each_first([(f"{key}/a", 30.0)]) == [False]

    @pytest.mark.parametrize("cancelled", [False, True])
    async def test_where_redis_fails_all_who_asked_are_told_and_the_next_ask_anew(
        self, shared, key, trips, monkeypatch, cancelled
    ):
        async def away(_self, **_how):
            trips.append(0)
            raise RedisError

        with monkeypatch.context() as patched:
            patched.setattr(AsyncScript, "__call__", away)
            asked = [
                asyncio.create_task(shared.each_first([(f"{key}/{n}", 30.0)])) for n in range(3)
            ]
            await asyncio.sleep(0)
            if cancelled:
                asked[0].cancel()
            told = await asyncio.gather(*asked, return_exceptions=True)
        first = asyncio.CancelledError if cancelled else RedisError
        assert [type(each) for each in told] == [first, RedisError, RedisError]
        assert trips == [0]
        assert await shared.each_first([(f"{key}/0", 30.0)]) == [True]


async def test_what_is_kept_goes_with_its_time(store, key):
    await store.put(key, b"code", 0.05)
    assert await store.first(f"{key}/jti", 0.05)
    await asyncio.sleep(0.1)
    assert await store.get(key) is None
    assert await store.take(key) is None
    assert await store.first(f"{key}/jti", 30)


async def test_the_limit_is_let_through_and_then_no_more(store, key):
    rates = [await store.hit(key, 3, 300) for _ in range(4)]
    assert [rate.allowed for rate in rates] == [True, True, True, False]
    assert [rate.remaining for rate in rates] == [2, 1, 0, 0]
    assert [rate.retry_after for rate in rates[:3]] == [0, 0, 0]
    assert 90 < rates[3].retry_after <= 100


async def test_one_refused_does_not_wait_longer_for_asking_again(store, key):
    first = [await store.hit(key, 1, 300) for _ in range(5)][-1]
    assert not first.allowed
    assert first.retry_after <= 300


async def test_what_was_used_is_refilled_evenly(store, key):
    for _ in range(5):
        await store.hit(key, 5, 0.5)
    refused = await store.hit(key, 5, 0.5)
    assert not refused.allowed
    await asyncio.sleep(refused.retry_after + 0.01)
    assert (await store.hit(key, 5, 0.5)).allowed


async def test_of_many_at_once_the_limit_is_let_through(store, key):
    rates = await asyncio.gather(*(store.hit(key, 7, 300) for _ in range(20)))
    assert sum(rate.allowed for rate in rates) == 7


async def test_keys_do_not_meet(store, key):
    await store.put(key, b"code", 30)
    assert (await store.hit(key, 1, 300)).allowed
    assert (await store.hit(f"{key}2", 1, 300)).allowed
    assert await store.take(key) == b"code"


async def test_memory_lets_go_of_what_has_expired():
    clock = [0.0]
    store = MemoryShortLived(lambda: clock[0])
    for number in range(SWEEP_EVERY - 1):
        await store.put(str(number), b"", 10)
    await store.hit("rate", 5, 10)
    clock[0] = 11.0
    await store.put("last", b"kept", 10)
    for _ in range(SWEEP_EVERY):
        await store.first("last", 10)
        await store.hit("last", 1_000, 10)
    assert list(store._kept) == ["last"]
    assert list(store._arrivals) == ["last"]
