"""Who saw what, why, and about whom: written before anything is read, never changed.

Every line is a leaf: the bytes that the Merkle tree commits to. Columns are there to
search; what is shown is read from the leaf. Whom a line is about, and the programme's
case, are sealed under that person's log key; a tag that changes each month finds them.
A person's entries are numbered without a gap, and each names the one before (`log_chain`).
"""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, Select, select

from policies.vocabulary import Actor, SubjectId
from vault import bulk, log_chains, log_embargoes, log_leaf, log_tables, merkle, subject_keys
from vault.ciphers import SubjectKey
from vault.database import AnyRow, Transaction, spread
from vault.envelope_errors import KeyLostError
from vault.keyring import Keyring
from vault.log_chains import Tip
from vault.log_leaf import Leaf, Sealed
from vault.log_lines import Criteria, Entry, Line, Written, for_fault, for_permit, for_refusal
from vault.log_tables import access_log, log_pending
from vault.log_tree import log_entry

__all__ = [
    "Criteria",
    "Entry",
    "Line",
    "Written",
    "about",
    "for_fault",
    "for_permit",
    "for_refusal",
    "octets",
    "of_subject",
    "one",
    "record",
    "search",
    "subject_of",
]


async def record(tx: Transaction, keyring: Keyring, lines: Sequence[Line]) -> list[UUID]:
    """Log these lines, in as many statements as for one; their ids, in order.

    The chain of each person is held until commit. A transaction that logs of several people
    does so in one call: two of them that took the chains in turn could wait for each other.

    Raises:
        KeyLostError: a person has no log key: nothing can be logged, so nothing may be done.
        TamperedError: where a person's chain ends was altered.
    """
    if not lines:
        return []
    records = {line.subject for line in lines if line.subject is not None}
    records |= {line.written.record for line in lines if line.written is not None}
    keys = await keyring.subject(tx, list(records), "log")
    if len(keys) < len(records):
        raise KeyLostError
    nobodies = log_chains.stand_ins(keyring, sum(line.subject is None for line in lines))
    tips = await log_chains.hold(tx, keys, nobodies)
    rows = list(_rows(tx, keyring, keys, tips, lines))
    waiting = [{"id": row["id"], "leaf_hash": merkle.leaf_hash(row["leaf"])} for row in rows]
    await bulk.put(tx, access_log, rows)
    await bulk.put(tx, log_pending, waiting)
    await log_chains.keep(tx, keys, tips, nobodies)
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
    tags = spread(log_tables.tags(keyring, subject, months))
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
    if row is None:
        return None
    if row.subject_tag not in log_tables.tags(keyring, subject, [log_leaf.month(row.at)]):
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


async def octets(tx: Transaction, entry_id: UUID) -> bytes | None:
    """The bytes of one entry, as the tree commits to them."""
    row = await _row(tx, entry_id)
    return None if row is None else bytes(row.leaf)


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
    return SubjectId(UUID(bytes=log_leaf.opened(key, leaf).subject))


def _rows(
    tx: Transaction,
    keyring: Keyring,
    keys: Mapping[SubjectId, SubjectKey],
    tips: dict[SubjectId, Tip],
    lines: Sequence[Line],
) -> Iterator[dict[str, Any]]:
    """One row per line; `tips` move on with each."""
    month = log_leaf.month(tx.now)
    noise = secrets.token_bytes(10 * len(lines))
    for number, line in enumerate(lines):
        entry_id = log_leaf.first_id(tx.now, noise[10 * number : 10 * number + 10])
        plain = _plain(line, entry_id, tx.now)
        subject_tag = None
        if line.subject is None:
            leaf = plain if line.case_reference is None else _housed(keyring, plain, line)
            octets = log_leaf.encode(leaf)
        else:
            subject_tag = log_tables.tag(keyring, line.subject, month)
            tip = tips[line.subject]
            content = _content(line, line.subject, tip)
            octets = log_leaf.encode(leaf := _sealed(keys[line.subject], plain, content))
            hashed = merkle.leaf_hash(octets)
            first = hashed if content.number == 1 else tip.first
            _move_on(tips, line.subject, number=content.number, leaf_hash=hashed, first=first)
        if line.written is not None:
            _move_on(tips, line.written.record, head=line.written.head)
        yield log_tables.columns(leaf, octets, subject_tag, entry_id=entry_id, at=tx.now)


def _move_on(tips: dict[SubjectId, Tip], record: SubjectId, **changes: Any) -> None:
    tips[record] = msgspec.structs.replace(tips[record], **changes)


def _content(line: Line, subject: SubjectId, tip: Tip) -> Sealed:
    written = line.written
    return Sealed(
        subject=subject.bytes,
        case_reference=line.case_reference,
        number=tip.number + 1,
        previous=tip.leaf_hash,
        head=written.record.bytes + written.head if written else b"",
    )


def _sealed(key: SubjectKey, plain: Leaf, content: Sealed) -> Leaf:
    sealing = key.group(log_leaf.GROUP)
    return msgspec.structs.replace(
        plain,
        handle=sealing.handle,
        sealed=log_leaf.seal(sealing, plain.id, content),
        link=log_leaf.link(log_leaf.salt(key.head, plain.id), content),
    )


def _housed(keyring: Keyring, plain: Leaf, line: Line) -> Leaf:
    key = keyring.house_log
    sealed = log_leaf.seal(key, plain.id, Sealed(b"", line.case_reference))
    return msgspec.structs.replace(plain, handle=key.handle, sealed=sealed)


def _plain(line: Line, entry_id: UUID, now: datetime) -> Leaf:
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
        handle=b"",
        sealed=b"",
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


async def _log_key(tx: Transaction, keyring: Keyring, subject: SubjectId) -> SubjectKey:
    keys = await keyring.subject(tx, [subject], "log")
    if subject not in keys:
        raise KeyLostError
    return keys[subject]


def _own(key: SubjectKey, row: AnyRow) -> Entry:
    sealed = log_leaf.opened(key, log_leaf.decode(row.leaf))
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
