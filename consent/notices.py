"""The exact words a person is shown before they agree, per agreement version, language and channel.

A notice is named by the SHA-256 of its words and never changes. None is published while a
language or a mandated clause is missing.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec
from sqlalchemy import Column, Index, Integer, String, Table, Text, select

from consent import wording
from consent.wording import SEPARATOR, Clause, Section, Words
from policies.catalogue import Catalogue
from policies.legal_time import legal_day
from policies.vocabulary import AgreementId, Language
from vault.database import Instant, Transaction, fetch_all, insert_new, metadata, spread

__all__ = ["Clause", "Notice", "Section", "Unpublishable", "by_hash", "publish"]

notices: Final = Table(
    "notices",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("agreement", String(128), nullable=False),
    Column("version", Integer, nullable=False),
    Column("language", String(8), nullable=False),
    Column("channel", String(16), nullable=False),
    Column("body", Text, nullable=False),
    Column("published_at", Instant, nullable=False),
    Index("ix_notices_agreement", "agreement", "version", "language", "channel"),
)


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """Published words."""

    hash: str
    """SHA-256 of `body` in UTF-8, hexadecimal."""
    agreement: AgreementId
    version: int
    language: Language
    channel: str
    body: str
    published_at: datetime

    @property
    def sections(self) -> tuple[Section, ...]:
        """The same words, heading by heading, to lay out on a page."""
        parts = [part.partition("\n") for part in self.body.split(SEPARATOR)]
        return tuple(Section(heading=heading, text=text) for heading, _, text in parts)


class Unpublishable(msgspec.Struct, frozen=True, kw_only=True):
    """What is missing before these words may be shown to anyone."""

    missing: tuple[str, ...]
    """`language/part`, each one."""


async def publish(
    tx: Transaction,
    catalogue: Catalogue,
    agreement: AgreementId,
    language: Language,
    *,
    channel: str = "portal",
    words: Words | None = None,
) -> Notice | Unpublishable:
    """The notice of an agreement as it stands today, stored the first time it is asked for.

    `words` are the fixed clauses; None: those that ship.
    """
    words = words or wording.shipped()
    found = catalogue.agreement(agreement, legal_day(tx.now))
    if found is None:
        return Unpublishable(missing=("agreement",))
    if lacking := wording.missing(catalogue, found, words):
        return Unpublishable(missing=lacking)
    sections = wording.compose(catalogue, found, language, channel, words)
    body = SEPARATOR.join(f"{section.heading}\n{section.text}" for section in sections)
    notice = Notice(
        hash=hashlib.sha256(body.encode()).hexdigest(),
        agreement=found.id,
        version=found.version,
        language=language,
        channel=channel,
        body=body,
        published_at=tx.now,
    )
    await insert_new(tx, notices, [msgspec.structs.asdict(notice)])
    return (await by_hash(tx, [notice.hash]))[notice.hash]


async def by_hash(tx: Transaction, hashes: Sequence[str]) -> dict[str, Notice]:
    """Published words by their hash; unknown hashes are left out."""
    query = select(
        notices.c.hash,
        notices.c.agreement,
        notices.c.version,
        notices.c.language,
        notices.c.channel,
        notices.c.body,
        notices.c.published_at,
    ).where(notices.c.hash.in_(spread(hashes)))
    return {notice.hash: notice for notice in await fetch_all(tx, query, Notice)}
