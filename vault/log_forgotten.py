"""Log keys that were destroyed once their term was over: whose entries those are, nobody can tell.

Only so is an entry that no key opens any more told from one whose key somebody took away.
"""

import hmac
from collections.abc import Iterable, Sequence
from typing import Final

from sqlalchemy import Column, LargeBinary, Table, select, update

from policies.vocabulary import SubjectId
from vault import log_tables
from vault.ciphers import HANDLE_BYTES
from vault.database import Instant, Transaction, batches, insert_new, metadata, spread
from vault.framing import framed
from vault.keyring import Keyring
from vault.log_tables import access_log

AT_ONCE: Final = 1_024
"""Tags per statement; PostgreSQL takes 32,767 values."""

log_forgotten: Final = Table(
    "log_forgotten",
    metadata,
    Column("handle", LargeBinary(HANDLE_BYTES), primary_key=True),
    Column("at", Instant, nullable=False),
    Column("mac", LargeBinary(32), nullable=False),
)


async def remember(tx: Transaction, keyring: Keyring, handles: Iterable[bytes]) -> None:
    """Say that the log keys of these handles are destroyed as they should be."""
    rows = [{"handle": each, "at": tx.now, "mac": _mac(keyring, each)} for each in handles]
    if rows:
        await insert_new(tx, log_forgotten, rows)


async def among(tx: Transaction, keyring: Keyring, handles: Sequence[bytes]) -> set[bytes]:
    """Those of these handles whose log key was destroyed as it should be."""
    query = select(log_forgotten.c.handle, log_forgotten.c.mac).where(
        log_forgotten.c.handle.in_(spread(handles))
    )
    return {
        row.handle
        for row in await tx.connection.execute(query)
        if hmac.compare_digest(_mac(keyring, row.handle), row.mac)
    }


async def untag(
    tx: Transaction, keyring: Keyring, records: Iterable[SubjectId], months: Sequence[str]
) -> None:
    """Take from the entries of these months what finds them for these records."""
    tags = (tag for record in records for tag in log_tables.tags(keyring, record, months))
    for some in batches(tags, AT_ONCE):
        found = access_log.c.subject_tag.in_(spread(some))
        await tx.connection.execute(update(access_log).where(found).values(subject_tag=None))


def _mac(keyring: Keyring, handle: bytes) -> bytes:
    return keyring.log_marks.mac(framed(b"forgotten", handle))
