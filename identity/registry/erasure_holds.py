"""Holds: why a person's record must not be erased yet, placed and lifted by name of the reason."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import uuid4

from sqlalchemy import Column, Index, String, Table, Uuid, insert, select, update

from policies.retention import Hold, HoldFacts
from policies.vocabulary import SubjectId
from vault.database import Instant, Transaction, metadata, spread

erasure_holds: Final = Table(
    "erasure_holds",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("subject", Uuid, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("since", Instant, nullable=False),
    Column("until", Instant),
    Column("lifted_at", Instant),
    Index("ix_erasure_holds_subject", "subject"),
)
_stands: Final = erasure_holds.c.lifted_at.is_(None)


async def place(
    tx: Transaction, subject: SubjectId, kind: Hold, *, until: datetime | None = None
) -> None:
    """Keep a record for a reason, until an instant or until it is lifted."""
    row = {"id": uuid4(), "subject": subject, "kind": kind.value, "since": tx.now, "until": until}
    await tx.connection.execute(insert(erasure_holds), [row])


async def lift(tx: Transaction, subject: SubjectId, kind: Hold) -> bool:
    """Keep it no longer for this reason. False if it was not."""
    done = await tx.connection.execute(
        update(erasure_holds)
        .where(erasure_holds.c.subject == subject, erasure_holds.c.kind == kind.value, _stands)
        .values(lifted_at=tx.now)
    )
    return done.rowcount > 0


async def standing(tx: Transaction, subject: SubjectId) -> list[HoldFacts]:
    """The holds on a record that nobody lifted."""
    return (await standing_of(tx, [subject])).get(subject, [])


async def standing_of(
    tx: Transaction, subjects: Sequence[SubjectId]
) -> dict[SubjectId, list[HoldFacts]]:
    """The same of several records; those without a hold are left out."""
    columns = (erasure_holds.c.subject, erasure_holds.c.kind, erasure_holds.c.until)
    query = select(*columns).where(erasure_holds.c.subject.in_(spread(subjects)), _stands)
    found: dict[SubjectId, list[HoldFacts]] = {}
    for subject, kind, until in await tx.connection.execute(query.order_by(erasure_holds.c.since)):
        found.setdefault(subject, []).append(HoldFacts(kind=Hold(kind), until=until))
    return found
