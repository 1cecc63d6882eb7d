"""The names that the log has gone by: one that was put back goes on under a new one.

Its entries stay as they are. What was signed up to the size of the change bears the older
name, what is signed beyond it the newer; the link between the two is a note of its own.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
from sqlalchemy import BigInteger, Column, SmallInteger, String, Table, Text, select

from vault.database import Instant, Transaction, fetch_all, metadata

log_origin: Final = Table(
    "log_origin",
    metadata,
    Column("number", SmallInteger, primary_key=True, autoincrement=False),
    Column("name", String(256), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("note", Text, nullable=False),
    Column("at", Instant, nullable=False),
)


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """A name that the log took, and the size beyond which it signs under it."""

    name: str
    size: int
    note: str
    """The link to the name before, signed under both."""


async def taken(tx: Transaction) -> list[Origin]:
    """The names it took after its first, oldest first."""
    query = select(log_origin.c.name, log_origin.c.size, log_origin.c.note)
    return await fetch_all(tx, query.order_by(log_origin.c.number), Origin)


def at(first: str, names: Sequence[Origin], size: int) -> str:
    """The name that a checkpoint of this size bears."""
    return next((each.name for each in reversed(names) if each.size < size), first)
