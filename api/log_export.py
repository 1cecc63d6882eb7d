"""The access log's tree as a folder of files (c2sp.org/tlog-tiles), to be served or kept elsewhere.

Tiles are written first and the checkpoint last: whatever the folder's checkpoint names is
there. Full tiles never change, so an export that was cut off, or is made again, goes on.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from api import durable
from vault import database as db
from vault import log_cosignatures, log_tiles, transparency
from vault.database import Database
from vault.envelope_errors import TamperedError
from vault.log_tiles import Run
from vault.log_tree import TILE_BITS, TILE_WIDTH
from vault.merkle import HASH_BYTES

Report = Callable[[int, int], None]

CHECKPOINT: Final = "checkpoint"
TILE_MODE: Final = 0o644
"""The tree without its leaves is public."""
LEAVES_MODE: Final = 0o600
"""The leaves say which programme asked for what and when: for the DPO and an auditor."""


async def export(database: Database, folder: Path, report: Report, *, leaves: bool) -> int:
    """Write the tree of the newest checkpoint, with the leaves if asked. Returns its size.

    Raises:
        TamperedError: a tile does not lead to the root that is signed, or a line is not there.
        OSError: the folder cannot be written.
    """
    async with db.read(database) as tx:
        newest = await transparency.checkpoint(tx)
        if newest is None:
            return 0
        note = await log_cosignatures.note(tx, newest)
    wanted = list(_wanted(newest.size, leaves=leaves))
    for done, (level, run) in enumerate(wanted):
        report(done, len(wanted))
        place = folder / "tile" / ("entries" if level is None else str(level)) / log_tiles.name(run)
        if not _is_there(place, level, run):
            async with db.read(database) as tx:
                found = await (
                    log_tiles.entries(tx, run)
                    if level is None
                    else log_tiles.hashes(tx, level, run)
                )
            if found is None:
                raise TamperedError  # a checkpoint is signed over tiles that are kept with it
            durable.write(place, found, mode=LEAVES_MODE if level is None else TILE_MODE)
    report(len(wanted), len(wanted))
    durable.write(folder / CHECKPOINT, note.encode(), mode=TILE_MODE)
    return newest.size


def _wanted(size: int, *, leaves: bool) -> Iterator[tuple[int | None, Run]]:
    level, width = 0, size
    while width:
        for run in _runs(width):
            yield level, run
            if leaves and not level:
                yield None, run
        level, width = level + 1, width >> TILE_BITS


def _runs(width: int) -> Iterator[Run]:
    full, rest = divmod(width, TILE_WIDTH)
    for index in range(full):
        yield Run(index, TILE_WIDTH)
    if rest:
        yield Run(full, rest)


def _is_there(place: Path, level: int | None, run: Run) -> bool:
    # Files are moved to their place whole, so one that is there is whole.
    if not place.is_file():
        return False
    return level is None or place.stat().st_size == run.width * HASH_BYTES
