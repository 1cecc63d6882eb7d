"""How far each import got, and what it rejected: written in the batch's own transaction."""

import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec
from sqlalchemy import Column, Integer, String, Table, insert, select, update

from identity.registry.import_lines import Source
from identity.registry.person import Problem
from vault.database import Instant, Transaction, fetch_one, insert_new, metadata

import_runs: Final = Table(
    "import_runs",
    metadata,
    Column("what", String(16), primary_key=True),
    Column("digest", String(64), primary_key=True),
    Column("line", Integer, nullable=False),
    Column("taken", Integer, nullable=False),
    Column("rejected", Integer, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("finished_at", Instant),
)
import_rejects: Final = Table(
    "import_rejects",
    metadata,
    Column("what", String(16), primary_key=True),
    Column("digest", String(64), primary_key=True),
    Column("line", Integer, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("field", String(64), nullable=False),
    Column("reason", String(64), nullable=False),
)


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One import of one content. The same file again goes on where this stands."""

    what: str
    digest: str
    line: int = 0
    """The last line that was looked at."""
    taken: int = 0
    rejected: int = 0
    finished_at: datetime | None = None


class Reject(msgspec.Struct, frozen=True, kw_only=True):
    """One line that was not taken, and why. No value of it."""

    line: int
    problems: tuple[Problem, ...]


async def begun(tx: Transaction, what: str, source: Source) -> Run:
    """The run of a file, new or as it was left, locked until commit."""
    new = Run(what=what, digest=source.digest)
    row = msgspec.structs.asdict(new) | {"started_at": tx.now}
    await insert_new(tx, import_runs, [row])
    query = select(
        import_runs.c.what,
        import_runs.c.digest,
        import_runs.c.line,
        import_runs.c.taken,
        import_runs.c.rejected,
        import_runs.c.finished_at,
    ).where(import_runs.c.what == what, import_runs.c.digest == source.digest)
    return await fetch_one(tx, query.with_for_update(), Run) or new


async def advance(tx: Transaction, run: Run, rejects: Sequence[Reject]) -> None:
    """Move a run on, with what was rejected on the way."""
    await tx.connection.execute(
        update(import_runs)
        .where(import_runs.c.what == run.what, import_runs.c.digest == run.digest)
        .values(
            line=run.line,
            taken=run.taken,
            rejected=run.rejected,
            finished_at=run.finished_at,
        )
    )
    rows = [
        {
            "what": run.what,
            "digest": run.digest,
            "line": reject.line,
            "position": position,
            "field": problem.field,
            "reason": problem.reason,
        }
        for reject in rejects
        for position, problem in enumerate(reject.problems)
    ]
    if rows:
        await tx.connection.execute(insert(import_rejects), rows)


async def write_rejects(tx: Transaction, run: Run, path: Path) -> None:
    """Write the whole report, as JSON Lines of line, field and reason; whole or not at all."""
    query = (
        select(import_rejects.c.line, import_rejects.c.field, import_rejects.c.reason)
        .where(import_rejects.c.what == run.what, import_rejects.c.digest == run.digest)
        .order_by(import_rejects.c.line, import_rejects.c.position)
    )
    beside = path.with_name(f".{path.name}.part")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        for row in await tx.connection.execute(query):
            told = {"line": row.line, "field": row.field, "reason": row.reason}
            out.write(msgspec.json.encode(told) + b"\n")
    beside.replace(path)
