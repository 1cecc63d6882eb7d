"""A number that grows whenever a key changes: what other processes hold is then read again."""

from typing import Final

from sqlalchemy import BigInteger, Column, String, Table, select, update

from vault.database import Transaction, insert_new, metadata

key_epoch: Final = Table(
    "key_epoch",
    metadata,
    Column("name", String(8), primary_key=True),
    Column("epoch", BigInteger, nullable=False),
)
_NAME: Final = "keys"


async def read(tx: Transaction) -> int:
    """The epoch; 0 before the first change."""
    query = select(key_epoch.c.epoch).where(key_epoch.c.name == _NAME)
    return await tx.connection.scalar(query) or 0


async def advance(tx: Transaction) -> int:
    """Let every process read its keys again within a second of this commit; the new epoch.

    Until commit nobody else advances it.
    """
    await insert_new(tx, key_epoch, [{"name": _NAME, "epoch": 0}])
    await tx.connection.execute(
        update(key_epoch).where(key_epoch.c.name == _NAME).values(epoch=key_epoch.c.epoch + 1)
    )
    return await read(tx)
