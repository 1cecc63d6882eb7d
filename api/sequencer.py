"""Seals what happened: moves log lines from the outbox into the tree, a few times a second."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from api import observing
from vault import database as db
from vault import transparency
from vault.database import Database
from vault.keyring import Keyring

PAUSE_SECONDS: Final = 0.15
"""Between two looks at the outbox: an entry is provable about this long after its commit."""
PAUSE_AFTER_FAULT_SECONDS: Final = 2.0


async def run(database: Database, keyring: Keyring) -> None:
    """Seal until cancelled. A fault is logged and tried again: the outbox loses nothing."""
    while True:
        try:
            sealed = await seal(database, keyring)
            pause = 0.0 if sealed == transparency.BATCH else PAUSE_SECONDS
        except Exception:  # noqa: BLE001  (whatever it was, the next round starts from the database)
            observing.logger.exception("sequencer")
            pause = PAUSE_AFTER_FAULT_SECONDS
        await asyncio.sleep(pause)


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
    """Run beside the server; stops with it after a last round."""
    task = asyncio.create_task(run(database, keyring))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await seal(database, keyring)
