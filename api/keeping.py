"""What is kept, opened by the settings: the store, and the keys to what is sealed in it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from api import root_keys
from api.settings import Settings
from vault import database as db
from vault import self_test
from vault.database import Database
from vault.keyring import Keyring, open_keyring


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A store that is open, with its keys."""

    database: Database
    keyring: Keyring


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Kept]:
    """Test the primitives, load the keys and open the store; close it in the end.

    Raises:
        SelfTestError: a primitive does not give its known answer: nothing is opened.
        KeySetupError: the root keys are not where the settings say.
        KeysUnavailableError: the token that holds them does not answer.
    """
    self_test.run()
    keys = await asyncio.to_thread(root_keys.opened, settings)
    database = db.connect(
        settings.database,
        pool_size=settings.database_pool,
        behind_pooler=settings.database_pooler == "transaction",
    )
    try:
        async with db.begin(database) as tx:
            keyring = await open_keyring(tx, keys)
        yield Kept(database=database, keyring=keyring)
    finally:
        await db.close(database)
