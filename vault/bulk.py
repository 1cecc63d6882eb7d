"""Many rows changed at once, each to values of its own: one statement, or one prepared for all."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Table, Update, bindparam, func, update
from sqlalchemy.dialects.postgresql import ARRAY

from vault.database import Transaction


async def change(
    tx: Transaction, table: Table, by: Sequence[str], rows: Sequence[Mapping[str, Any]]
) -> None:
    """Write what each of `rows` says into the row of the table that it names in the columns `by`.

    All say the same columns. One that is not there is left out.
    """
    if not rows:
        return
    if tx.connection.dialect.name == "postgresql":
        arrays = {f"of_{name}": [row[name] for row in rows] for name in rows[0]}
        await tx.connection.execute(_of_arrays(table, by, list(rows[0])), arrays)
    else:
        named = [{f"of_{name}": value for name, value in row.items()} for row in rows]
        await tx.connection.execute(_of_one(table, by, list(rows[0])), named)


def _of_arrays(table: Table, by: Sequence[str], columns: Sequence[str]) -> Update:
    # As many round trips as there are rows would be most of the work.
    arrays = [bindparam(f"of_{name}", type_=ARRAY(table.c[name].type)) for name in columns]
    said = func.unnest(*arrays).table_valued(*columns, name="said").render_derived()
    return (
        update(table)
        .where(*(table.c[name] == said.c[name] for name in by))
        .values({name: said.c[name] for name in columns if name not in by})
    )


def _of_one(table: Table, by: Sequence[str], columns: Sequence[str]) -> Update:
    return (
        update(table)
        .where(*(table.c[name] == bindparam(f"of_{name}") for name in by))
        .values({name: bindparam(f"of_{name}") for name in columns if name not in by})
    )
