"""The tree as files that never change, named and written as c2sp.org/tlog-tiles says."""

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

import msgspec
from sqlalchemy import select

from vault import log_tree, merkle, transparency
from vault.database import Transaction
from vault.envelope_errors import TamperedError
from vault.log_tables import access_log
from vault.log_tree import TILE_BITS, TILE_WIDTH, Place, Tiles, log_entry
from vault.merkle import HASH_BYTES

_NUMBER: Final = re.compile(r"((?:x[0-9]{3}/){0,5}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")
LEVELS: Final = 9
"""Of tiles over 2**63 leaves, and one that is not there."""
_LEVEL: Final = re.compile(r"[0-9]|[1-5][0-9]|6[0-3]")


class Run(msgspec.Struct, frozen=True):
    """A tile's neighbours: which tile from the left, and how many of it."""

    index: int
    width: int


def read_run(name: str) -> Run | None:
    """What a name such as `x001/x234/067.p/12` says; None if it is no such name.

    Each file has one name: no leading zeros, and a full tile is not named as a part.
    """
    found = _NUMBER.fullmatch(name)
    if found is None:
        return None
    digits, width = found[1], int(found[2] or TILE_WIDTH)
    if digits.startswith("x000") or (found[2] and width >= TILE_WIDTH):
        return None
    return Run(int(digits.replace("x", "").replace("/", "")), width)


def name(run: Run) -> str:
    """The name that `read_run` reads: thousands in folders, and how many of a part."""
    digits = f"{run.index:03d}"
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    path = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
    return path if run.width == TILE_WIDTH else f"{path}.p/{run.width}"


def read_level(name: str) -> int | None:
    """The level that a name says; None if it says none."""
    return int(name) if _LEVEL.fullmatch(name) else None


async def hashes(tx: Transaction, level: int, run: Run) -> bytes | None:
    """The hashes of a tile; None until the tree has grown as far.

    Raises:
        TamperedError: they do not lead to the root that is signed.
    """
    newest = await transparency.checkpoint(tx)
    if newest is None or newest.size >> TILE_BITS * level < run.index * TILE_WIDTH + run.width:
        return None
    edge = await log_tree.edge(tx, newest.size)
    above = [(level + up, run.index >> TILE_BITS * up) for up in range(LEVELS - level)]
    tiles = await log_tree.load(tx, above)
    if edge.root() != newest.root or not _lead_up(above, tiles, edge):
        raise TamperedError
    return tiles[above[0]][: run.width * HASH_BYTES]


async def entries(tx: Transaction, run: Run) -> bytes | None:
    """The leaves under a tile of level 0, each after its length; None until it has grown as far.

    Raises:
        TamperedError: a line that was sealed in is not there.
    """
    first = run.index * TILE_WIDTH
    query = (
        select(access_log.c.leaf)
        .select_from(log_entry)
        .outerjoin(access_log, access_log.c.id == log_entry.c.id)
        .where(log_entry.c.seq >= first, log_entry.c.seq < first + run.width)
        .order_by(log_entry.c.seq)
    )
    leaves = list(await tx.connection.scalars(query))
    if len(leaves) < run.width:
        return None
    if None in leaves:
        raise TamperedError
    return b"".join(len(leaf).to_bytes(2, "big") + leaf for leaf in leaves)


def _lead_up(places: Sequence[Place], tiles: Mapping[Place, bytes], edge: Tiles) -> bool:
    # A full tile's root is a hash of the tile above it; one that still grows is at the edge.
    for place, above in pairwise(places):
        tile = tiles.get(place, b"")
        if not log_tree.is_full(tile):
            return edge.holds(place, tile)
        start = place[1] % TILE_WIDTH * HASH_BYTES
        if tiles.get(above, b"")[start : start + HASH_BYTES] != merkle.joined(tile):
            return False
    return False
