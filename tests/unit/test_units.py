"""The unit of work of a request is ended with it, whatever ends the request."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from litestar import Litestar, Response, get
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from litestar.testing import AsyncTestClient
from sqlalchemy import text

from api import units
from vault import database as db
from vault.database import Database, Transaction


class Held:
    def __init__(self, database: Database) -> None:
        self.database = database


class NobodyError(Exception):
    """There is no session."""


async def nobody(tx: NamedDependency[Transaction]) -> str:
    await tx.connection.execute(text("INSERT INTO said VALUES ('before the door')"))
    raise NobodyError


@get("/says")
async def says(tx: NamedDependency[Transaction]) -> str:
    await tx.connection.execute(text("INSERT INTO said VALUES ('yes')"))
    return "said"


@get("/refuses")
async def refuses(tx: NamedDependency[Transaction]) -> Response[str]:
    await tx.connection.execute(text("INSERT INTO said VALUES ('no')"))
    return Response("refused", status_code=403)


@get("/breaks")
async def breaks(tx: NamedDependency[Transaction]) -> str:
    await tx.connection.execute(text("INSERT INTO said VALUES ('lost')"))
    raise RuntimeError("a fault")


@get("/private")
async def private(tx: NamedDependency[Transaction], who: NamedDependency[str]) -> str:
    return f"{who} {tx.now}"


@pytest.fixture
async def database(tmp_path):
    opened = db.connect(f"sqlite+aiosqlite:///{tmp_path}/amana.db")
    async with db.begin(opened) as tx:
        await tx.connection.execute(text("CREATE TABLE said (word TEXT)"))
    yield opened
    await db.close(opened)


@pytest.fixture
async def client(database):
    @asynccontextmanager
    async def lifespan(app):
        app.state.running = Held(database)
        yield

    app = Litestar(
        [says, refuses, breaks, private],
        dependencies={"tx": Provide(units.transaction), "who": Provide(nobody)},
        middleware=[units.EndOfUnit()],
        exception_handlers={
            NobodyError: lambda *_: Response("sign in", status_code=401),
            RuntimeError: lambda *_: Response("fault", status_code=500),
        },
        lifespan=[lifespan],
        state=State(),
    )
    async with AsyncTestClient(app) as opened:
        yield opened


async def said(database):
    async with asyncio.timeout(2), db.begin(database) as tx:
        return list(await tx.connection.scalars(text("SELECT word FROM said")))


@pytest.mark.parametrize(
    ("path", "status", "kept"),
    [
        ("/says", 200, ["yes"]),
        ("/refuses", 403, ["no"]),
        ("/breaks", 500, []),
        ("/private", 401, []),
    ],
)
async def test_an_answer_commits_a_fault_rolls_back_and_the_writer_is_free(
    client, database, path, status, kept
):
    for _ in range(3):
        assert (await client.get(path)).status_code == status

    assert await said(database) == kept * 3
