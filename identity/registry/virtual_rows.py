"""How virtual numbers are kept: found by keyed tags, the number and its owner sealed.

A tag is of one version of the blind indexes' key; what was made under an older one is
found as long as that version is in use.
"""

import hmac
from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from enum import StrEnum
from itertools import count
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import (
    Column,
    Index,
    Integer,
    LargeBinary,
    Select,
    SmallInteger,
    String,
    Table,
    Uuid,
    bindparam,
    func,
    select,
    update,
)

from policies.vocabulary import Audience, NumberKindId, SubjectId
from vault.boxed_rows import BoxedRows
from vault.database import AnyRow, Instant, Transaction, metadata, spread
from vault.framing import framed
from vault.keyring import Keyring

TAG_BYTES: Final = 16
PAGE: Final = 500
"""Numbers that move in one transaction."""


class State(StrEnum):
    """Whether a number stands for its owner, and how it ended."""

    ACTIVE = "active"
    USED = "used"
    EXPIRED = "expired"
    REVOKED = "revoked"
    SUPERSEDED = "superseded"


virtual_identifiers: Final = Table(
    "virtual_identifiers",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("tag", LargeBinary(TAG_BYTES), nullable=False, unique=True),
    Column("owner", LargeBinary(TAG_BYTES), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("slot", SmallInteger, nullable=False),
    Column("version", SmallInteger, nullable=False),
    Column("audience", String(80)),
    Column("sealed", LargeBinary, nullable=False),
    Column("state", String(16), nullable=False),
    Column("uses_left", Integer),
    Column("made_at", Instant, nullable=False),
    Column("expires_at", Instant),
    Column("ended_at", Instant),
    Index("ix_virtual_identifiers_owner", "owner", "state"),
)
_active_only: Final = virtual_identifiers.c.state == State.ACTIVE.value
# So many slots as a kind has instances: of many who take one at once, one has it.
Index(
    "uq_virtual_identifiers_slot",
    virtual_identifiers.c.owner,
    virtual_identifiers.c.kind,
    virtual_identifiers.c.slot,
    unique=True,
    sqlite_where=_active_only,
    postgresql_where=_active_only,
)


class Virtual(msgspec.Struct, frozen=True, kw_only=True):
    """A number as its owner sees it."""

    id: UUID
    number: str
    kind: NumberKindId
    audience: Audience | None
    """Where alone it is good; None where it is good anywhere."""
    state: State
    uses_left: int | None
    made_at: datetime
    expires_at: datetime | None


def columns() -> Select[Any]:
    """What is read of a row."""
    return select(
        virtual_identifiers.c.id,
        virtual_identifiers.c.tag,
        virtual_identifiers.c.kind,
        virtual_identifiers.c.slot,
        virtual_identifiers.c.audience,
        virtual_identifiers.c.sealed,
        virtual_identifiers.c.state,
        virtual_identifiers.c.uses_left,
        virtual_identifiers.c.made_at,
        virtual_identifiers.c.expires_at,
    )


def row(keyring: Keyring, subject: SubjectId, virtual: Virtual, *, slot: int) -> dict[str, Any]:
    """A new row."""
    version = keyring.versions("blind-index").active
    return {
        "id": virtual.id,
        "tag": tag(keyring, virtual.number, version),
        "owner": owner(keyring, subject, version),
        "kind": virtual.kind,
        "slot": slot,
        "version": version,
        "audience": virtual.audience,
        "sealed": sealed(keyring, subject, virtual, virtual.state),
        "state": virtual.state.value,
        "uses_left": virtual.uses_left,
        "made_at": virtual.made_at,
        "expires_at": virtual.expires_at,
    }


def sealed(keyring: Keyring, subject: SubjectId, virtual: Virtual, state: State) -> bytes:
    """Whose number it is: opens beside its own row, terms and, once it was stopped, end alone."""
    content = subject.bytes + virtual.number.encode()
    place = _place(virtual.id, virtual.kind, virtual.audience, state)
    return keyring.box("virtual").seal(content, place)


def opened(keyring: Keyring, row: AnyRow) -> tuple[SubjectId, Virtual]:
    """Whose number it is, and what of it they see.

    Raises:
        TamperedError: the row was altered: made another's, good elsewhere, or revived.
    """
    state = State(row.state)
    place = _place(row.id, row.kind, row.audience, state)
    content = keyring.box("virtual").open(row.sealed, place)
    virtual = Virtual(
        id=row.id,
        number=content[16:].decode(),
        kind=NumberKindId(row.kind),
        audience=row.audience,
        state=state,
        uses_left=row.uses_left,
        made_at=row.made_at,
        expires_at=row.expires_at,
    )
    return SubjectId(UUID(bytes=content[:16])), virtual


async def move(tx: Transaction, keyring: Keyring) -> int:
    """Let some more numbers be found under the active version of the index key; how many moved.

    Raises:
        TamperedError: a row was altered.
    """
    version = keyring.versions("blind-index").active
    older = columns().where(virtual_identifiers.c.version != version)
    page = older.order_by(virtual_identifiers.c.id).limit(PAGE).with_for_update()
    moved = (await tx.connection.execute(page)).all()
    owners = {row.id: owner(keyring, opened(keyring, row)[0], version) for row in moved}
    taken = await _taken(tx, owners.values())
    changes = []
    for row in moved:
        number = opened(keyring, row)[1].number
        slots = taken[owners[row.id], row.kind]
        slot = row.slot
        if row.state == State.ACTIVE:
            # Two of one slot, each made under a version of its own: neither is lost.
            slot = (
                slot if slot not in slots else next(each for each in count() if each not in slots)
            )
            slots.add(slot)
        changes.append(
            {
                "of": row.id,
                "tag": tag(keyring, number, version),
                "owner": owners[row.id],
                "version": version,
                "slot": slot,
            }
        )
    if changes:
        await tx.connection.execute(_update, changes)
    return len(changes)


async def in_version(tx: Transaction, version: int) -> int:
    """How many numbers are found by one version of the index key alone."""
    query = select(func.count()).where(virtual_identifiers.c.version == version)
    return await tx.connection.scalar(query) or 0


def tags(keyring: Keyring, number: str) -> list[bytes]:
    """What a number is found by, in each version in use."""
    return [tag(keyring, number, version) for version in keyring.versions("blind-index").usable]


def owners(keyring: Keyring, subject: SubjectId) -> list[bytes]:
    """What a person's numbers are found by, in each version in use."""
    return [owner(keyring, subject, version) for version in keyring.versions("blind-index").usable]


def tag(keyring: Keyring, number: str, version: int) -> bytes:
    """What a number is found by in one version."""
    key = keyring.blind_index("virtual", version)
    return hmac.digest(key, framed(b"v1", number.encode()), "sha256")[:TAG_BYTES]


def owner(keyring: Keyring, subject: SubjectId, version: int) -> bytes:
    """What a person's numbers are found by in one version."""
    key = keyring.blind_index("virtual-owner", version)
    return hmac.digest(key, framed(b"v1", subject.bytes), "sha256")[:TAG_BYTES]


SEALED: Final = BoxedRows(
    table=virtual_identifiers,
    column="sealed",
    purpose="virtual",
    place=lambda row: _place(row.id, row.kind, row.audience, State(row.state)),
)
"""Whose number each is, at rest."""


async def _taken(
    tx: Transaction, owners: Collection[bytes]
) -> defaultdict[tuple[bytes, str], set[int]]:
    """The slots that these owners, of one version, have in use, by owner and kind."""
    query = select(
        virtual_identifiers.c.owner, virtual_identifiers.c.kind, virtual_identifiers.c.slot
    ).where(virtual_identifiers.c.owner.in_(spread(sorted(set(owners)))), _active_only)
    found: defaultdict[tuple[bytes, str], set[int]] = defaultdict(set)
    for row in await tx.connection.execute(query):
        found[row.owner, row.kind].add(row.slot)
    return found


_update: Final = update(virtual_identifiers).where(virtual_identifiers.c.id == bindparam("of"))


def _place(row_id: UUID, kind: str, audience: str | None, state: State) -> bytes:
    stopped = state.encode() if state in {State.REVOKED, State.SUPERSEDED} else b""
    return framed(row_id.bytes, kind.encode(), (audience or "").encode(), stopped)
