"""Where the access log is kept: its lines, and those that wait to be sealed into the tree.

The columns repeat what a leaf says, to be searched; what is shown and proved is the leaf.
"""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Column, Index, LargeBinary, String, Table, Text, Uuid

from policies.vocabulary import Action, SubjectId
from vault import log_leaf
from vault.database import Instant, metadata
from vault.keyring import Keyring
from vault.log_leaf import Leaf

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
    return keyring.log_references.mac(log_leaf.tag_input(subject, month))[:TAG_BYTES]
