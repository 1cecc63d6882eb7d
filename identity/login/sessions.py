"""Who is signed in: a random token in the browser, only its SHA-256 here. Ends when left idle."""

import hashlib
import secrets
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

import msgspec
from sqlalchemy import Column, ColumnElement, Index, String, Table, Uuid, insert, select, update

from identity.login import sign_ons
from identity.login.staff import staff_accounts
from identity.registry.people import Status, people
from policies import retention, stepping_up
from policies.staff import Role
from policies.vocabulary import StaffId, SubjectId
from vault import bulk
from vault.database import Instant, Transaction, fetch_all, fetch_one, metadata

TOKEN_BYTES: Final = 32
"""256 bits (OWASP Session Management Cheat Sheet asks for at least 64)."""
IDLE: Final = timedelta(minutes=15)
"""Portal design: people sign in on shared computers."""
NOTICED: Final = timedelta(minutes=1)
"""Use is written down this often: a page that is only read seldom writes."""


class Means(StrEnum):
    """What a session began with, beside the password; a passkey needs none."""

    APP = "app"
    SENT = "sent"
    RECOVERY = "recovery"
    UNLOCK = "unlock"
    PASSKEY = "passkey"


class Audience(StrEnum):
    """Which front a session is for; it opens no other."""

    CITIZEN = "citizen"
    CONSOLE = "console"


LONGEST: Final = {
    Audience.CITIZEN: timedelta(hours=12),
    Audience.CONSOLE: timedelta(hours=8),
}
"""However busy: half of the 24 h of NIST SP 800-63B-4 §2.2.3; staff sign in each working day."""

sessions: Final = Table(
    "sessions",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("audience", String(16), nullable=False),
    Column("subject", Uuid),
    Column("staff", String(64)),
    Column("acr", String(64), nullable=False),
    Column("auth_time", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("device", String(64), nullable=False, server_default=""),
    Column("means", String(16), nullable=False, server_default=Means.APP.value),
    Index("ix_sessions_subject", "subject"),
    Index("ix_sessions_staff", "staff"),
)


_citizens: Final = (
    sessions.c.id,
    sessions.c.subject,
    sessions.c.auth_time,
    sessions.c.acr,
    sessions.c.seen_at,
    sessions.c.expires_at,
    sessions.c.device,
    sessions.c.means,
)


class CitizenSession(msgspec.Struct, frozen=True, kw_only=True):
    """A citizen who is signed in to the portal."""

    id: str
    """SHA-256 of the token, hexadecimal: safe to keep and to cite, opens nothing."""
    subject: SubjectId
    auth_time: datetime
    acr: str
    seen_at: datetime
    expires_at: datetime
    """When it ends at the latest, however busy."""
    device: str = ""
    """What its browser and system are called, if they are well known."""
    means: Means = Means.APP


class StaffSession(msgspec.Struct, frozen=True, kw_only=True):
    """A member of staff who is signed in to the console."""

    id: str
    staff: StaffId
    role: Role
    auth_time: datetime
    acr: str
    seen_at: datetime
    expires_at: datetime


async def start_citizen(
    tx: Transaction, subject: SubjectId, device: str = "", means: Means = Means.APP
) -> str:
    """Sign a citizen in; the token for their cookie."""
    who = {"subject": subject, "staff": None, "device": device, "means": means.value}
    return await _start(tx, Audience.CITIZEN, who, acr_of(means))


async def start_staff(tx: Transaction, staff: StaffId) -> str:
    """Sign a member of staff in; the token for their cookie."""
    who = {"subject": None, "staff": staff}
    return await _start(tx, Audience.CONSOLE, who, stepping_up.TWO_FACTORS)


def acr_of(means: Means) -> str:
    """How sure a sign-in makes us (RFC 9470)."""
    by_passkey = means is Means.PASSKEY
    return stepping_up.PHISHING_RESISTANT if by_passkey else stepping_up.TWO_FACTORS


async def citizen(tx: Transaction, token: str) -> CitizenSession | None:
    """Whose session this is, if it has neither ended nor been idle for too long; counts as use.

    The register is read anew: who is suspended or has died is out. An erasure waits for the end
    of this transaction, so that nothing is left behind of what it writes.
    """
    query = (
        select(*_citizens)
        .join(people, people.c.subject == sessions.c.subject)
        .where(*_open(tx, token, Audience.CITIZEN), people.c.status == Status.ACTIVE.value)
        .with_for_update(read=True, key_share=True, of=people)
    )
    session = await fetch_one(tx, query, CitizenSession)
    if session is not None:
        await _notice(tx, session.id, session.seen_at)
    return session


async def staff(tx: Transaction, token: str) -> StaffSession | None:
    """The same on the console. The role is read anew; whose account was closed is out."""
    query = (
        select(
            sessions.c.id,
            sessions.c.staff,
            staff_accounts.c.role,
            sessions.c.auth_time,
            sessions.c.acr,
            sessions.c.seen_at,
            sessions.c.expires_at,
        )
        .join(staff_accounts, staff_accounts.c.id == sessions.c.staff)
        .where(*_open(tx, token, Audience.CONSOLE), staff_accounts.c.active.is_(True))
    )
    session = await fetch_one(tx, query, StaffSession)
    if session is not None:
        await _notice(tx, session.id, session.seen_at)
    return session


async def open_of(tx: Transaction, subject: SubjectId) -> list[CitizenSession]:
    """Where a citizen is signed in, last used first."""
    query = (
        select(*_citizens)
        .where(sessions.c.subject == subject, *_lasting(tx))
        .order_by(sessions.c.seen_at.desc(), sessions.c.id)
    )
    return await fetch_all(tx, query, CitizenSession)


async def end_own(tx: Transaction, subject: SubjectId, session_id: str) -> bool:
    """End one of a citizen's own sessions. False if they have no such one, or it had ended."""
    return await _end(tx, sessions.c.id == session_id, sessions.c.subject == subject) == 1


async def end_others(tx: Transaction, kept: CitizenSession | StaffSession) -> int:
    """End all of somebody's sessions but this one; how many."""
    if isinstance(kept, CitizenSession):
        whose = sessions.c.subject == kept.subject
    else:
        whose = sessions.c.staff == kept.staff
    return await _end(tx, whose, sessions.c.id != kept.id, *_lasting(tx))


async def end(tx: Transaction, session_id: str) -> bool:
    """Sign out. False if it had ended."""
    return await _end(tx, sessions.c.id == session_id) == 1


async def end_of_citizen(tx: Transaction, subject: SubjectId) -> int:
    """Sign a citizen out everywhere; how many sessions ended."""
    return await _end(tx, sessions.c.subject == subject)


async def end_of_staff(tx: Transaction, staff: StaffId) -> int:
    """Sign a member of staff out everywhere; how many sessions ended."""
    return await _end(tx, sessions.c.staff == staff)


async def forget_ended(tx: Transaction, *, limit: int) -> int:
    """Delete sessions that are over, and their term with them, at most `limit`; how many."""
    before = tx.now - retention.SESSION_TERM
    return await bulk.remove(tx, sessions.c.id, sessions.c.expires_at < before, limit=limit)


async def _start(tx: Transaction, audience: Audience, who: dict[str, Any], acr: str) -> str:
    token = secrets.token_urlsafe(TOKEN_BYTES)
    row = {
        **who,
        "id": _id(token),
        "audience": audience.value,
        "acr": acr,
        "auth_time": tx.now,
        "seen_at": tx.now,
        "expires_at": tx.now + LONGEST[audience],
    }
    await tx.connection.execute(insert(sessions), [row])
    return token


def _open(tx: Transaction, token: str, audience: Audience) -> tuple[ColumnElement[bool], ...]:
    return (
        sessions.c.id == _id(token),
        sessions.c.audience == audience.value,
        *_lasting(tx),
    )


def _lasting(tx: Transaction) -> tuple[ColumnElement[bool], ...]:
    return (
        sessions.c.ended_at.is_(None),
        sessions.c.expires_at > tx.now,
        sessions.c.seen_at > tx.now - IDLE,
    )


async def _notice(tx: Transaction, session_id: str, seen_at: datetime) -> None:
    if tx.now - seen_at < NOTICED:
        return
    await tx.connection.execute(
        update(sessions).where(sessions.c.id == session_id).values(seen_at=tx.now)
    )


async def _end(tx: Transaction, *which: ColumnElement[bool]) -> int:
    ending = update(sessions).where(*which, sessions.c.ended_at.is_(None)).values(ended_at=tx.now)
    ended = list(await tx.connection.scalars(ending.returning(sessions.c.id)))
    if ended:
        await sign_ons.tell(tx, ended)
    return len(ended)


def _id(token: str) -> str:
    # Without a key: 256 random bits cannot be guessed from their hash.
    return hashlib.sha256(token.encode()).hexdigest()
