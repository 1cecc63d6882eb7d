"""Where consents are kept: events that are only ever added, and one head row per consent.

The head is what a disclosure reads and locks. It is never more than the events fold to.
"""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Select,
    String,
    Table,
    Uuid,
    insert,
    select,
    update,
)

from consent import notices
from consent.grant_events import Grant, GrantEvent
from policies.vocabulary import Actor, ActorKind
from vault.database import Instant, Transaction, fetch_all, fetch_one, insert_new, metadata, spread

grants: Final = Table(
    "grants",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("subject", Uuid, nullable=False),
    Column("programme", String(64), nullable=False),
    Column("agreement", String(128), nullable=False),
    Column("agreement_version", Integer, nullable=False),
    Column("purpose", String(128), nullable=False),
    Column("items", JSON, nullable=False),
    Column("state", String(16), nullable=False),
    Column("seq", Integer, nullable=False),
    Column("given_at", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("notice_hash", ForeignKey(notices.notices.c.hash), nullable=False),
    Column("language", String(8), nullable=False),
    Column("hash", LargeBinary(32), nullable=False),
    Column("newest", Boolean, nullable=False),
    Index("ix_grants_subject", "subject", "given_at"),
)
is_newest: Final = grants.c.newest.is_(True)
"""The one consent of a person under an agreement that disclosures go by; never a refusal."""
Index(
    "uq_grants_newest",
    grants.c.subject,
    grants.c.programme,
    grants.c.agreement,
    unique=True,
    sqlite_where=is_newest,
    postgresql_where=is_newest,
)

grant_events: Final = Table(
    "grant_events",
    metadata,
    Column("grant_id", ForeignKey(grants.c.id), primary_key=True),
    # The primary key keeps two changes at once apart: only one of them can be the next.
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("kind", String(32), nullable=False),
    Column("at", Instant, nullable=False),
    Column("actor_kind", String(16), nullable=False),
    Column("actor_id", String(128), nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("prev_hash", LargeBinary(32), nullable=False),
    Column("hash", LargeBinary(32), nullable=False),
)


class _EventRow(msgspec.Struct, frozen=True, kw_only=True):
    grant_id: UUID
    seq: int
    kind: str
    at: Any
    actor_kind: ActorKind
    actor_id: str
    content: bytes
    prev_hash: bytes
    hash: bytes


def heads(*conditions: ColumnElement[bool]) -> Select[Any]:
    """The head rows that meet all conditions, as `Grant`s."""
    return select(
        grants.c.id,
        grants.c.subject,
        grants.c.programme,
        grants.c.agreement,
        grants.c.agreement_version,
        grants.c.purpose,
        grants.c["items"],  # `c.items` is the collection's own method
        grants.c.state,
        grants.c.seq,
        grants.c.given_at,
        grants.c.changed_at,
        grants.c.expires_at,
        grants.c.notice_hash,
        grants.c.language,
        grants.c.hash,
    ).where(*conditions)


async def begin(tx: Transaction, grant: Grant, event: GrantEvent, *, newest: bool) -> bool:
    """Keep a new consent and its first event. False if another is the newest already."""
    await insert_new(tx, grants, [{**msgspec.structs.asdict(grant), "newest": newest}])
    if await fetch_one(tx, heads(grants.c.id == grant.id), Grant) is None:
        return False
    await tx.connection.execute(insert(grant_events), [_row(event)])
    return True


async def move(tx: Transaction, grant: Grant, event: GrantEvent) -> None:
    """Keep the next event of a consent, and what the consent is after it."""
    await tx.connection.execute(insert(grant_events), [_row(event)])
    await tx.connection.execute(
        update(grants)
        .where(grants.c.id == grant.id, grants.c.seq == grant.seq - 1)
        .values(
            items=grant.items,
            state=grant.state.value,
            seq=grant.seq,
            changed_at=grant.changed_at,
            hash=grant.hash,
        )
    )


async def step_back(tx: Transaction, grant: Grant) -> None:
    """Let a consent no longer be the newest of its person under its agreement."""
    await tx.connection.execute(
        update(grants).where(grants.c.id == grant.id, is_newest).values(newest=False)
    )


async def events(tx: Transaction, grant_ids: Sequence[UUID]) -> list[GrantEvent]:
    """The events of these consents, each one's oldest first."""
    query = (
        select(
            grant_events.c.grant_id,
            grant_events.c.seq,
            grant_events.c.kind,
            grant_events.c.at,
            grant_events.c.actor_kind,
            grant_events.c.actor_id,
            grant_events.c.content,
            grant_events.c.prev_hash,
            grant_events.c.hash,
        )
        .where(grant_events.c.grant_id.in_(spread(grant_ids)))
        .order_by(grant_events.c.grant_id, grant_events.c.seq)
    )
    return [_event(row) for row in await fetch_all(tx, query, _EventRow)]


def _row(event: GrantEvent) -> dict[str, Any]:
    return {
        "grant_id": event.grant_id,
        "seq": event.seq,
        "kind": event.kind,
        "at": event.at,
        "actor_kind": event.actor.kind.value,
        "actor_id": event.actor.id,
        "content": event.content,
        "prev_hash": event.prev_hash,
        "hash": event.hash,
    }


def _event(row: _EventRow) -> GrantEvent:
    return GrantEvent(
        grant_id=row.grant_id,
        seq=row.seq,
        kind=row.kind,
        at=row.at,
        actor=Actor(kind=row.actor_kind, id=row.actor_id),
        content=row.content,
        prev_hash=row.prev_hash,
        hash=row.hash,
    )
