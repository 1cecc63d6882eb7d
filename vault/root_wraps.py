"""Wraps keys by the root, and sees that no root ends while somebody wraps a key by it.

A process may have been opened before a root was rotated. So the provider is read again before
each wrap, and who wraps holds all roots until commit against who destroys one.
"""

import asyncio
from typing import Final

from sqlalchemy import func, select

from vault.database import Transaction
from vault.envelope_errors import KeysUnavailableError
from vault.key_places import KeySetupError
from vault.keys import Keys

_ROOTS: Final = 0x726F6F7473  # «roots»: the advisory lock of those who wrap and who destroy


async def wrap(tx: Transaction, keys: Keys, key: bytes, place: bytes) -> bytes:
    """Wrap a key for one place under the newest root, whoever made it.

    Raises:
        KeysUnavailableError: the provider does not answer.
    """
    await hold(tx)
    # In a thread, as every call of the root: it may be a device that takes its time.
    return await asyncio.to_thread(_wrapped, keys, key, place)


async def hold(tx: Transaction) -> None:
    """Keep every root from being destroyed until commit."""
    if tx.connection.dialect.name == "postgresql":  # SQLite has one writer
        await tx.connection.execute(select(func.pg_advisory_xact_lock_shared(_ROOTS)))


async def alone(tx: Transaction) -> None:
    """Wait for all who wrap, and have others wait until commit."""
    if tx.connection.dialect.name == "postgresql":
        await tx.connection.execute(select(func.pg_advisory_xact_lock(_ROOTS)))


def _wrapped(keys: Keys, key: bytes, place: bytes) -> bytes:
    try:
        keys.reload()
    except (KeySetupError, OSError):
        raise KeysUnavailableError from None
    return keys.wrap(key, place)
