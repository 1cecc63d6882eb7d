"""SQLite's driver with one trip to the connection's thread per statement.

As they come, SQLAlchemy and aiosqlite make four: for a cursor, the statement, its rows and the
cursor's end. Each costs more than most statements do there. Rows come all at once, as SQLAlchemy
takes them anyway; also those that are streamed, so nothing large is to be.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from itertools import islice
from typing import Any, Final, Self

import aiosqlite

_AT_ONCE: Final = 64
"""Rows that aiosqlite's own cursors fetch at once; ours fetch all."""

Statement = Callable[[sqlite3.Cursor], object]
Ran = tuple[Any, int, int | None, list[Any]]
"""What came of one: description, rowcount, lastrowid (PEP 249), and the rows."""


class Connection(aiosqlite.Connection):
    """aiosqlite's, with cursors of ours, and no trip to roll back what was committed."""

    _settled = False
    """Whether the thread has done all it was sent. What was cancelled may yet begin something."""

    def cursor(self) -> "Cursor":  # type: ignore[override]  # entered by SQLAlchemy's adapter alone
        """A cursor, for one statement at a time."""
        return Cursor(self)

    async def run(self, statement: Statement) -> Ran:
        """Run it in the connection's thread."""
        ran: Ran = await self._execute(_run, self._conn, statement)
        return ran

    async def rollback(self) -> None:
        """Roll back, unless there is nothing to: the pool asks for it after each commit too."""
        if not self._settled or self.in_transaction:
            await super().rollback()

    async def rows(self, text: str, values: Sequence[Any]) -> list[Any]:
        """The rows of a statement."""
        *_, rows = await self.run(lambda cursor: cursor.execute(text, values))
        return rows

    async def _execute(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Send something to the thread, which does one after the other."""
        self._settled = False
        done = await super()._execute(fn, *args, **kwargs)  # type: ignore[no-untyped-call]
        self._settled = True
        return done


class Cursor:
    """What SQLAlchemy's adapter wants of a driver's cursor."""

    __slots__ = ("_connection", "_rows", "arraysize", "description", "lastrowid", "rowcount")

    def __init__(self, connection: Connection) -> None:
        """Take the connection; nothing is asked of it yet."""
        self._connection = connection
        self._rows: Iterator[Any] = iter(())
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None
        self.arraysize = 1

    async def __aenter__(self) -> Self:
        """Nothing is to be opened."""
        return self

    async def execute(self, statement: str, parameters: Any = ()) -> Self:
        """Run it, and take its rows."""
        return await self._ran(lambda cursor: cursor.execute(statement, parameters))

    async def executemany(self, statement: str, each: Sequence[Any]) -> Self:
        """Run it once for each of these parameters."""
        return await self._ran(lambda cursor: cursor.executemany(statement, each))

    async def fetchall(self) -> list[Any]:
        """The rows that are left."""
        return list(self._rows)

    async def fetchmany(self, size: int | None = None) -> list[Any]:
        """The next rows."""
        return list(islice(self._rows, self.arraysize if size is None else size))

    async def fetchone(self) -> Any:
        """The next row, or None."""
        return next(self._rows, None)

    async def close(self) -> None:
        """Let go of the rows."""
        self._rows = iter(())

    async def _ran(self, statement: Statement) -> Self:
        ran = await self._connection.run(statement)
        self.description, self.rowcount, self.lastrowid, rows = ran
        self._rows = iter(rows)
        return self


def connect(path: str, **settings: Any) -> Connection:
    """A connection to be awaited: SQLAlchemy's `async_creator_fn`; the rest is for `sqlite3`."""
    made = Connection(lambda: sqlite3.connect(path, **settings), iter_chunk_size=_AT_ONCE)
    made._thread.daemon = True  # noqa: SLF001  (as SQLAlchemy does to those that it makes)
    return made


def _run(connection: sqlite3.Connection, statement: Statement) -> Ran:
    with closing(connection.cursor()) as cursor:
        statement(cursor)
        rows = cursor.fetchall() if cursor.description else []
        return cursor.description, cursor.rowcount, cursor.lastrowid, rows
