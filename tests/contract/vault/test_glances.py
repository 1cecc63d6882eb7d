"""A glance gives what SQLAlchemy would, each time anew, and outlives a connection that is lost."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import (
    JSON,
    Column,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    Uuid,
    bindparam,
    cast,
    func,
    insert,
    literal,
    select,
    text,
)
from sqlalchemy.exc import DBAPIError

from vault import database as db
from vault.glances import Glances, Statement

seen = Table(
    "test_seen", MetaData(), Column("name", String(8), primary_key=True), Column("n", Integer),
    Column("at", db.Instant), Column("id", Uuid), Column("blob", LargeBinary), Column("said", JSON),
)  # fmt: skip
QUERY = (
    select(seen.c.name, seen.c.n, seen.c.at, seen.c.id, seen.c.blob, cast(seen.c.said, Text))
    .where(
        seen.c.name.in_(bindparam("names", expanding=True)),
        seen.c.name.not_in(bindparam("others", expanding=True)),
    )
    .order_by(seen.c.name)
)


@pytest.fixture
async def shelf(empty_store_url):
    opened = db.connect(empty_store_url)
    async with opened.writer.begin() as connection:
        await connection.run_sync(seen.metadata.create_all)
    yield opened
    await db.close(opened)


@pytest.fixture
async def glances(shelf):
    opened = Glances(shelf)
    yield opened
    await opened.close()
    assert shelf.reader.pool.checkedout() == 0


async def put(shelf, *names):
    async with db.begin(shelf) as tx:
        rows = [
            {"name": name, "n": n, "at": tx.now + n * timedelta(days=1), "id": UUID(int=n)}
            | {"blob": bytes([n]), "said": {"n": [n]}}
            for n, name in enumerate(names)
        ]
        await tx.connection.execute(insert(seen), rows)


async def names_of(glances, *names, others=("none",)):
    return [row[0] for row in await glances.rows(Statement(QUERY), names=names, others=others)]


async def test_it_gives_what_sqlalchemy_gives(shelf, glances):
    await put(shelf, "a", "b", "c", "d")
    async with db.begin(shelf) as tx:
        await tx.connection.execute(insert(seen).values(name="e", said={}))
    statement = Statement(QUERY)
    lengths = []
    for names in (["a"], ["c", "e", "a"], list("abcde"), ["nobody"], []):
        bound = {"names": names, "others": ["b", "d"]}
        async with db.read(shelf) as tx:
            expected = [tuple(row) for row in await tx.connection.execute(QUERY, bound)]
        assert await glances.rows(statement, **bound) == expected
        lengths.append(len(expected))
    assert lengths == [1, 3, 3, 0, 0]


async def test_what_is_always_the_same_may_stand_in_the_query(shelf, glances):
    await put(shelf, "a", "b")
    query = select(seen.c.name, literal("x")).where(
        seen.c.name != "b", seen.c.name.in_(bindparam("names", expanding=True))
    )
    assert await glances.rows(Statement(query), names=["b", "a"]) == [("a", "x")]


async def test_few_lengths_make_few_texts(shelf):
    statement, dialect = Statement(QUERY), shelf.reader.dialect
    texts = {
        statement.written(dialect, {"names": ["x"] * n, "others": ["y"]})[0] for n in range(1, 9)
    }
    assert len(texts) == 4
    # Whatever the order in which they are given.
    for bound in ({"names": ["a"], "others": list("xyz")}, {"others": list("xyz"), "names": ["a"]}):
        assert statement.written(dialect, bound)[1] == [*"axyzz"]
    for bound in ({"names": list("abc"), "others": ["x"]}, {"others": ["x"], "names": list("abc")}):
        assert statement.written(dialect, bound)[1] == [*"abccx"]


async def test_each_look_sees_what_is_there_and_holds_nothing(shelf, glances):
    assert await names_of(glances, "a") == []
    await put(shelf, "a")
    assert await names_of(glances, "a") == ["a"]
    async with db.begin(shelf) as tx:
        await tx.connection.execute(text("DROP TABLE test_seen"))  # waits for whoever reads it


async def test_what_the_store_refuses_is_said_without_the_values(shelf, glances):
    away = Table("no_such_table", MetaData(), Column("name", Text))
    missing = select(away).where(away.c.name.in_(bindparam("names", expanding=True)))
    for _ in range(2):
        with pytest.raises(DBAPIError) as refused:
            await glances.rows(Statement(missing), names=["a-secret"])
        assert refused.value.connection_invalidated
        assert "a-secret" not in str(refused.value)
    await put(shelf, "a")
    assert await names_of(glances, "a") == ["a"]


async def test_a_connection_that_went_is_replaced(shelf, glances):
    await put(shelf, "a")
    assert await names_of(glances, "a") == ["a"]
    connection, driver = glances._held
    await driver.close()
    assert await names_of(glances, "a") == ["a"]
    assert glances._held[0] is not connection


async def test_who_is_cancelled_leaves_no_answer_to_the_next(shelf, glances):
    await put(shelf, "a", "b")
    assert await names_of(glances, "a") == ["a"]
    looking = asyncio.create_task(names_of(glances, "a"))
    await asyncio.sleep(0)  # sent, and not answered yet
    looking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await looking
    assert await names_of(glances, "b") == ["b"]


@pytest.mark.postgres
async def test_it_outlives_a_restart_of_the_server(postgres_url):
    database = db.connect(postgres_url)
    glances = Glances(database)
    statement = Statement(select(func.pg_backend_pid()))
    ((before,),) = await glances.rows(statement)
    async with db.begin(database) as tx:
        await tx.connection.execute(select(func.pg_terminate_backend(before)))
    ((after,),) = await glances.rows(statement)
    assert before != after
    await glances.close()
    await db.close(database)


@pytest.mark.postgres
async def test_behind_a_pooler_what_prepares_and_what_runs_it_are_of_one_transaction(postgres_url):
    statement, expected = Statement(select(func.now())), [["BEGIN READ ONLY;", "COMMIT;"], []]
    for pooled, around in zip((True, False), expected, strict=True):
        database = db.connect(postgres_url, behind_pooler=pooled)
        glances, said = Glances(database), []
        await glances.rows(statement)
        _, driver = glances._held
        driver.add_query_logger(lambda record, said=said: said.append(record.query))
        await glances.rows(statement)
        await asyncio.sleep(0.01)  # loggers are called a turn of the loop later
        assert len(said) == len(around) + 1
        assert [query for query in said if "now" not in query] == around
        await glances.close()
        await db.close(database)


@pytest.mark.postgres
async def test_a_store_that_is_not_there_is_said_to_be(postgres_url):
    nowhere = db.connect("postgresql+asyncpg://nobody@127.0.0.1:1/nothing")
    with pytest.raises(OSError, match=r"127\.0\.0\.1"):
        await Glances(nowhere).rows(Statement(QUERY), names=["a"], others=["b"])
    await db.close(nowhere)
