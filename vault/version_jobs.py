"""How far the moving of what one version of a domain's key made to the next has come."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy import Column, ColumnElement, Integer, String, Table, Uuid, select, update

from vault.database import (
    Database,
    Instant,
    Transaction,
    begin,
    fetch_one,
    insert_new,
    metadata,
)

version_jobs: Final = Table(
    "version_jobs",
    metadata,
    Column("domain", String(32), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("last", Uuid),
    Column("done", Integer, nullable=False),
    Column("total", Integer, nullable=False),
    Column("faults", Integer, nullable=False),
    Column("milliseconds", Integer, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("finished_at", Instant),
)
_COLUMNS: Final = tuple(version_jobs.c)


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """Where a job stands. It goes on from here, whoever runs it."""

    domain: str
    version: int
    """The one that is moved to."""
    last: UUID | None = None
    """The last record, or entry, that was looked at."""
    done: int = 0
    total: int = 0
    faults: int = 0
    """Those that do not open, or whose number is another's by the newer rules."""
    milliseconds: int = 0
    """Worked, not waited: what lies between two runs is not counted."""
    started_at: datetime
    updated_at: datetime
    finished_at: datetime | None = None

    @property
    def rate(self) -> float:
        """How many a second."""
        return self.done * 1_000 / max(self.milliseconds, 1)

    @property
    def seconds_left(self) -> float:
        """At this rate; 0 once finished."""
        left = 0 if self.finished_at else max(self.total - self.done, 0)
        return left / max(self.rate, 1e-9) if left else 0.0


Page = Callable[[Transaction, timedelta], Awaitable[Progress]]
"""Does the next of a job, told how long the page before took."""
_MILLISECOND: Final = timedelta(milliseconds=1)


async def held(tx: Transaction, domain: str, version: int) -> Progress:
    """The job of a version, new or as it was left, held until commit: of two runs one waits."""
    new = Progress(domain=domain, version=version, started_at=tx.now, updated_at=tx.now)
    await insert_new(tx, version_jobs, [msgspec.structs.asdict(new)])
    query = select(*_COLUMNS).where(*_this(domain, version)).with_for_update()
    found = await fetch_one(tx, query, Progress)
    return found or new


async def of(tx: Transaction, domain: str, version: int) -> Progress | None:
    """The job of a version, to be looked at; None if none was begun."""
    return await fetch_one(tx, select(*_COLUMNS).where(*_this(domain, version)), Progress)


async def keep(tx: Transaction, progress: Progress) -> None:
    """Keep where a job stands."""
    values = msgspec.structs.asdict(progress) | {"updated_at": tx.now}
    where = _this(progress.domain, progress.version)
    await tx.connection.execute(update(version_jobs).where(*where).values(values))


async def advanced(
    tx: Transaction,
    job: Progress,
    page: Sequence[UUID],
    *,
    faults: int,
    total: int,
    worked: timedelta,
) -> Progress:
    """Keep how far a page brought a job, with what it did; the page that is empty ends it."""
    done = job.done + len(page)
    now = msgspec.structs.replace(
        job,
        last=page[-1] if page else job.last,
        done=done,
        total=max(total, done),
        faults=job.faults + faults,
        milliseconds=job.milliseconds + worked // _MILLISECOND,
        finished_at=None if page else tx.now,
    )
    await keep(tx, now)
    return now


async def run(
    database: Database,
    page: Page,
    report: Callable[[int, int], None],
    *,
    ready: Callable[[], Awaitable[None]] | None = None,
) -> Progress:
    """Go on, a page to a transaction, until a job is finished; `ready` is awaited before each.

    Killed anywhere, it goes on where it was.
    """
    before = None
    while True:
        if ready:
            await ready()
        async with begin(database) as tx:
            job = await page(tx, tx.now - before if before else timedelta(0))
            before = tx.now
        report(job.done, job.total)
        if job.finished_at is not None:
            return job


def _this(domain: str, version: int) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return version_jobs.c.domain == domain, version_jobs.c.version == version
