"""Finds records by what they say without keeping what they say: keyed tags of normalised values.

Unique numbers have tags of 128 bits. Names are indexed only together with a birth date,
since a tag of a name alone tells which names are frequent (47 % guessed in a million);
their tags are short, and what they find are candidates, to be compared once opened.
"""

import hmac
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import (
    Column,
    Index,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    Uuid,
    and_,
    bindparam,
    delete,
    func,
    select,
)

from policies.vocabulary import SubjectId
from vault import index_versions, normalisers
from vault.attribute_heads import attribute_heads
from vault.database import AnyRow, Transaction, insert_new, metadata, spread
from vault.framing import framed
from vault.index_held import Live
from vault.index_kinds import CANDIDATES, KINDS
from vault.keyring import Keyring

Value = str | tuple[str, ...]
"""A number; for "person": (given name, family name, birth date)."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One value by which one record is to be found."""

    record: SubjectId
    name: str
    value: Value


class Candidates(list[SubjectId]):
    """Whom a value may find, at most `CANDIDATES`; those of a number that is unique are one.

    Tags are cut short and collide: a caller shows nobody before comparing what is opened.
    """

    capped: bool = False
    """There are more than these."""


class TakenError(Exception):
    """A unique number is another record's already. Says neither which nor whose."""


blind_index: Final = Table(
    "blind_index",
    metadata,
    Column("name", String(16), primary_key=True),
    Column("version", SmallInteger, primary_key=True),
    Column("tag", LargeBinary(16), primary_key=True),
    Column("record", Uuid, primary_key=True),
    Index("ix_blind_index_record", "record", "name"),
)
_unique: Final = blind_index.c.name.in_([name for name, kind in KINDS.items() if kind.unique])
Index(
    "uq_blind_index_tag",
    blind_index.c.name,
    blind_index.c.version,
    blind_index.c.tag,
    unique=True,
    sqlite_where=_unique,
    postgresql_where=_unique,
)
_forget: Final = delete(blind_index).where(
    blind_index.c.name == bindparam("of"),
    blind_index.c.version == bindparam("by"),
    blind_index.c.tag == bindparam("at"),
    blind_index.c.record == bindparam("whose"),
)


async def put(
    tx: Transaction, keyring: Keyring, record: SubjectId, name: str, value: Value
) -> None:
    """Let a record be found by a value.

    Raises:
        ValueError: the value says nothing once normalised. Carries no value.
        TakenError: a unique number (idcs, household, document) is another record's already.
    """
    await put_all(tx, keyring, [Entry(record=record, name=name, value=value)])


async def put_all(tx: Transaction, keyring: Keyring, entries: Iterable[Entry]) -> None:
    """Let many records be found: as `put`, in three statements for all.

    Where one is taken, the others are written.
    """
    wanted = list(entries)
    if not wanted:
        return
    live = keyring.indexes.live = await index_versions.for_writing(tx, keyring)
    made = [_rows(keyring, entry, live) for entry in wanted]
    there = await keep(tx, [row for rows in made for row in rows])
    taken = [rows for rows in made if any(key(row) not in there for row in rows)]
    if taken:
        # In a version that its owner's record has not come to yet, the number seemed free.
        strays = [_place(row) for rows in taken for row in rows]
        await tx.connection.execute(_forget, strays)
        raise TakenError


async def keep(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> set[tuple[Any, ...]]:
    """Insert rows but for those whose number is another's; the keys of what is there after."""
    # One order for all: no two writers wait for each other.
    await insert_new(tx, blind_index, sorted(rows, key=key))
    query = select(
        blind_index.c.name, blind_index.c.version, blind_index.c.tag, blind_index.c.record
    ).where(
        blind_index.c.record.in_(spread(sorted({row["record"] for row in rows}))),
        blind_index.c.name.in_(spread(sorted({row["name"] for row in rows}))),
    )
    return {tuple(row) for row in await tx.connection.execute(query)}


async def remove(tx: Transaction, record: SubjectId, name: str) -> None:
    """Let a record no longer be found by this index; before `put` of a value that changed.

    The record's head is held until commit: a job that makes the index anew reads the values
    before the change or after it, and writes no tag of the old one in between.
    """
    head = select(attribute_heads.c.record).where(attribute_heads.c.record == record)
    await tx.connection.execute(head.with_for_update())
    of_record = (blind_index.c.record == record, blind_index.c.name == name)
    await tx.connection.execute(delete(blind_index).where(*of_record))


async def find(
    tx: Transaction, keyring: Keyring, name: str, values: Sequence[Value]
) -> dict[Value, Candidates]:
    """Whom each value finds, in one query; every value asked is a key of the answer."""
    live: Sequence[Live] = keyring.indexes.live
    while True:
        tags = {value: _tags(keyring, name, value, live) for value in values}
        rows = await _read(tx, name, live, [it for several in tags.values() for it in several])
        # The query names the versions that answer: what this process holds may be older.
        if {row.version for row in rows} == {each.version for each in live}:
            break
        live = keyring.indexes.live = await index_versions.for_reading(tx, keyring)
    found: dict[bytes, list[SubjectId]] = {}
    for row in rows:
        if row.tag is not None:
            found.setdefault(row.tag, []).append(SubjectId(row.record))
    return {value: _candidates(found, several) for value, several in tags.items()}


def tag(
    keyring: Keyring,
    name: str,
    value: Value,
    version: int | None = None,
    rules: int = normalisers.NEWEST,
) -> bytes | None:
    """The tag of a value, or None if the value says nothing once normalised."""
    parts = form(name, value, rules)
    if not parts:
        return None
    message = framed(b"v1", *(part.encode() for part in parts))
    key = keyring.blind_index(name, version)
    return hmac.digest(key, message, "sha256")[: KINDS[name].bits // 8]


def form(name: str, value: Value, rules: int = normalisers.NEWEST) -> tuple[str, ...]:
    """What an index sees of a value: equal forms are equal tags; empty where it says nothing.

    For who compares what a tag found once it is opened: tags may be equal where forms are not.
    """
    parts = KINDS[name].parts(normalisers.RULES[rules], value)
    return parts if parts[0] else ()


def rows_of(keyring: Keyring, entry: Entry, live: Sequence[Live]) -> list[dict[str, Any]]:
    """The rows of an entry in these versions, but for those by whose rules it says nothing."""
    tags = (
        (each.version, tag(keyring, entry.name, entry.value, each.version, each.rules))
        for each in live
    )
    return [
        {"name": entry.name, "version": version, "tag": found, "record": entry.record}
        for version, found in tags
        if found is not None
    ]


def key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """A row's key; in its order, the older version comes first."""
    return row["name"], row["version"], row["tag"], row["record"]


def _rows(keyring: Keyring, entry: Entry, live: Sequence[Live]) -> list[dict[str, Any]]:
    rows = rows_of(keyring, entry, live)
    if not any(row["version"] == live[0].version for row in rows):
        raise ValueError(f"nothing to find in a value for the index {entry.name}")
    return rows


def _place(row: Mapping[str, Any]) -> dict[str, Any]:
    return dict(zip(("of", "by", "at", "whose"), key(row), strict=True))


def _tags(keyring: Keyring, name: str, value: Value, live: Sequence[Live]) -> list[bytes]:
    tags = (tag(keyring, name, value, each.version, each.rules) for each in live)
    return [found for found in tags if found is not None]


def _candidates(found: Mapping[bytes, Sequence[SubjectId]], tags: Sequence[bytes]) -> Candidates:
    records = dict.fromkeys(record for each in tags for record in found.get(each, ()))
    candidates = Candidates(list(records)[:CANDIDATES])
    candidates.capped = len(records) > CANDIDATES
    return candidates


async def _read(
    tx: Transaction, name: str, looked_in: Sequence[Live], tags: Sequence[bytes]
) -> Sequence[AnyRow]:
    """A row for each version that answers, and for each record found in it."""
    live = index_versions.live().subquery()
    versions = blind_index.c.version.in_([each.version for each in looked_in])
    ranked = (
        select(
            blind_index.c.version,
            blind_index.c.tag,
            blind_index.c.record,
            func.row_number()
            .over(
                partition_by=(blind_index.c.version, blind_index.c.tag),
                order_by=blind_index.c.record,
            )
            .label("place"),
        )
        .where(blind_index.c.name == name, versions, blind_index.c.tag.in_(spread(tags)))
        .subquery()
    )
    few = and_(ranked.c.version == live.c.version, ranked.c.place <= CANDIDATES + 1)
    query = (
        select(live.c.version, ranked.c.tag, ranked.c.record)
        .select_from(live.outerjoin(ranked, few))
        .order_by(ranked.c.record)
    )
    return (await tx.connection.execute(query)).all()
