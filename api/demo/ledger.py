"""How far the seeding got: written so that a kill at any moment is made good by the next run.

What a chunk will have entered is noted as pending before its transaction commits. Whether it
did, the register's own count tells the next run.
"""

import os
from datetime import date
from pathlib import Path
from uuid import UUID

import msgspec


class Entered(msgspec.Struct, frozen=True, kw_only=True):
    """One synthetic person who is on the register."""

    subject: UUID
    idcs: str


class Ledger(msgspec.Struct, kw_only=True):
    """What the demo made, in the order of its population."""

    marker: str = "synthetic: made by amana demo"
    seed: str
    day: date
    """The day the population is as of: the same people on every run."""
    wanted: int
    people: list[Entered | None] = []
    """None: could not be entered."""
    pending: list[Entered | None] = []
    households: int = 0
    """How many of the population's households were looked at."""

    def entered(self) -> int:
        """How many are on the register for certain."""
        return _count(self.people)

    def settle(self, on_register: int) -> bool:
        """Make good what a kill left open. False: the register is not the one of this ledger."""
        if on_register == self.entered() + _count(self.pending):
            self.people += self.pending
        elif on_register != self.entered():
            return False
        self.pending = []
        return True


def read(file: Path) -> Ledger | None:
    """The ledger, if the demo was here before."""
    return msgspec.json.decode(file.read_bytes(), type=Ledger) if file.is_file() else None


def write(file: Path, ledger: Ledger) -> None:
    """Keep it."""
    write_private(file, msgspec.json.encode(ledger))


def write_private(file: Path, content: bytes) -> None:
    """Write a file of mode 0600, whole or not at all."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = file.with_name(f".{file.name}.part")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    beside.replace(file)


def _count(people: list[Entered | None]) -> int:
    return sum(each is not None for each in people)
