"""What the log's own key still opens: the case numbers of entries about nobody."""

from collections.abc import AsyncIterator
from datetime import datetime
from itertools import pairwise
from typing import Final

from sqlalchemy import select

from vault import domain_keys, log_leaf
from vault.ciphers import shared
from vault.database import Transaction
from vault.keyring import HOUSE, Keyring
from vault.log_retagging import STALE
from vault.log_tables import access_log

DOMAIN: Final = "log"
PAGE: Final = 1_000


async def uses(tx: Transaction, keyring: Keyring, version: int) -> int:
    """Whether anything still needs a version: 1 or 0, for to count would be to read the log.

    The first is what the log has its name from, and the marks it keeps outside of its leaves.
    """
    if version in {domain_keys.FIRST, keyring.versions(DOMAIN).active}:
        return 1
    key = shared(keyring.versions(DOMAIN).deriver(version), HOUSE, version=version)
    async for leaf in _while_active(tx, version):
        if log_leaf.handle(leaf) == key.handle:
            return 1
    return 0


async def _while_active(tx: Transaction, version: int) -> AsyncIterator[bytes]:
    """The entries about nobody of when a version was written under, and a little after."""
    start, end = await _span(tx, version)
    last = log_leaf.first_id(start)
    nobody = access_log.c.subject_tag.is_(None), access_log.c.id < log_leaf.first_id(end + STALE)
    query = select(access_log.c.id, access_log.c.leaf).where(*nobody).order_by(access_log.c.id)
    while rows := (
        await tx.connection.execute(query.where(access_log.c.id > last).limit(PAGE))
    ).all():
        last = rows[-1].id
        for row in rows:
            yield row.leaf


async def _span(tx: Transaction, version: int) -> tuple[datetime, datetime]:
    made = [each for each in await domain_keys.versions(tx) if each.name == DOMAIN]
    (span,) = [
        (each.created_at, after.created_at)
        for each, after in pairwise(made)
        if each.version == version
    ]
    return span
