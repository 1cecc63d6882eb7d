"""Numbers that a person makes, gives out in place of their own, and stops at once.

What each kind allows is the catalogue's to say. The states are in the `WHERE` of what
changes them: of twenty who use a number for one use at once, one does.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID, uuid4

import msgspec
from sqlalchemy import ColumnElement, case, delete, or_, update

from identity.registry import virtual_numbers, virtual_rows
from identity.registry.virtual_rows import State, Virtual, virtual_identifiers
from policies.entries import NumberKind
from policies.vocabulary import Action, Actor, ActorKind, Audience, Outcome, SubjectId
from vault import access_log, index_versions
from vault.access_log import Line
from vault.database import Transaction, insert_new, spread
from vault.keyring import Keyring

__all__ = ["State", "TooMany", "Virtual", "claim", "find", "forget", "make", "mine", "stop"]

ATTEMPTS: Final = 3
"""Draws beyond the slots there are: two numbers of 10¹⁵ hardly ever meet."""
SHOWN: Final = 50
_table: Final = virtual_identifiers.c


class TooMany(msgspec.Struct, frozen=True, kw_only=True):
    """The person has as many numbers of this kind as it allows."""

    instances: int


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a number stands for here and now."""

    id: UUID
    subject: SubjectId
    uses_left: int | None
    """None for any number of them."""


Asked = tuple[Audience | None, str]
"""Who asks, and the number as it was typed. None is a person's own portal."""


async def make(
    tx: Transaction,
    keyring: Keyring,
    kind: NumberKind,
    subject: SubjectId,
    audience: Audience | None = None,
    *,
    draw: Callable[[], str] = virtual_numbers.new,
) -> Virtual | TooMany:
    """Make a number of a kind; `audience` is where alone it is good, for a kind that is bound.

    Raises:
        ValueError: the kind is bound and no audience is named, or the other way round.
    """
    if kind.bound is (audience is None):
        raise ValueError("a bound kind, and no other, names its audience")
    await index_versions.for_writing(tx, keyring)  # no slot is taken twice across a rotation
    await _expire(tx, keyring, subject)
    made = await _insert(tx, keyring, kind, subject, audience, draw)
    if made is None:
        return TooMany(instances=kind.instances)
    await _record(tx, keyring, subject, Action.NUMBER, kind.id)
    return made


async def mine(tx: Transaction, keyring: Keyring, subject: SubjectId) -> list[Virtual]:
    """A person's numbers, newest first, those that ended too."""
    query = (
        virtual_rows.columns()
        .where(_table.owner.in_(spread(virtual_rows.owners(keyring, subject))))
        .order_by(_table.made_at.desc(), _table.id)
        .limit(SHOWN)
    )
    rows = (await tx.connection.execute(query)).all()
    return [_as_of(tx, virtual_rows.opened(keyring, row)[1]) for row in rows]


async def stop(
    tx: Transaction, keyring: Keyring, kind: NumberKind, subject: SubjectId, row_id: UUID
) -> bool:
    """Stop one's own number at once. False if there is none to stop.

    Where the kind says so, a new one takes its place.
    """
    own = (
        _table.id == row_id,
        _table.owner.in_(spread(virtual_rows.owners(keyring, subject))),
        _table.kind == kind.id,
        *_standing(tx),
    )
    row = (await tx.connection.execute(virtual_rows.columns().where(*own))).first()
    if row is None:
        return False
    _, virtual = virtual_rows.opened(keyring, row)
    end = State.SUPERSEDED if kind.restored else State.REVOKED
    sealed = virtual_rows.sealed(keyring, subject, virtual, end)
    ended = {"state": end.value, "ended_at": tx.now, "sealed": sealed}
    stopped = update(virtual_identifiers).where(*own).values(ended)
    if (await tx.connection.execute(stopped)).rowcount == 0:
        return False  # used up, or stopped by another request, meanwhile
    await _record(tx, keyring, subject, Action.NUMBER_STOP, kind.id)
    if kind.restored:
        await make(tx, keyring, kind, subject, virtual.audience)
    return True


async def find(tx: Transaction, keyring: Keyring, asked: Sequence[Asked]) -> dict[Asked, Found]:
    """Whom these numbers stand for, in one statement.

    Unknown, mistyped, ended, and good elsewhere alone are left out alike.
    """
    tags = {
        tag: number
        for _, written in asked
        for number in [virtual_numbers.read(written) or ""]
        for tag in virtual_rows.tags(keyring, number)
    }
    if not tags:
        return {}
    query = virtual_rows.columns().where(_table.tag.in_(spread(list(tags))), *_standing(tx))
    held: dict[str, tuple[Found, Audience | None]] = {}
    for row in await tx.connection.execute(query):
        subject, virtual = virtual_rows.opened(keyring, row)
        held[tags[row.tag]] = (
            Found(id=virtual.id, subject=subject, uses_left=virtual.uses_left),
            virtual.audience,
        )
    found: dict[Asked, Found] = {}
    for audience, written in asked:
        known = held.get(virtual_numbers.read(written) or "")
        if known is not None and known[1] in {None, audience}:
            found[audience, written] = known[0]
    return found


async def claim(tx: Transaction, row_id: UUID) -> bool:
    """Use a number once. False if it is no longer there to be used: another was first."""
    used = (
        update(virtual_identifiers)
        .where(_table.id == row_id, *_standing(tx))
        .values(
            uses_left=_table.uses_left - 1,  # NULL stays NULL: any number of uses
            state=case((_table.uses_left == 1, State.USED.value), else_=_table.state),
            ended_at=case((_table.uses_left == 1, tx.now), else_=_table.ended_at),
        )
    )
    return (await tx.connection.execute(used)).rowcount == 1


async def forget(tx: Transaction, keyring: Keyring, subject: SubjectId) -> int:
    """Remove all of a person's numbers, for an erasure; how many there were."""
    gone, changed = 0, True
    while changed:
        owners = spread(virtual_rows.owners(keyring, subject))
        of_person = delete(virtual_identifiers).where(_table.owner.in_(owners))
        gone += (await tx.connection.execute(of_person)).rowcount
        # What a rotation moved before our statement came to it, it moved to a version seen now.
        changed = await keyring.look(tx)
    return gone


def _standing(tx: Transaction) -> tuple[ColumnElement[bool], ...]:
    lasting = or_(_table.expires_at.is_(None), _table.expires_at > tx.now)
    return (_table.state == State.ACTIVE.value, lasting)


def _as_of(tx: Transaction, virtual: Virtual) -> Virtual:
    """What nobody used since its time was over still says that it is active."""
    over = virtual.expires_at is not None and virtual.expires_at <= tx.now
    if over and virtual.state is State.ACTIVE:
        return msgspec.structs.replace(virtual, state=State.EXPIRED)
    return virtual


async def _expire(tx: Transaction, keyring: Keyring, subject: SubjectId) -> None:
    """Give back the slots of what is over."""
    await tx.connection.execute(
        update(virtual_identifiers)
        .where(
            _table.owner.in_(spread(virtual_rows.owners(keyring, subject))),
            _table.state == State.ACTIVE.value,
            _table.expires_at <= tx.now,
        )
        .values(state=State.EXPIRED.value, ended_at=_table.expires_at)
    )


async def _insert(  # noqa: PLR0917  (what `make` takes, as it takes it)
    tx: Transaction,
    keyring: Keyring,
    kind: NumberKind,
    subject: SubjectId,
    audience: Audience | None,
    draw: Callable[[], str],
) -> Virtual | None:
    """Write a number into a slot that is free; None if none is."""
    ends = None if kind.minutes is None else tx.now + timedelta(minutes=kind.minutes)
    for _ in range(kind.instances + ATTEMPTS):
        taken = await _slots(tx, keyring, kind, subject)
        free = next((slot for slot in range(kind.instances) if slot not in taken), None)
        if free is None:
            return None
        virtual = Virtual(
            id=uuid4(),
            number=draw(),
            kind=kind.id,
            audience=audience,
            state=State.ACTIVE,
            uses_left=kind.uses,
            made_at=tx.now,
            expires_at=ends,
        )
        row = virtual_rows.row(keyring, subject, virtual, slot=free)
        await insert_new(tx, virtual_identifiers, [row])
        # Not there: the number is somebody's, or another request took the slot.
        query = virtual_rows.columns().where(_table.id == virtual.id)
        if (await tx.connection.execute(query)).first() is not None:
            return virtual
    return None


async def _slots(
    tx: Transaction, keyring: Keyring, kind: NumberKind, subject: SubjectId
) -> set[int]:
    query = virtual_rows.columns().where(
        _table.owner.in_(spread(virtual_rows.owners(keyring, subject))),
        _table.kind == kind.id,
        _table.state == State.ACTIVE.value,
    )
    return {row.slot for row in await tx.connection.execute(query)}


async def _record(
    tx: Transaction, keyring: Keyring, subject: SubjectId, action: Action, kind: str
) -> None:
    line = Line(
        actor=Actor(kind=ActorKind.CITIZEN, id="self"),
        action=action,
        outcome=Outcome.GIVEN,
        subject=subject,
        detail=kind,
    )
    await access_log.record(tx, keyring, [line])
