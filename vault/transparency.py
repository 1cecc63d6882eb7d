"""The access log as a Merkle tree: nothing logged is edited, dropped or reordered unseen.

A line enters the outbox in the transaction it belongs to; one sequencer at a time moves
what waits into the tree and signs the new size. A second one cannot fork the tree: the
checkpoint is inserted only if the size it grew from is still the newest.
"""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import (
    CTE,
    BigInteger,
    Insert,
    Select,
    bindparam,
    case,
    delete,
    func,
    insert,
    literal,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.exc import IntegrityError

from vault import jwk, log_note, log_tree, merkle, signer_guard, signing
from vault.database import Transaction, fetch_one
from vault.envelope_errors import TamperedError, VaultError
from vault.keyring import Keyring
from vault.log_note import Head
from vault.log_tables import log_pending
from vault.log_tree import Tiles, log_checkpoint, log_entry
from vault.log_verification import Report, verify

__all__ = [
    "BATCH",
    "LARGEST_BATCH",
    "Checkpoint",
    "FencedError",
    "Proof",
    "Report",
    "at",
    "checkpoint",
    "head",
    "inclusion",
    "leads",
    "pending",
    "sequence",
    "verifier_key",
    "verify",
    "verify_inclusion",
]

BATCH: Final = 2_000
"""Entries per transaction: about 20 ms during which SQLite has no other writer."""
LARGEST_BATCH: Final = 20_000
"""Where writers do not wait for each other, and many entries do: about 0.2 s."""
_LARGEST: Final = 2**63
_LEADER: Final = 0x616D616E61  # «amana»: the advisory lock of the sequencer

_NEWEST: Final = (
    select(log_checkpoint.c.size, log_checkpoint.c.root, log_checkpoint.c.note, log_checkpoint.c.at)
    .order_by(log_checkpoint.c.size.desc())
    .limit(1)
)
_newest: Final = _NEWEST.subquery("newest")
_published: Final = bindparam("published", type_=BigInteger)
_placed: Final = (
    select(
        *(log_entry.c.seq, log_entry.c.leaf_hash, _newest.c.size, _newest.c.root, _newest.c.note),
        case((log_entry.c.seq < _published, _published), else_=_newest.c.size).label("within"),
    )
    .select_from(log_entry.join(_newest, true()))
    .where(log_entry.c.id == bindparam("entry"))
    .cte("placed")
)
# All of a proof at once: it takes as long as its statements.
_PROVED: Final = log_tree.along(_placed)


class FencedError(VaultError):
    """What waits was sealed meanwhile, or its place in the tree is taken. Roll back."""


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """The tree at one size, signed (C2SP tlog-checkpoint)."""

    size: int
    root: bytes
    note: str
    at: datetime


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """That one entry is in the tree of one checkpoint."""

    index: int
    size: int
    root: bytes
    leaf_hash: bytes
    hashes: tuple[bytes, ...]
    note: str


async def pending(tx: Transaction, at_most: int | None = None) -> int:
    """How many lines wait to be sealed in; counts no further than it is told."""
    waiting = select(log_pending.c.id).limit(at_most).subquery()
    return await tx.connection.scalar(select(func.count()).select_from(waiting)) or 0


async def sequence(
    tx: Transaction, keyring: Keyring, limit: int = BATCH, *, signed: Head | None = None
) -> int:
    """Seal waiting lines into the tree and sign its new size. Returns how many.

    `signed` is what the guard outside the store remembers; the tree must continue it.

    Raises:
        FencedError: another sequencer was faster.
        GuardError: the tree is not the one that was signed last.
        TamperedError: the tree's right edge is not whole.
    """
    if not await leads(tx):
        return 0
    newest = await checkpoint(tx)
    size = newest.size if newest else 0
    if signed is not None:
        await signer_guard.check(tx, signed, head(keyring, newest))
    tiles = await log_tree.edge(tx, size)
    if newest and tiles.root() != newest.root:
        raise TamperedError  # never sign on top of what is not ours
    try:
        tiles.extend(await _take(tx, size, limit))
    except IntegrityError as fault:  # a place in the tree is given once
        raise FencedError from fault
    if tiles.size > size:
        await log_tree.keep(tx, tiles.take_changed())
        await _sign(tx, keyring, size, tiles)
    return tiles.size - size


async def leads(tx: Transaction) -> bool:
    """Whether this transaction is the one that changes the tree; until its end."""
    # SQLite has one writer at a time, which is lock enough.
    if tx.connection.dialect.name == "sqlite":
        return True
    return bool(await tx.connection.scalar(select(func.pg_try_advisory_xact_lock(_LEADER))))


async def checkpoint(tx: Transaction, size: int | None = None) -> Checkpoint | None:
    """The checkpoint of a size, if one was signed; the newest unless a size is given."""
    query = _NEWEST if size is None else _NEWEST.where(log_checkpoint.c.size == size)
    return await fetch_one(tx, query, Checkpoint)


def head(keyring: Keyring, newest: Checkpoint | None) -> Head:
    """What a checkpoint says of the log; that it is empty before the first."""
    if newest is None:
        return Head(keyring.log_origin, 0, merkle.EMPTY_ROOT)
    return Head(keyring.log_origin, newest.size, newest.root)


async def inclusion(
    tx: Transaction, entry_id: UUID, published: Checkpoint | None = None
) -> Proof | None:
    """The proof that an entry is in the tree that is published, or in the newest until then.

    None while the entry waits, or if there is none.

    Raises:
        TamperedError: a tile it needs is not whole.
    """
    given = {"entry": entry_id, "published": published.size if published else 0}
    rows = (await tx.connection.execute(_PROVED, given)).all()
    if not rows:
        return None
    entry = rows[0]
    newest = published if published and entry.seq < published.size else entry
    tiles = Tiles(newest.size, {(row.level, row.idx): row.hashes or b"" for row in rows})
    proof = Proof(
        index=entry.seq,
        size=newest.size,
        root=newest.root,
        leaf_hash=entry.leaf_hash,
        hashes=tuple(merkle.inclusion(entry.seq, newest.size, tiles.node)),
        note=newest.note,
    )
    if not verify_inclusion(proof):
        raise TamperedError  # a proof that proves nothing would accuse an honest log
    return proof


async def at(tx: Transaction, index: int) -> UUID | None:
    """Which entry is at a place of the tree; None until it has grown as far."""
    if index >= _LARGEST:
        return None
    return await tx.connection.scalar(select(log_entry.c.id).where(log_entry.c.seq == index))


def verify_inclusion(proof: Proof) -> bool:
    """Whether the proof leads from the entry to the root. The note's signature is another check."""
    return merkle.includes(proof.index, proof.size, proof.leaf_hash, proof.hashes, proof.root)


async def verifier_key(tx: Transaction, keyring: Keyring) -> str:
    """The log's public key as other tools take it (C2SP «vkey»)."""
    key = await signing.active(tx, keyring, "checkpoint")
    return log_note.verifier_key(keyring.log_origin, jwk.octets(key.public_jwk))


async def _take(tx: Transaction, size: int, limit: int) -> bytes:
    """Move what waits from the outbox to the entries; its hashes in order, end to end."""
    first = select(log_pending).order_by(log_pending.c.id).limit(limit)
    if tx.connection.dialect.name == "postgresql":
        return await tx.connection.scalar(_taken(first, size)) or b""
    await tx.connection.execute(_sealed(size, first.cte("first")))
    new = log_entry.c.seq >= size
    hashes = select(log_entry.c.leaf_hash).where(new).order_by(log_entry.c.seq)
    found = list(await tx.connection.scalars(hashes))
    sealed = select(log_entry.c.id).where(new)
    await tx.connection.execute(delete(log_pending).where(log_pending.c.id.in_(sealed)))
    return b"".join(found)


def _taken(first: Select[Any], size: int) -> Select[Any]:
    # All in one statement: no row leaves the database, the hashes leave it as one value. Up to the
    # last of the first rather than a join with them: a planner that takes the outbox for empty, as
    # it mostly is, would nest its loops over a flood.
    ids = first.subquery("first").c.id
    last = select(ids).order_by(ids.desc()).limit(1).scalar_subquery()
    taken = delete(log_pending).where(log_pending.c.id <= last).returning(*log_pending.c)
    sealed = _sealed(size, taken.cte("taken")).returning(log_entry.c.seq, log_entry.c.leaf_hash)
    row = sealed.cte("sealed").c
    in_order = aggregate_order_by(literal(b""), row.seq)
    return select(func.string_agg(row.leaf_hash, in_order))


def _sealed(size: int, rows: CTE) -> Insert:
    number = literal(size - 1, BigInteger) + func.row_number().over(order_by=rows.c.id)
    columns = select(number, rows.c.id, rows.c.leaf_hash)
    return insert(log_entry).from_select(["seq", "id", "leaf_hash"], columns)


async def _sign(tx: Transaction, keyring: Keyring, old: int, tiles: Tiles) -> None:
    key = await signing.active(tx, keyring, "checkpoint")
    grown = Head(keyring.log_origin, tiles.size, tiles.root())
    note = log_note.sign(grown, jwk.octets(key.public_jwk), key.sign)
    newest = select(func.coalesce(func.max(log_checkpoint.c.size), 0)).scalar_subquery()
    values = {"size": tiles.size, "root": grown.root, "note": note, "at": tx.now}
    row = select(*(literal(value, log_checkpoint.c[name].type) for name, value in values.items()))
    done = await tx.connection.execute(
        insert(log_checkpoint).from_select(list(values), row.where(newest == old))
    )
    if done.rowcount != 1:
        raise FencedError
