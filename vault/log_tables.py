"""Where the access log is kept: its lines, and those that wait to be sealed into the tree.

The columns repeat what a leaf says, to be searched; what is shown and proved is the leaf.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Column, Index, LargeBinary, String, Table, Text, Uuid, func, select

from policies.vocabulary import Action, SubjectId
from vault import log_leaf
from vault.database import Instant, Transaction, metadata
from vault.keyring import Keyring
from vault.log_leaf import Leaf
from vault.opaque import Deriver

LOG_GROUP: Final = log_leaf.GROUP
TAG_BYTES: Final = 16

access_log: Final = Table(
    "access_log",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("actor_kind", String(16), nullable=False),
    Column("actor", String(128), nullable=False),
    Column("action", String(32), nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("purpose", String(128)),
    Column("reasons", Text, nullable=False),
    Column("subject_tag", LargeBinary(TAG_BYTES)),
    Column("leaf", LargeBinary, nullable=False),
    # An id begins with its instant: each of these is in order of time.
    Index("ix_access_log_subject", "subject_tag", "id"),
    Index("ix_access_log_actor", "actor", "id"),
    sqlite_with_rowid=False,
)
_erasures: Final = access_log.c.action == Action.ERASE.value
Index(
    "ix_access_log_erasures",
    access_log.c.id,
    sqlite_where=_erasures,
    postgresql_where=_erasures,
)
log_pending: Final = Table(
    "log_pending",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("leaf_hash", LargeBinary(32), nullable=False),
    sqlite_with_rowid=False,
)


def columns(
    leaf: Leaf, octets: bytes, subject_tag: bytes | None, *, entry_id: UUID, at: datetime
) -> dict[str, Any]:
    """The row of a leaf; `entry_id` and `at` are what the leaf says, as columns have them."""
    return {
        "id": entry_id,
        "at": at,
        "actor_kind": leaf.actor_kind.value,
        "actor": leaf.actor,
        "action": leaf.action.value,
        "outcome": leaf.outcome.value,
        "purpose": leaf.purpose,
        "reasons": spaced(leaf.reasons),
        "subject_tag": subject_tag,
        "leaf": octets,
    }


def spaced(reasons: tuple[str, ...]) -> str:
    """Codes with a space on each side, so that one is found whole."""
    return f" {' '.join(reasons)} " if reasons else ""


def tag(keyring: Keyring, subject: SubjectId, month: str) -> bytes:
    """What finds a person's entries of one month (`2026-11`); means nothing without the key."""
    return _tag(keyring.log_references[0], subject, month)


def tags(keyring: Keyring, subject: SubjectId, months: Iterable[str]) -> list[bytes]:
    """What finds a person's entries of these months, under each version of the key that opens."""
    keys = keyring.log_references
    return [_tag(key, subject, month) for month in months for key in keys]


async def may_be_edited(tx: Transaction) -> bool:
    """Whether whoever is connected may change the lines: the apps' roles may not (ADR-0009)."""
    if tx.connection.dialect.name == "sqlite":
        return True
    may = func.has_table_privilege(access_log.name, "UPDATE")
    return bool(await tx.connection.scalar(select(may)))


def _tag(key: Deriver, subject: SubjectId, month: str) -> bytes:
    return key.mac(log_leaf.tag_input(subject, month))[:TAG_BYTES]
