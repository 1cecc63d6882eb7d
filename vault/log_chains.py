"""Each record's own count in the access log: how many entries, the newest one's hash, its head.

Rows bear a reference and a MAC by the record's log key; without it they mean nothing. A batch
holds all the rows it needs at once, in one order: writers queue and never cross.
"""

import hmac
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    LargeBinary,
    Table,
    delete,
    literal,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite

from policies.vocabulary import SubjectId
from vault import bulk, merkle
from vault.ciphers import SubjectKey
from vault.database import AnyRow, Transaction, metadata, spread
from vault.envelope_errors import TamperedError
from vault.framing import framed
from vault.keyring import Keyring

REFERENCE_BYTES: Final = 16
SALT_BYTES: Final = 16
NOBODIES: Final = 1024
"""Rows that stand in where an entry is about nobody: to log that must be as much work."""
Keys = Mapping[SubjectId, SubjectKey]
"""Log keys."""


class Tip(msgspec.Struct, frozen=True):
    """Where a record's chain of entries ends. It begins at 1; a record without entries is at 0."""

    number: int = 0
    leaf_hash: bytes = b""
    head: bytes = b""
    """Hash of the data head after the record's last logged write; empty before the first."""
    first: bytes = b""
    """Hash of entry 1, by which the day's map finds the record (`day_map`)."""


log_chains: Final = Table(
    "log_chains",
    metadata,
    Column("reference", LargeBinary(REFERENCE_BYTES), primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("leaf_hash", LargeBinary(32), nullable=False),
    Column("head", LargeBinary(32), nullable=False),
    Column("mac", LargeBinary(32), nullable=False),
    Column("first", LargeBinary(32), nullable=False, index=True),
    Column("folded", LargeBinary(32), nullable=False),  # what the day's map will hold of it
    sqlite_with_rowid=False,
)
_NOTHING: Final = {
    **dict.fromkeys(["leaf_hash", "head", "mac", "first", "folded"], b""),
    "number": 0,
}
_REFERRING: Final = framed(b"vault/log/chain/reference/v1")
_columns: Final = select(*log_chains.c)


def _held(begun: Any) -> Any:
    # An update of nothing: it locks the row, in the order of the values, and gives it back as it
    # stands after whoever held it before. To select and then insert could cross with another.
    return begun.on_conflict_do_update(
        index_elements=[log_chains.c.reference], set_={"number": log_chains.c.number}
    ).returning(*log_chains.c)


_said: Final = bulk.unnested(log_chains, ["reference"]).c.reference
_HOLD: Final = _held(
    postgresql.insert(log_chains).from_select(
        ["reference", *_NOTHING],
        select(_said, *(literal(value) for value in _NOTHING.values())).order_by(_said),
    )
)


def reference(key: SubjectKey) -> bytes:
    """What a record's row is found by."""
    return key.head.mac(_REFERRING)[:REFERENCE_BYTES]


def stand_ins(keyring: Keyring, count: int) -> list[bytes]:
    """References to hold and keep, for this many entries about nobody."""
    drawn = {secrets.randbelow(NOBODIES) for _ in range(count)}
    marks = (keyring.log_marks.mac(framed(b"nobody", each.to_bytes(2, "big"))) for each in drawn)
    return [mark[:REFERENCE_BYTES] for mark in marks]


async def hold(tx: Transaction, keys: Keys, nobodies: Sequence[bytes] = ()) -> dict[SubjectId, Tip]:
    """Where each chain ends, held against other writers until commit; new ones are begun.

    Raises:
        TamperedError: a row was altered.
    """
    records = {reference(key): record for record, key in keys.items()}
    wanted = sorted([*records, *nobodies])
    if tx.connection.dialect.name == "postgresql":
        held = await tx.connection.execute(_HOLD, {"of_reference": wanted})
    else:
        rows = [{"reference": each, **_NOTHING} for each in wanted]
        held = await tx.connection.execute(_held(sqlite.insert(log_chains)), rows)
    return _believed(keys, records, list(held))


async def read(tx: Transaction, keys: Keys) -> dict[SubjectId, Tip]:
    """Where each chain ends; a record never logged is left out.

    Raises:
        TamperedError: a row was altered.
    """
    records = {reference(key): record for record, key in keys.items()}
    query = _columns.where(log_chains.c.reference.in_(spread(sorted(records))))
    return _believed(keys, records, list(await tx.connection.execute(query)))


async def keep(
    tx: Transaction,
    keys: Keys,
    tips: Mapping[SubjectId, Tip],
    nobodies: Sequence[bytes] = (),
) -> None:
    """Say where the chains end now. Their rows are held."""
    rows = [
        {"reference": reference(keys[record]), **_row(record, keys[record], tip)}
        for record, tip in tips.items()
    ]
    rows += [{"reference": each, **_NOTHING} for each in nobodies]
    await bulk.change(tx, log_chains, ("reference",), rows)


def salt(key: SubjectKey, tip: Tip) -> bytes:
    """What makes a count's leaf in the day's map say nothing to who was not given it."""
    number = tip.number.to_bytes(8, "big")
    return key.head.mac(framed(b"vault/log/map/salt/v1", tip.first, number))[:SALT_BYTES]


def folded(salt_: bytes, tip: Tip) -> bytes:
    """The leaf of a count in the day's map; empty before the first entry."""
    if not tip.first:
        return b""
    number = tip.number.to_bytes(8, "big")
    return merkle.leaf_hash(framed(b"vault/log/map/v1", tip.first, number, tip.leaf_hash, salt_))


async def forget(tx: Transaction, keys: Keys) -> None:
    """Delete the rows of records whose log key is destroyed."""
    references = [reference(key) for key in keys.values()]
    gone = delete(log_chains).where(log_chains.c.reference.in_(spread(references)))
    await tx.connection.execute(gone)


def _believed(
    keys: Keys, records: Mapping[bytes, SubjectId], rows: Sequence[AnyRow]
) -> dict[SubjectId, Tip]:
    found = {}
    for row in rows:
        if row.reference not in records:
            continue  # a stand-in
        record = records[row.reference]
        tip = found[record] = Tip(row.number, row.leaf_hash, row.head, row.first)
        if tip != Tip() and not hmac.compare_digest(_mac(record, keys[record], tip), row.mac):
            raise TamperedError
    return found


def _row(record: SubjectId, key: SubjectKey, tip: Tip) -> dict[str, Any]:
    kept = {"mac": _mac(record, key, tip), "folded": folded(salt(key, tip), tip)}
    return msgspec.structs.asdict(tip) | kept


def _mac(record: SubjectId, key: SubjectKey, tip: Tip) -> bytes:
    number = tip.number.to_bytes(8, "big")
    parts = [b"vault/log/chain/v1", record.bytes, number, tip.leaf_hash, tip.head]
    return key.head.mac(framed(*parts, *([tip.first] if tip.first else [])))
