"""What has served its term is deleted beside the server: a little at a time, hour by hour.

Law 09-08, article 3: nothing is kept longer than what it was collected for takes. How long that
is, `policies.retention` says.
"""

from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Final, Protocol

from api import observing, rounds
from identity import approvals, programme_messages, tokens
from identity.login import sessions
from vault import database as db
from vault.database import Database, Transaction

PAUSE_SECONDS: Final = 3600.0
"""Between two rounds that found nothing left to delete."""
AT_ONCE: Final = 1_000
"""Rows per transaction: nobody waits for long, and SQLite has one writer."""


class Forget(Protocol):
    """Deletes at most `limit` rows of each of its tables; how many."""

    def __call__(self, tx: Transaction, *, limit: int) -> Awaitable[int]:
        """Delete them."""


DUE: Final[dict[str, Forget]] = {
    "tokens": tokens.forget_expired,
    "sessions": sessions.forget_ended,
    "proposals": approvals.forget_old,
    "messages": programme_messages.forget_old,
}


async def forget(database: Database) -> dict[str, int]:
    """Delete all whose term is over; how much of each kind."""
    return {name: await _all(database, some) for name, some in DUE.items()}


@asynccontextmanager
async def forgetting(database: Database) -> AsyncIterator[None]:
    """Delete beside the block."""

    async def work() -> float:
        gone = await forget(database)
        if any(gone.values()):
            observing.logger.info("forgotten", **gone)
        return PAUSE_SECONDS

    async with rounds.beside("forgetting", work):
        yield


async def _all(database: Database, some: Forget) -> int:
    gone = 0
    while True:
        async with db.begin(database) as tx:
            found = await some(tx, limit=AT_ONCE)
        if not found:
            return gone
        gone += found
