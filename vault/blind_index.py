"""Finds records by what they say without keeping what they say: keyed tags of normalised values.

Unique numbers have tags of 128 bits. Names are indexed only together with a birth date,
since a tag of a name alone tells which names are frequent (47 % guessed in a million);
their tags are short, and what they find are candidates, to be compared once opened.
"""

import hmac
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Column, Index, LargeBinary, SmallInteger, String, Table, Uuid, delete, select

from policies.vocabulary import SubjectId
from vault import normalisers
from vault.database import AnyRow, Transaction, insert_new, metadata, spread
from vault.framing import framed
from vault.keyring import Keyring

Value = str | tuple[str, ...]
"""A number; for "person": (given name, family name, birth date as ISO 8601)."""


class Kind(msgspec.Struct, frozen=True):
    """How one index is made."""

    parts: Callable[[Any], tuple[str, ...]]
    """What is tagged of a value; an empty first part means there is nothing to find."""
    bits: int
    unique: bool = False


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One value by which one record is to be found."""

    record: SubjectId
    name: str
    value: Value


class TakenError(Exception):
    """A unique number is another record's already. Says neither which nor whose."""


def _person(value: tuple[str, str, str]) -> tuple[str, ...]:
    given, family, born = value
    # Sorted: papers disagree on which name comes first.
    return (born, *sorted(map(normalisers.skeleton, (given, family))))


KINDS: Final = {
    "idcs": Kind(lambda value: (normalisers.number(value),), bits=128, unique=True),
    "household": Kind(lambda value: (normalisers.number(value),), bits=128, unique=True),
    "document": Kind(lambda value: (normalisers.number(value),), bits=128, unique=True),
    "phone": Kind(lambda value: (normalisers.phone(value),), bits=128),
    "person": Kind(_person, bits=64),
}

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
    """Let many records be found: as `put`, in two statements for all."""
    rows = [_row(keyring, entry) for entry in entries]
    if not rows:
        return
    await insert_new(tx, blind_index, rows)
    there = {(row.name, row.tag, row.record) for row in await _read(tx, rows)}
    if any((row["name"], row["tag"], row["record"]) not in there for row in rows):
        raise TakenError


async def remove(tx: Transaction, record: SubjectId, name: str) -> None:
    """Let a record no longer be found by this index; before `put` of a value that changed."""
    of_record = (blind_index.c.record == record, blind_index.c.name == name)
    await tx.connection.execute(delete(blind_index).where(*of_record))


async def find(
    tx: Transaction, keyring: Keyring, name: str, values: Sequence[Value]
) -> dict[Value, list[SubjectId]]:
    """Whom each value finds, in one query; every value asked is a key of the answer."""
    tags = {value: tag(keyring, name, value) for value in values}
    found: dict[bytes, list[SubjectId]] = {}
    wanted = [{"name": name, "tag": of_value} for of_value in tags.values() if of_value]
    for row in await _read(tx, wanted) if wanted else ():
        found.setdefault(row.tag, []).append(SubjectId(row.record))
    return {value: found.get(of_value or b"", []) for value, of_value in tags.items()}


def tag(keyring: Keyring, name: str, value: Value) -> bytes | None:
    """The tag of a value, or None if the value says nothing once normalised."""
    kind = KINDS[name]
    parts = kind.parts(value)
    if not parts[0]:
        return None
    message = framed(b"v1", *(part.encode() for part in parts))
    key = keyring.blind_index(name)
    return hmac.digest(key, message, "sha256")[: kind.bits // 8]


def _row(keyring: Keyring, entry: Entry) -> dict[str, Any]:
    of_value = tag(keyring, entry.name, entry.value)
    if of_value is None:
        raise ValueError(f"nothing to find in a value for the index {entry.name}")
    version = keyring.versions("blind-index").active
    return {"name": entry.name, "version": version, "tag": of_value, "record": entry.record}


async def _read(tx: Transaction, wanted: Sequence[dict[str, Any]]) -> Sequence[AnyRow]:
    names = sorted({row["name"] for row in wanted})
    query = select(blind_index.c.name, blind_index.c.tag, blind_index.c.record).where(
        blind_index.c.name.in_(spread(names)),
        blind_index.c.tag.in_(spread([row["tag"] for row in wanted])),
    )
    return (await tx.connection.execute(query.order_by(blind_index.c.record))).all()
