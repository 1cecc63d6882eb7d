"""The unit of work: one transaction, one instant. The only clock of the house.

On SQLite (the embedded default) all writes go through one connection, readers
stand beside it (WAL); on PostgreSQL both are the same pool. Either way a
`Transaction` commits when its block ends and rolls back when it raises.
"""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
from sqlalchemy import BigInteger, Dialect, MetaData, Table, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.engine import Row, make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool
from sqlalchemy.sql import Select
from sqlalchemy.types import TypeDecorator, TypeEngine

from vault import sqlite_trips

T = TypeVar("T")
AnyRow = Row[*tuple[Any, ...]]
"""A row whose columns are read by name."""

metadata: Final = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(column_0_N_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    }
)

BUSY_SECONDS: Final = 30
"""How long a SQLite writer waits for another process (public app, console, CLI)."""
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class Instant(TypeDecorator[datetime]):
    """An aware UTC instant: `timestamptz` on PostgreSQL, integer microseconds on SQLite."""

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Use the column type of the store at hand."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(TIMESTAMP(timezone=True))
        return dialect.type_descriptor(BigInteger())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Refuse a naive instant: it would mean something else on each machine."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant must carry its time zone")
        return value if dialect.name == "postgresql" else (value - EPOCH) // _MICROSECOND

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Give back an aware UTC instant."""
        if value is None:
            return None
        if dialect.name == "postgresql":
            value = (value - EPOCH) // _MICROSECOND
        return EPOCH + int(value) * _MICROSECOND


class Transaction(msgspec.Struct, frozen=True, kw_only=True):
    """One unit of work and its instant (aware UTC): every row it writes carries `now`."""

    connection: AsyncConnection
    now: datetime


class Database(msgspec.Struct, frozen=True, kw_only=True):
    """A store that is open: where to write, and where to read beside the writer."""

    writer: AsyncEngine
    reader: AsyncEngine
    behind_pooler: bool = False
    """Whether what is not in a transaction may reach another server with each of its steps."""

    @property
    def embedded(self) -> bool:
        """Whether this is SQLite in a file of ours."""
        return self.writer.dialect.name == "sqlite"


def connect(url: str, *, pool_size: int = 10, behind_pooler: bool = False) -> Database:
    """Open a store by URL: `sqlite+aiosqlite:///PATH` or `postgresql+asyncpg://…`.

    Args:
        url: SQLAlchemy URL.
        pool_size: connections per process (PostgreSQL), readers (SQLite).
        behind_pooler: a transaction pooler stands between; no prepared statements then.
    """
    if make_url(url).get_backend_name() == "sqlite":
        return _sqlite(url, pool_size)
    arguments = {"statement_cache_size": 0} if behind_pooler else {}
    engine = create_async_engine(
        url, pool_size=pool_size, connect_args=arguments, hide_parameters=True
    )
    # One view per read, as on SQLite; said in the BEGIN, so it costs nothing.
    reader = engine.execution_options(isolation_level="REPEATABLE READ")
    return Database(writer=engine, reader=reader, behind_pooler=behind_pooler)


async def close(database: Database) -> None:
    """Give every connection back."""
    await database.writer.dispose()
    await database.reader.dispose()


@asynccontextmanager
async def begin(database: Database) -> AsyncIterator[Transaction]:
    """Write: commits at the end of the block, rolls back if it raises."""
    async with database.writer.begin() as connection:
        # Read after the writer is ours: a later transaction never has an earlier instant here.
        yield Transaction(connection=connection, now=_now())


@asynccontextmanager
async def read(database: Database) -> AsyncIterator[Transaction]:
    """Read beside the writers: one view, as it stands at the first query."""
    async with database.reader.begin() as connection:
        yield Transaction(connection=connection, now=_now())


def instant() -> datetime:
    """This moment, for what is judged before there is a transaction: how old a proof is."""
    return _now()


async def fetch_one(tx: Transaction, query: Select[Any], shape: type[T]) -> T | None:
    """The first row as `shape`, or None."""
    row = (await tx.connection.execute(query)).first()
    return None if row is None else _as(row, shape)


async def fetch_all(
    tx: Transaction, query: Select[Any], shape: type[T], bound: Mapping[str, Any] | None = None
) -> list[T]:
    """Every row as `shape`, in the query's order; `bound` are the values of its parameters."""
    return [_as(row, shape) for row in await tx.connection.execute(query, bound)]


def share_lock(query: Select[Any]) -> Select[Any]:
    """Hold the rows read against change until commit (`FOR SHARE`; SQLite has one writer)."""
    return query.with_for_update(read=True)


async def insert_new(tx: Transaction, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert the rows that meet no unique key already there; leave the others as they are."""
    insert = sqlite.insert if tx.connection.dialect.name == "sqlite" else postgresql.insert
    await tx.connection.execute(insert(table).on_conflict_do_nothing(), rows)


def spread(values: Sequence[T]) -> list[T]:
    """The values for an `IN`, the last one repeated up to a power of two.

    Few lengths make few statement texts, and so prepared statements that are found again.
    """
    room = 1 << max(len(values) - 1, 0).bit_length()
    return [*values, *[values[-1]] * (room - len(values))] if values else []


def batches(values: Iterable[T], size: int) -> Iterator[list[T]]:
    """The values in order, so many at a time: for statements that a store must be able to take."""
    rest = iter(values)
    while batch := list(islice(rest, size)):
        yield batch


async def create_all(database: Database) -> None:
    """Create every table that has been imported; for tests. Production migrates."""
    async with database.writer.begin() as connection:
        await connection.run_sync(metadata.create_all)


def _as(row: AnyRow, shape: type[T]) -> T:
    # str(): SQLAlchemy's keys are quoted_name, a str subclass that msgspec refuses.
    return msgspec.convert(
        {str(key): value for key, value in row._mapping.items()},  # noqa: SLF001  (Row's public API)
        shape,
        from_attributes=False,
        builtin_types=(bytes, datetime),
    )


def _now() -> datetime:
    return datetime.now(UTC)


def _sqlite(url: str, readers: int) -> Database:
    path = make_url(url).database
    if not path or path == ":memory:":
        raise ValueError("the embedded store needs a file: readers and the writer share it")
    Path(path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    common: dict[str, Any] = {
        "poolclass": AsyncAdaptedQueuePool,
        "connect_args": {"timeout": BUSY_SECONDS, "async_creator_fn": sqlite_trips.connect},
        "hide_parameters": True,  # what is bound may be of a person, and errors are logged
    }
    # One writer: SQLite has one anyway, and waiters in its busy loop are unfair and slow.
    writer = create_async_engine(url, pool_size=1, max_overflow=0, pool_timeout=60, **common)
    reader = create_async_engine(url, pool_size=readers, max_overflow=0, **common)
    for engine, opening in ((writer, "BEGIN IMMEDIATE"), (reader, "BEGIN")):
        _prepare(engine, opening)
    return Database(writer=writer, reader=reader)


def _prepare(engine: AsyncEngine, opening: str) -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def _open(connection: Any, _record: Any) -> None:
        # The driver must not begin for us: we say BEGIN IMMEDIATE ourselves.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "secure_delete=ON",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def _begin(connection: Any) -> None:
        connection.exec_driver_sql(opening)
