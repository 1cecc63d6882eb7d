"""Statements that read a thousand times a second: written by SQLAlchemy once, run by the driver.

Each is by itself, beside the writers and in no transaction: of one statement's time, the pool, the
transaction and the result set are most (ADR-0019). Behind a transaction pooler it is in one, since
what prepares it and what runs it must reach the same server. For all else there is
`vault.database`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql import Select

from vault.database import Database, spread

Bound = Mapping[str, Sequence[str]]
Sent = tuple[str, list[Any]]
"""A text in the words of a store, and the values in its order."""
Readers = list[Callable[[Any], Any] | None]
"""What makes of a driver's value what SQLAlchemy would have given, column by column."""
Held = tuple[AsyncConnection, Any]
"""A connection, and the driver's own below it."""


class Place(msgspec.Struct, frozen=True):
    """Where a value goes: the n-th of a parameter."""

    parameter: str
    n: int


class Statement:
    """A query whose parameters are lists of text (`IN`, expanding)."""

    def __init__(self, query: Select[Any]) -> None:
        """Take the query; nothing is written yet."""
        self._query: Final = query
        self._written: Final[dict[tuple[Any, ...], Sent]] = {}
        self._readers: Final[dict[str, Readers]] = {}

    def written(self, dialect: Dialect, bound: Bound) -> Sent:
        """What is sent to a store for these values."""
        lists = {name: spread(values) for name, values in bound.items()}
        key = (dialect.name, *((name, len(values)) for name, values in lists.items()))
        found = self._written.get(key)
        if found is None:
            found = self._written[key] = self._write(dialect, lists)
        text, places = found
        return text, [
            lists[each.parameter][each.n] if isinstance(each, Place) else each for each in places
        ]

    def read(self, dialect: Dialect, row: Sequence[Any]) -> tuple[Any, ...]:
        """A row of the driver's as SQLAlchemy would have given it."""
        readers = self._readers.get(dialect.name)
        if readers is None:
            types = [column.type.dialect_impl(dialect) for column in self._query.selected_columns]
            readers = [type_.result_processor(dialect, None) for type_ in types]
            self._readers[dialect.name] = readers
        pairs = zip(readers, row, strict=True)
        return tuple(value if reader is None else reader(value) for reader, value in pairs)

    def _write(self, dialect: Dialect, lists: Bound) -> Sent:
        # In place of each value, where it goes: to be found again in the order of the text.
        places = {name: [Place(name, n) for n in range(len(each))] for name, each in lists.items()}
        written = self._query.compile(dialect=dialect).construct_expanded_state(places)
        return written.statement, list(written.positional_parameters)


class Glances:
    """One connection of the readers', held from the first look on, for one look at a time."""

    def __init__(self, database: Database) -> None:
        """Take the store; nothing is asked of it yet."""
        self._engine: Final = database.reader
        self._pinned: Final = database.behind_pooler
        self._held: Held | None = None

    async def rows(self, statement: Statement, **bound: Sequence[str]) -> list[tuple[Any, ...]]:
        """All rows of a statement, as they are now.

        Raises:
            DBAPIError: the store refused it, or went.
            OSError: the store is not there.
        """
        sent = statement.written(self._engine.dialect, bound)
        try:
            found = await self._found(sent)
        except DBAPIError:
            if self._held is None:
                raise
            self._held = None  # it may have gone while nobody looked: once more, by a new one
            found = await self._found(sent)
        return [statement.read(self._engine.dialect, row) for row in found]

    async def close(self) -> None:
        """Give the connection back."""
        if self._held is not None:
            (connection, _), self._held = self._held, None
            await connection.close()

    async def _found(self, sent: Sent) -> list[Any]:
        connection, driver = held = self._held or await self._connected()
        try:
            found = await self._run(driver, *sent)
        except BaseException as fault:
            # Also when it was cancelled: what it was doing may be going on in there.
            await connection.invalidate()
            await connection.close()
            if not isinstance(fault, Exception):
                self._held = None
                raise
            raise DBAPIError(
                sent[0], None, fault, hide_parameters=True, connection_invalidated=True
            ) from fault
        self._held = held
        return found

    async def _connected(self) -> Held:
        connection = await self._engine.connect()
        return connection, (await connection.get_raw_connection()).driver_connection

    async def _run(self, driver: Any, text: str, values: Sequence[Any]) -> list[Any]:
        if self._engine.dialect.name == "sqlite":
            found = await driver.rows(text, values)
        elif self._pinned:
            async with driver.transaction(readonly=True):
                found = await driver.fetch(text, *values)
        else:
            found = await driver.fetch(text, *values)
        return list(found)
