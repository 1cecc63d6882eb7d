"""The stores, keys and catalogue of the settings, open for one command."""

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from api import running
from api.cli import unlocking
from api.running import Running


@asynccontextmanager
async def opened() -> AsyncIterator[Running]:
    """Open everything; close it at the end of the block."""
    async with running.opened(unlocking.settings()) as held:
        gc.freeze()  # what is loaded by now stays: long work would look through it again and again
        try:
            yield held
        finally:
            gc.unfreeze()
