"""Many rows at once, the same on both stores: what is put in and what is changed."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from sqlalchemy import (
    BigInteger,
    Column,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    Uuid,
    delete,
    select,
)
from sqlalchemy.exc import DBAPIError

from tests.conftest import POSTGRES
from vault import bulk
from vault import database as db
from vault.database import Instant

things = Table(
    "things_of_a_test",
    MetaData(),
    Column("id", Uuid, primary_key=True),
    Column("name", String(4), nullable=False),
    Column("said", Text),
    Column("number", BigInteger),
    Column("octets", LargeBinary),
    Column("at", Instant),
)
THEN = datetime(2026, 11, 30, 8, 0, 0, 123456, tzinfo=UTC)


@pytest.fixture
async def tx(database):
    async with db.begin(database) as tx:
        await tx.connection.run_sync(things.metadata.create_all)
    try:
        async with db.begin(database) as tx:
            yield tx
    finally:
        async with db.begin(database) as tx:
            await tx.connection.run_sync(things.metadata.drop_all)


def thing(name, **more):
    nothing = dict.fromkeys(("said", "number", "octets", "at"))
    return {"id": uuid4(), "name": name, **nothing, **more}


async def there(tx):
    rows = await tx.connection.execute(select(things).order_by(things.c.name))
    return [dict(row._mapping) for row in rows]


@pytest.mark.parametrize("count", [0, 1, 2, 700])
async def test_what_is_put_in_is_there(tx, count):
    rows = [
        thing(f"{n:04d}", said="é ⵣ 'x' {1,2}", number=-n, octets=b"\0\xff" * n, at=THEN)
        for n in range(count)
    ]
    await bulk.put(tx, things, rows)
    assert await there(tx) == rows


async def test_nothing_is_kept_as_nothing(tx):
    rows = [thing("a"), thing("b", said="", octets=b""), thing("c", number=0)]
    await bulk.put(tx, things, rows)
    assert await there(tx) == rows


async def test_each_is_changed_to_its_own_and_those_that_are_not_there_are_left_out(tx):
    rows = [thing("a"), thing("b"), thing("c")]
    await bulk.put(tx, things, rows)
    changes = [
        {"id": rows[0]["id"], "octets": b"one", "number": None},
        {"id": rows[2]["id"], "octets": b"three", "number": 3},
        {"id": UUID(int=7), "octets": b"nobody", "number": 7},
    ]
    await bulk.change(tx, things, ("id",), changes, at=THEN)
    assert await there(tx) == [
        {**rows[0], "octets": b"one", "at": THEN},
        rows[1],
        {**rows[2], "octets": b"three", "number": 3, "at": THEN},
    ]


# SQLite knows no lengths.
@pytest.mark.parametrize("store_url", [POSTGRES], indirect=True)
@pytest.mark.parametrize("count", [1, 2])
async def test_what_is_too_long_is_refused_and_never_cut(tx, count):
    with pytest.raises(DBAPIError, match="too long"):
        async with tx.connection.begin_nested():
            await bulk.put(tx, things, [thing(f"12345{n}") for n in range(count)])
    assert await there(tx) == []


async def test_one_that_is_there_already_lets_none_in(tx):
    first = thing("a")
    await bulk.put(tx, things, [first])
    with pytest.raises(DBAPIError):
        async with tx.connection.begin_nested():
            await bulk.put(tx, things, [thing("b"), first | {"name": "c"}])
    assert await there(tx) == [first]
    await tx.connection.execute(delete(things))
