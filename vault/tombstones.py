"""That a record was erased, said without saying whose: keyed tags in a chain nobody can shorten.

A tombstone is what keeps an erased record from coming back. Each one authenticates the one
before it, so that one taken out, or a store put back to before it, is seen (ADR-0015).
"""

import hmac
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final
from uuid import UUID

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    LargeBinary,
    SmallInteger,
    Table,
    Uuid,
    func,
    insert,
    select,
)

from policies.vocabulary import SubjectId
from vault import domain_keys
from vault.database import Instant, Transaction, batches, fetch_all, metadata, spread
from vault.envelope_errors import TamperedError
from vault.framing import framed
from vault.log_leaf import microseconds
from vault.opaque import Deriver

if TYPE_CHECKING:  # the keyring asks us what is erased; only the name is needed here
    from vault.keyring import Keyring

DOMAIN: Final = "tombstones"
TAG_BYTES: Final = 32
AT_ONCE: Final = 1_024
"""Tags per statement; PostgreSQL takes 32,767 values."""
BEGINNING: Final = bytes(TAG_BYTES)
"""What the first tombstone's link is made over."""
_DETAIL: Final = "tombstone/2"
_DETAIL_1: Final = "tombstone/1"

tombstones: Final = Table(
    "tombstones",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("tag", LargeBinary(TAG_BYTES), nullable=False, unique=True),
    Column("at", Instant, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("certificate", Uuid, nullable=False),
    Column("link", LargeBinary(TAG_BYTES), nullable=False),
    Column("version", SmallInteger, nullable=False),
)


class Tombstone(msgspec.Struct, frozen=True, kw_only=True):
    """One record that is gone. Nothing in it is of a person."""

    number: int
    tag: bytes
    at: datetime
    epoch: int
    certificate: UUID
    link: bytes
    """Authenticates all of this and the tombstone before."""
    version: int = domain_keys.FIRST
    """Of the key that made the tag and the link."""


class Broken(msgspec.Struct, frozen=True, kw_only=True):
    """A chain that does not hold, and from which number on."""

    number: int


def marks(keyring: "Keyring", records: Iterable[SubjectId]) -> dict[bytes, SubjectId]:
    """What may stand for these records, under each version of the key, and for which.

    The tags mean nothing without it.
    """
    domain = keyring.versions(DOMAIN)
    keys = [domain.deriver(version) for version in domain.usable]
    return {_tag(key, record): record for record in records for key in keys}


async def among(
    tx: Transaction, keyring: "Keyring", records: Iterable[SubjectId]
) -> set[SubjectId]:
    """Those of these records that are erased."""
    whose = marks(keyring, records)
    found: set[SubjectId] = set()
    for wanted in batches(whose, AT_ONCE):
        query = select(tombstones.c.tag).where(tombstones.c.tag.in_(spread(wanted)))
        found |= {whose[tag_] for tag_ in await tx.connection.scalars(query)}
    return found


async def add(
    tx: Transaction,
    keyring: "Keyring",
    records: Sequence[SubjectId],
    *,
    epoch: int,
    certificate: UUID,
) -> list[Tombstone]:
    """Put up tombstones; whoever advances the key epoch first has the chain to itself."""
    last = await newest(tx)
    number, link = (last.number, last.link) if last else (0, BEGINNING)
    version = keyring.versions(DOMAIN).active
    made = []
    for record in records:
        number += 1
        bare = Tombstone(
            number=number,
            tag=_tag(_key(keyring, version), record),
            at=tx.now,
            epoch=epoch,
            certificate=certificate,
            link=b"",
            version=version,
        )
        made.append(linked(keyring, link, bare))
        link = made[-1].link
    await put_back(tx, made)
    return made


async def put_back(tx: Transaction, stones: Sequence[Tombstone]) -> None:
    """Write tombstones as they were."""
    if stones:
        rows = [msgspec.structs.asdict(stone) for stone in stones]
        await tx.connection.execute(insert(tombstones), rows)


async def newest(tx: Transaction) -> Tombstone | None:
    """The last one, or None where nothing was ever erased."""
    found = await fetch_all(tx, _all.order_by(tombstones.c.number.desc()).limit(1), Tombstone)
    return found[0] if found else None


async def after(tx: Transaction, number: int, *, limit: int) -> list[Tombstone]:
    """The next ones in order."""
    query = _all.where(tombstones.c.number > number).order_by(tombstones.c.number).limit(limit)
    return await fetch_all(tx, query, Tombstone)


async def numbered(tx: Transaction, numbers: Sequence[int]) -> list[Tombstone]:
    """Those of these few numbers that stand."""
    query = _all.where(tombstones.c.number.in_(spread(numbers))).order_by(tombstones.c.number)
    return await fetch_all(tx, query, Tombstone)


async def in_version(tx: Transaction, version: int) -> int:
    """How many were made under one version of the key: it is needed to find them again."""
    query = select(func.count()).select_from(tombstones).where(tombstones.c.version == version)
    return await tx.connection.scalar(query) or 0


async def tags(tx: Transaction) -> set[bytes]:
    """All that stand, as tags alone: 100 MB for a million."""
    return set(await tx.connection.scalars(select(tombstones.c.tag)))


async def of_tags(tx: Transaction, wanted: Collection[bytes]) -> dict[bytes, Tombstone]:
    """Those of these tags that stand."""
    found: dict[bytes, Tombstone] = {}
    for some in batches(wanted, AT_ONCE):
        query = _all.where(tombstones.c.tag.in_(spread(some)))
        found |= {stone.tag: stone for stone in await fetch_all(tx, query, Tombstone)}
    return found


def broken(
    keyring: "Keyring", stones: Iterable[Tombstone], before: Tombstone | None = None
) -> Broken | None:
    """Where a chain does not hold, from `before` on: one is missing, altered, or not ours."""
    number, link = (before.number, before.link) if before else (0, BEGINNING)
    for stone in stones:
        number += 1
        try:
            made = linked(keyring, link, stone).link
        except TamperedError:
            return Broken(number=number)
        if stone.number != number or not hmac.compare_digest(made, stone.link):
            return Broken(number=number)
        link = stone.link
    return None


def linked(keyring: "Keyring", before: bytes, stone: Tombstone) -> Tombstone:
    """A tombstone behind the one of this link.

    Raises:
        TamperedError: it is of a version that there is not.
    """
    if stone.version not in keyring.versions(DOMAIN).usable:
        raise TamperedError
    return msgspec.structs.replace(stone, link=_link(keyring, before, stone))


def to_detail(stone: Tombstone) -> str:
    """A tombstone as the access log keeps it; its instant is the entry's."""
    numbers = (str(stone.number), str(stone.epoch), str(stone.version))
    return " ".join((_DETAIL, *numbers, stone.certificate.hex, stone.tag.hex()))


def from_detail(detail: str | None, at: datetime) -> Tombstone | None:
    """A tombstone as an entry of this instant has it, without its link. None: it has none."""
    match (detail or "").split(" "):
        case [format_, number, epoch, version, certificate, its_tag] if format_ == _DETAIL:
            pass
        case [format_, number, epoch, certificate, its_tag] if format_ == _DETAIL_1:
            version = str(domain_keys.FIRST)
        case _:
            return None
    return Tombstone(
        number=int(number),
        tag=bytes.fromhex(its_tag),
        at=at,
        epoch=int(epoch),
        certificate=UUID(hex=certificate),
        link=b"",
        version=int(version),
    )


def to_line(stone: Tombstone) -> bytes:
    """A tombstone as one line of JSON, for a file outside the store."""
    return msgspec.json.encode(stone) + b"\n"


def from_line(line: bytes) -> Tombstone:
    """Read a line.

    Raises:
        TamperedError: it is no such line.
    """
    try:
        return _stones.decode(line)
    except msgspec.DecodeError:
        raise TamperedError from None


def _link(keyring: "Keyring", before: bytes, stone: Tombstone) -> bytes:
    parts = (
        stone.number.to_bytes(8, "big"),
        stone.tag,
        microseconds(stone.at).to_bytes(8, "big"),
        stone.epoch.to_bytes(8, "big"),
        stone.certificate.bytes,
    )
    return _key(keyring, stone.version).mac(framed(b"tomb link/v1", before, *parts))


def _tag(key: Deriver, record: SubjectId) -> bytes:
    return key.mac(framed(b"tomb/v1", record.bytes))


def _key(keyring: "Keyring", version: int) -> Deriver:
    return keyring.versions(DOMAIN).deriver(version)


_stones: Final = msgspec.json.Decoder(Tombstone)
_all: Final = select(
    tombstones.c.number,
    tombstones.c.tag,
    tombstones.c.at,
    tombstones.c.epoch,
    tombstones.c.certificate,
    tombstones.c.link,
    tombstones.c.version,
)
