"""One random key per record and kind, hung from the shred tree: to destroy it is to forget.

Two kinds with trees and lives of their own: `data` seals what is known of a record, `log`
seals who an access-log line is about, and outlives the data by the log's legal term.
"""

import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    Select,
    String,
    Table,
    Uuid,
    delete,
    func,
    select,
)
from sqlalchemy import Sequence as Numbers

from policies.vocabulary import SubjectId
from vault import bulk
from vault.ciphers import HANDLE_BYTES, SubjectKey
from vault.database import AnyRow, Instant, Transaction, metadata, spread
from vault.envelope_errors import KeyLostError, TamperedError
from vault.framing import framed
from vault.key_tree import FAN_BITS, FAN_OUT, Renewed, Tree
from vault.keys import KEY_BYTES
from vault.node_keys import NodeKey
from vault.opaque import Opaque
from vault.randomness import Drawn, Source

FIRST: Final = 1


class Kind(StrEnum):
    """What a record's key is for."""

    DATA = "data"
    LOG = "log"


Trees = Mapping[Kind, Tree]
Owners = Mapping[bytes, tuple[SubjectId, SubjectKey]]
"""Log keys by handle, and whose they are."""


class Successor(Opaque):
    """The key that is to follow one of a record, before it is kept."""

    __slots__ = ("follows", "key", "sealing")

    def __init__(self, before: SubjectKey, source: Source | None = None) -> None:
        source = source or secrets.token_bytes
        self.follows = before.handle
        self.key = source(KEY_BYTES)
        self.sealing = SubjectKey(
            key=self.key, handle=source(HANDLE_BYTES), version=before.version + 1
        )


SHARE_BYTES: Final = 4 * 1024
"""Random octets drawn at once, where many keys are wrapped."""

subject_keys: Final = Table(
    "subject_keys",
    metadata,
    Column("subject", Uuid, primary_key=True),
    Column("kind", String(8), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("handle", LargeBinary(HANDLE_BYTES), nullable=False, unique=True),
    Column("node", BigInteger, nullable=False),
    Column("node_version", Integer, nullable=False),
    Column("wrapped", LargeBinary, nullable=False),
    Column("created_at", Instant, nullable=False),
    Index("ix_subject_keys_node", "kind", "node"),
)
_places: Final = Numbers("key_places", metadata=metadata, start=0, minvalue=0)
"""Where the next record hangs, on PostgreSQL: writers that meet do not wait for one another."""


async def create(tx: Transaction, trees: Trees, subjects: Iterable[SubjectId]) -> None:
    """Make both keys of new records."""
    new = list(subjects)
    if not new:
        return
    nodes = [place >> FAN_BITS for place in await _next_places(tx, len(new))]
    rows = []
    for kind in Kind:
        grown = await trees[kind].grow(tx, set(nodes))
        rows += [
            _new(tx, kind, subject, node, grown[node])
            for subject, node in zip(new, nodes, strict=True)
        ]
    await bulk.put(tx, subject_keys, rows)


async def read(
    tx: Transaction, tree: Tree, subjects: Sequence[SubjectId]
) -> dict[SubjectId, SubjectKey]:
    """The keys of these records. One that is missing or does not open is left out."""
    query = _keys.where(
        subject_keys.c.subject.in_(spread(subjects)), subject_keys.c.kind == tree.name
    )
    return {SubjectId(row.subject): key for row, key in await _read(tx, tree, query)}


async def handles(
    tx: Transaction, kind: Kind, subjects: Sequence[SubjectId]
) -> dict[SubjectId, bytes]:
    """The handles of these records' keys as they stand."""
    query = select(subject_keys.c.subject, subject_keys.c.handle).where(
        subject_keys.c.subject.in_(spread(subjects)), subject_keys.c.kind == kind.value
    )
    return {SubjectId(row.subject): row.handle for row in await tx.connection.execute(query)}


async def log_keys(tx: Transaction, tree: Tree, handles: Sequence[bytes]) -> Owners:
    """The log keys of these handles, and whose they are. One that does not open is left out."""
    query = _keys.where(
        subject_keys.c.handle.in_(spread(handles)), subject_keys.c.kind == tree.name
    )
    return {key.handle: (SubjectId(row.subject), key) for row, key in await _read(tx, tree, query)}


async def owner(tx: Transaction, handle: bytes) -> SubjectId | None:
    """Whose key bears this handle."""
    query = select(subject_keys.c.subject).where(subject_keys.c.handle == handle)
    subject = await tx.connection.scalar(query)
    return None if subject is None else SubjectId(subject)


async def ground(tx: Transaction, tree: Tree, subjects: Sequence[SubjectId]) -> dict[int, NodeKey]:
    """The nodes that these records' keys hang from, held against renewal until commit.

    Before any head is locked: nodes come before heads, and heads before keys, for everyone.
    """
    return await tree.grow(tx, await _nodes(tx, tree, subjects))


async def succeed(
    tx: Transaction,
    tree: Tree,
    successors: Mapping[SubjectId, Successor],
    grown: Mapping[int, NodeKey],
) -> None:
    """Give each of these records its next key, on the `ground` that is held.

    What the older key sealed is the caller's to seal again. The older key is out of the store at
    once, and out of every backup once its node is renewed and the root above it destroyed.

    Raises:
        KeyLostError: a record's key is not the one that is to be followed.
    """
    query = _keys.where(
        subject_keys.c.subject.in_(spread(list(successors))), subject_keys.c.kind == tree.name
    )
    rows = (await tx.connection.execute(query)).all()
    if len(rows) < len(successors) or any(
        successors[row.subject].follows != row.handle for row in rows
    ):
        raise KeyLostError
    source = Drawn(SHARE_BYTES)
    changes = [_next(tree, row, successors[row.subject], grown[row.node], source) for row in rows]
    await bulk.change(tx, subject_keys, _ONE, changes, kind=tree.name, created_at=tx.now)


async def beneath(
    tx: Transaction, tree: Tree, nodes: Sequence[int], since: datetime
) -> list[tuple[AnyRow, SubjectKey | None]]:
    """Every key that hangs from these bottom nodes: its row, and the key if it opens.

    A row has `subject`, `node`, and `young` if it was made since.
    """
    query = _keys.add_columns((subject_keys.c.created_at >= since).label("young")).where(
        subject_keys.c.kind == tree.name, subject_keys.c.node.in_(spread(nodes))
    )
    rows = (await tx.connection.execute(query)).all()
    found = {row.subject: key for row, key in await _opened(tx, tree, rows)}
    return [(row, found.get(row.subject)) for row in rows]


async def destroy(tx: Transaction, tree: Tree, subjects: Sequence[SubjectId]) -> int:
    """Destroy these records' keys of one kind, and the way to them; how many there were.

    Raises:
        TamperedError: what hangs beside one of them does not open: it would be lost with it.
    """
    return await drop(tx, tree, subjects, await loosen(tx, tree, subjects))


async def loosen(
    tx: Transaction, tree: Tree, subjects: Sequence[SubjectId]
) -> Mapping[int, Renewed]:
    """Renew the way to these records' keys, to be dropped; what is to be locked between, is then.

    Raises:
        TamperedError: a node was altered or moved.
    """
    return await tree.renew(tx, await _nodes(tx, tree, subjects))


async def drop(
    tx: Transaction, tree: Tree, subjects: Sequence[SubjectId], loosened: Mapping[int, Renewed]
) -> int:
    """Destroy keys whose way is renewed, and hang what was beside them anew; how many there were.

    Raises:
        TamperedError: what hangs beside one of them does not open.
    """
    if not loosened:
        return 0
    of_these = (
        subject_keys.c.subject.in_(spread(subjects)),
        subject_keys.c.kind == tree.name,
    )
    done = await tx.connection.execute(delete(subject_keys).where(*of_these))
    await rehang(tx, tree, loosened, {})
    return done.rowcount


async def rehang(
    tx: Transaction,
    tree: Tree,
    renewed: Mapping[int, Renewed],
    successors: Mapping[SubjectId, Successor],
) -> set[SubjectId]:
    """Hang what hung from nodes that were renewed from what they are now; who has a next key.

    A record's successor takes its place if the key that it follows is still there.

    Raises:
        TamperedError: a key that stays does not open: it would be lost.
    """
    hanging = await _hanging(tx, tree, renewed)
    next_ones, others, source = [], [], Drawn(SHARE_BYTES)
    for row in hanging:
        successor = successors.get(row.subject)
        if successor is not None and successor.follows == row.handle:
            next_ones.append(_next(tree, row, successor, renewed[row.node].new, source))
        else:
            others.append(_again(tree, row, renewed[row.node], source))
    await bulk.change(tx, subject_keys, _ONE, next_ones, kind=tree.name, created_at=tx.now)
    await bulk.change(tx, subject_keys, _ONE, others, kind=tree.name)
    return {row["subject"] for row in next_ones}


async def last_node(tx: Transaction, kind: Kind) -> int | None:
    """The right-most node that a key of this kind hangs from."""
    query = select(func.max(subject_keys.c.node)).where(subject_keys.c.kind == kind.value)
    found: int | None = await tx.connection.scalar(query)
    return found


async def nodes_among(tx: Transaction, kind: Kind, nodes: Sequence[int]) -> set[int]:
    """Those of these bottom nodes that a key of this kind hangs from."""
    query = select(subject_keys.c.node).where(
        subject_keys.c.kind == kind.value, subject_keys.c.node.in_(spread(nodes))
    )
    return set(await tx.connection.scalars(query.distinct()))


async def _nodes(tx: Transaction, tree: Tree, subjects: Sequence[SubjectId]) -> set[int]:
    query = select(subject_keys.c.node).where(
        subject_keys.c.subject.in_(spread(subjects)), subject_keys.c.kind == tree.name
    )
    return set(await tx.connection.scalars(query))


async def _hanging(tx: Transaction, tree: Tree, nodes: Collection[int]) -> Sequence[AnyRow]:
    query = _keys.where(
        subject_keys.c.kind == tree.name, subject_keys.c.node.in_(spread(sorted(nodes)))
    )
    return (await tx.connection.execute(query)).all()


def _next(
    tree: Tree, row: AnyRow, successor: Successor, above: NodeKey, source: Source
) -> dict[str, Any]:
    made = successor.sealing
    place = _bound(row.subject, Kind(tree.name), made.handle, made.version)
    return {
        "subject": row.subject,
        "version": made.version,
        "handle": made.handle,
        "node_version": above.version,
        "wrapped": above.wrap(successor.key, place, source),
    }


def _again(tree: Tree, row: AnyRow, node: Renewed, source: Source) -> dict[str, Any]:
    if row.node_version != node.old.version:
        raise TamperedError
    place = _bound(row.subject, Kind(tree.name), row.handle, row.version)
    return {
        "subject": row.subject,
        "node_version": node.new.version,
        "wrapped": node.new.wrap(node.old.unwrap(row.wrapped, place), place, source),
    }


async def _read(tx: Transaction, tree: Tree, query: Select[Any]) -> list[tuple[AnyRow, SubjectKey]]:
    rows = (await tx.connection.execute(query)).all()
    found = await _opened(tx, tree, rows)
    if len(found) < len(rows):
        # Between the keys and their nodes somebody may have renewed these, or what is held is
        # of a transaction that was rolled back: look once more, at everything.
        tree.forget()
        rows = (await tx.connection.execute(query)).all()
        found = await _opened(tx, tree, rows)
    return found


async def _opened(
    tx: Transaction, tree: Tree, rows: Sequence[AnyRow]
) -> list[tuple[AnyRow, SubjectKey]]:
    wanted = {row.node: row.node_version for row in rows}
    nodes = await tree.nodes(tx, wanted) if wanted else {}
    found = []
    for row in rows:
        node = nodes.get(row.node)
        if node is None or node.version != row.node_version:
            continue
        place = _bound(row.subject, Kind(tree.name), row.handle, row.version)
        try:
            key = node.unwrap(row.wrapped, place)
        except TamperedError:
            continue  # a fault of this record alone
        found.append((row, SubjectKey(key=key, handle=row.handle, version=row.version)))
    return found


async def _next_places(tx: Transaction, count: int) -> list[int]:
    """Places for so many records, each given once. Gaps do no harm."""
    if tx.connection.dialect.name == "postgresql":
        series = func.generate_series(1, count).table_valued("nth")
        query = select(_places.next_value()).select_from(series)
        return [int(place) for place in await tx.connection.scalars(query)]
    last = await last_node(tx, Kind.LOG)  # log keys outlive the data's
    if last is None:
        return list(range(count))
    query = select(func.count()).where(
        subject_keys.c.kind == Kind.LOG.value, subject_keys.c.node == last
    )
    first = last * FAN_OUT + (await tx.connection.scalar(query) or 0)
    return list(range(first, first + count))


def _new(
    tx: Transaction, kind: Kind, subject: SubjectId, node: int, above: NodeKey
) -> dict[str, Any]:
    handle = secrets.token_bytes(HANDLE_BYTES)
    place = _bound(subject, kind, handle, FIRST)
    return {
        "subject": subject,
        "kind": kind.value,
        "version": FIRST,
        "handle": handle,
        "node": node,
        "node_version": above.version,
        "wrapped": above.wrap(secrets.token_bytes(KEY_BYTES), place),
        "created_at": tx.now,
    }


def _bound(subject: SubjectId, kind: Kind, handle: bytes, version: int) -> bytes:
    return framed(
        b"subject", subject.bytes, kind.value.encode(), handle, version.to_bytes(4, "big")
    )


_keys: Final = select(
    subject_keys.c.subject,
    subject_keys.c.version,
    subject_keys.c.handle,
    subject_keys.c.node,
    subject_keys.c.node_version,
    subject_keys.c.wrapped,
)
_ONE: Final = ("subject", "kind")
