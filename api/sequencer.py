"""Seals what happened: moves log lines from the outbox into the tree, a few times a second."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from api import observing, rounds
from vault import database as db
from vault import day_map, log_repair, signer_guard, transparency
from vault.database import Database
from vault.envelope_errors import TamperedError
from vault.keyring import Keyring

PAUSE_SECONDS: Final = 0.15
"""Between two looks at the outbox: an entry is provable about this long after its commit."""
PAUSE_WHEN_BEHIND_SECONDS: Final = 0.005
"""Between two batches of a backlog: on SQLite the other writers come first."""
BEHIND: Final = 50_000
"""More waiting entries than this are an alarm: a second's work, so the sequencer is not there."""
PAUSE_OF_WATCH_SECONDS: Final = 5.0
PAUSE_OF_FOLDING_SECONDS: Final = 300.0
"""Between two looks whether today's map of counts is there."""


async def seal(database: Database, keyring: Keyring, guard: Path) -> int:
    """One round. Returns how many entries were sealed.

    Raises:
        GuardError: the store was put back, or is another: `amana log adopt` is for that.
    """
    batch = transparency.BATCH if database.embedded else transparency.LARGEST_BATCH
    async with db.read(database) as tx:
        waiting = await transparency.pending(tx, at_most=1)
    if not waiting:
        return 0
    signed = await asyncio.to_thread(signer_guard.read, guard)
    async with db.begin(database) as tx:
        sealed = await transparency.sequence(tx, keyring, batch, signed=signed)
        newest = await transparency.checkpoint(tx)
    if newest is not None:
        head = transparency.head(keyring, newest)
        await asyncio.to_thread(signer_guard.keep, guard, head)
        observing.log_size.set(newest.size)
    return sealed


async def mend(database: Database) -> None:
    """Make the tiles that broke anew, from the entries.

    Raises:
        TamperedError: no tile is broken, or the entries are no longer what was signed.
    """
    async with db.begin(database) as tx:
        mended = await log_repair.repair(tx, lambda *_: None)
    observing.logger.error("log tiles mended", tiles=len(mended))
    if not mended:
        raise TamperedError


async def fold(database: Database, keyring: Keyring) -> None:
    """Log everybody's count of entries, as a map's root, unless somebody did so today."""
    async with db.begin(database) as tx:
        folded = await day_map.fold(tx, keyring)
    if folded:
        observing.logger.info("day map folded", entry=str(folded))


async def behind(database: Database) -> bool:
    """Whether more waits than a sequencer that runs would leave."""
    async with db.read(database) as tx:
        return await transparency.pending(tx, at_most=BEHIND + 1) > BEHIND


@asynccontextmanager
async def running(database: Database, keyring: Keyring, guard: Path) -> AsyncIterator[None]:
    """Seal beside the block; ends with a last round."""

    async def work() -> float:
        try:
            sealed = await seal(database, keyring, guard)
        except TamperedError:
            await mend(database)
            return 0.0
        return PAUSE_WHEN_BEHIND_SECONDS if sealed >= transparency.BATCH else PAUSE_SECONDS

    async def watch() -> float:
        async with db.read(database) as tx:
            waiting = await transparency.pending(tx)
        observing.log_backlog.set(waiting)
        observing.log_behind.set(waiting > BEHIND)
        if waiting > BEHIND:
            observing.logger.error("log behind", waiting=waiting)
        return PAUSE_OF_WATCH_SECONDS

    async def day() -> float:
        await fold(database, keyring)
        return PAUSE_OF_FOLDING_SECONDS

    async with (
        rounds.beside("sequencer", work),
        rounds.beside("sequencer.watch", watch),
        rounds.beside("sequencer.day", day),
    ):
        yield
    await seal(database, keyring, guard)
