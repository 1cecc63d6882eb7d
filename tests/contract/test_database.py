from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import msgspec
import pytest
from sqlalchemy import Column, Integer, LargeBinary, MetaData, Table, Uuid, insert, select

from vault import database as db

shelf = Table(
    "test_shelf", MetaData(),
    Column("id", Uuid, primary_key=True), Column("at", db.Instant), Column("n", Integer),
    Column("blob", LargeBinary),
)  # fmt: skip


class Book(msgspec.Struct, frozen=True):
    id: UUID
    at: datetime
    n: int
    blob: bytes


@pytest.fixture
async def shelved(empty_store_url):
    opened = db.connect(empty_store_url)
    async with opened.writer.begin() as connection:
        await connection.run_sync(shelf.metadata.create_all)
    yield opened
    await db.close(opened)


async def test_a_row_comes_back_as_it_went_in(shelved):
    async with db.begin(shelved) as tx:
        row = {"id": uuid4(), "at": tx.now, "n": 1, "blob": b"\0x"}
        await tx.connection.execute(insert(shelf).values(row))
    async with db.read(shelved) as tx:
        assert await db.fetch_one(tx, select(shelf), Book) == Book(**row)


async def test_raising_leaves_nothing(shelved):
    with pytest.raises(RuntimeError):
        async with db.begin(shelved) as tx:
            await tx.connection.execute(insert(shelf).values(id=uuid4(), at=tx.now, n=1, blob=b""))
            raise RuntimeError
    async with db.read(shelved) as tx:
        assert await db.fetch_all(tx, select(shelf), Book) == []


async def test_the_instant_is_aware_and_utc(database):
    async with db.begin(database) as tx:
        assert tx.now.utcoffset() == timedelta(0)
        assert abs(tx.now - datetime.now(UTC)) < timedelta(seconds=5)


async def test_a_naive_instant_is_refused(shelved):
    with pytest.raises(Exception, match="time zone"):
        async with db.begin(shelved) as tx:
            await tx.connection.execute(
                insert(shelf).values(id=uuid4(), at=datetime(2026, 1, 1), n=1, blob=b"")
            )
