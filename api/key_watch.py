"""Sees within a second that a key was rotated or destroyed, within minutes that one should be."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from api import observing, rounds
from vault import database as db
from vault import root_promises
from vault.database import Database
from vault.envelope_errors import VaultError
from vault.keyring import Keyring

PAUSE_SECONDS: Final = 0.5
"""Between two looks. A request that comes first looks by itself (`Keyring.refresh`)."""
REMINDER_SECONDS: Final = 300.0
"""Between two looks at what certificates of erasure promise of the roots."""

_HOUR: Final = timedelta(hours=1)


@asynccontextmanager
async def running(database: Database, keyring: Keyring) -> AsyncIterator[None]:
    """Look beside the block. While store or root is away, what is held is not believed."""

    async def work() -> float:
        try:
            async with db.read(database) as tx:
                await keyring.refresh(tx)
        except (OSError, SQLAlchemyError, VaultError) as fault:
            observing.logger.warning("keys.watch", fault=type(fault).__name__)
        return PAUSE_SECONDS

    async def remind() -> float:
        async with db.read(database) as tx:
            late = await root_promises.overdue(tx)
        observing.root_overdue.set(late.total_seconds())
        if late:
            observing.logger.error("keys.root_overdue", hours=late // _HOUR)
        return REMINDER_SECONDS

    async with rounds.beside("keys.watch", work), rounds.beside("keys.remind", remind):
        yield
