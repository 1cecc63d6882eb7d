"""What a person says no to where no consent is asked: opposition per agreement, and a lock on all.

A decision reads these facts; they override every basis but a legal obligation. What was
opposed and lifted stays on record with its instants.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

import msgspec
from sqlalchemy import Column, Index, Select, String, Table, Uuid, select, update

from policies.disclosure import PersonFacts
from policies.vocabulary import Action, Actor, ActorKind, AgreementId, Outcome, SubjectId
from vault import access_log
from vault.access_log import Line
from vault.database import Instant, Transaction, fetch_all, insert_new, metadata, spread
from vault.keyring import Keyring

EVERYTHING: Final = AgreementId("*")
"""What a lock opposes, in the place of an agreement."""

oppositions: Final = Table(
    "oppositions",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("subject", Uuid, nullable=False),
    Column("agreement", String(128), nullable=False),
    Column("since", Instant, nullable=False),
    Column("until", Instant),
)
_stands: Final = oppositions.c.until.is_(None)
Index(
    "uq_oppositions_standing",
    oppositions.c.subject,
    oppositions.c.agreement,
    unique=True,
    sqlite_where=_stands,
    postgresql_where=_stands,
)


class PersonState(msgspec.Struct, frozen=True, kw_only=True):
    """What one person opposes."""

    locked: bool = False
    opposed: frozenset[AgreementId] = frozenset()

    def facts(self, agreement: AgreementId, *, active: bool = True) -> PersonFacts:
        """What a decision under one agreement may know of it."""
        return PersonFacts(locked=self.locked, opposed=agreement in self.opposed, active=active)


class Opposition(msgspec.Struct, frozen=True, kw_only=True):
    """One thing opposed, for a time."""

    subject: SubjectId
    agreement: AgreementId
    """`*`: a lock."""
    since: datetime
    until: datetime | None


async def oppose(tx: Transaction, subject: SubjectId, agreement: AgreementId) -> bool:
    """Object to an agreement. False if they did already."""
    new = {
        "id": uuid4(),
        "subject": subject,
        "agreement": agreement,
        "since": tx.now,
        "until": None,
    }
    await insert_new(tx, oppositions, [new])
    there = select(oppositions.c.id).where(oppositions.c.id == new["id"])
    return await tx.connection.scalar(there) is not None


async def lift(tx: Transaction, subject: SubjectId, agreement: AgreementId) -> bool:
    """Take an objection back. False if there is none."""
    done = await tx.connection.execute(
        update(oppositions)
        .where(oppositions.c.subject == subject, oppositions.c.agreement == agreement, _stands)
        .values(until=tx.now)
    )
    return done.rowcount == 1


async def lock(tx: Transaction, subject: SubjectId) -> bool:
    """Lock one's record. False if it is locked."""
    return await oppose(tx, subject, EVERYTHING)


async def unlock(tx: Transaction, subject: SubjectId) -> bool:
    """Unlock one's record. False if it is not locked."""
    return await lift(tx, subject, EVERYTHING)


async def record(
    tx: Transaction, keyring: Keyring, subject: SubjectId, action: Action, agreement: AgreementId
) -> None:
    """Log that a person objected or took it back: it decides what is disclosed from now on."""
    line = Line(
        actor=Actor(kind=ActorKind.CITIZEN, id="self"),
        action=action,
        outcome=Outcome.GIVEN,
        subject=subject,
        agreement=None if agreement == EVERYTHING else agreement,
        detail="lock" if agreement == EVERYTHING else None,
    )
    await access_log.record(tx, keyring, [line])


async def facts(tx: Transaction, subjects: Sequence[SubjectId]) -> dict[SubjectId, PersonState]:
    """What each of these people opposes, in one query; every one asked is a key of the answer."""
    query = _rows().where(oppositions.c.subject.in_(spread(list(set(subjects)))), _stands)
    found: dict[SubjectId, set[AgreementId]] = {subject: set() for subject in subjects}
    for row in await fetch_all(tx, query, Opposition):
        found[row.subject].add(row.agreement)
    return {
        subject: PersonState(
            locked=EVERYTHING in opposed, opposed=frozenset(opposed - {EVERYTHING})
        )
        for subject, opposed in found.items()
    }


async def of_subject(tx: Transaction, subject: SubjectId) -> list[Opposition]:
    """All that a person opposed and lifted, newest first."""
    query = _rows().where(oppositions.c.subject == subject)
    return await fetch_all(tx, query.order_by(oppositions.c.since.desc()), Opposition)


def _rows() -> Select[Any]:
    return select(
        oppositions.c.subject, oppositions.c.agreement, oppositions.c.since, oppositions.c.until
    )
