"""Long work on keys: how far it got, written in the transaction of each step."""

from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

import msgspec
from sqlalchemy import BigInteger, Column, String, Table, Uuid, insert, select, update

from vault.database import Instant, Transaction, fetch_all, fetch_one, metadata

key_jobs: Final = Table(
    "key_jobs",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("what", String(32), nullable=False),
    Column("last", Uuid),
    Column("done", BigInteger, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("errors", BigInteger, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("finished_at", Instant),
)


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One pass over records or nodes."""

    id: UUID
    what: str
    last: UUID | None = None
    """The last record that was done."""
    done: int = 0
    total: int
    """As counted when it began."""
    errors: int = 0
    """Records that were left as they are, because something of them does not open."""
    started_at: datetime
    finished_at: datetime | None = None


async def begun(tx: Transaction, what: str, total: int) -> Job:
    """The unfinished pass of this kind, or a new one."""
    query = _jobs.where(key_jobs.c.what == what, key_jobs.c.finished_at.is_(None))
    found = await fetch_one(tx, query.order_by(key_jobs.c.started_at).limit(1), Job)
    if found is not None:
        return found
    job = Job(id=uuid4(), what=what, total=total, started_at=tx.now)
    await tx.connection.execute(insert(key_jobs).values(msgspec.structs.asdict(job)))
    return job


async def locked(tx: Transaction, job: Job) -> Job:
    """The pass as it stands, held against others until commit."""
    query = _jobs.where(key_jobs.c.id == job.id).with_for_update()
    return await fetch_one(tx, query, Job) or job


async def advanced(tx: Transaction, job: Job, *, last: UUID | None, done: int, errors: int) -> Job:
    """Note one step more."""
    return await _keep(
        tx,
        msgspec.structs.replace(job, last=last, done=job.done + done, errors=job.errors + errors),
    )


async def ended(tx: Transaction, job: Job) -> Job:
    """Note that nothing is left to do."""
    return await _keep(tx, msgspec.structs.replace(job, finished_at=tx.now))


async def unfinished(tx: Transaction) -> list[Job]:
    """Every pass that was begun and not ended."""
    return await fetch_all(tx, _jobs.where(key_jobs.c.finished_at.is_(None)), Job)


async def _keep(tx: Transaction, job: Job) -> Job:
    values = {
        "last": job.last,
        "done": job.done,
        "errors": job.errors,
        "finished_at": job.finished_at,
    }
    await tx.connection.execute(update(key_jobs).where(key_jobs.c.id == job.id).values(values))
    return job


_jobs: Final = select(
    key_jobs.c.id,
    key_jobs.c.what,
    key_jobs.c.last,
    key_jobs.c.done,
    key_jobs.c.total,
    key_jobs.c.errors,
    key_jobs.c.started_at,
    key_jobs.c.finished_at,
)
