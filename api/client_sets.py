"""Reads the keys that programmes publish at an address, beside the server, never in a request.

An assertion with a key we do not know asks for its programme's set to be read; the round reads
it within a second, and once a minute at most, whoever asks (attack 102 of docs/attacks.md).
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from api import observing, rounds
from api.fetching import Fetcher, Unfetched
from api.oauth import strict_json
from identity import client_keys, programme_keys, programmes
from identity.client_keys import ToRead
from vault import database as db
from vault.database import Database
from vault.short_lived import ShortLived

PAUSE_SECONDS: Final = 1.0
UNUSABLE: Final = "set"
"""What came is no set of keys that we take."""


async def ask(short_lived: ShortLived, client_id: str) -> None:
    """Have a programme's set read soon: it may have a key that we do not know."""
    seconds = client_keys.RETRY_AFTER.total_seconds() * 2
    await short_lived.put(_wanted(client_id), b"1", seconds)


async def read_all(database: Database, short_lived: ShortLived, fetcher: Fetcher) -> int:
    """One round; how many addresses were read."""
    async with db.read(database) as tx:
        may, now = await client_keys.to_read(tx), tx.now
    due = [
        each
        for each in may
        if each.jwks_at is None
        or now - each.jwks_at >= client_keys.FRESH_FOR
        or await short_lived.take(_wanted(each.client_id))
    ]
    done = await asyncio.gather(*(_read(database, fetcher, each) for each in due))
    return sum(done)


@asynccontextmanager
async def reading(
    database: Database, short_lived: ShortLived, fetcher: Fetcher
) -> AsyncIterator[None]:
    """Read beside the block."""

    async def work() -> float:
        await read_all(database, short_lived, fetcher)
        return PAUSE_SECONDS

    async with rounds.beside("client-sets", work):
        yield


async def _read(database: Database, fetcher: Fetcher, each: ToRead) -> bool:
    async with db.begin(database) as tx:
        if not await client_keys.try_now(tx, each.client_id):
            return False
    # No transaction is open while we wait for somebody else's server.
    answer = await fetcher.get(each.jwks_uri)
    async with db.begin(database) as tx:
        client = await programmes.locked(tx, each.client_id)
        if client is None:
            return True
        jwks = None
        if not isinstance(answer, Unfetched):
            jwks = programme_keys.usable(strict_json.document(answer), client.alg)
        if jwks is None:
            why = answer.value if isinstance(answer, Unfetched) else UNUSABLE
            observing.logger.warning("client-set", client=each.client_id, why=why)
            await client_keys.failed(tx, each.client_id, why)
        else:
            await client_keys.found(tx, each.client_id, each.jwks_uri, jwks)
    return True


def _wanted(client_id: str) -> str:
    return f"client-set:{client_id}"
