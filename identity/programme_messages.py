"""What programmes are told of themselves: each message once, tried until it arrives or is given up.

Every attempt is kept, so that the agency can show who was told what, and when it failed.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID, uuid4

import msgspec
from sqlalchemy import (
    JSON,
    Column,
    ForeignKey,
    Index,
    Select,
    SmallInteger,
    String,
    Table,
    UniqueConstraint,
    Uuid,
    case,
    delete,
    insert,
    select,
    update,
)

from identity import client_keys, programmes
from identity.programmes import Client, clients
from policies import retention
from policies.vocabulary import ProgrammeId
from vault.database import Instant, Transaction, fetch_all, insert_new, metadata, spread

ATTEMPTS: Final = 10
"""Then a message is given up, three days after it was made."""
FIRST_PAUSE: Final = timedelta(minutes=1)
LONGEST_PAUSE: Final = timedelta(hours=12)
GROWTH: Final = 4
DELIVERED: Final = "delivered"
"""The outcome of the attempt that arrived; of the others it is why they did not."""

messages: Final = Table(
    "programme_messages",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("client_id", ForeignKey(clients.c.client_id), nullable=False),
    Column("about", String(400), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("facts", JSON, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("attempts", SmallInteger, nullable=False),
    Column("next_at", Instant),
    UniqueConstraint("client_id", "about"),
    Index("ix_programme_messages_next_at", "next_at"),
)
attempts: Final = Table(
    "programme_message_attempts",
    metadata,
    Column("message", ForeignKey(messages.c.id), primary_key=True),
    Column("number", SmallInteger, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False),
    Column("outcome", String(32), nullable=False),
)


class Kind(StrEnum):
    """What a programme is told."""

    KEY_ENDS = "key-ends"
    SIGNED_OUT = "signed-out"


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One message."""

    id: UUID
    client_id: ProgrammeId
    kind: Kind
    facts: dict[str, Any]
    """Of keys, dates and sessions; never of a person."""
    created_at: datetime
    attempts: int
    next_at: datetime | None
    """When it is tried next; None if it arrived or was given up."""


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt to deliver a message."""

    message: UUID
    number: int
    at: datetime
    outcome: str


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """A message to be sent, and where."""

    message: Message
    url: str


async def warn(tx: Transaction) -> None:
    """Write a message for each key that ends soon: 30 days before, 7 days, one."""
    told = [client for client in await programmes.everyone(tx) if client.notify_url]
    if rows := [row for client in told for row in _warnings(tx, client)]:
        await insert_new(tx, messages, rows)


async def signed_out(tx: Transaction, ended: Sequence[tuple[str, str]]) -> None:
    """Write a message for each (client id, `sid`) of a session that ended."""
    rows = [_row(tx, client_id, Kind.SIGNED_OUT, sid, {"sid": sid}) for client_id, sid in ended]
    if rows:
        await insert_new(tx, messages, rows)


async def due(tx: Transaction) -> list[UUID]:
    """Which messages are to be tried now."""
    query = (
        select(messages.c.id)
        .join(clients, clients.c.client_id == messages.c.client_id)
        .where(
            messages.c.next_at <= tx.now,
            case(
                (messages.c.kind == Kind.SIGNED_OUT.value, clients.c.backchannel_logout_uri),
                else_=clients.c.notify_url,
            ).is_not(None),
        )
        .order_by(messages.c.next_at)
    )
    return list(await tx.connection.scalars(query))


async def try_now(tx: Transaction, message: UUID) -> Due | None:
    """Take the turn to send one; None if another process has it."""
    found = await fetch_all(tx, _messages().where(messages.c.id == message), Message)
    known = await programmes.read(tx, [each.client_id for each in found])
    for each in found:
        url = _address(known[each.client_id], each.kind)
        number = each.attempts + 1
        pause = min(FIRST_PAUSE * GROWTH**each.attempts, LONGEST_PAUSE)
        done = await tx.connection.execute(
            update(messages)
            .where(
                messages.c.id == message,
                messages.c.attempts == each.attempts,
                messages.c.next_at <= tx.now,
            )
            .values(attempts=number, next_at=tx.now + pause if number < ATTEMPTS else None)
        )
        if url and done.rowcount == 1:
            return Due(message=msgspec.structs.replace(each, attempts=number), url=url)
    return None


async def tried(tx: Transaction, message: Message, outcome: str) -> None:
    """Keep how an attempt ended."""
    row = {
        "message": message.id,
        "number": message.attempts,
        "at": tx.now,
        "outcome": outcome,
    }
    await tx.connection.execute(insert(attempts), [row])
    if outcome == DELIVERED:
        await tx.connection.execute(
            update(messages).where(messages.c.id == message.id).values(next_at=None)
        )


async def of_client(tx: Transaction, client_id: str, *, limit: int = 20) -> list[Message]:
    """The newest messages to a programme."""
    query = (
        _messages()
        .where(messages.c.client_id == client_id)
        .order_by(messages.c.created_at.desc(), messages.c.id)
        .limit(limit)
    )
    return await fetch_all(tx, query, Message)


async def attempts_at(tx: Transaction, ids: Sequence[UUID]) -> list[Attempt]:
    """Every attempt at these messages, in order."""
    query = (
        select(attempts.c.message, attempts.c.number, attempts.c.at, attempts.c.outcome)
        .where(attempts.c.message.in_(spread(ids)))
        .order_by(attempts.c.at, attempts.c.number)
    )
    return await fetch_all(tx, query, Attempt)


async def forget_old(tx: Transaction, *, limit: int) -> int:
    """Delete messages whose term is over, with every attempt, at most `limit`; how many."""
    over = messages.c.created_at < tx.now - retention.MESSAGE_TERM
    ids = list(await tx.connection.scalars(select(messages.c.id).where(over).limit(limit)))
    for column in (attempts.c.message, messages.c.id):
        await tx.connection.execute(delete(column.table).where(column.in_(spread(ids))))
    return len(ids)


def _address(client: Client, kind: Kind) -> str | None:
    return client.backchannel_logout_uri if kind is Kind.SIGNED_OUT else client.notify_url


def _messages() -> Select[Any]:
    return select(
        messages.c.id,
        messages.c.client_id,
        messages.c.kind,
        messages.c.facts,
        messages.c.created_at,
        messages.c.attempts,
        messages.c.next_at,
    )


def _warnings(tx: Transaction, client: Client) -> list[dict[str, Any]]:
    found = []
    for ending in client_keys.endings(client, tx.now):
        left = ending.at - tx.now
        before = min(each for each in client_keys.WARN_BEFORE if left <= each)
        at = int(ending.at.timestamp())
        about = f"{at}:{before.days}:{ending.kid}"
        facts = {"kid": ending.kid, "ends_at": at, "last": ending.last}
        found.append(_row(tx, client.client_id, Kind.KEY_ENDS, about, facts))
    return found


def _row(
    tx: Transaction, client_id: str, kind: Kind, about: str, facts: dict[str, Any]
) -> dict[str, Any]:
    return {
        "id": uuid4(),
        "client_id": client_id,
        "about": f"{kind.value}:{about}",
        "kind": kind.value,
        "facts": facts,
        "created_at": tx.now,
        "attempts": 0,
        "next_at": tx.now,
    }
