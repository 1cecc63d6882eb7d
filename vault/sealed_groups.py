"""The blobs at rest: one per record and group, written and opened many at a time."""

import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import uuid4

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    LargeBinary,
    String,
    Table,
    Uuid,
    select,
)

from policies.vocabulary import AttributeId, GroupId, SubjectId
from vault import attribute_heads, bulk, envelope
from vault.ciphers import HANDLE_BYTES, SubjectKey
from vault.database import AnyRow, Instant, Transaction, metadata, spread
from vault.envelope import Place
from vault.envelope_errors import TamperedError
from vault.keys import KEY_BYTES

KEY_LOST: Final = "key-lost"
MISSING: Final = "missing"
TAMPERED: Final = "tampered"
REPLACED: Final = "replaced"
"""Sealed under another key than the one at hand: the record's key was rotated meanwhile."""

Values = dict[AttributeId, Any]
Opened = Values | str
"""What a group says, or the fault that keeps it shut."""
Spot = tuple[SubjectId, GroupId]
Keys = Mapping[SubjectId, SubjectKey]


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """All that is to be kept of one record in one group."""

    record: SubjectId
    group: GroupId
    values: Mapping[str, Any]


sealed_attributes: Final = Table(
    "sealed_attributes",
    metadata,
    Column("record", Uuid, primary_key=True),
    Column("group", String(32), primary_key=True),
    Column("row_version", BigInteger, nullable=False),
    Column("blob", LargeBinary, nullable=False),
    Column("updated_at", Instant, nullable=False),
    sqlite_with_rowid=False,
)
_blobs: Final = select(
    sealed_attributes.c.record,
    sealed_attributes.c.group,
    sealed_attributes.c.row_version,
    sealed_attributes.c.blob,
    attribute_heads.attribute_heads.c.groups,
    attribute_heads.attribute_heads.c.mac,
).select_from(
    sealed_attributes.outerjoin(
        attribute_heads.attribute_heads,
        attribute_heads.attribute_heads.c.record == sealed_attributes.c.record,
    )
)
SEALS_PER_KEY: Final = 1 << 24
"""Far below the 2**32 at which random nonces may meet (SP 800-38D §8.3)."""
_STAND_IN: Final = GroupId("identity")
_values: Final = msgspec.msgpack.Decoder(Values)


async def write(
    tx: Transaction, keys: Keys, rows: Mapping[SubjectId, AnyRow], groups: Sequence[Group]
) -> set[SubjectId]:
    """Seal and keep, in at most four statements. `rows` are the heads, locked: writers queue.

    Returns the records whose key has sealed enough of a group: the next is due.

    Raises:
        TamperedError: a head was altered.
    """
    held = {record: attribute_heads.opened(keys[record], row) for record, row in rows.items()}
    heads = {record: dict(held.get(record, {})) for record in keys}
    new: list[dict[str, Any]] = []
    changed: list[dict[str, Any]] = []
    worn = set()
    for group in groups:
        head = heads[group.record]
        before = head.get(group.group)
        number = before.row + 1 if before else 1
        if number % SEALS_PER_KEY == 0:  # each seal of a group is counted, under whatever key
            worn.add(group.record)
        blob = _seal(keys[group.record], group, number)
        head[group.group] = attribute_heads.version(number, blob)
        row = {
            "record": group.record,
            "group": group.group,
            "row_version": number,
            "blob": blob,
            "updated_at": tx.now,
        }
        (changed if before else new).append(row)
    await bulk.put(tx, sealed_attributes, new)
    await bulk.change(tx, sealed_attributes, ("record", "group"), changed)
    await attribute_heads.write(tx, keys, heads, held)
    return worn


async def open_all(tx: Transaction, keys: Keys, spots: Sequence[Spot]) -> dict[Spot, Opened]:
    """Open these groups, in one query, or two where one was never recorded or is missing."""
    records, groups = {record for record, _ in spots}, {group for _, group in spots}
    query = _blobs.where(
        sealed_attributes.c.record.in_(spread(list(records))),
        sealed_attributes.c.group.in_(spread(list(groups))),
    )
    wanted = set(spots)
    found: dict[Spot, Opened] = {
        (row.record, row.group): _open(keys.get(row.record), row)
        for row in await tx.connection.execute(query)
        # The query finds every record × group: what nobody asked for stays shut.
        if (row.record, row.group) in wanted
    }
    absent = [spot for spot in spots if spot not in found]
    heads = await attribute_heads.rows(tx, [record for record, _ in absent]) if absent else {}
    for record, group in absent:
        found[record, group] = _absent(keys.get(record), group, heads.get(record))
    return found


async def rehearse(tx: Transaction, times: int) -> None:
    """Look for as many records that are not there, and open as many blobs that hold nothing."""
    records = [SubjectId(uuid4()) for _ in range(times)]
    groups = spread([_STAND_IN])
    query = _blobs.where(
        sealed_attributes.c.record.in_(spread(records)), sealed_attributes.c.group.in_(groups)
    )
    (await tx.connection.execute(query)).all()
    for record in records:
        key = SubjectKey(
            key=secrets.token_bytes(KEY_BYTES), handle=record.bytes[:HANDLE_BYTES], version=1
        )
        group = Group(record=record, group=_STAND_IN, values={"": "." * 256})
        place = Place(record=record.bytes, group=_STAND_IN)
        envelope.unseal(key.group(_STAND_IN), place, _seal(key, group, 1), row_version=1)


def _open(key: SubjectKey | None, row: AnyRow) -> Opened:
    if key is None:
        return KEY_LOST
    if envelope.handle(row.blob) != key.handle:
        return REPLACED
    try:
        listed = attribute_heads.opened(key, row).get(row.group)
        if listed != attribute_heads.version(row.row_version, row.blob):
            return TAMPERED
        return _unseal(key, row)
    except TamperedError:
        return TAMPERED


def _absent(key: SubjectKey | None, group: GroupId, head: AnyRow | None) -> Opened:
    if head is None:
        return {}  # never recorded
    if key is None:
        return KEY_LOST
    try:
        return MISSING if group in attribute_heads.opened(key, head) else {}
    except TamperedError:
        return TAMPERED


def _seal(key: SubjectKey, group: Group, number: int) -> bytes:
    place = Place(record=group.record.bytes, group=group.group)
    values = msgspec.msgpack.encode(dict(group.values))
    return envelope.seal(key.group(group.group), place, values, row_version=number)


def _unseal(key: SubjectKey, row: AnyRow) -> Values:
    place = Place(record=row.record.bytes, group=row.group)
    values = envelope.unseal(key.group(row.group), place, row.blob, row_version=row.row_version)
    try:
        return _values.decode(values)
    # It opened, and is of another shape: a name, too, that is no text.
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise TamperedError from None
