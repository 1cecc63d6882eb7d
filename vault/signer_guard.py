"""What was signed last, in a file outside the store: a log that was put back is not signed on.

Three lines, as a checkpoint says them: the log's name, its size, its root. It follows the
commit, so a power cut between the two leaves it one size behind; the next round brings it up.
It belongs where no restore of the store reaches.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Final

from vault import log_note, log_tree, merkle
from vault.database import Transaction
from vault.envelope_errors import TamperedError, VaultError
from vault.log_note import Head

LOCK_SECONDS: Final = 5.0
"""How long to wait for another process: one that was stopped must not stop this one."""
_LOCK_PAUSE_SECONDS: Final = 0.02


class Why(StrEnum):
    """Why a tree is not signed."""

    SMALLER = "the log is smaller than what was signed last"
    OTHER_ROOT = "the log has another root at the size that was signed last"
    INCONSISTENT = "the log does not continue what was signed last"
    OTHER_ORIGIN = "the log has another name than what was signed last"


class GuardError(VaultError):
    """The tree is not the one that was signed last, grown. `why` says how."""

    def __init__(self, why: Why) -> None:
        super().__init__(why.value)
        self.why = why


class GuardBusyError(VaultError):
    """Another process holds the guard's file for too long."""


def read(path: Path) -> Head | None:
    """The head that was signed last; None before the first.

    Raises:
        TamperedError: the file is none of ours.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        raise TamperedError from None
    head = log_note.read_head(text)
    if head is None or head.text() != text:
        raise TamperedError
    return head


async def check(tx: Transaction, signed: Head, newest: Head) -> None:
    """See that the newest tree of the store continues the one that was signed last.

    Raises:
        GuardError: it does not.
        TamperedError: a tile that would show it is not whole.
    """
    if newest.origin != signed.origin:
        raise GuardError(Why.OTHER_ORIGIN)
    if newest.size < signed.size:
        raise GuardError(Why.SMALLER)
    if newest.size == signed.size and newest.root != signed.root:
        raise GuardError(Why.OTHER_ROOT)
    if not 0 < signed.size < newest.size:
        return
    tiles = await log_tree.for_inclusion(tx, [signed.size - 1], newest.size)
    proof = merkle.consistency(signed.size, newest.size, tiles.node)
    if not merkle.consistent(signed.size, newest.size, signed.root, newest.root, proof):
        raise GuardError(Why.INCONSISTENT)


def keep(path: Path, head: Head) -> None:
    """Remember a head that was committed, unless a larger one of the same log is remembered.

    Raises:
        GuardBusyError: another process does not let go of the file.
        TamperedError: the file is none of ours.
    """
    with _locked(path):
        held = read(path)
        if held is None or (held.origin == head.origin and held.size < head.size):
            _replace(path, head)


def begin_anew(path: Path, head: Head) -> None:
    """Remember this head whatever is remembered: a log under a new name begins at it.

    Raises:
        GuardBusyError: another process does not let go of the file.
    """
    with _locked(path):
        _replace(path, head)


def _replace(path: Path, head: Head) -> None:
    beside = path.with_name(f"{path.name}.new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(head.text())
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the rename too must survive a power cut
    finally:
        os.close(folder)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One process at a time; the lock is a file of its own, for the other is replaced."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _lock(descriptor)
        yield
    finally:
        os.close(descriptor)  # and with it the lock


def _lock(descriptor: int) -> None:
    until = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise GuardBusyError from None
            time.sleep(_LOCK_PAUSE_SECONDS)
