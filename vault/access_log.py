"""Who saw what, why, and about whom: written before anything is read, never changed.

Every line is a leaf: the bytes that the Merkle tree commits to. Columns are there to
search; what is shown is read from the leaf. Whom a line is about, and the programme's
case, are sealed under that person's log key; a tag that changes each month finds them.
"""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, Select, insert, select

from policies.vocabulary import Actor, SubjectId
from vault import log_embargoes, log_leaf, log_tables, merkle, subject_keys
from vault.ciphers import SealingKey, SubjectKey
from vault.database import AnyRow, Transaction, spread
from vault.envelope_errors import KeyLostError
from vault.keyring import Keyring
from vault.log_leaf import Leaf, Sealed
from vault.log_lines import Criteria, Entry, Line, for_fault, for_permit, for_refusal
from vault.log_tables import LOG_GROUP, access_log, log_pending
from vault.log_tree import log_entry

__all__ = [
    "Criteria",
    "Entry",
    "Line",
    "about",
    "for_fault",
    "for_permit",
    "for_refusal",
    "of_subject",
    "one",
    "record",
    "search",
    "subject_of",
]


async def record(tx: Transaction, keyring: Keyring, lines: Sequence[Line]) -> list[UUID]:
    """Log these lines, in as many statements as for one; their ids, in order.

    Raises:
        KeyLostError: a person has no log key: nothing can be logged, so nothing may be done.
    """
    if not lines:
        return []
    subjects = {line.subject for line in lines if line.subject is not None}
    keys = await keyring.subject(tx, list(subjects), "log")
    if len(keys) < len(subjects):
        raise KeyLostError
    rows = list(_rows(tx, keyring, keys, lines))
    waiting = [{"id": row["id"], "leaf_hash": merkle.leaf_hash(row["leaf"])} for row in rows]
    await tx.connection.execute(insert(access_log), rows)
    await tx.connection.execute(insert(log_pending), waiting)
    return [row["id"] for row in rows]


async def of_subject(
    tx: Transaction,
    keyring: Keyring,
    subject: SubjectId,
    months: Sequence[str],
    *,
    limit: int = 50,
    before: UUID | None = None,
) -> list[Entry]:
    """A person's own history in these months (`2026-11`, UTC), newest first; no embargoed entry.

    `before` is the last entry of the page before, or None for the first page.

    Raises:
        TamperedError: an entry was altered.
        KeyLostError: the person has no log key.
    """
    tags = spread([log_tables.tag(keyring, subject, month) for month in months])
    query = _page(limit, before).where(
        access_log.c.subject_tag.in_(tags), log_embargoes.shown(tx.now)
    )
    rows = (await tx.connection.execute(query)).all()
    key = await _log_key(tx, keyring, subject)
    return [_own(key, row) for row in rows]


async def about(
    tx: Transaction, keyring: Keyring, subject: SubjectId, entry_id: UUID
) -> Entry | None:
    """One entry, if it is about this person and under no embargo."""
    query = _entries.where(access_log.c.id == entry_id, log_embargoes.shown(tx.now))
    row = (await tx.connection.execute(query)).first()
    if row is None or row.subject_tag != log_tables.tag(keyring, subject, log_leaf.month(row.at)):
        return None
    return _own(await _log_key(tx, keyring, subject), row)


async def search(
    tx: Transaction, criteria: Criteria, *, limit: int = 50, before: UUID | None = None
) -> list[Entry]:
    """What meets the criteria, newest first. Says of nobody whom it is about."""
    query = _page(limit, before).where(*_conditions(criteria))
    return [_entry(row) for row in await tx.connection.execute(query)]


async def one(tx: Transaction, entry_id: UUID) -> Entry | None:
    """One entry, without whom it is about."""
    row = await _row(tx, entry_id)
    return None if row is None else _entry(row)


async def subject_of(tx: Transaction, keyring: Keyring, entry_id: UUID) -> SubjectId | None:
    """Whom an entry is about. To ask is an act that must be logged itself.

    Raises:
        TamperedError: the entry was altered.
        KeyLostError: the person's log key does not open.
    """
    row = await _row(tx, entry_id)
    if row is None:
        return None
    leaf = log_leaf.decode(row.leaf)
    subject = await subject_keys.owner(tx, leaf.handle)
    if subject is None:
        return None
    key = await _log_key(tx, keyring, subject)
    return SubjectId(UUID(bytes=log_leaf.unseal(key, leaf).subject))


def _rows(
    tx: Transaction,
    keyring: Keyring,
    keys: Mapping[SubjectId, SubjectKey],
    lines: Sequence[Line],
) -> Iterator[dict[str, Any]]:
    month = log_leaf.month(tx.now)
    noise = secrets.token_bytes(10 * len(lines))
    for number, line in enumerate(lines):
        entry_id = log_leaf.first_id(tx.now, noise[10 * number : 10 * number + 10])
        subject_tag = None
        key = keyring.house_log if line.case_reference is not None else None
        if line.subject is not None:
            subject_tag = log_tables.tag(keyring, line.subject, month)
            key = keys[line.subject].group(LOG_GROUP)
        leaf = _leaf(line, entry_id, tx.now, key)
        octets = log_leaf.encode(leaf)
        yield log_tables.columns(leaf, octets, subject_tag, entry_id=entry_id, at=tx.now)


def _leaf(line: Line, entry_id: UUID, now: datetime, key: SealingKey | None) -> Leaf:
    content = Sealed(line.subject.bytes if line.subject else b"", line.case_reference)
    return Leaf(
        format=log_leaf.FORMAT,
        id=entry_id.bytes,
        at=log_leaf.microseconds(now),
        actor_kind=line.actor.kind,
        actor=line.actor.id,
        action=line.action,
        outcome=line.outcome,
        purpose=line.purpose,
        basis=line.basis,
        agreement=line.agreement,
        attributes=line.attributes,
        reasons=line.reasons,
        detail=line.detail,
        catalogue=line.catalogue,
        handle=key.handle if key else b"",
        sealed=log_leaf.seal(key, entry_id.bytes, content) if key else b"",
    )


def _page(limit: int, before: UUID | None) -> Select[Any]:
    query = _entries.order_by(access_log.c.id.desc()).limit(limit)
    return query if before is None else query.where(access_log.c.id < before)


def _conditions(criteria: Criteria) -> Iterator[ColumnElement[bool]]:
    if criteria.since is not None:
        yield access_log.c.id >= log_leaf.first_id(criteria.since)
    if criteria.until is not None:
        yield access_log.c.id < log_leaf.first_id(criteria.until)
    if criteria.actor is not None:
        yield access_log.c.actor_kind == criteria.actor.kind.value
        yield access_log.c.actor == criteria.actor.id
    if criteria.action is not None:
        yield access_log.c.action == criteria.action.value
    if criteria.outcome is not None:
        yield access_log.c.outcome == criteria.outcome.value
    if criteria.purpose is not None:
        yield access_log.c.purpose == criteria.purpose
    if criteria.reason is not None:
        yield access_log.c.reasons.contains(log_tables.spaced((criteria.reason,)), autoescape=True)


async def _row(tx: Transaction, entry_id: UUID) -> AnyRow | None:
    return (await tx.connection.execute(_entries.where(access_log.c.id == entry_id))).first()


async def _log_key(tx: Transaction, keyring: Keyring, subject: SubjectId) -> SealingKey:
    keys = await keyring.subject(tx, [subject], "log")
    if subject not in keys:
        raise KeyLostError
    return keys[subject].group(LOG_GROUP)


def _own(key: SealingKey, row: AnyRow) -> Entry:
    sealed = log_leaf.unseal(key, log_leaf.decode(row.leaf))
    return msgspec.structs.replace(_entry(row), case_reference=sealed.case_reference)


def _entry(row: AnyRow) -> Entry:
    leaf = log_leaf.decode(row.leaf)
    return Entry(
        id=UUID(bytes=leaf.id),
        at=log_leaf.instant(leaf),
        actor=Actor(kind=leaf.actor_kind, id=leaf.actor),
        action=leaf.action,
        outcome=leaf.outcome,
        purpose=leaf.purpose,
        basis=leaf.basis,
        agreement=leaf.agreement,
        attributes=leaf.attributes,
        reasons=leaf.reasons,
        detail=leaf.detail,
        catalogue=leaf.catalogue,
        sequence=row.seq,
    )


_entries: Final = select(
    access_log.c.at, access_log.c.subject_tag, access_log.c.leaf, log_entry.c.seq
).select_from(access_log.outerjoin(log_entry, log_entry.c.id == access_log.c.id))
