"""Seals what happened: moves log lines from the outbox into the tree, a few times a second."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from api import observing, rounds
from vault import database as db
from vault import transparency
from vault.database import Database
from vault.keyring import Keyring

PAUSE_SECONDS: Final = 0.15
"""Between two looks at the outbox: an entry is provable about this long after its commit."""


async def seal(database: Database, keyring: Keyring) -> int:
    """One round. Returns how many entries were sealed."""
    async with db.read(database) as tx:
        waiting = await transparency.pending(tx)
    observing.log_backlog.set(waiting)
    if not waiting:
        return 0
    async with db.begin(database) as tx:
        sealed = await transparency.sequence(tx, keyring)
        newest = await transparency.checkpoint(tx)
    if newest is not None:
        observing.log_size.set(newest.size)
    return sealed


@asynccontextmanager
async def running(database: Database, keyring: Keyring) -> AsyncIterator[None]:
    """Seal beside the block; ends with a last round."""

    async def work() -> float:
        sealed = await seal(database, keyring)
        return 0.0 if sealed == transparency.BATCH else PAUSE_SECONDS

    async with rounds.beside("sequencer", work):
        yield
    await seal(database, keyring)
