"""Many rows at once: changed, each to values of its own, or removed, so many at a time."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Table,
    Update,
    bindparam,
    delete,
    func,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY

from vault.database import Transaction


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
        arrays = {f"of_{name}": [row[name] for row in rows] for name in each}
        await tx.connection.execute(_of_arrays(table, by, each, list(same)), arrays | alike)
    else:
        named = [{f"of_{name}": row[name] for name in each} | alike for row in rows]
        await tx.connection.execute(_of_one(table, by, [*each, *same]), named)


async def remove(tx: Transaction, key: Column[Any], *which: ColumnElement[bool], limit: int) -> int:
    """Delete rows of the table of `key`, its one-column primary key, at most `limit`; how many.

    Rows that another transaction holds are left to it.
    """
    some = select(key).where(*which).limit(limit).with_for_update(skip_locked=True)
    return (await tx.connection.execute(delete(key.table).where(key.in_(some)))).rowcount


def _of_arrays(
    table: Table, by: Sequence[str], columns: Sequence[str], same: Sequence[str]
) -> Update:
    # As many round trips as there are rows would be most of the work.
    arrays = [bindparam(f"of_{name}", type_=ARRAY(table.c[name].type)) for name in columns]
    unnested = func.unnest(*arrays).table_valued(*columns, name="said").render_derived()
    said = {name: unnested.c[name] for name in columns} | {
        name: bindparam(f"of_{name}", type_=table.c[name].type) for name in same
    }
    return (
        update(table)
        .where(*(table.c[name] == said[name] for name in by))
        .values({name: value for name, value in said.items() if name not in by})
    )


def _of_one(table: Table, by: Sequence[str], columns: Sequence[str]) -> Update:
    return (
        update(table)
        .where(*(table.c[name] == bindparam(f"of_{name}") for name in by))
        .values({name: bindparam(f"of_{name}") for name in columns if name not in by})
    )
