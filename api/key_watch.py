"""Sees within a second that a key was rotated, retired or destroyed anywhere."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from api import observing
from vault import database as db
from vault.database import Database
from vault.envelope_errors import VaultError
from vault.keyring import Keyring

PAUSE_SECONDS: Final = 0.5
"""Between two looks. A request that comes first looks by itself (`Keyring.refresh`)."""


async def run(database: Database, keyring: Keyring) -> None:
    """Look until cancelled. While the store or the root is away, what is held is not believed."""
    while True:
        try:
            async with db.read(database) as tx:
                await keyring.refresh(tx)
        except (OSError, SQLAlchemyError, VaultError) as fault:
            observing.logger.warning("keys.watch", fault=type(fault).__name__)
        await asyncio.sleep(PAUSE_SECONDS)


@asynccontextmanager
async def running(database: Database, keyring: Keyring) -> AsyncIterator[None]:
    """Run beside the service; stops with it."""
    task = asyncio.create_task(run(database, keyring))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
