"""The access log's tree at rest: entries in order, 256-wide tiles of hashes, signed sizes.

A tile of level L holds the hashes of up to 256 neighbouring perfect subtrees of
2**(8 L) leaves (c2sp.org/tlog-tiles). A full tile never changes; the right-most of each
level grows until it is full, and then adds one hash to the level above.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import (
    CTE,
    BigInteger,
    Column,
    LargeBinary,
    Select,
    SmallInteger,
    Table,
    Text,
    Uuid,
    and_,
    bindparam,
    literal_column,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.dialects import postgresql, sqlite

from vault import merkle
from vault.database import Instant, Transaction, metadata, spread
from vault.envelope_errors import TamperedError
from vault.merkle import HASH_BYTES

TILE_BITS: Final = 8
TILE_WIDTH: Final = 1 << TILE_BITS
PLACES: Final = 500
"""Tiles in one query: a database takes some thousands of parameters, and this is 4 MiB."""

Place = tuple[int, int]
"""(level, index from the left) of a tile."""

log_entry: Final = Table(
    "log_entry",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("id", Uuid, nullable=False, unique=True),
    Column("leaf_hash", LargeBinary(HASH_BYTES), nullable=False),
)
log_tile: Final = Table(
    "log_tile",
    metadata,
    Column("level", SmallInteger, primary_key=True, autoincrement=False),
    Column("idx", BigInteger, primary_key=True, autoincrement=False),
    Column("width", SmallInteger, nullable=False),
    Column("hashes", LargeBinary, nullable=False),
)
log_checkpoint: Final = Table(
    "log_checkpoint",
    metadata,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("root", LargeBinary(HASH_BYTES), nullable=False),
    Column("note", Text, nullable=False),
    Column("at", Instant, nullable=False),
)

_AT_PLACES: Final = select(log_tile.c.level, log_tile.c.idx, log_tile.c.hashes).where(
    tuple_(log_tile.c.level, log_tile.c.idx).in_(bindparam("places", expanding=True))
)
# Not VALUES, whose data SQLAlchemy would render anew for each proof: that took most of its time.
# Of 2**56 leaves: a wider shift is none to a database.
_LEVELS: Final = union_all(
    *(
        select(
            literal_column(str(level), SmallInteger).label("level"),
            literal_column(str(TILE_BITS * level), SmallInteger).label("below"),
            literal_column(str(TILE_BITS * (level + 1)), SmallInteger).label("shift"),
        )
        for level in range(7)
    )
).cte("levels")
_joined: Final = lru_cache(maxsize=4_096)(merkle.joined)
"""Neighbours that many proofs share: up to 16 MiB of public hashes."""


class Tiles:
    """The tiles at hand: enough of the tree to grow it, to prove in it, or to check it."""

    def __init__(self, size: int, hashes: Mapping[Place, bytes]) -> None:
        self.size = size
        self._tiles: dict[Place, bytearray] = {
            place: bytearray(tile) for place, tile in hashes.items()
        }
        self._changed: dict[Place, None] = {}

    def append(self, leaf_hash: bytes) -> None:
        """Grow by one leaf."""
        self.extend(leaf_hash)

    def extend(self, leaf_hashes: bytes) -> None:
        """Grow by these leaves, end to end."""
        self._add(0, self.size, leaf_hashes)
        self.size += len(leaf_hashes) // HASH_BYTES

    def root(self) -> bytes:
        """The root at the present size."""
        return merkle.root(self.size, self.node)

    def node(self, height: int, index: int) -> bytes:
        """The hash of one perfect subtree.

        Raises:
            TamperedError: the tile it is in is missing or too short.
        """
        place, start, count = _within(height, index)
        tile = self._tiles.get(place, b"")
        hashes = tile[start * HASH_BYTES : (start + count) * HASH_BYTES]
        if len(hashes) < count * HASH_BYTES:
            raise TamperedError
        return _joined(bytes(hashes))

    def holds(self, place: Place, tile: bytes) -> bool:
        """Whether this is the tile at a place."""
        return bytes(self._tiles.get(place, b"")) == tile

    def take_changed(self) -> Iterator[tuple[Place, bytes]]:
        """The tiles changed since they were last taken; the full ones are then let go."""
        for place in self._changed:
            tile = bytes(self._tiles[place])
            yield place, tile
            if is_full(tile):
                del self._tiles[place]
        self._changed.clear()

    def _add(self, level: int, index: int, hashes: bytes) -> None:
        above = []
        start, at = 0, index
        while start < len(hashes):
            place = (level, at >> TILE_BITS)
            end = start + (TILE_WIDTH - at % TILE_WIDTH) * HASH_BYTES
            tile = self._tiles.setdefault(place, bytearray())
            tile += hashes[start:end]
            self._changed[place] = None
            if is_full(tile):
                above.append(merkle.joined(bytes(tile)))
            start, at = end, (place[1] + 1) << TILE_BITS
        if above:
            self._add(level + 1, index >> TILE_BITS, b"".join(above))


def is_full(tile: bytes | bytearray) -> bool:
    """Whether a tile will not grow any more."""
    return len(tile) == TILE_WIDTH * HASH_BYTES


async def edge(tx: Transaction, size: int) -> Tiles:
    """The right-most tiles of a tree of this size: all that is needed to grow it.

    Raises:
        TamperedError: one is missing, or is not as wide as the size says.
    """
    widths: dict[Place, int] = {}
    level, width = 0, size
    while width:
        if width % TILE_WIDTH:
            widths[level, width >> TILE_BITS] = width % TILE_WIDTH
        level, width = level + 1, width >> TILE_BITS
    tiles = await load(tx, widths)
    if any(len(tiles.get(place, b"")) != count * HASH_BYTES for place, count in widths.items()):
        raise TamperedError
    return Tiles(size, tiles)


async def for_inclusion(tx: Transaction, indexes: Iterable[int], size: int) -> Tiles:
    """The tiles that the audit paths of these leaves pass through."""
    places: dict[Place, None] = {}

    def note(height: int, at: int) -> bytes:
        places[_within(height, at)[0]] = None
        return b""

    for index in indexes:
        merkle.inclusion(index, size, note)
    merkle.root(size, note)
    return Tiles(size, await load(tx, places))


def along(leaf: CTE) -> Select[Any]:
    """A leaf's row, once for each tile that its audit path passes through.

    Each sibling is in a tile above the leaf (`seq`) or, where the tree is not full to its
    right, at the edge (`within`, a size): found in the statement that finds the leaf.
    """
    at, tile = _LEVELS.c, log_tile.c
    above, edge = (each.bitwise_rshift(at.shift) for each in (leaf.c.seq, leaf.c.within))
    both = leaf.join(_LEVELS, leaf.c.within.bitwise_rshift(at.below) > 0)  # as high as the tree
    steps = union_all(
        select(leaf, at.level, above.label("idx")).select_from(both),
        select(leaf, at.level, edge.label("idx")).select_from(both).where(edge != above),
    ).subquery("steps")
    # By the whole key: with an `or` between two places, every tile of the log would be looked at.
    there = and_(tile.level == steps.c.level, tile.idx == steps.c.idx)
    return select(
        *(steps.c[column.name] for column in leaf.c), steps.c.level, steps.c.idx, tile.hashes
    ).select_from(steps.outerjoin(log_tile, there))


async def load(tx: Transaction, places: Iterable[Place]) -> dict[Place, bytes]:
    """These tiles, of those that are there."""
    wanted = list(places)
    found: dict[Place, bytes] = {}
    for start in range(0, len(wanted), PLACES):
        some = spread(wanted[start : start + PLACES])
        rows = await tx.connection.execute(_AT_PLACES, {"places": some})
        found |= {(level, idx): hashes for level, idx, hashes in rows}
    return found


async def keep(tx: Transaction, tiles: Iterable[tuple[Place, bytes]]) -> None:
    """Write these tiles, in place of those that are there."""
    dialect = sqlite if tx.connection.dialect.name == "sqlite" else postgresql
    row = dialect.insert(log_tile)
    grown = {"width": row.excluded.width, "hashes": row.excluded.hashes}
    put = row.on_conflict_do_update(index_elements=["level", "idx"], set_=grown)
    rows = [
        {"level": level, "idx": idx, "width": len(hashes) // HASH_BYTES, "hashes": hashes}
        for (level, idx), hashes in tiles
    ]
    await tx.connection.execute(put, rows)


def _within(height: int, index: int) -> tuple[Place, int, int]:
    # A subtree of height 8 L + r is 2**r neighbours in one tile of level L.
    level, rest = divmod(height, TILE_BITS)
    first = index << rest
    return (level, first >> TILE_BITS), first % TILE_WIDTH, 1 << rest
