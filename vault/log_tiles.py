"""The tree as files that never change, named and written as c2sp.org/tlog-tiles says."""

import re
from typing import Final

import msgspec
from sqlalchemy import select

from vault import log_tree
from vault.database import Transaction
from vault.envelope_errors import TamperedError
from vault.log_tables import access_log
from vault.log_tree import TILE_WIDTH, log_entry
from vault.merkle import HASH_BYTES

_NUMBER: Final = re.compile(r"((?:x[0-9]{3}/){0,5}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")
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


def read_level(name: str) -> int | None:
    """The level that a name says; None if it says none."""
    return int(name) if _LEVEL.fullmatch(name) else None


async def hashes(tx: Transaction, level: int, run: Run) -> bytes | None:
    """The hashes of a tile; None until the tree has grown as far."""
    place = (level, run.index)
    found = (await log_tree.load(tx, [place])).get(place, b"")[: run.width * HASH_BYTES]
    return found if len(found) == run.width * HASH_BYTES else None


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
