"""The tombstones once more, in a file outside the store: what a restored backup cannot take back.

One line of JSON each, added after the commit and never changed; keyed tags and counts, and
nothing of a person. It belongs on another disk than the store's backups.
"""

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from vault import tombstones
from vault.database import Transaction
from vault.tombstones import Tombstone

READ_AT_ONCE: Final = 1_000


def read(path: Path) -> list[Tombstone]:
    """What the journal holds; nothing where there is none. A line that was cut off is no line.

    Raises:
        TamperedError: a line is none of ours.
    """
    try:
        octets = path.read_bytes()
    except FileNotFoundError:
        return []
    return [tombstones.from_line(line) for line in _whole(octets).splitlines()]


async def keep(tx: Transaction, path: Path) -> int:
    """Add the tombstones that the store has and the journal lacks; how many. After their commit.

    Raises:
        TamperedError: a line is none of ours.
    """
    if await tombstones.newest(tx) is None:
        return 0
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    added = 0
    with _locked(path) as descriptor:
        held = _whole(os.pread(descriptor, os.fstat(descriptor).st_size, 0))
        last = [tombstones.from_line(line).number for line in held.splitlines()[-1:]]
        number = last[0] if last else 0
        os.ftruncate(descriptor, len(held))  # a power cut may have left half a line
        while stones := await tombstones.after(tx, number, limit=READ_AT_ONCE):
            _append(descriptor, stones)
            number, added = stones[-1].number, added + len(stones)
    return added


def _whole(octets: bytes) -> bytes:
    return octets[: octets.rfind(b"\n") + 1]


def _append(descriptor: int, stones: Sequence[Tombstone]) -> None:
    octets = b"".join(tombstones.to_line(stone) for stone in stones)
    while octets:
        octets = octets[os.write(descriptor, octets) :]
    os.fsync(descriptor)


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    """Open to append, one process at a time."""
    new = not path.exists()
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)  # and with it the lock
    if new:
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # the name too must survive a power cut
        finally:
            os.close(folder)
