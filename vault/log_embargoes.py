"""Entries that stand in the log at once and are shown to whom they are about later."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Table, Uuid, insert, select

from vault.database import Instant, Transaction, metadata
from vault.log_tables import access_log

LONGEST: Final = timedelta(days=180)
"""Whatever is asked for, no entry is hidden longer (ADR 0011)."""

log_embargoes: Final = Table(
    "log_embargoes",
    metadata,
    Column("entry", Uuid, primary_key=True),
    Column("until", Instant, nullable=False),
)


async def hold(tx: Transaction, entries: Sequence[UUID], until: datetime) -> None:
    """Hide these entries from the people they are about until then, or the longest allowed."""
    if entries:
        ends = min(until, tx.now + LONGEST)
        await tx.connection.execute(
            insert(log_embargoes), [{"entry": each, "until": ends} for each in entries]
        )


def shown(now: datetime) -> ColumnElement[bool]:
    """The condition that an entry may be shown to whom it is about."""
    held = select(log_embargoes.c.entry).where(
        log_embargoes.c.entry == access_log.c.id, log_embargoes.c.until > now
    )
    return ~held.exists()
