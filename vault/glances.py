"""Statements that read a thousand times a second: written by SQLAlchemy once, run by the driver.

Each is by itself, beside the writers and in no transaction: of one statement's time, the pool, the
transaction and the result set are most (ADR-0019). For all else there is `vault.database`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql import Select

from vault.database import Database, spread

Bound = Mapping[str, Sequence[str]]
Written = tuple[str, list[tuple[str, int]]]
"""The text, and which value of which parameter each of its places takes."""
Readers = list[Callable[[Any], Any] | None]
"""What makes of a driver's value what SQLAlchemy would have given, column by column."""
Held = tuple[AsyncConnection, Any]
"""A connection, and the driver's own below it."""


class Statement:
    """A query whose parameters are lists of text (`IN`, expanding)."""

    def __init__(self, query: Select[Any]) -> None:
        """Take the query; nothing is written yet."""
        self._query: Final = query
        self._written: Final[dict[tuple[Any, ...], Written]] = {}
        self._readers: Final[dict[str, Readers]] = {}

    def written(self, dialect: Dialect, bound: Bound) -> tuple[str, list[str]]:
        """The text in the words of a store, and the values in its order."""
        lists = {name: spread(values) for name, values in bound.items()}
        key = (dialect.name, *((name, len(values)) for name, values in lists.items()))
        found = self._written.get(key)
        if found is None:
            found = self._written[key] = self._write(dialect, lists)
        text, places = found
        return text, [lists[name][at] for name, at in places]

    def read(self, dialect: Dialect, row: Sequence[Any]) -> tuple[Any, ...]:
        """A row of the driver's as SQLAlchemy would have given it."""
        readers = self._readers.get(dialect.name)
        if readers is None:
            types = [column.type.dialect_impl(dialect) for column in self._query.selected_columns]
            readers = [type_.result_processor(dialect, None) for type_ in types]
            self._readers[dialect.name] = readers
        pairs = zip(readers, row, strict=True)
        return tuple(value if reader is None else reader(value) for reader, value in pairs)

    def _write(self, dialect: Dialect, lists: Bound) -> Written:
        # Each value says where it is from, to be found again in the order of the text.
        said = {name: [f"{name} {at}" for at in range(len(each))] for name, each in lists.items()}
        written = self._query.compile(dialect=dialect).construct_expanded_state(said)
        places = [value.split(" ") for value in written.positional_parameters]
        return written.statement, [(name, int(at)) for name, at in places]


class Glances:
    """One connection of the readers', held from the first look on, for one look at a time."""

    def __init__(self, database: Database) -> None:
        """Take the store; nothing is asked of it yet."""
        self._engine: Final = database.reader
        self._held: Held | None = None

    async def rows(self, statement: Statement, **bound: Sequence[str]) -> list[tuple[Any, ...]]:
        """All rows of a statement, as they are now.

        Raises:
            DBAPIError: the store refused it, or went.
            OSError: the store is not there.
        """
        if self._held is not None:
            try:
                return await self._seen(self._held, statement, bound)
            except DBAPIError:
                pass  # the connection may have gone while nobody looked: once more, by a new one
        connection = await self._engine.connect()
        driver = (await connection.get_raw_connection()).driver_connection
        return await self._seen((connection, driver), statement, bound)

    async def close(self) -> None:
        """Give the connection back."""
        if self._held is not None:
            (connection, _), self._held = self._held, None
            await connection.close()

    async def _seen(self, held: Held, statement: Statement, bound: Bound) -> list[tuple[Any, ...]]:
        (connection, driver), dialect = held, self._engine.dialect
        text, values = statement.written(dialect, bound)
        self._held = None  # until it has answered
        try:
            if dialect.name == "sqlite":
                found = await driver.rows(text, values)
            else:
                found = await driver.fetch(text, *values)
        except BaseException as fault:
            # Also when it was cancelled: what it was doing may be going on in there.
            await connection.invalidate()
            await connection.close()
            if not isinstance(fault, Exception):
                raise
            raise DBAPIError(
                text, None, fault, hide_parameters=True, connection_invalidated=True
            ) from fault
        self._held = held
        return [statement.read(dialect, row) for row in found]
