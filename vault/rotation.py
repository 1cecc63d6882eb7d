"""Records get new keys while the service runs: sealed anew under the next one, record by record.

A pass goes through the records in order; how far it got is written in the transaction of each
step, so a kill costs one step. At the end every node is renewed: the keys that were replaced
are then behind a root that is rotated next, and destroyed after the horizon.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import func, select

from policies.vocabulary import SubjectId
from vault import attribute_heads, bulk, envelope, key_jobs, subject_keys
from vault.attribute_heads import Version
from vault.ciphers import SubjectKey
from vault.database import AnyRow, Database, Transaction, begin, spread
from vault.envelope import Place
from vault.envelope_errors import TamperedError
from vault.key_jobs import Job
from vault.keyring import Keyring
from vault.sealed_groups import sealed_attributes
from vault.subject_keys import Kind

RECORDS: Final = 500
"""Records per transaction: what a kill costs, and what a writer may have to wait for."""
NODES: Final = 32
"""Nodes per transaction at the end of a pass."""

Progress = Callable[[int, int], None]
"""Called with (done, of how many)."""

_table: Final = subject_keys.subject_keys


async def rotate_records(database: Database, keyring: Keyring, progress: Progress) -> Job:
    """Give every record that has one a new data key; goes on where an unfinished pass stands.

    Two at once do no harm: each step holds the pass.
    """
    async with begin(database) as tx:
        job = await key_jobs.begun(tx, "records", await records(tx))
    while job.finished_at is None:
        async with begin(database) as tx:
            job = await _step(tx, keyring, await key_jobs.locked(tx, job))
        progress(job.done, job.total)
    await renew_all_nodes(database, keyring, Kind.DATA, progress)
    return job


async def records(tx: Transaction) -> int:
    """How many records have a data key."""
    count = select(func.count()).where(_table.c.kind == Kind.DATA.value)
    return await tx.connection.scalar(count) or 0


async def renew_all_nodes(
    database: Database, keyring: Keyring, kind: Kind, progress: Progress
) -> None:
    """Renew every node of a tree: no older row of a key opens under what is there now."""
    async with begin(database) as tx:
        last = await subject_keys.last_node(tx, kind)
        total = 0 if last is None else last + 1
        job = await key_jobs.begun(tx, f"nodes-{kind.value}", total)
    while job.finished_at is None:
        async with begin(database) as tx:
            job = await _renew_some(tx, keyring, kind, await key_jobs.locked(tx, job))
        progress(job.done, job.total)


async def renew_records(
    tx: Transaction, keyring: Keyring, records: Sequence[SubjectId]
) -> list[SubjectId]:
    """Give these records new data keys and seal all that is kept of them anew.

    Returns those that were left as they are, because something of them does not open.
    """
    tree = keyring.trees[Kind.DATA]
    grown = await subject_keys.ground(tx, tree, records)
    heads = await attribute_heads.rows(tx, records, locked=True)
    old = await keyring.held(tx, records)
    blobs = await _blobs(tx, records)
    opened = {
        record: _opened(old.get(record), heads.get(record), blobs[record]) for record in records
    }
    whole = [record for record, values in opened.items() if values is not None]
    if whole:
        new = await subject_keys.replace(tx, tree, whole, grown)
        await _reseal(tx, new, {record: opened[record] or {} for record in whole})
    return [record for record in records if opened[record] is None]


async def _step(tx: Transaction, keyring: Keyring, job: Job) -> Job:
    if job.finished_at is not None:
        return job  # another run ended it
    query = (
        select(_table.c.subject)
        .where(_table.c.kind == Kind.DATA.value, _table.c.created_at < job.started_at)
        .order_by(_table.c.subject)
        .limit(RECORDS)
    )
    if job.last is not None:
        query = query.where(_table.c.subject > job.last)
    next_ones = [SubjectId(record) for record in await tx.connection.scalars(query)]
    if not next_ones:
        return await key_jobs.ended(tx, job)
    left = await renew_records(tx, keyring, next_ones)
    return await key_jobs.advanced(
        tx, job, last=next_ones[-1], done=len(next_ones), errors=len(left)
    )


async def _renew_some(tx: Transaction, keyring: Keyring, kind: Kind, job: Job) -> Job:
    if job.finished_at is not None:
        return job  # another run ended it
    if job.done >= job.total:
        return await key_jobs.ended(tx, job)
    span = range(job.done, min(job.done + NODES, job.total))
    there = select(_table.c.node).where(_table.c.kind == kind.value, _table.c.node.in_(span))
    nodes = set(await tx.connection.scalars(there))
    if nodes:
        await subject_keys.renew_nodes(tx, keyring.trees[kind], nodes)
    return await key_jobs.advanced(tx, job, last=None, done=len(span), errors=0)


async def _blobs(
    tx: Transaction, records: Sequence[SubjectId]
) -> defaultdict[SubjectId, list[AnyRow]]:
    query = select(
        sealed_attributes.c.record,
        sealed_attributes.c.group,
        sealed_attributes.c.row_version,
        sealed_attributes.c.blob,
    ).where(sealed_attributes.c.record.in_(spread(records)))
    found: defaultdict[SubjectId, list[AnyRow]] = defaultdict(list)
    for row in await tx.connection.execute(query):
        found[row.record].append(row)
    return found


def _opened(
    key: SubjectKey | None, head: AnyRow | None, blobs: Sequence[AnyRow]
) -> dict[str, tuple[int, bytes]] | None:
    """Group → (row version, plaintext) of one record; None if not all of it opens."""
    if key is None:
        return None
    if head is None:
        return {}
    try:
        listed = attribute_heads.opened(key, head)
        found = {
            row.group: (
                row.row_version,
                envelope.unseal(
                    key.group(row.group),
                    Place(record=row.record.bytes, group=row.group),
                    row.blob,
                    row_version=row.row_version,
                ),
            )
            for row in blobs
            if listed.get(row.group) == attribute_heads.version(row.row_version, row.blob)
        }
    except TamperedError:
        return None
    return found if found.keys() == listed.keys() else None


async def _reseal(
    tx: Transaction,
    keys: Mapping[SubjectId, SubjectKey],
    opened: Mapping[SubjectId, Mapping[str, tuple[int, bytes]]],
) -> None:
    changes: list[dict[str, Any]] = []
    heads: dict[SubjectId, dict[Any, Version]] = {}
    for record, groups in opened.items():
        key = keys[record]
        for group, (number, plaintext) in groups.items():
            place = Place(record=record.bytes, group=group)
            blob = envelope.seal(key.group(group), place, plaintext, row_version=number)
            changes.append({"record": record, "group": group, "blob": blob, "updated_at": tx.now})
            heads.setdefault(record, {})[group] = attribute_heads.version(number, blob)
    if changes:
        await bulk.change(tx, sealed_attributes, ("record", "group"), changes)
        await attribute_heads.write(tx, keys, heads, heads)
