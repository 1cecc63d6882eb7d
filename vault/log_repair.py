"""Tiles made anew from the entries: what a disk or a hand broke is mended, and not believed.

Nothing is written unless the entries lead to the root that was signed.
"""

from collections.abc import Callable, Mapping
from typing import Final

from sqlalchemy import select

from vault import log_tree, transparency
from vault.database import Transaction
from vault.envelope_errors import TamperedError
from vault.log_tree import Place, Tiles, log_entry
from vault.transparency import FencedError

PAGE: Final = 1 << 2 * log_tree.TILE_BITS
"""Entries at a time: the leaves under one tile of level 1."""

Progress = Callable[[int, int], None]
"""Called with (entries done, entries in all)."""


async def repair(tx: Transaction, progress: Progress) -> list[Place]:
    """Write the tiles anew that do not hold the hashes of the entries; which ones.

    Raises:
        FencedError: a sequencer changes the tree at this moment.
        TamperedError: the entries do not lead to the root that was signed.
    """
    if not await transparency.leads(tx):
        raise FencedError
    newest = await transparency.checkpoint(tx)
    if newest is None:
        return []
    tiles, broken, edge = Tiles(0, {}), dict[Place, bytes](), dict[Place, bytes]()
    while tiles.size < newest.size:
        tiles.extend(await _leaf_hashes(tx, tiles.size, min(tiles.size + PAGE, newest.size)))
        edge |= tiles.take_changed()
        full = [place for place, hashes in edge.items() if log_tree.is_full(hashes)]
        broken |= await _differing(tx, {place: edge.pop(place) for place in full})
        progress(tiles.size, newest.size)
    if tiles.root() != newest.root:
        raise TamperedError
    broken |= await _differing(tx, edge)
    if broken:
        await log_tree.keep(tx, broken.items())
    return sorted(broken)


async def _leaf_hashes(tx: Transaction, start: int, end: int) -> bytes:
    query = select(log_entry.c.leaf_hash).where(log_entry.c.seq >= start, log_entry.c.seq < end)
    found = list(await tx.connection.scalars(query.order_by(log_entry.c.seq)))
    if len(found) < end - start:
        raise TamperedError
    return b"".join(found)


async def _differing(tx: Transaction, made: Mapping[Place, bytes]) -> dict[Place, bytes]:
    stored = await log_tree.load(tx, made)
    return {place: hashes for place, hashes in made.items() if stored.get(place) != hashes}
