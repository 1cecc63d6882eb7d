"""Many rows at once: put in, changed, each to values of its own, or removed, so many at a time."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Insert,
    String,
    Table,
    TableValuedAlias,
    Text,
    Update,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY

from vault.database import Transaction


async def put(tx: Transaction, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert these rows; all say the same columns."""
    if tx.connection.dialect.name == "postgresql" and len(rows) > 1:
        columns = tuple(rows[0])
        await tx.connection.execute(_put_arrays(table, columns), _arrays(columns, rows))
    elif rows:
        await tx.connection.execute(insert(table), rows)


async def change(
    tx: Transaction,
    table: Table,
    by: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
    **same: Any,
) -> None:
    """Write what each of `rows` says into the row of the table that it names in the columns `by`.

    All say the same columns; in those of `same` all say the same. One that is not there is left
    out.
    """
    if not rows:
        return
    each = [name for name in rows[0] if name not in same]
    alike = {f"of_{name}": value for name, value in same.items()}
    if tx.connection.dialect.name == "postgresql":
        changed = _of_arrays(table, tuple(by), tuple(each), tuple(same))
        await tx.connection.execute(changed, _arrays(each, rows) | alike)
    else:
        named = [{f"of_{name}": row[name] for name in each} | alike for row in rows]
        await tx.connection.execute(_of_one(table, tuple(by), (*each, *same)), named)


async def remove(tx: Transaction, key: Column[Any], *which: ColumnElement[bool], limit: int) -> int:
    """Delete rows of the table of `key`, its one-column primary key, at most `limit`; how many.

    Rows that another transaction holds are left to it.
    """
    some = select(key).where(*which).limit(limit).with_for_update(skip_locked=True)
    return (await tx.connection.execute(delete(key.table).where(key.in_(some)))).rowcount


def unnested(table: Table, columns: Sequence[str]) -> TableValuedAlias:
    """Rows for these columns, told as an array each (`arrays`): one statement for any number."""
    # A cast to a length would cut what is too long; the column it goes into refuses it.
    types = {name: table.c[name].type for name in columns}
    arrays = [
        bindparam(f"of_{name}", type_=ARRAY(Text() if isinstance(type_, String) else type_))
        for name, type_ in types.items()
    ]
    return func.unnest(*arrays).table_valued(*columns, name="said").render_derived()


def _arrays(columns: Iterable[str], rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    return {f"of_{name}": [row[name] for row in rows] for name in columns}


# As many round trips as there are rows would be most of the work, and to put a statement
# together takes longer than to send it.
@lru_cache(maxsize=64)
def _put_arrays(table: Table, columns: tuple[str, ...]) -> Insert:
    said = unnested(table, columns).c
    return insert(table).from_select(columns, select(*(said[name] for name in columns)))


@lru_cache(maxsize=64)
def _of_arrays(
    table: Table, by: tuple[str, ...], columns: tuple[str, ...], same: tuple[str, ...]
) -> Update:
    each = unnested(table, columns).c
    said = {name: each[name] for name in columns} | {
        name: bindparam(f"of_{name}", type_=table.c[name].type) for name in same
    }
    return (
        update(table)
        .where(*(table.c[name] == said[name] for name in by))
        .values({name: value for name, value in said.items() if name not in by})
    )


@lru_cache(maxsize=64)
def _of_one(table: Table, by: tuple[str, ...], columns: tuple[str, ...]) -> Update:
    return (
        update(table)
        .where(*(table.c[name] == bindparam(f"of_{name}") for name in by))
        .values({name: bindparam(f"of_{name}") for name in columns if name not in by})
    )
