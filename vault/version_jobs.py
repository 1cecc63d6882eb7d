"""How far the moving of what one version of a domain's key made to the next has come."""

from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy import Column, ColumnElement, Integer, String, Table, Uuid, select, update

from vault.database import Instant, Transaction, fetch_one, insert_new, metadata

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
    """Keep where a job stands, with the page that brought it there."""
    values = msgspec.structs.asdict(progress) | {"updated_at": tx.now}
    where = _this(progress.domain, progress.version)
    await tx.connection.execute(update(version_jobs).where(*where).values(values))


def _this(domain: str, version: int) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return version_jobs.c.domain == domain, version_jobs.c.version == version
