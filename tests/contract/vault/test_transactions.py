"""The rest of what `vault.database` promises; its first tests are in test_database.py."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, func, insert, select

from vault import database as db

shelf = Table(
    "test_shelf_of_one", MetaData(), Column("n", Integer, primary_key=True),
    Column("at", db.Instant),
)  # fmt: skip


@pytest.fixture
async def shelved(empty_store_url):
    opened = db.connect(empty_store_url)
    async with opened.writer.begin() as connection:
        await connection.run_sync(shelf.metadata.create_all)
    yield opened
    await db.close(opened)


async def put(database, *numbers):
    async with db.begin(database) as tx:
        await db.insert_new(tx, shelf, [{"n": n, "at": tx.now} for n in numbers])


async def test_a_read_is_one_view_whatever_is_written_meanwhile(shelved):
    count = select(func.count()).select_from(shelf)
    await put(shelved, 1)
    async with db.read(shelved) as tx:
        assert await tx.connection.scalar(count) == 1
        await put(shelved, 2)
        assert await tx.connection.scalar(count) == 1
    async with db.read(shelved) as tx:
        assert await tx.connection.scalar(count) == 2


async def test_rows_that_are_there_stay_as_they_are(shelved):
    await put(shelved, 1)
    await put(shelved, 1, 2)
    async with db.read(shelved) as tx:
        rows = await tx.connection.execute(select(shelf.c.at).order_by(shelf.c.n))
        first, second = (row.at for row in rows)
    assert first < second


async def test_no_instant_is_kept_as_none(shelved):
    async with db.begin(shelved) as tx:
        await tx.connection.execute(insert(shelf).values(n=1, at=None))
        assert await tx.connection.scalar(select(shelf.c.at)) is None


async def test_a_row_may_be_held_by_its_reader(shelved, statements):
    async with db.begin(shelved) as tx:
        with statements(tx) as seen:
            await tx.connection.execute(db.share_lock(select(shelf.c.n)))
    assert ("FOR SHARE" in seen[0]) == (not shelved.embedded)


def test_lists_for_an_in_come_in_few_lengths():
    assert [len(db.spread([7] * size)) for size in range(10)] == [0, 1, 2, 4, 4, 8, 8, 8, 8, 16]
    assert db.spread([1, 2, 3]) == [1, 2, 3, 3]


@pytest.mark.parametrize("url", ["sqlite+aiosqlite://", "sqlite+aiosqlite:///:memory:"])
def test_the_embedded_store_is_a_file(url):
    with pytest.raises(ValueError, match="needs a file"):
        db.connect(url)


def test_the_clock_is_aware_and_utc():
    assert db.instant().utcoffset() == (datetime.now(UTC) - datetime.now(UTC)) * 0


@pytest.mark.postgres
async def test_behind_a_pooler_no_statement_is_prepared(postgres_url):
    database = db.connect(postgres_url, behind_pooler=True)
    async with db.read(database) as tx:
        raw = await tx.connection.get_raw_connection()
        await tx.connection.scalar(select(1))
        assert raw.driver_connection._stmt_cache._max_size == 0
    await db.close(database)
