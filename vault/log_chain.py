"""One person's entries as a chain: numbered without a gap, each naming the one before.

An entry that is withheld, doubled or put in another's place shows, and is named.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import Select, func, select

from policies.vocabulary import SubjectId
from vault import (
    attribute_heads,
    day_map,
    log_chains,
    log_embargoes,
    log_leaf,
    log_tables,
    merkle,
    subject_keys,
)
from vault.ciphers import SubjectKey
from vault.database import AnyRow, Transaction, spread
from vault.envelope_errors import KeyLostError, TamperedError
from vault.keyring import Keyring
from vault.log_chains import Tip
from vault.log_leaf import Leaf, Sealed
from vault.log_tables import access_log
from vault.log_tree import log_entry
from vault.subject_keys import Kind

PAGE: Final = 200


class Kinds(StrEnum):
    """What can be wrong with a chain."""

    MISSING = "missing"
    """The entries from `first` to `last` are not there."""
    TWICE = "twice"
    """Two entries bear the number `first`."""
    BROKEN = "broken"
    """Entry `first` does not name the one before it."""
    WITHHELD = "withheld"
    """The newest entries are not there: up to `first` are shown, and there are `last`."""
    REPLACED = "replaced"
    """Entry `first` is not the one that was last counted, or that a receipt names."""
    ALTERED = "altered"
    """An entry does not open, or is not what was sealed into the tree."""
    END_ALTERED = "end-altered"
    """Where the chain ends was altered, or is gone."""
    PUT_BACK = "put-back"
    """The record written by entry `first` is not what that entry left."""


class Fault(msgspec.Struct, frozen=True):
    """One thing that is wrong."""

    kind: Kinds
    first: int = 0
    last: int = 0

    def __str__(self) -> str:
        """In words, for the operator."""
        return _WORDS[self.kind].format(first=self.first, last=self.last)


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of a chain, opened."""

    id: UUID
    octets: bytes
    leaf: Leaf
    content: Sealed
    salt: bytes
    sequence: int | None
    """Its place in the tree; None until it is sealed in."""
    embargo: datetime | None = None
    """Until when it is not shown to the person; None: never held back."""

    @property
    def number(self) -> int:
        """Its place in the chain."""
        return self.content.number

    @property
    def hash(self) -> bytes:
        """Of the leaf."""
        return merkle.leaf_hash(self.octets)

    def is_held(self, now: datetime) -> bool:
        """Whether the person is not shown it yet."""
        return self.embargo is not None and self.embargo > now


class Chain(msgspec.Struct, frozen=True, kw_only=True):
    """A person's entries in the order of their numbers, and where they are said to end."""

    links: tuple[Link, ...]
    end: Tip | None
    """None: altered, or gone."""
    altered: int
    """How many entries do not open, or are not what was sealed into the tree."""


_WORDS: Final = {
    Kinds.MISSING: "entries {first} to {last} are missing",
    Kinds.TWICE: "entry {first} is there twice",
    Kinds.BROKEN: "entry {first} does not name the one before it",
    Kinds.WITHHELD: "the newest entries are withheld: {first} shown, {last} counted",
    Kinds.REPLACED: "entry {first} is not the one that was counted",
    Kinds.ALTERED: "{first} entries were altered",
    Kinds.END_ALTERED: "where the chain ends was altered",
    Kinds.PUT_BACK: "the record that entry {first} wrote was put back to an older state",
}


async def read(tx: Transaction, keyring: Keyring, subject: SubjectId) -> Chain:
    """All of a person's entries, from the first month of the log.

    Raises:
        KeyLostError: the person has no log key.
    """
    keys = await keyring.subject(tx, [subject], "log")
    if subject not in keys:
        raise KeyLostError
    tags = spread(log_tables.tags(keyring, subject, await months(tx)))
    rows = (await tx.connection.execute(_lines.where(access_log.c.subject_tag.in_(tags)))).all()
    found = [_opened(keys[subject], row) for row in rows]
    links = sorted((each for each in found if each), key=lambda link: (link.number, link.id))
    try:
        end = (await log_chains.read(tx, keys)).get(subject, Tip())
    except TamperedError:
        end = None
    return Chain(links=tuple(links), end=end, altered=found.count(None))


def faults(chain: Chain, seen: Mapping[int, bytes] | None = None) -> list[Fault]:
    """All that is wrong with a chain.

    `seen` are numbers and leaf hashes that the person knows of: from a receipt, or a map.
    """
    counted = [link for link in chain.links if link.number]  # those of format 1 have no number
    end = chain.end.number if chain.end else 0
    newest = max([end, *(seen or {})])
    by_number = {link.number: link for link in counted}
    found = [Fault(Kinds.ALTERED, chain.altered)] if chain.altered else []
    if chain.end is None or end < max(by_number, default=0):
        found.append(Fault(Kinds.END_ALTERED))
    found += _gaps(sorted(by_number), newest)
    times = Counter(link.number for link in counted)
    found += [Fault(Kinds.TWICE, number) for number, count in times.items() if count > 1]
    found += _broken(counted)
    known = {*(seen or {}).items()} | ({(end, chain.end.leaf_hash)} if chain.end else set())
    found += [
        Fault(Kinds.REPLACED, number)
        for number, leaf_hash in sorted(known)
        if number in by_number and by_number[number].hash != leaf_hash
    ]
    return found


async def put_back(tx: Transaction, keyring: Keyring, chain: Chain) -> list[Fault]:
    """Records whose head is not the one that the newest entry about a write left (threat 5)."""
    left = {link.content.head[:16]: link for link in chain.links if link.content.head}
    records = [SubjectId(UUID(bytes=each)) for each in left]
    # One whose data key is destroyed was erased: it has no head, and need have none.
    living = await keyring.subject(tx, records, "data")
    heads = await attribute_heads.hashes(tx, list(living)) if living else {}
    return [
        Fault(Kinds.PUT_BACK, left[record.bytes].number)
        for record in records
        if record in living and heads.get(record) != left[record.bytes].content.head[16:]
    ]


async def first_fault(tx: Transaction, keyring: Keyring) -> str:
    """The first fault of anybody's chain, in words, by the handle of the log key; else nothing."""
    after = b""
    while people := await _page(tx, after):
        for handle, subject in people:
            after = handle
            try:
                chain = await read(tx, keyring, subject)
            except KeyLostError:
                continue  # erased, or a key that verification names where an entry needs it
            found = faults(chain, await _counted(tx, chain))
            if found := [*found, *await put_back(tx, keyring, chain)]:
                return f"log key {handle.hex()}: {found[0]}"
    return ""


async def _counted(tx: Transaction, chain: Chain) -> dict[int, bytes]:
    """What the newest map says of a chain."""
    firsts = [link.hash for link in chain.links if link.number == 1]
    return dict([said for first in firsts if (said := await day_map.claim(tx, first))])


async def _page(tx: Transaction, after: bytes) -> list[tuple[bytes, SubjectId]]:
    table = subject_keys.subject_keys
    query = (
        select(table.c.handle, table.c.subject)
        .where(table.c.kind == Kind.LOG.value, table.c.handle > after)
        .order_by(table.c.handle)
        .limit(PAGE)
    )
    rows = await tx.connection.execute(query)
    return [(handle, SubjectId(subject)) for handle, subject in rows]


async def months(tx: Transaction) -> list[str]:
    """Every month of which there may be an entry."""
    first = await tx.connection.scalar(select(func.min(access_log.c.at)))
    return list(_each_month(first or tx.now, tx.now))


def _each_month(first: datetime, last: datetime) -> Iterator[str]:
    start, end = (12 * at.year + at.month - 1 for at in (first, last))
    for number in range(start, end + 1):
        yield f"{number // 12:04d}-{number % 12 + 1:02d}"


def _opened(key: SubjectKey, row: AnyRow) -> Link | None:
    try:
        leaf = log_leaf.decode(row.leaf)
        content = log_leaf.opened(key, leaf)
    except TamperedError:
        return None
    link = Link(
        id=row.id,
        octets=row.leaf,
        leaf=leaf,
        content=content,
        salt=log_leaf.salt(key.head, leaf.id),
        sequence=row.seq,
        embargo=row.until,
    )
    return link if row.leaf_hash in {None, link.hash} else None


def _gaps(numbers: Sequence[int], newest: int) -> Iterator[Fault]:
    for before, after in pairwise([0, *numbers]):
        if after > before + 1:
            yield Fault(Kinds.MISSING, before + 1, after - 1)
    last = numbers[-1] if numbers else 0
    if last < newest:
        yield Fault(Kinds.WITHHELD, last, newest)


def _broken(counted: Sequence[Link]) -> Iterator[Fault]:
    hashes: dict[int, set[bytes]] = {0: {b""}}
    for link in counted:
        hashes.setdefault(link.number, set()).add(link.hash)
    for link in counted:
        # Where the one before is not there, that is said already.
        if link.content.previous not in hashes.get(link.number - 1, {link.content.previous}):
            yield Fault(Kinds.BROKEN, link.number)


_held: Final = log_embargoes.log_embargoes
_lines: Final[Select[Any]] = select(
    access_log.c.id, access_log.c.leaf, log_entry.c.seq, log_entry.c.leaf_hash, _held.c.until
).select_from(
    access_log.outerjoin(log_entry, log_entry.c.id == access_log.c.id).outerjoin(
        _held, _held.c.entry == access_log.c.id
    )
)
