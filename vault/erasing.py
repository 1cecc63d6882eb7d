"""Forgets records for ever: their keys are destroyed, what they sealed and what finds them goes.

A tombstone stays, in the store and as an entry of the access log, so that nothing brings an
erased record back. The log's own keys outlive the data's by a legal term (ADR-0015).
"""

from collections.abc import AsyncIterator, Sequence
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy import Column, ColumnElement, Select, Table, and_, delete, func, select, true

from policies.vocabulary import SubjectId
from vault import (
    access_log,
    attribute_heads,
    key_epoch,
    log_chain,
    log_chains,
    log_forgotten,
    subject_keys,
    tombstones,
)
from vault.access_log import Line
from vault.attribute_heads import attribute_heads as heads
from vault.blind_index import blind_index
from vault.database import Transaction, spread
from vault.keyring import Keyring
from vault.sealed_groups import sealed_attributes
from vault.subject_keys import Kind
from vault.tombstones import Tombstone

SCANNED: Final = 1_000
"""Records per page where all of them are looked at: some milliseconds, while others wait."""

keys: Final = subject_keys.subject_keys
_HELD: Final[tuple[tuple[str, Table, Column[UUID], ColumnElement[bool]], ...]] = (
    ("keys", keys, keys.c.subject, keys.c.kind == Kind.DATA.value),
    ("heads", heads, heads.c.record, true()),
    ("sealed-groups", sealed_attributes, sealed_attributes.c.record, true()),
    ("index-entries", blind_index, blind_index.c.record, true()),
)
"""Everything the vault holds of a record, and by which column."""


class Erased(msgspec.Struct, frozen=True, kw_only=True):
    """What an erasure did."""

    rows: dict[str, int]
    """How many rows of each kind went."""
    epoch: int
    """From this key epoch on, no process opens anything of these records."""
    tombstones: tuple[Tombstone, ...]
    """The new ones: a record that was erased before has its own already."""
    entries: dict[SubjectId, UUID]
    """The access-log entry of each record that has a new tombstone."""


async def erase(
    tx: Transaction,
    keyring: Keyring,
    records: Sequence[SubjectId],
    *,
    certificate: UUID,
    line: Line,
) -> Erased:
    """Forget these records; to do it twice is to do it once. `line` is logged of each.

    Raises:
        TamperedError: what hangs beside one of their keys does not open: it would be lost too.
    """
    rows = await destroy(tx, keyring, records)
    # The counter before the chain: whoever advances it has the chain to itself until commit.
    epoch = await key_epoch.advance(tx)
    gone = await tombstones.among(tx, keyring, records)
    fresh = [record for record in dict.fromkeys(records) if record not in gone]
    stones = await tombstones.add(tx, keyring, fresh, epoch=epoch, certificate=certificate)
    known = await subject_keys.read(tx, keyring.log_tree, fresh) if fresh else {}
    lines = [
        msgspec.structs.replace(
            line, subject=record if record in known else None, detail=tombstones.to_detail(stone)
        )
        for record, stone in zip(fresh, stones, strict=True)
    ]
    entries = await access_log.record(tx, keyring, lines)
    told = dict(zip(fresh, entries, strict=True))
    return Erased(rows=rows, epoch=epoch, tombstones=tuple(stones), entries=told)


async def destroy(
    tx: Transaction, keyring: Keyring, records: Sequence[SubjectId]
) -> dict[str, int]:
    """Take away all that is held of these records; how many rows of each kind there were.

    Raises:
        TamperedError: what hangs beside one of their keys does not open.
    """
    tree = keyring.trees[Kind.DATA]
    # Nodes, then heads, then keys: the order of everyone who locks more than one.
    loosened = await subject_keys.loosen(tx, tree, records)
    await attribute_heads.rows(tx, records, locked=True)
    rows = {"keys": await subject_keys.drop(tx, tree, records, loosened)}
    for kind, table, record, where in _HELD[1:]:
        gone = delete(table).where(record.in_(spread(records)), where)
        rows[kind] = (await tx.connection.execute(gone)).rowcount
    keyring.forget()
    return rows


async def held(tx: Transaction, records: Sequence[SubjectId]) -> dict[str, int]:
    """How many rows of each kind `destroy` would take away."""
    found = {}
    for kind, table, record, where in _HELD:
        query = select(func.count()).select_from(table).where(record.in_(spread(records)), where)
        found[kind] = await tx.connection.scalar(query) or 0
    return found


async def revived(tx: Transaction, keyring: Keyring) -> AsyncIterator[SubjectId]:
    """Records that are erased and of which something is there all the same."""
    gone = await tombstones.tags(tx)
    if not gone:
        return
    for kind, table, record, where in _HELD:
        query = select(record).where(where).distinct().order_by(record).limit(SCANNED)
        if kind != "keys":  # who has a key is looked at already
            on = and_(keys.c.subject == record, keys.c.kind == Kind.DATA.value)
            query = query.select_from(table.outerjoin(keys, on)).where(keys.c.subject.is_(None))
        last: UUID | None = None
        while page := await _page(tx, query if last is None else query.where(record > last)):
            last = page[-1]
            marks = tombstones.marks(keyring, page)
            for found in dict.fromkeys(marks[tag] for tag in marks.keys() & gone):
                yield found


async def forget_logs(tx: Transaction, keyring: Keyring, records: Sequence[SubjectId]) -> int:
    """Destroy these records' log keys: their entries stay in the tree and name nobody any more.

    Raises:
        TamperedError: what hangs beside one of them does not open.
    """
    opened = await subject_keys.read(tx, keyring.log_tree, records)
    handles = await subject_keys.handles(tx, Kind.LOG, records)
    done = await subject_keys.destroy(tx, keyring.log_tree, records)
    await log_chains.forget(tx, opened)
    await log_forgotten.remember(tx, keyring, handles.values())
    await log_forgotten.untag(tx, keyring, handles, await log_chain.months(tx))
    await key_epoch.advance(tx)
    keyring.forget()
    return done


async def log_keys_alone(
    tx: Transaction, after: SubjectId | None, *, limit: int = SCANNED
) -> list[SubjectId]:
    """Records that have a log key and no data key, in order: the erased."""
    data = keys.alias()
    query = (
        select(keys.c.subject)
        .outerjoin(data, and_(data.c.subject == keys.c.subject, data.c.kind == Kind.DATA.value))
        .where(keys.c.kind == Kind.LOG.value, data.c.subject.is_(None))
        .order_by(keys.c.subject)
        .limit(limit)
    )
    if after is not None:
        query = query.where(keys.c.subject > after)
    return [SubjectId(found) for found in await tx.connection.scalars(query)]


async def _page(tx: Transaction, query: Select[UUID]) -> list[SubjectId]:
    return [SubjectId(found) for found in await tx.connection.scalars(query)]
