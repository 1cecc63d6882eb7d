"""Verifies the whole access log from its bytes up, and names the first fault."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import Select, Table, exists, func, select

from vault import (
    day_map,
    jwk,
    log_chain,
    log_forgotten,
    log_leaf,
    log_note,
    log_origins,
    log_tables,
    log_tree,
    merkle,
    signing,
    subject_keys,
)
from vault.database import AnyRow, Transaction
from vault.envelope_errors import TamperedError
from vault.keyring import Keyring
from vault.log_leaf import Leaf
from vault.log_note import Head, Verifier
from vault.log_origins import Origin
from vault.log_tables import access_log, log_pending
from vault.log_tree import Place, Tiles, log_checkpoint, log_entry

PAGE: Final = 1_000

Progress = Callable[[int, int], None]
"""Called with (entries done, entries in all)."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What a verification of the whole log found."""

    entries: int
    """How many were read: all, or those before the fault."""
    fault: str | None
    """The first fault, in words; None if the log is whole."""


class Owners(NamedTuple):
    """Whose the entries of a page are."""

    keys: subject_keys.Owners
    forgotten: set[bytes]
    """Handles of log keys that were destroyed once their term was over."""


class _FoundError(Exception):
    """The first fault."""


async def verify(tx: Transaction, keyring: Keyring, progress: Progress | None = None) -> Report:
    """Recompute everything: bytes, columns, hashes, tiles, roots, signatures, gaps.

    Sealing may go on meanwhile: this verifies up to the size that is signed when it starts.
    """
    tiles = Tiles(0, {})
    try:
        await _sealed(tx, keyring, tiles, progress or _silent)
        await _waiting(tx, keyring)
        await _strays(tx)
        _require(not (hole := await log_chain.first_fault(tx, keyring)), hole)
        _require(await day_map.is_whole(tx), "the day's map is not the one whose root was logged")
    except _FoundError as found:
        return Report(entries=tiles.size, fault=str(found))
    return Report(entries=tiles.size, fault=None)


async def _sealed(tx: Transaction, keyring: Keyring, tiles: Tiles, progress: Progress) -> None:
    signers = await _signers(tx, keyring)
    names = await log_origins.taken(tx)
    await _check_links(tx, names, signers)
    size = await tx.connection.scalar(select(func.max(log_checkpoint.c.size))) or 0
    edge: dict[Place, bytes] = {}
    while tiles.size < size:
        end = min(tiles.size + PAGE, size)
        heads = await _heads(tx, tiles.size, end)
        rows = await _page(tx, tiles.size, end)
        owners = await _owners(tx, keyring, rows.values())
        for number in range(tiles.size, end):
            _require(number in rows, f"entry {number} is missing")
            _check_line(keyring, rows[number], owners, f"entry {number}")
            tiles.append(rows[number].leaf_hash)
            name = log_origins.at(keyring.first_origin, names, tiles.size)
            _check_head(heads.get(tiles.size), tiles, name, signers)
        edge |= tiles.take_changed()
        full = [place for place, hashes in edge.items() if log_tree.is_full(hashes)]
        await _check_tiles(tx, {place: edge.pop(place) for place in full})
        progress(tiles.size, size)
    await _check_tiles(tx, edge)


async def _waiting(tx: Transaction, keyring: Keyring) -> None:
    last = UUID(int=0)
    while rows := await _page_waiting(tx, last):
        owners = await _owners(tx, keyring, rows)
        for row in rows:
            _check_line(keyring, row, owners, f"waiting line {row.entry}")
        last = rows[-1].entry


async def _strays(tx: Transaction) -> None:
    signed = select(func.coalesce(func.max(log_checkpoint.c.size), 0)).scalar_subquery()
    query = select(func.min(log_entry.c.seq)).where(log_entry.c.seq >= signed)
    unsigned = await tx.connection.scalar(query)
    _require(unsigned is None, f"entry {unsigned} is in no signed tree")
    lost = select(access_log.c.id).where(
        ~exists().where(log_entry.c.id == access_log.c.id),
        ~exists().where(log_pending.c.id == access_log.c.id),
    )
    line = await tx.connection.scalar(lost.order_by(access_log.c.id).limit(1))
    _require(line is None, f"line {line} is in no tree and does not wait for one")


def _check_line(keyring: Keyring, row: AnyRow, owners: Owners, what: str) -> None:
    _require(row.leaf is not None, f"{what}: its line is gone")
    _require(merkle.leaf_hash(row.leaf) == row.leaf_hash, f"{what}: its bytes were altered")
    try:
        leaf = log_leaf.decode(row.leaf)
        subject_tag = _tag(keyring, leaf, owners, row.subject_tag)
    except TamperedError:
        raise _FoundError(f"{what}: whom it is about cannot be read") from None
    told = log_tables.columns(
        leaf, row.leaf, subject_tag, entry_id=UUID(bytes=leaf.id), at=log_leaf.instant(leaf)
    )
    for name, value in told.items():
        _require(row._mapping[name] == value, f"{what}: its column {name} was altered")  # noqa: SLF001  (Row's public API)


def _tag(keyring: Keyring, leaf: Leaf, owners: Owners, stored: bytes | None) -> bytes | None:
    """What finds a line: as it is stored, where it is under a version that is in use."""
    if not leaf.handle or leaf.handle in keyring.house_logs or leaf.handle in owners.forgotten:
        return None
    if leaf.handle not in owners.keys:
        raise TamperedError
    subject, key = owners.keys[leaf.handle]
    if log_leaf.opened(key, leaf).subject != subject.bytes:
        raise TamperedError
    tags = log_tables.tags(keyring, subject, [log_leaf.month(log_leaf.instant(leaf))])
    return stored if stored in tags else tags[0]


def _check_head(
    stored: AnyRow | None, tiles: Tiles, origin: str, signers: Mapping[bytes, bytes]
) -> None:
    if stored is None:
        return  # no tree was signed at this size
    what, head = f"checkpoint of size {tiles.size}", Head(origin, tiles.size, tiles.root())
    _require(stored.root == head.root, f"{what}: its root is not that of the entries")
    _require(log_note.read(stored.note, signers) == head, f"{what}: its note is not signed by us")


async def _check_links(
    tx: Transaction, names: Sequence[Origin], signers: Mapping[bytes, bytes]
) -> None:
    for each in names:
        query = select(log_checkpoint.c.root).where(log_checkpoint.c.size == each.size)
        root = await tx.connection.scalar(query) or merkle.EMPTY_ROOT
        note = log_note.take_apart(each.note)
        verifiers = [Verifier(each.name, public) for public in signers.values()]
        whole = note and log_note.signed(note, verifiers)
        head = log_note.read_head(note.text) if note and whole else None
        what = f"the link to the log's name {each.name} is not signed by us"
        _require(head == Head(each.name, each.size, root), what)


async def _check_tiles(tx: Transaction, tiles: Mapping[Place, bytes]) -> None:
    stored = await log_tree.load(tx, tiles)
    for (level, idx), hashes in tiles.items():
        what = f"tile {level}/{idx} does not hold the hashes of the entries"
        # It may have grown since: what matters is that it begins with what is signed.
        _require(stored.get((level, idx), b"").startswith(hashes), what)


async def _signers(tx: Transaction, keyring: Keyring) -> dict[bytes, bytes]:
    try:
        keys = await signing.ever(tx, keyring, "checkpoint")
    except TamperedError:
        raise _FoundError("a public key of the log was altered") from None
    public = [jwk.octets(key) for key in keys]
    return {log_note.key_hash(keyring.log_origin, key): key for key in public}


async def _heads(tx: Transaction, start: int, end: int) -> dict[int, AnyRow]:
    query = select(log_checkpoint.c.size, log_checkpoint.c.root, log_checkpoint.c.note).where(
        log_checkpoint.c.size > start, log_checkpoint.c.size <= end
    )
    return {row.size: row for row in await tx.connection.execute(query)}


async def _page(tx: Transaction, start: int, end: int) -> dict[int, AnyRow]:
    query = (
        _lines(log_entry)
        .add_columns(log_entry.c.seq)
        .where(log_entry.c.seq >= start, log_entry.c.seq < end)
    )
    return {row.seq: row for row in await tx.connection.execute(query)}


async def _page_waiting(tx: Transaction, last: UUID) -> list[AnyRow]:
    query = _lines(log_pending).where(log_pending.c.id > last).order_by(log_pending.c.id)
    return list(await tx.connection.execute(query.limit(PAGE)))


def _lines(hashes: Table) -> Select[Any]:
    # Each column of a line, beside the hash that the tree, or the outbox, has of it.
    return select(hashes.c.id.label("entry"), hashes.c.leaf_hash, *access_log.c).select_from(
        hashes.outerjoin(access_log, access_log.c.id == hashes.c.id)
    )


async def _owners(tx: Transaction, keyring: Keyring, rows: Iterable[AnyRow]) -> Owners:
    handles = {log_leaf.handle(row.leaf) for row in rows if row.leaf is not None} - {b""}
    keys = await subject_keys.log_keys(tx, keyring.log_tree, sorted(handles))
    gone = sorted(handles - keys.keys() - keyring.house_logs)
    return Owners(keys, await log_forgotten.among(tx, keyring, gone) if gone else set())


def _require(met: bool, fault: str) -> None:
    if not met:
        raise _FoundError(fault)


def _silent(_done: int, _total: int) -> None:
    """Report no progress."""
