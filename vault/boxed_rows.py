"""Where boxed secrets are kept, so that they can be sealed anew under a newer key.

Whoever owns such a table says so in a constant; whoever rotates is given all of them.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec
from sqlalchemy import ColumnElement, Table, select, tuple_, update

from vault import box
from vault.database import AnyRow, Database, Transaction, begin, read
from vault.envelope_errors import KeyLostError, TamperedError

if TYPE_CHECKING:  # the keyring holds signing keys, which are boxed rows; only the name is needed
    from vault.keyring import Keyring

PAGE: Final = 500

Progress = Callable[[int, int], None]
"""Called with (done, of how many; 0: unknown)."""


class BoxedRows(msgspec.Struct, frozen=True, kw_only=True):
    """One column of one table that holds boxed secrets, or NULL."""

    table: Table
    column: str
    purpose: str
    place: Callable[[AnyRow], bytes]
    """Where a row's secret belongs, from the row's own columns."""


class Resealed(msgspec.Struct, frozen=True, kw_only=True):
    """How a pass over all of them ended."""

    done: int
    faults: int
    """Secrets that do not open, left as they are."""


async def uses(tx: Transaction, everywhere: Sequence[BoxedRows], version: int) -> int:
    """How many secrets are sealed under one version of the key."""
    found = 0
    for rows in everywhere:
        sealed = rows.table.c[rows.column]
        blobs = await tx.connection.stream_scalars(select(sealed).where(sealed.is_not(None)))
        async for blob in blobs:
            found += box.version(blob) == version
    return found


async def reseal(
    database: Database, keyring: "Keyring", everywhere: Sequence[BoxedRows], progress: Progress
) -> Resealed:
    """Seal every secret anew that is not under the active version; again does no harm.

    A secret that is changed meanwhile is sealed under the active version already.
    """
    done = faults = 0
    for rows in everywhere:
        last: tuple[Any, ...] | None = None
        while True:
            async with read(database) as tx:
                page = await _page(tx, rows, last)
            if not page:
                break
            async with begin(database) as tx:
                for row in page:
                    ok = await _one(tx, keyring, rows, row)
                    done, faults = done + ok, faults + (not ok)
            last = tuple(getattr(page[-1], column.name) for column in rows.table.primary_key)
            progress(done, 0)
    return Resealed(done=done, faults=faults)


async def _page(tx: Transaction, rows: BoxedRows, last: tuple[Any, ...] | None) -> list[AnyRow]:
    key = list(rows.table.primary_key)
    query = select(*rows.table.c).where(rows.table.c[rows.column].is_not(None))
    if last is not None:
        query = query.where(tuple_(*key) > tuple_(*last))
    return list(await tx.connection.execute(query.order_by(*key).limit(PAGE)))


async def _one(tx: Transaction, keyring: "Keyring", rows: BoxedRows, row: AnyRow) -> bool:
    opener = keyring.box(rows.purpose)
    sealed: bytes = getattr(row, rows.column)
    if box.version(sealed) == opener.active:
        return True
    place = rows.place(row)
    try:
        again = opener.seal(opener.open(sealed, place), place)
    except (TamperedError, KeyLostError):
        return False
    column = rows.table.c[rows.column]
    same: list[ColumnElement[bool]] = [
        each == getattr(row, each.name) for each in rows.table.primary_key
    ]
    await tx.connection.execute(
        update(rows.table).where(*same, column == sealed).values({column: again})
    )
    return True
