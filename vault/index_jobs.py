"""How far the making anew of the indexes under one key version has come."""

from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy import Column, Integer, Table, Uuid, func, select, update

from vault.attribute_heads import attribute_heads
from vault.database import Instant, Transaction, fetch_one, insert_new, metadata

index_jobs: Final = Table(
    "index_jobs",
    metadata,
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
_COLUMNS: Final = tuple(index_jobs.c)


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """Where a job stands. It goes on from here, whoever runs it."""

    version: int
    last: UUID | None = None
    """The last record that was looked at."""
    done: int = 0
    total: int = 0
    faults: int = 0
    """Records that do not open, or whose number is another's by the newer rules."""
    milliseconds: int = 0
    """Worked, not waited: what lies between two runs is not counted."""
    started_at: datetime
    updated_at: datetime
    finished_at: datetime | None = None

    @property
    def rate(self) -> float:
        """Records a second."""
        return self.done * 1_000 / max(self.milliseconds, 1)

    @property
    def seconds_left(self) -> float:
        """At this rate; 0 once finished."""
        left = 0 if self.finished_at else max(self.total - self.done, 0)
        return left / max(self.rate, 1e-9) if left else 0.0


async def held(tx: Transaction, version: int) -> Progress:
    """The job of a version, new or as it was left, held until commit: of two runs one waits."""
    new = Progress(version=version, started_at=tx.now, updated_at=tx.now)
    await insert_new(tx, index_jobs, [msgspec.structs.asdict(new)])
    query = select(*_COLUMNS).where(index_jobs.c.version == version).with_for_update()
    found = await fetch_one(tx, query, Progress)
    return found or new


async def of(tx: Transaction, version: int) -> Progress | None:
    """The job of a version, to be looked at; None if none was begun."""
    query = select(*_COLUMNS).where(index_jobs.c.version == version)
    return await fetch_one(tx, query, Progress)


async def keep(tx: Transaction, progress: Progress) -> None:
    """Keep where a job stands, with the page that brought it there."""
    values = msgspec.structs.asdict(progress) | {"updated_at": tx.now}
    await tx.connection.execute(
        update(index_jobs).where(index_jobs.c.version == progress.version).values(values)
    )


async def records(tx: Transaction) -> int:
    """How many records there are to look at."""
    return await tx.connection.scalar(select(func.count()).select_from(attribute_heads)) or 0
