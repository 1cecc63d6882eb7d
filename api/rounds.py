"""Work that goes on beside the server: a round, a pause, and again until the server stops."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from api import observing

Round = Callable[[], Awaitable[float]]
"""One round of the work; returns how many seconds to pause before the next."""

PAUSE_AFTER_FAULT_SECONDS = 2.0


@asynccontextmanager
async def beside(name: str, work: Round) -> AsyncIterator[None]:
    """Go round beside the block. A fault is logged as `name` and the next round starts anew.

    The end of the block waits for the round that is under way: nothing is cut off in the
    middle of a transaction, which on SQLite would keep the writer's lock.
    """
    stopping = asyncio.Event()
    going = asyncio.create_task(_until(stopping, name, work))
    try:
        yield
    finally:
        stopping.set()
        await going


async def _until(stopping: asyncio.Event, name: str, work: Round) -> None:
    while not stopping.is_set():
        try:
            pause = await work()
        except Exception:  # noqa: BLE001  (whatever it was, the next round starts from the store)
            observing.logger.exception(name)
            pause = PAUSE_AFTER_FAULT_SECONDS
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), pause)
