"""Long work on keys: how far it got, written in the transaction of each step.

A pass goes over the bottom nodes of the tree of keys, in lanes: ranges that several processes may
work on at once; and then over what is above, in one.
"""

from datetime import datetime
from itertools import pairwise
from typing import Final
from uuid import UUID, uuid4

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    SmallInteger,
    String,
    Table,
    Uuid,
    func,
    insert,
    select,
    update,
)

from vault.database import Instant, Transaction, fetch_all, fetch_one, metadata

LANES: Final = 8
"""How many processes may work on one pass."""
BOTTOM: Final = 1
"""The level of the nodes that records' keys hang from."""

_BEGINNING: Final = 0x6A6F6273  # «jobs»: the advisory lock of those who begin a pass

key_jobs: Final = Table(
    "key_jobs",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("lane", SmallInteger, primary_key=True, autoincrement=False),
    Column("what", String(32), nullable=False),
    Column("level", SmallInteger, nullable=False),
    Column("next", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("done", BigInteger, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("errors", BigInteger, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("finished_at", Instant),
)


class Lane(msgspec.Struct, frozen=True, kw_only=True):
    """A range of nodes that one process goes over at a time."""

    id: UUID
    """Of the pass."""
    lane: int
    what: str
    level: int
    """Of the nodes."""
    next: int
    """The node that is next."""
    until: int
    """The node before which the lane ends."""
    done: int = 0
    total: int
    """Records of the whole pass, as counted when it began."""
    errors: int = 0
    """Records that were left as they are, because something of them does not open."""
    started_at: datetime
    finished_at: datetime | None = None


class Pass(msgspec.Struct, frozen=True, kw_only=True):
    """One pass over records, all lanes together."""

    id: UUID
    what: str
    done: int
    total: int
    errors: int


async def begun(tx: Transaction, what: str, *, nodes: int, above: int, total: int) -> UUID:
    """The unfinished pass of this kind, or a new one: so many bottom nodes, so many above them."""
    if tx.connection.dialect.name == "postgresql":  # SQLite has one writer
        await tx.connection.execute(select(func.pg_advisory_xact_lock(_BEGINNING)))
    query = select(key_jobs.c.id).where(key_jobs.c.what == what, key_jobs.c.finished_at.is_(None))
    found = await tx.connection.scalar(query.order_by(key_jobs.c.started_at).limit(1))
    if found is not None:
        return UUID(bytes=found.bytes)
    new = uuid4()
    bounds = [nodes * lane // LANES for lane in range(LANES + 1)]
    ranges = [(BOTTOM, *each) for each in pairwise(bounds)] + [(BOTTOM + 1, 0, above)]
    lanes = [
        Lane(
            id=new,
            lane=number,
            what=what,
            level=level,
            next=start,
            until=end,
            total=total,
            started_at=tx.now,
            finished_at=tx.now if start == end else None,
        )
        for number, (level, start, end) in enumerate(ranges)
    ]
    await tx.connection.execute(insert(key_jobs), [msgspec.structs.asdict(each) for each in lanes])
    return new


async def lanes(tx: Transaction, id_: UUID) -> list[Lane]:
    """The lanes of a pass, from left to right; the last is what is above."""
    return await fetch_all(tx, _lanes.where(key_jobs.c.id == id_).order_by(key_jobs.c.lane), Lane)


async def locked(tx: Transaction, lane: Lane) -> Lane:
    """The lane as it stands, held against others until commit."""
    query = _lanes.where(key_jobs.c.id == lane.id, key_jobs.c.lane == lane.lane)
    return await fetch_one(tx, query.with_for_update(), Lane) or lane


async def advanced(tx: Transaction, lane: Lane, *, to: int, done: int, errors: int) -> Lane:
    """Note one step more; the lane ends with its last node."""
    now = msgspec.structs.replace(
        lane,
        next=to,
        done=lane.done + done,
        errors=lane.errors + errors,
        finished_at=tx.now if to >= lane.until else None,
    )
    where = key_jobs.c.id == lane.id, key_jobs.c.lane == lane.lane
    values = {
        "next": now.next,
        "done": now.done,
        "errors": now.errors,
        "finished_at": now.finished_at,
    }
    await tx.connection.execute(update(key_jobs).where(*where).values(values))
    return now


async def told(tx: Transaction, id_: UUID) -> Pass:
    """How far a pass is, that was begun."""
    (found,) = await fetch_all(tx, _passes.where(key_jobs.c.id == id_), Pass)
    return found


async def unfinished(tx: Transaction) -> list[Pass]:
    """Every pass that was begun and not ended."""
    open_ones = select(key_jobs.c.id).where(key_jobs.c.finished_at.is_(None))
    return await fetch_all(tx, _passes.where(key_jobs.c.id.in_(open_ones)), Pass)


_lanes: Final = select(
    key_jobs.c.id,
    key_jobs.c.lane,
    key_jobs.c.what,
    key_jobs.c.level,
    key_jobs.c.next,
    key_jobs.c.until,
    key_jobs.c.done,
    key_jobs.c.total,
    key_jobs.c.errors,
    key_jobs.c.started_at,
    key_jobs.c.finished_at,
)
_passes: Final = select(
    key_jobs.c.id,
    key_jobs.c.what,
    func.sum(key_jobs.c.done).cast(BigInteger).label("done"),
    func.max(key_jobs.c.total).label("total"),
    func.sum(key_jobs.c.errors).cast(BigInteger).label("errors"),
).group_by(key_jobs.c.id, key_jobs.c.what)
