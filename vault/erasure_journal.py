"""The tombstones once more, in a file outside the store: what a restored backup cannot take back.

One line of JSON each, added after the commit and never changed; keyed tags and counts, and
nothing of a person. It belongs on another disk than the store's backups. Begun with the first
root key and never again by itself: a journal that is missing is one that was lost.
"""

import asyncio
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
TAIL_BYTES: Final = 4_096
"""Read from the end to find the last line; some 300 bytes each."""


def begin(path: Path) -> bool:
    """Make an empty journal. False: there is one, and it is left alone."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        return False
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the name too must survive a power cut
    finally:
        os.close(folder)
    return True


def read(path: Path) -> list[Tombstone] | None:
    """What the journal holds; None: there is no journal. A line that was cut off is no line.

    Raises:
        TamperedError: a line is none of ours.
    """
    try:
        octets = path.read_bytes()
    except FileNotFoundError:
        return None
    whole = octets[: octets.rfind(b"\n") + 1]
    return [tombstones.from_line(line) for line in whole.splitlines()]


def last(path: Path) -> list[Tombstone] | None:
    """The last of what `read` gives, or nothing, however long the journal is.

    Raises:
        TamperedError: the last line is none of ours.
    """
    try:
        with _locked(path) as descriptor:
            return _last(descriptor)[1]
    except FileNotFoundError:
        return None


async def keep(tx: Transaction, path: Path) -> int | None:
    """Add the tombstones that the store has and the journal lacks; how many. After their commit.

    None: there is no journal. The disk is waited for in a thread.

    Raises:
        TamperedError: the last line is none of ours.
    """
    there = await asyncio.to_thread(last, path)
    if there is None:
        return None
    number = there[-1].number if there else 0
    added = 0
    while stones := await tombstones.after(tx, number, limit=READ_AT_ONCE):
        added += await asyncio.to_thread(_add, path, stones)
        number = stones[-1].number
    return added


def _add(path: Path, stones: Sequence[Tombstone]) -> int:
    """Append those that are not there: another process may have been faster; how many."""
    with _locked(path) as descriptor:
        end, there = _last(descriptor)
        lacking = [stone for stone in stones if not there or stone.number > there[-1].number]
        os.ftruncate(descriptor, end)  # a power cut may have left half a line
        octets = b"".join(tombstones.to_line(stone) for stone in lacking)
        while octets:
            octets = octets[os.write(descriptor, octets) :]
        os.fsync(descriptor)
    return len(lacking)


def _last(descriptor: int) -> tuple[int, list[Tombstone]]:
    """Where the last whole line ends, and what it says; nothing in an empty journal."""
    size = os.fstat(descriptor).st_size
    taken = 0
    while taken < size:
        taken = min(size, max(TAIL_BYTES, 2 * taken))
        tail = os.pread(descriptor, taken, size - taken)
        end = tail.rfind(b"\n")
        start = tail.rfind(b"\n", 0, end) if end > 0 else -1
        if end >= 0 and (start >= 0 or taken == size):
            return size - taken + end + 1, [tombstones.from_line(tail[start + 1 : end])]
    return 0, []


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    """Open to append, one process at a time.

    Raises:
        FileNotFoundError: there is no journal.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)  # and with it the lock
