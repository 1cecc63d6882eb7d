"""Requests of people about their own data, with the day by which the law wants an answer.

Today: to be erased. Who asks is known until it is decided; afterwards the request is found
by the link alone that the person was given.
"""

import hashlib
import secrets
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID, uuid4

import msgspec
from sqlalchemy import Column, ColumnElement, Index, Select, String, Table, Uuid, select, update

from policies import retention
from policies.vocabulary import StaffId, SubjectId
from vault.database import Instant, Transaction, fetch_all, fetch_one, insert_new, metadata
from vault.framing import framed

LINK_BYTES: Final = 32

erasure_requests: Final = Table(
    "erasure_requests",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("link", String(64), nullable=False, unique=True),
    Column("subject", Uuid),
    Column("subject_hash", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("asked_at", Instant, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("decided_at", Instant),
    Column("decided_by", String(64)),
    Column("reason", String(32)),
    Column("certificate", Uuid),
    Index("ix_erasure_requests_state", "state", "due_at"),
)


class State(StrEnum):
    """How far a request is."""

    ASKED = "asked"
    ACCEPTED = "accepted"
    """Decided; what is held is erased once it cooled off, unless who asked cancels."""
    REFUSED = "refused"
    DONE = "done"
    CANCELLED = "cancelled"
    """By who asked."""


class Reason(StrEnum):
    """Why a request is refused; the value is a key of words."""

    HELD = "held"
    """A dispute, an audit or a court order needs the record."""
    LAW = "law"
    """A law obliges a body to keep it while support is paid."""
    NOT_THEM = "not-them"
    """It could not be made sure that it was the person who asked."""


_open: Final = erasure_requests.c.subject.is_not(None) & erasure_requests.c.state.in_(
    [State.ASKED.value, State.ACCEPTED.value]
)
Index(
    "uq_erasure_requests_open",
    erasure_requests.c.subject,
    unique=True,
    sqlite_where=_open,
    postgresql_where=_open,
)


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One request as it stands."""

    id: UUID
    subject: SubjectId | None
    subject_hash: str
    state: State
    asked_at: datetime
    due_at: datetime
    decided_at: datetime | None
    reason: Reason | None
    certificate: UUID | None

    @property
    def cancellable_until(self) -> datetime:
        """The earliest instant at which it is carried out."""
        return self.asked_at + retention.COOLING_OFF


def new_link() -> str:
    """A link that nobody guesses, and the one way to a request once it is decided."""
    return secrets.token_urlsafe(LINK_BYTES)


def salt(link: str) -> bytes:
    """The salt of the certificate: only who has the link has it."""
    return hashlib.sha256(framed(b"erasure salt/v1", link.encode())).digest()


async def ask(tx: Transaction, subject: SubjectId, link: str, subject_hash: str) -> bool:
    """Ask to be erased. False while one asked already and is not answered."""
    row = {
        "id": uuid4(),
        "link": _hashed(link),
        "subject": subject,
        "subject_hash": subject_hash,
        "state": State.ASKED.value,
        "asked_at": tx.now,
        "due_at": retention.answer_by(tx.now),
    }
    await insert_new(tx, erasure_requests, [row])
    return await by_link(tx, link) is not None


async def by_link(tx: Transaction, link: str) -> Request | None:
    """The request of this link."""
    return await fetch_one(tx, _rows().where(erasure_requests.c.link == _hashed(link)), Request)


async def of_subject(tx: Transaction, subject: SubjectId) -> Request | None:
    """The request of a person that is not answered yet."""
    return await fetch_one(tx, _rows().where(erasure_requests.c.subject == subject, _open), Request)


async def one(tx: Transaction, request_id: UUID) -> Request | None:
    """One request."""
    return await fetch_one(tx, _rows().where(erasure_requests.c.id == request_id), Request)


async def in_state(tx: Transaction, state: State, *, limit: int = 100) -> list[Request]:
    """Requests in this state, the most urgent first."""
    query = _rows().where(erasure_requests.c.state == state.value)
    return await fetch_all(tx, query.order_by(erasure_requests.c.due_at).limit(limit), Request)


async def ripe(tx: Transaction, *, limit: int = 100) -> list[Request]:
    """Requests that are accepted and have cooled off, the most urgent first."""
    query = _rows().where(_ripe(tx)).order_by(erasure_requests.c.due_at)
    return await fetch_all(tx, query.limit(limit), Request)


async def held(tx: Transaction, request_id: UUID) -> Request | None:
    """A ripe request, held against its cancelling until commit; None if it is ripe no longer."""
    query = _rows().where(erasure_requests.c.id == request_id, _ripe(tx)).with_for_update()
    return await fetch_one(tx, query, Request)


async def cancel(tx: Transaction, subject: SubjectId) -> bool:
    """Take back what one asked. False if there is no request, or it was answered for good."""
    values = {"state": State.CANCELLED.value, "subject": None}
    changed = await tx.connection.execute(
        update(erasure_requests).where(erasure_requests.c.subject == subject, _open).values(values)
    )
    return changed.rowcount == 1


async def accept(tx: Transaction, request_id: UUID, by: StaffId) -> bool:
    """Let it be done. False if it is not waiting for a decision."""
    return await _decide(tx, request_id, by, {"state": State.ACCEPTED.value})


async def refuse(tx: Transaction, request_id: UUID, by: StaffId, reason: Reason) -> bool:
    """Say no and why. False if it is not waiting for a decision."""
    values = {"state": State.REFUSED.value, "reason": reason.value, "subject": None}
    return await _decide(tx, request_id, by, values)


async def put_off(tx: Transaction, request_id: UUID, reason: Reason) -> None:
    """Refuse after all what was accepted: between the two something came in the way."""
    values = {"state": State.REFUSED.value, "reason": reason.value, "subject": None}
    await _move(tx, request_id, State.ACCEPTED, values)


async def done(tx: Transaction, request_id: UUID, certificate: UUID | None) -> None:
    """It is done; who asked is known no longer."""
    values = {"state": State.DONE.value, "certificate": certificate, "subject": None}
    await _move(tx, request_id, State.ACCEPTED, values)


async def _decide(tx: Transaction, request_id: UUID, by: StaffId, values: dict[str, Any]) -> bool:
    values = {**values, "decided_at": tx.now, "decided_by": by}
    return await _move(tx, request_id, State.ASKED, values)


async def _move(tx: Transaction, request_id: UUID, before: State, values: dict[str, Any]) -> bool:
    changed = await tx.connection.execute(
        update(erasure_requests)
        .where(erasure_requests.c.id == request_id, erasure_requests.c.state == before.value)
        .values(values)
    )
    return changed.rowcount == 1


def _ripe(tx: Transaction) -> ColumnElement[bool]:
    cooled = erasure_requests.c.asked_at <= tx.now - retention.COOLING_OFF
    return (erasure_requests.c.state == State.ACCEPTED.value) & cooled


def _hashed(link: str) -> str:
    return hashlib.sha256(link.encode(errors="surrogatepass")[:256]).hexdigest()


def _rows() -> Select[Any]:
    columns = erasure_requests.c
    return select(
        columns.id,
        columns.subject,
        columns.subject_hash,
        columns.state,
        columns.asked_at,
        columns.due_at,
        columns.decided_at,
        columns.reason,
        columns.certificate,
    )
