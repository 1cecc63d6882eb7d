"""Records get new keys while the service runs: sealed anew under the next one, node by node.

A pass walks the tree of keys from left to right. What hangs from some nodes is read and sealed
anew ahead, holding nothing; then, in one transaction, the nodes are renewed and what was sealed is
written, of each record that is as it was read. How far it got is written in that transaction, so a
kill costs one step. The keys that were replaced are then behind a root that is rotated next, and
destroyed after the horizon.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, func, select

from policies.vocabulary import SubjectId
from vault import attribute_heads, key_jobs, resealing, subject_keys
from vault.attribute_heads import attribute_heads as heads
from vault.database import Database, Transaction, begin, read, spread
from vault.key_jobs import Lane, Pass
from vault.key_tree import BOTTOM, FAN_BITS
from vault.keyring import Keyring
from vault.resealing import Anew
from vault.sealed_groups import sealed_attributes
from vault.subject_keys import Kind
from vault.subject_keys import subject_keys as keys

NODES: Final = 32
"""Nodes per transaction, 1,024 records: what a kill costs, and what a writer may wait for."""

Progress = Callable[[int, int], None]
"""Called with (done, of how many)."""


class Ahead(msgspec.Struct, frozen=True, kw_only=True):
    """What hangs from some nodes, read and sealed anew before it is written."""

    nodes: range
    ready: Mapping[SubjectId, Anew]
    shut: Sequence[SubjectId]
    """Of these something does not open: they are left as they are."""
    lost: frozenset[int]
    """Nodes that a key hangs from that does not open: it would be lost, so they stay."""


async def begun(database: Database) -> UUID:
    """The pass that is unfinished, or a new one: every record that has a data key gets a new one.

    Several processes may take part in it, and whoever began it ends it. Two that do the same part
    do no harm: each step holds its lane.
    """
    async with begin(database) as tx:
        last = await subject_keys.last_node(tx, Kind.DATA)
        nodes, above = (0, 0) if last is None else (last + 1, (last >> FAN_BITS) + 1)
        total = await records(tx)
        return await key_jobs.begun(tx, "records", nodes=nodes, above=above, total=total)


async def take_part(
    database: Database,
    keyring: Keyring,
    number: UUID,
    progress: Progress,
    *,
    part: int = 0,
    of: int = 1,
) -> None:
    """Do one part of a pass, of so many that go on at once: every so-manieth lane, to its end.

    And then, from the last, what nobody has begun meanwhile: who starts late has less to do.
    """
    async with read(database) as tx:
        *lanes, _above = await key_jobs.lanes(tx, number)
    own = lanes[part::of]
    for lane in (*own, *(each for each in reversed(lanes) if each not in own)):
        async with read(database) as tx:
            now = (await key_jobs.lanes(tx, number))[lane.lane]
        if now == lane:  # it stands where it stood: nobody is at it
            await _go_over(database, keyring, lane, progress)


async def end(database: Database, keyring: Keyring, number: UUID, progress: Progress) -> Pass:
    """Do what no part has done, then renew what is above the bottom nodes; what the pass did."""
    async with read(database) as tx:
        *lanes, lane = await key_jobs.lanes(tx, number)
    for each in lanes:
        await _go_over(database, keyring, each, progress)
    while lane.finished_at is None:
        async with begin(database) as tx:
            lane = await _step_above(tx, keyring, await key_jobs.locked(tx, lane))
    async with read(database) as tx:
        return await key_jobs.told(tx, number)


async def records(tx: Transaction) -> int:
    """How many records have a data key."""
    count = select(func.count()).where(keys.c.kind == Kind.DATA.value)
    return await tx.connection.scalar(count) or 0


async def _go_over(database: Database, keyring: Keyring, lane: Lane, progress: Progress) -> None:
    ahead = None
    while lane.finished_at is None:
        if ahead is None or ahead.nodes.start != lane.next:  # another process was there meanwhile
            ahead = await _look_ahead(database, keyring, lane, lane.next)
        # What comes next is sealed while the store writes.
        following = asyncio.create_task(_look_ahead(database, keyring, lane, ahead.nodes.stop))
        try:
            async with begin(database) as tx:
                lane = await _step(tx, keyring, await key_jobs.locked(tx, lane), ahead)
                so_far = await key_jobs.told(tx, lane.id)
            progress(so_far.done, so_far.total)
            ahead = await following
        finally:
            following.cancel()


async def _look_ahead(database: Database, keyring: Keyring, lane: Lane, start: int) -> Ahead:
    nodes = range(start, min(start + NODES, lane.until))
    if not nodes:
        return Ahead(nodes=nodes, ready={}, shut=(), lost=frozenset())
    async with read(database) as tx:
        await keyring.refresh(tx)
        hanging = await subject_keys.beneath(tx, keyring.trees[Kind.DATA], nodes, lane.started_at)
        listed = attribute_heads.query.join(keys, keys.c.subject == heads.c.record)
        sealed = resealing.blobs.join(keys, keys.c.subject == sealed_attributes.c.record)
        rows = (await tx.connection.execute(listed.where(*_beneath(nodes)))).all()
        blobs = (await tx.connection.execute(sealed.where(*_beneath(nodes)))).all()
        wanted = {row.subject: key for row, key in hanging if not row.young}
        back = await keyring.put_back(tx, list(wanted))
    opened = {
        record: key for record, key in wanted.items() if key is not None and record not in back
    }
    ready = await resealing.seal(opened, {row.record: row for row in rows}, blobs)
    return Ahead(
        nodes=nodes,
        ready=ready,
        shut=[record for record in wanted if record not in ready],
        lost=frozenset(row.node for row, key in hanging if key is None),
    )


async def _step(tx: Transaction, keyring: Keyring, lane: Lane, ahead: Ahead) -> Lane:
    if lane.finished_at is not None or ahead.nodes.start != lane.next:
        return lane  # another process was there meanwhile
    tree = keyring.trees[Kind.DATA]
    there = await subject_keys.nodes_among(tx, Kind.DATA, ahead.nodes)
    renewed = await tree.renew(tx, there - ahead.lost, highest=BOTTOM)
    same = await _as_read(tx, ahead)  # nodes come before heads, and heads before keys
    successors = {record: anew.successor for record, anew in same.items()}
    taken = await subject_keys.rehang(tx, tree, renewed, successors)
    await resealing.write(tx, {record: same[record] for record in taken})
    late = await _late(tx, {record: ahead.ready[record] for record in ahead.ready.keys() - taken})
    left = await resealing.renew(tx, keyring, late) if late else []
    return await key_jobs.advanced(
        tx,
        lane,
        to=ahead.nodes.stop,
        done=len(taken) + len(late) + len(ahead.shut),
        errors=len(left) + len(ahead.shut),
    )


async def _step_above(tx: Transaction, keyring: Keyring, lane: Lane) -> Lane:
    if lane.finished_at is not None:
        return lane  # another process ended it
    span = range(lane.next, min(lane.next + NODES, lane.until))
    tree = keyring.trees[Kind.DATA]
    await tree.renew(tx, await tree.there(tx, span, lane.level), lowest=lane.level)
    return await key_jobs.advanced(tx, lane, to=span.stop, done=0, errors=0)


async def _as_read(tx: Transaction, ahead: Ahead) -> dict[SubjectId, Anew]:
    """Those whose head is as it was read; the heads are held against change until commit."""
    query = (
        select(heads.c.record, heads.c.mac)
        .join(keys, keys.c.subject == heads.c.record)
        .where(*_beneath(ahead.nodes))
        .order_by(heads.c.record)
        .with_for_update(of=heads)
    )
    found = {row.record: row.mac for row in await tx.connection.execute(query)}
    return {record: anew for record, anew in ahead.ready.items() if anew.head == found.get(record)}


async def _late(tx: Transaction, moved: Mapping[SubjectId, Anew]) -> list[SubjectId]:
    """Those that were written to since they were read, and still have the key to be followed."""
    handles = await subject_keys.handles(tx, Kind.DATA, sorted(moved)) if moved else {}
    return [
        record for record, handle in handles.items() if handle == moved[record].successor.follows
    ]


def _beneath(nodes: Sequence[int]) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return keys.c.kind == Kind.DATA.value, keys.c.node.in_(spread(nodes))
