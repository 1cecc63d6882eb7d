"""Once a day: how many entries everybody has, in one hash that the access log commits to.

Who withholds a person's newest entries later contradicts it, even where that person kept no
receipt. A count's place in the map is the hash of the person's first entry: nobody has two.
"""

import asyncio
from collections.abc import Iterable
from itertools import groupby
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    Uuid,
    delete,
    exists,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from policies.vocabulary import Action, Actor, ActorKind, Outcome
from vault import access_log, log_leaf, merkle, sparse_map
from vault.access_log import Line
from vault.database import Transaction, fetch_one, metadata
from vault.keyring import Keyring
from vault.log_chains import log_chains
from vault.log_tables import access_log as lines
from vault.log_tree import TILE_BITS, TILE_WIDTH, Tiles, log_entry
from vault.merkle import HASH_BYTES
from vault.sparse_map import Leaf

ACTOR: Final = Actor(kind=ActorKind.SYSTEM, id="log")
_PREFIX_BYTES: Final = sparse_map.BUCKET_BITS // 8

day_map: Final = Table(
    "day_map",
    metadata,
    Column("first", LargeBinary(HASH_BYTES), primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("leaf_hash", LargeBinary(HASH_BYTES), nullable=False),
    Column("folded", LargeBinary(HASH_BYTES), nullable=False),
    sqlite_with_rowid=False,
)
day_map_tile: Final = Table(
    "day_map_tile",
    metadata,
    Column("level", SmallInteger, primary_key=True, autoincrement=False),
    Column("idx", SmallInteger, primary_key=True, autoincrement=False),
    Column("hashes", LargeBinary, nullable=False),
)
day_maps: Final = Table(
    "day_maps",
    metadata,
    Column("day", String(10), primary_key=True),
    Column("entry", Uuid),  # none while it is folded
)


class Folded(msgspec.Struct, frozen=True, kw_only=True):
    """The log's entry of a day's map."""

    octets: bytes
    sequence: int | None
    """Its place in the log's tree; None until it is sealed in."""

    @property
    def hash(self) -> bytes:
        """Of the leaf."""
        return merkle.leaf_hash(self.octets)

    @property
    def root(self) -> bytes:
        """The map's."""
        return bytes.fromhex(log_leaf.decode(self.octets).detail or "")


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """How many entries a person had when the newest map was folded."""

    number: int
    leaf_hash: bytes
    """Of the entry of that number."""
    path: tuple[bytes, ...]
    """From the count's leaf up to the map's root."""


async def fold(tx: Transaction, keyring: Keyring) -> UUID | None:
    """Take everybody's count into the map and log its root; None if today (UTC) that was done."""
    today = day_maps.c.day == tx.now.date().isoformat()
    begun = _insert(tx)(day_maps).values(day=tx.now.date().isoformat()).on_conflict_do_nothing()
    if not (await tx.connection.execute(begun)).rowcount:
        return None
    await _take(tx)
    root = (await _fold(tx)).hex()
    line = Line(actor=ACTOR, action=Action.FOLD, outcome=Outcome.GIVEN, detail=root)
    [entry] = await access_log.record(tx, keyring, [line])
    await tx.connection.execute(update(day_maps).where(today).values(entry=entry))
    return entry


async def newest(tx: Transaction) -> Folded | None:
    """The log's entry of the newest map; None before the first."""
    return await fetch_one(tx, _newest, Folded)


async def count(tx: Transaction, first: bytes) -> Count | None:
    """The newest map's count of whose first entry has this hash; None where it has none.

    Raises:
        TamperedError: a tile of the map is not there.
    """
    said = await claim(tx, first)
    if said is None:
        return None
    bucket = sparse_map.bucket(first)
    inside = sparse_map.path(await _leaves(tx, bucket, bucket + 1), first)
    tiles = await _tiles(tx, bucket >> TILE_BITS)
    above = merkle.inclusion(bucket, tiles.size, tiles.node)
    return Count(number=said[0], leaf_hash=said[1], path=(*inside, *above))


async def claim(tx: Transaction, first: bytes) -> tuple[int, bytes] | None:
    """The number and leaf hash of a count, as they stand; whether the root holds it is not said."""
    query = select(day_map.c.number, day_map.c.leaf_hash).where(day_map.c.first == first)
    row = (await tx.connection.execute(query)).first()
    return None if row is None else (row.number, row.leaf_hash)


async def is_whole(tx: Transaction) -> bool:
    """Whether the newest map's counts and tiles lead to the root that was logged."""
    folded, shelves = await newest(tx), [await _shelf(tx, each) for each in range(TILE_WIDTH)]
    if folded is None:
        return True
    top = b"".join(map(merkle.joined, shelves))
    kept = {(level, idx): octets for level, idx, octets in await tx.connection.execute(_every_tile)}
    made = {(0, idx): octets for idx, octets in enumerate(shelves)} | {(1, 0): top}
    return kept == made and merkle.joined(top) == folded.root


async def _take(tx: Transaction) -> None:
    """Bring the counts up to those of the chains; let go of those whose chain is forgotten."""
    names = list(day_map.c.keys())
    chains = select(*(log_chains.c[name] for name in names)).where(log_chains.c.first != b"")
    put = _insert(tx)(day_map).from_select(names, chains)
    new = put.excluded
    grown = {name: new[name] for name in names if name != "first"}
    put = put.on_conflict_do_update(
        index_elements=["first"], set_=grown, where=day_map.c.number != new.number
    )
    await tx.connection.execute(put)
    begun = exists().where(log_chains.c.first == day_map.c.first)
    await tx.connection.execute(delete(day_map).where(~begun))


async def _fold(tx: Transaction) -> bytes:
    """Make all tiles anew; the root over them."""
    shelves = [await _shelf(tx, each) for each in range(TILE_WIDTH)]
    top = b"".join(map(merkle.joined, shelves))
    rows = [{"level": 0, "idx": idx, "hashes": octets} for idx, octets in enumerate(shelves)]
    put = _insert(tx)(day_map_tile)
    put = put.on_conflict_do_update(
        index_elements=["level", "idx"], set_={"hashes": put.excluded.hashes}
    )
    await tx.connection.execute(put, [*rows, {"level": 1, "idx": 0, "hashes": top}])
    return merkle.joined(top)


async def _shelf(tx: Transaction, number: int) -> bytes:
    """The hashes of 256 neighbouring buckets, end to end."""
    first = number << TILE_BITS
    return await asyncio.to_thread(_hashes, first, await _leaves(tx, first, first + TILE_WIDTH))


def _hashes(first: int, leaves: Iterable[Leaf]) -> bytes:
    found = {
        bucket: sparse_map.subtree(list(inside))
        for bucket, inside in groupby(leaves, lambda leaf: sparse_map.bucket(leaf[0]))
    }
    buckets = range(first, first + TILE_WIDTH)
    return b"".join([found.get(bucket, sparse_map.EMPTY) for bucket in buckets])


async def _leaves(tx: Transaction, start: int, end: int) -> list[Leaf]:
    """The leaves of these buckets, in order of place."""
    query = select(day_map.c.first, day_map.c.folded).order_by(day_map.c.first)
    query = query.where(day_map.c.first >= start.to_bytes(_PREFIX_BYTES, "big"))
    if end < 1 << sparse_map.BUCKET_BITS:
        query = query.where(day_map.c.first < end.to_bytes(_PREFIX_BYTES, "big"))
    return [(first, folded) for first, folded in await tx.connection.execute(query)]


async def _tiles(tx: Transaction, shelf: int) -> Tiles:
    level, idx = day_map_tile.c.level, day_map_tile.c.idx
    rows = await tx.connection.execute(_every_tile.where((level == 1) | (idx == shelf)))
    tiles = {(level, idx): hashes for level, idx, hashes in rows}
    return Tiles(1 << sparse_map.BUCKET_BITS, tiles)


def _insert(tx: Transaction) -> Any:
    # Both dialects have the same upsert, and no type in common.
    return sqlite.insert if tx.connection.dialect.name == "sqlite" else postgresql.insert


_every_tile: Final = select(day_map_tile.c.level, day_map_tile.c.idx, day_map_tile.c.hashes)
_newest: Final = (
    select(lines.c.leaf.label("octets"), log_entry.c.seq.label("sequence"))
    .select_from(
        day_maps.join(lines, lines.c.id == day_maps.c.entry).outerjoin(
            log_entry, log_entry.c.id == day_maps.c.entry
        )
    )
    .order_by(day_maps.c.day.desc())
    .limit(1)
)
