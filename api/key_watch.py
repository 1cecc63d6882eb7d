"""Sees within a second that a key was rotated, retired or destroyed anywhere."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from api import observing, rounds
from vault import database as db
from vault.database import Database
from vault.envelope_errors import VaultError
from vault.keyring import Keyring

PAUSE_SECONDS: Final = 0.5
"""Between two looks. A request that comes first looks by itself (`Keyring.refresh`)."""


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

    async with rounds.beside("keys.watch", work):
        yield
