"""SQLite's driver makes one trip to its thread per statement, and keeps to PEP 249."""

import asyncio
import time

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from vault import database as db
from vault import sqlite_trips

words = Table(
    "words",
    MetaData(),
    Column("n", Integer, primary_key=True),
    Column("word", String, nullable=False, unique=True),
)
SAID = ("one", "two", "three", "four")


@pytest.fixture
async def store(tmp_path):
    opened = db.connect(f"sqlite+aiosqlite:///{tmp_path}/words.db")
    async with opened.writer.begin() as connection:
        await connection.run_sync(words.metadata.create_all)
        rows = [{"n": n, "word": word} for n, word in enumerate(SAID, start=1)]
        await connection.execute(insert(words), rows)
    yield opened
    await db.close(opened)


@pytest.fixture
def trips(monkeypatch):
    made = []
    real = sqlite_trips.Connection._execute

    async def counted(self, work, *more):
        made.append(work)
        return await real(self, work, *more)

    monkeypatch.setattr(sqlite_trips.Connection, "_execute", counted)
    return made


async def test_a_statement_is_one_trip(store, trips):
    async with db.begin(store) as tx:
        trips.clear()
        await tx.connection.execute(select(words))
        await tx.connection.execute(select(words).where(words.c.n == 2))
        await tx.connection.execute(update(words).where(words.c.n == 1).values(word="ein"))
        assert len(trips) == 3
    assert len(trips) == 4  # and one to commit


@pytest.mark.parametrize("turns", range(16))
async def test_what_was_cancelled_on_the_way_leaves_nothing_open(store, turns):
    async def write():
        async with db.begin(store) as tx:
            await tx.connection.execute(insert(words).values(word="five"))
            await tx.connection.execute(insert(words).values(word="one"))

    writing = asyncio.create_task(write())
    for _ in range(turns):
        await asyncio.sleep(0.0002)  # a part of a trip, to be cancelled at each place on the way
    writing.cancel()
    with pytest.raises((asyncio.CancelledError, IntegrityError)):
        await writing

    async with db.begin(store) as tx:
        found = await tx.connection.execute(select(words.c.word).order_by(words.c.n))
        assert tuple(found.scalars()) == SAID


async def test_a_rollback_waits_for_what_was_cancelled_before_its_turn(tmp_path):
    connection = await sqlite_trips.connect(f"{tmp_path}/words.db", isolation_level=None)
    busy = asyncio.create_task(connection.run(lambda _: time.sleep(0.1)))
    begun = asyncio.create_task(connection.run(lambda cursor: cursor.execute("BEGIN")))
    await asyncio.sleep(0.01)  # it is sent, behind what keeps the thread busy
    begun.cancel()
    with pytest.raises(asyncio.CancelledError):
        await begun

    await connection.rollback()

    await busy
    await connection.run(lambda _: None)  # what is still on its way has had its turn
    assert not connection.in_transaction
    await connection.close()


async def test_rows_come_in_any_portion(store):
    async with db.read(store) as tx:
        found = await tx.connection.execute(select(words.c.word).order_by(words.c.n))
        assert found.scalars().fetchmany(3) == ["one", "two", "three"]
        streamed = await tx.connection.stream_scalars(select(words.c.word).order_by(words.c.n))
        assert await streamed.fetchmany(3) == ["one", "two", "three"]
        assert [word async for word in streamed] == ["four"]
        one = await tx.connection.stream(select(words.c.n).where(words.c.word == "two"))
        assert await one.one() == (2,)


async def test_what_was_changed_is_counted_and_returned(store):
    async with db.begin(store) as tx:
        done = await tx.connection.execute(
            update(words).where(words.c.n > 2).values(n=words.c.n * 10)
        )
        assert done.rowcount == 2
        made = await tx.connection.execute(insert(words).values(word="five"))
        assert made.inserted_primary_key == (41,)
        gone = await tx.connection.execute(delete(words).returning(words.c.n))
        assert sorted(gone.scalars()) == [1, 2, 30, 40, 41]
        rows = [{"n": n, "word": str(n)} for n in range(2_000)]
        assert (await tx.connection.execute(insert(words), rows)).rowcount == 2_000
        assert len((await tx.connection.execute(select(words))).all()) == 2_000


async def test_what_the_store_refuses_is_the_error_that_it_is(store):
    with pytest.raises(IntegrityError):
        async with db.begin(store) as tx:
            await tx.connection.execute(insert(words).values(word="one"))
    async with db.read(store) as tx:
        assert len((await tx.connection.execute(select(words))).all()) == len(SAID)


async def test_a_cursor_that_asked_nothing_has_nothing():
    cursor = sqlite_trips.connect(":memory:").cursor()
    assert (cursor.description, cursor.rowcount, cursor.lastrowid) == (None, -1, None)
    assert await cursor.fetchall() == []
    assert await cursor.fetchone() is None
    await cursor.close()
