"""Moves the blind indexes to a new key, and to the newest rules, while they are in use.

Begin: the new version is written beside the old. Reindex: every record's tags are made anew
from what is sealed, a page at a time. Settle: once no record is behind, the old rows go, and
the old key may be retired. Values are opened, tagged and forgotten in this module (ADR-0012).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

import msgspec
from sqlalchemy import Select, delete, func, select, tuple_, update

from policies.vocabulary import Action, Actor, ActorKind, Outcome, SubjectId
from vault import (
    access_log,
    attribute_heads,
    blind_index,
    domain_keys,
    index_versions,
    key_epoch,
    sealed_groups,
    version_jobs,
)
from vault import database as db
from vault.access_log import Line
from vault.blind_index import Entry
from vault.database import Database, Transaction
from vault.index_held import Live
from vault.index_kinds import KINDS, Path
from vault.index_versions import DOMAIN
from vault.keyring import Keyring
from vault.sealed_groups import Opened
from vault.version_jobs import Progress

PAGE: Final = 500
"""Records to a transaction: some 100 ms, for which a writer to one of them may wait."""
DROPPED: Final = 10_000
"""Rows that go in one transaction."""
ACTOR: Final = Actor(kind=ActorKind.SYSTEM, id="reindex")

_table: Final = blind_index.blind_index
_GROUPS: Final = tuple(dict.fromkeys(kind.group for kind in KINDS.values()))


class Behind(msgspec.Struct, frozen=True, kw_only=True):
    """The older versions are still needed: nothing was dropped."""

    rows: int
    """Of older versions, whose record has none of that index in the active one."""
    faults: int
    unfinished: bool


async def begin(tx: Transaction, keyring: Keyring) -> int:
    """Make the next index key, with the newest rules, the active one; its version."""
    version = await domain_keys.rotate(tx, keyring.keys, DOMAIN)
    await index_versions.pin(tx)
    await key_epoch.advance(tx)
    await keyring.reload(tx)
    return version


async def reindex(
    database: Database, keyring: Keyring, report: Callable[[int, int], None]
) -> Progress:
    """Go on until every record was looked at. Killed anywhere, it goes on where it was."""
    return await version_jobs.run(database, lambda tx, worked: page(tx, keyring, worked), report)


async def page(tx: Transaction, keyring: Keyring, worked: timedelta = timedelta(0)) -> Progress:
    """Make the tags of the next records in the active version; one line of the log for all."""
    live = (await index_versions.for_writing(tx, keyring))[:1]
    job = await version_jobs.held(tx, DOMAIN, live[0].version)
    if job.finished_at is not None:
        return job
    records = await _next(tx, job)
    faults = await _made(tx, keyring, records, live) if records else 0
    return await version_jobs.advanced(
        tx, job, records, faults=faults, total=await _records(tx), worked=worked
    )


async def settle(tx: Transaction) -> Behind | None:
    """Let the older versions answer no more, or say why they still must.

    Nothing is locked while it is counted: every write goes to the active version too, so that
    fewer can be behind after, never more. The rows go by `drop`.
    """
    live = await db.fetch_all(tx, index_versions.live(), Live)
    job = await version_jobs.of(tx, DOMAIN, live[0].version)
    rows = await behind(tx, live)
    unfinished = len(live) > 1 and (job is None or job.finished_at is None)
    faults = job.faults if job else 0
    if len(live) > 1 and (rows or unfinished or faults):
        return Behind(rows=rows, faults=faults, unfinished=unfinished)
    versions = index_versions.index_versions
    older = versions.c.version < live[0].version
    await tx.connection.execute(
        update(versions).where(older, versions.c.dropped_at.is_(None)).values(dropped_at=tx.now)
    )
    return None


async def drop(tx: Transaction) -> int:
    """Delete some rows of versions that were settled; how many. 0: none is left."""
    versions = index_versions.index_versions
    gone = select(versions.c.version).where(versions.c.dropped_at.is_not(None))
    some = select(*_table.primary_key.columns).where(
        _table.c.name.in_(list(KINDS)), _table.c.version.in_(gone)
    )
    done = await tx.connection.execute(
        delete(_table).where(tuple_(*_table.primary_key.columns).in_(some.limit(DROPPED)))
    )
    return done.rowcount


async def drop_all(database: Database) -> None:
    """Delete every row of the versions that were settled, some at a time."""
    while True:
        async with db.begin(database) as tx:
            if not await drop(tx):
                return


async def uses(tx: Transaction, version: int) -> int:
    """How many rows are a version's."""
    query = select(func.count()).select_from(_table).where(_table.c.version == version)
    return await tx.connection.scalar(query) or 0


async def behind(tx: Transaction, live: Sequence[Live]) -> int:
    """How many rows of older versions would be lost, were these dropped now."""
    newer = _table.alias()
    found: Select[Any] = select(newer.c.record).where(
        newer.c.record == _table.c.record,
        newer.c.name == _table.c.name,
        newer.c.version == live[0].version,
    )
    query = (
        select(func.count())
        .select_from(_table)
        .where(_table.c.version.in_([each.version for each in live[1:]]), ~found.exists())
    )
    return await tx.connection.scalar(query) or 0


async def _records(tx: Transaction) -> int:
    heads = attribute_heads.attribute_heads
    return await tx.connection.scalar(select(func.count()).select_from(heads)) or 0


async def _next(tx: Transaction, job: Progress) -> list[SubjectId]:
    """The next records, their heads held: what they say does not change meanwhile."""
    heads = attribute_heads.attribute_heads
    query = select(heads.c.record).order_by(heads.c.record).limit(PAGE).with_for_update()
    if job.last is not None:
        query = query.where(heads.c.record > job.last)
    return [SubjectId(record) for record in await tx.connection.scalars(query)]


async def _made(
    tx: Transaction, keyring: Keyring, records: Sequence[SubjectId], live: Sequence[Live]
) -> int:
    """Write the tags of these records; how many have a fault."""
    detail = f"blind-index v{live[0].version}: {len(records)}"
    line = Line(actor=ACTOR, action=Action.REINDEX, outcome=Outcome.GIVEN, detail=detail)
    await access_log.record(tx, keyring, [line])
    keys = await keyring.subject(tx, records, "data")
    spots = [(record, group) for record in records for group in _GROUPS]
    opened = await sealed_groups.open_all(tx, keys, spots)
    faulty = {record for (record, _), values in opened.items() if isinstance(values, str)}
    rows = [
        row
        for record in records
        for entry in _entries(record, opened)
        for row in blind_index.rows_of(keyring, entry, live)
    ]
    there = await blind_index.keep(tx, rows) if rows else set()
    faulty |= {row["record"] for row in rows if blind_index.key(row) not in there}
    return len(faulty)


def _entries(record: SubjectId, opened: Mapping[Any, Opened]) -> Iterator[Entry]:
    """What a record is to be found by, as it is sealed."""
    for name, kind in KINDS.items():
        values = opened[record, kind.group]
        if isinstance(values, str):
            continue
        for paths in kind.values:
            parts = tuple(_at(values, path) for path in paths)
            if all(parts):
                yield Entry(record=record, name=name, value=parts if len(parts) > 1 else parts[0])


def _at(values: Any, path: Path) -> str:
    for step in path:
        values = values.get(step) if isinstance(values, dict) else None
    return str(values or "")
