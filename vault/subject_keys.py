"""One random key per record and kind, wrapped by the root: to destroy it is to forget.

Two kinds with lives of their own: `data` seals what is known of a record, `log` seals
who an access-log line is about, and outlives the data by the log's legal term.
"""

import secrets
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Column, Integer, LargeBinary, Select, String, Table, Uuid, insert, select

from policies.vocabulary import SubjectId
from vault.ciphers import HANDLE_BYTES, SubjectKey
from vault.database import Instant, Transaction, metadata, spread
from vault.envelope_errors import VaultError
from vault.framing import framed
from vault.keys import KEY_BYTES, Keys

VERSION: Final = 1


class Kind(StrEnum):
    """What a record's key is for."""

    DATA = "data"
    LOG = "log"


subject_keys: Final = Table(
    "subject_keys",
    metadata,
    Column("subject", Uuid, primary_key=True),
    Column("kind", String(8), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("handle", LargeBinary(HANDLE_BYTES), nullable=False, unique=True),
    Column("wrapped", LargeBinary, nullable=False),
    Column("created_at", Instant, nullable=False),
)


_columns: Final = select(subject_keys.c.subject, subject_keys.c.handle, subject_keys.c.wrapped)


async def create(tx: Transaction, keys: Keys, subjects: Iterable[SubjectId]) -> None:
    """Make both keys of new records."""
    rows = [_new(tx, keys, subject, kind) for subject in subjects for kind in Kind]
    if rows:
        await tx.connection.execute(insert(subject_keys), rows)


async def read(
    tx: Transaction, keys: Keys, subjects: Sequence[SubjectId], kind: Kind
) -> dict[SubjectId, SubjectKey]:
    """The keys of these records, in one query. One that is missing or does not open is left out."""
    query = _columns.where(
        subject_keys.c.subject.in_(spread(subjects)),
        subject_keys.c.kind == kind.value,
        subject_keys.c.version == VERSION,
    )
    return dict(await _opened(tx, keys, kind, query))


async def log_keys(
    tx: Transaction, keys: Keys, handles: Sequence[bytes]
) -> dict[bytes, tuple[SubjectId, SubjectKey]]:
    """The log keys of these handles, and whose they are. One that does not open is left out."""
    query = _columns.where(
        subject_keys.c.handle.in_(spread(handles)), subject_keys.c.kind == Kind.LOG.value
    )
    opened = await _opened(tx, keys, Kind.LOG, query)
    return {key.handle: (subject, key) for subject, key in opened}


async def owner(tx: Transaction, handle: bytes) -> SubjectId | None:
    """Whose key bears this handle."""
    query = select(subject_keys.c.subject).where(subject_keys.c.handle == handle)
    subject = await tx.connection.scalar(query)
    return None if subject is None else SubjectId(subject)


async def _opened(
    tx: Transaction, keys: Keys, kind: Kind, query: Select[Any]
) -> list[tuple[SubjectId, SubjectKey]]:
    found = []
    for subject, handle, wrapped in await tx.connection.execute(query):
        try:
            key = keys.unwrap(wrapped, _place(subject, kind, handle))
        except VaultError:
            continue  # a fault of this record alone; whoever needs the key says so
        found.append((subject, SubjectKey(key=key, handle=handle, version=VERSION)))
    return found


def _new(tx: Transaction, keys: Keys, subject: SubjectId, kind: Kind) -> dict[str, Any]:
    handle = secrets.token_bytes(HANDLE_BYTES)
    return {
        "subject": subject,
        "kind": kind.value,
        "version": VERSION,
        "handle": handle,
        "wrapped": keys.wrap(secrets.token_bytes(KEY_BYTES), _place(subject, kind, handle)),
        "created_at": tx.now,
    }


def _place(subject: SubjectId, kind: Kind, handle: bytes) -> bytes:
    return framed(
        b"subject", subject.bytes, kind.value.encode(), handle, VERSION.to_bytes(4, "big")
    )
