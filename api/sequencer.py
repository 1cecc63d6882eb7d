"""Seals what happened: moves log lines from the outbox into the tree, a few times a second."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from api import observing, rounds
from vault import database as db
from vault import signer_guard, transparency
from vault.database import Database
from vault.keyring import Keyring

PAUSE_SECONDS: Final = 0.15
"""Between two looks at the outbox: an entry is provable about this long after its commit."""


async def seal(database: Database, keyring: Keyring, guard: Path) -> int:
    """One round. Returns how many entries were sealed.

    Raises:
        GuardError: the store was put back, or is another: `amana log adopt` is for that.
    """
    async with db.read(database) as tx:
        waiting = await transparency.pending(tx)
    observing.log_backlog.set(waiting)
    if not waiting:
        return 0
    signed = await asyncio.to_thread(signer_guard.read, guard)
    async with db.begin(database) as tx:
        sealed = await transparency.sequence(tx, keyring, signed=signed)
        newest = await transparency.checkpoint(tx)
    if newest is not None:
        head = transparency.head(keyring, newest)
        await asyncio.to_thread(signer_guard.keep, guard, head)
        observing.log_size.set(newest.size)
    return sealed


@asynccontextmanager
async def running(database: Database, keyring: Keyring, guard: Path) -> AsyncIterator[None]:
    """Seal beside the block; ends with a last round."""

    async def work() -> float:
        sealed = await seal(database, keyring, guard)
        return 0.0 if sealed == transparency.BATCH else PAUSE_SECONDS

    async with rounds.beside("sequencer", work):
        yield
    await seal(database, keyring, guard)
