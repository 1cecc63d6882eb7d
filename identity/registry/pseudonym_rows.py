"""How pairwise identifiers are kept: a keyed tag that finds a row, and whom it names, sealed.

Tags and seals are of the version that an identifier says it is of. A version that is
retired has neither, so its identifiers are looked for, and not found, like any text.
"""

import hashlib
import hmac
import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import (
    Column,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    delete,
    func,
    select,
)

from policies.vocabulary import Audience, SubjectId
from vault.box import Box
from vault.database import AnyRow, Instant, Transaction, fetch_all, metadata, spread
from vault.framing import framed
from vault.keyring import Keyring

TAG_BYTES: Final = 16
_VERSION: Final = re.compile(r"pt([0-9]{1,4})_")

pairwise_identifiers: Final = Table(
    "pairwise_identifiers",
    metadata,
    Column("tag", LargeBinary(TAG_BYTES), primary_key=True),
    Column("programme", String(80), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("version", SmallInteger, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("issued_at", Instant, nullable=False),
    Index("ix_pairwise_identifiers_programme", "programme"),
)

Named = tuple[Audience, str]
"""An identifier, and the audience that uses it."""


class State(StrEnum):
    """Whether an identifier names somebody."""

    ACTIVE = "active"
    SUPERSEDED = "superseded"


class Held(msgspec.Struct, frozen=True):
    """Whom a row names, and whether it still does."""

    subject: SubjectId
    active: bool


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """How many identifiers of one audience stand in one version."""

    programme: Audience
    version: int
    count: int


async def read(tx: Transaction, keyring: Keyring, named: Sequence[Named]) -> dict[Named, Held]:
    """Those that are there, in one statement.

    Raises:
        TamperedError: a row was altered, its state too: what was reset is not revived.
    """
    tags = {tag(keyring, each): each for each in named}
    if not tags:
        return {}
    query = select(
        pairwise_identifiers.c.tag, pairwise_identifiers.c.sealed, pairwise_identifiers.c.state
    ).where(pairwise_identifiers.c.tag.in_(spread(list(tags))))
    rows = (await tx.connection.execute(query)).all()
    return {tags[row.tag]: _opened(keyring, tags[row.tag], row) for row in rows}


async def counts(tx: Transaction) -> list[Count]:
    """How many identifiers stand, by audience and version: what a retirement would end."""
    columns = (pairwise_identifiers.c.programme, pairwise_identifiers.c.version)
    query = (
        select(*columns, func.count().label("count"))
        .where(pairwise_identifiers.c.state == State.ACTIVE.value)
        .group_by(*columns)
        .order_by(*columns)
    )
    return await fetch_all(tx, query, Count)


async def audiences(tx: Transaction) -> list[Audience]:
    """Every programme and sector that has an identifier of somebody."""
    # Step by step along the index: DISTINCT would read the rows of all the people there are.
    programme = pairwise_identifiers.c.programme
    found = select(func.min(programme).label("programme")).cte(recursive=True)
    after = select(func.min(programme)).where(programme > found.c.programme).scalar_subquery()
    found = found.union_all(select(after).where(found.c.programme.is_not(None)))
    query = select(found.c.programme).where(found.c.programme.is_not(None))
    return [Audience(each) for each in await tx.connection.scalars(query)]


async def in_version(tx: Transaction, version: int) -> int:
    """How many identifiers stand in one version."""
    return sum(each.count for each in await counts(tx) if each.version == version)


async def remove(tx: Transaction, keyring: Keyring, named: Sequence[Named]) -> int:
    """Remove rows for good; how many."""
    tags = spread([tag(keyring, each) for each in named])
    gone = delete(pairwise_identifiers).where(pairwise_identifiers.c.tag.in_(tags))
    return (await tx.connection.execute(gone)).rowcount


async def clean(tx: Transaction, keyring: Keyring) -> int:
    """Remove what nothing opens any more: the rows of versions that are retired; how many."""
    known = keyring.versions("pairwise")
    gone = delete(pairwise_identifiers).where(
        # Older than the active one: a process that has not seen a rotation removes nothing of it.
        pairwise_identifiers.c.version < known.active,
        pairwise_identifiers.c.version.not_in(known.usable),
    )
    return (await tx.connection.execute(gone)).rowcount


def row(
    tx: Transaction, keyring: Keyring, named: Named, subject: SubjectId, turn: tuple[int, int]
) -> dict[str, Any]:
    """A new row, for the active version and an epoch."""
    version, epoch = turn
    return {
        "tag": tag(keyring, named),
        "programme": named[0],
        "sealed": sealed(keyring, named, subject, State.ACTIVE),
        "version": version,
        "epoch": epoch,
        "state": State.ACTIVE.value,
        "issued_at": tx.now,
    }


def sealed(keyring: Keyring, named: Named, subject: SubjectId, state: State) -> bytes:
    """Whom a row names: opens beside its own identifier and state alone."""
    return _box(keyring).seal(subject.bytes, _place(named, state))


def tag(keyring: Keyring, named: Named) -> bytes:
    """What finds the row of an identifier; of any text, after the same short work."""
    key = keyring.pairwise_index(_version(keyring, named[1]))
    return hmac.digest(key, _place(named), "sha256")[:TAG_BYTES]


def _version(keyring: Keyring, token: str) -> int:
    known = keyring.versions("pairwise")
    said = _VERSION.match(token)
    version = int(said[1]) if said else known.active
    return version if version in known.usable else known.active


def _opened(keyring: Keyring, named: Named, row: AnyRow) -> Held:
    state = State(row.state)
    subject = _box(keyring).open(row.sealed, _place(named, state))
    return Held(SubjectId(UUID(bytes=subject)), active=state is State.ACTIVE)


def _box(keyring: Keyring) -> Box:
    return keyring.box("pairwise", domain="pairwise")


def _place(named: Named, *state: State) -> bytes:
    audience, token = named
    text = token.encode(errors="surrogatepass")[:256]
    return hashlib.sha256(
        framed(audience.encode(), text, *(each.encode() for each in state))
    ).digest()
