"""The usual tamper-evident log: each line's hash over the one before, behind a lock.

One transaction a line. Its table is its own, its driver and durability are those of the house.
"""

import hashlib
from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    LargeBinary,
    MetaData,
    Table,
    Text,
    insert,
    select,
    update,
)

from vault import database as db
from vault.database import Database, Instant, Transaction

own: Final = MetaData()
lines: Final = Table(
    "plain_chain",
    own,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False),
    Column("body", Text, nullable=False),
    Column("hash", LargeBinary(32), nullable=False),
)
tip: Final = Table(
    "plain_chain_tip",
    own,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("number", BigInteger, nullable=False),
    Column("hash", LargeBinary(32), nullable=False),
)


async def begin(tx: Transaction) -> None:
    """Make the tables."""
    await tx.connection.run_sync(own.create_all)
    await tx.connection.execute(insert(tip).values(id=1, number=0, hash=bytes(32)))


async def append(database: Database, body: str) -> None:
    """One line, in a transaction of its own."""
    async with db.begin(database) as tx:
        # The row is the lock: SQLite has one writer at a time in any case.
        newest = (await tx.connection.execute(select(tip).with_for_update())).one()
        number, at = newest.number + 1, tx.now
        hashed = hashlib.sha256(newest.hash + f"{number} {at.isoformat()} {body}".encode()).digest()
        line = {"number": number, "at": at, "body": body, "hash": hashed}
        await tx.connection.execute(insert(lines), line)
        await tx.connection.execute(update(tip).values(number=number, hash=hashed))
