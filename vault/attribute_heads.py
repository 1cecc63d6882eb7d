"""One head per record: which groups there are, at which version and with which bytes.

Authenticated by the record's own key, so that a blob put back, moved or taken away by
whoever can write to the database is seen when the record is read.
"""

import hmac
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Final

import msgspec
from sqlalchemy import Column, LargeBinary, Table, Uuid, select

from policies.vocabulary import GroupId, SubjectId
from vault import bulk
from vault.ciphers import SubjectKey
from vault.database import AnyRow, Instant, Transaction, metadata, spread
from vault.envelope_errors import TamperedError
from vault.framing import framed


class Version(msgspec.Struct, frozen=True, array_like=True):
    """What the head says of one group."""

    row: int
    digest: bytes
    """SHA-256 of the blob."""


Head = Mapping[GroupId, Version]

attribute_heads: Final = Table(
    "attribute_heads",
    metadata,
    Column("record", Uuid, primary_key=True),
    Column("groups", LargeBinary, nullable=False),
    Column("mac", LargeBinary(32), nullable=False),
    Column("updated_at", Instant, nullable=False),
    sqlite_with_rowid=False,
)
query: Final = select(attribute_heads.c.record, attribute_heads.c.groups, attribute_heads.c.mac)
"""The rows that `opened` takes."""
_groups: Final = msgspec.msgpack.Decoder(dict[GroupId, Version])


async def read(
    tx: Transaction, keys: Mapping[SubjectId, SubjectKey]
) -> dict[SubjectId, dict[GroupId, Version]]:
    """The heads of these records.

    Raises:
        TamperedError: a head was altered.
    """
    held = await rows(tx, list(keys))
    return {record: opened(keys[record], row) for record, row in held.items()}


async def write(
    tx: Transaction,
    keys: Mapping[SubjectId, SubjectKey],
    heads: Mapping[SubjectId, Head],
    held: Mapping[SubjectId, Head],
) -> None:
    """Keep these heads; `held` are those that were there."""
    new, changed = [], []
    for record, head in heads.items():
        groups = msgspec.msgpack.encode(head)
        row = {"record": record, "groups": groups, "mac": _mac(record, keys[record], groups)}
        if record in held:
            changed.append(row)
        else:
            new.append({**row, "updated_at": tx.now})
    await bulk.put(tx, attribute_heads, new)
    await bulk.change(tx, attribute_heads, ("record",), changed, updated_at=tx.now)


async def rows(
    tx: Transaction, records: Sequence[SubjectId], *, locked: bool = False
) -> dict[SubjectId, AnyRow]:
    """The heads' rows, not believed yet; `locked` holds them against change until commit."""
    wanted = query.where(attribute_heads.c.record.in_(spread(records)))
    if locked:
        wanted = wanted.order_by(attribute_heads.c.record).with_for_update()
    found = await tx.connection.execute(wanted)
    return {SubjectId(row.record): row for row in found}


def opened(key: SubjectKey, row: AnyRow) -> dict[GroupId, Version]:
    """What a head's row says, once believed. The row has `record`, `groups` and `mac`.

    Raises:
        TamperedError: the record's key did not make it, or it is not there.
    """
    if row.groups is None or not hmac.compare_digest(_mac(row.record, key, row.groups), row.mac):
        raise TamperedError
    return _groups.decode(row.groups)


async def hashes(tx: Transaction, records: Sequence[SubjectId]) -> dict[SubjectId, bytes]:
    """What an entry of the access log commits to: a hash of what each head says, as it stands.

    Of the groups and how often each was written, not of their bytes: a record that is sealed
    anew under another key says what it said.
    """
    return {record: _said(row) for record, row in (await rows(tx, records)).items()}


def version(row: int, blob: bytes) -> Version:
    """What the head is to say of a blob."""
    return Version(row, digest(blob))


def digest(blob: bytes) -> bytes:
    """What a head says of a blob's bytes."""
    return sha256(blob).digest()


def _said(row: AnyRow) -> bytes:
    try:
        versions = sorted(_groups.decode(row.groups).items())
    except (msgspec.DecodeError, UnicodeDecodeError):
        return sha256(row.groups).digest()  # altered: it is no head's hash
    parts = [part for group, at in versions for part in (group.encode(), at.row.to_bytes(8, "big"))]
    return sha256(framed(b"vault/head/v1", row.record.bytes, *parts)).digest()


def _mac(record: SubjectId, key: SubjectKey, groups: bytes) -> bytes:
    return key.head.mac(framed(record.bytes, groups))
