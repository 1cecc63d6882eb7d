"""The social register: who lives together, what they declared, and the index that follows from it.

A household is a record of its own, with a number of its own kind.
"""

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import uuid4

import msgspec
from sqlalchemy import Column, ForeignKey, Table, Uuid, insert, select
from sqlalchemy import Index as TableIndex

from identity.registry import claiming, household_number, household_states, people
from identity.registry.household_states import RequestKind
from identity.registry.people import REGISTRATION, Status
from identity.registry.person import Invalid, Problem
from policies.catalogue import Catalogue
from policies.household_index import HouseholdFacts, Index, IndexUnknown
from policies.vocabulary import Action, Actor, GroupId, Outcome, SubjectId
from vault import access_log, attributes, blind_index
from vault.access_log import Line
from vault.attributes import Group
from vault.database import Instant, Transaction, metadata, spread
from vault.keyring import Keyring

__all__ = [
    "Household",
    "HouseholdRegistered",
    "RequestKind",
    "by_number",
    "declare",
    "household_of",
    "members",
    "register",
    "register_all",
]

NUMBERED: Final = GroupId("registration")

households: Final = Table(
    "households",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("declarant", Uuid, nullable=False),
    Column("registered_at", Instant, nullable=False),
)
household_members: Final = Table(
    "household_members",
    metadata,
    Column("subject", Uuid, primary_key=True),
    Column("household", ForeignKey(households.c.id), primary_key=True),
    Column("joined_at", Instant, nullable=False),
    Column("left_at", Instant),
    TableIndex("ix_household_members_household", "household"),
)
_living_there: Final = household_members.c.left_at.is_(None)
TableIndex(
    "uq_household_members_one",
    household_members.c.subject,
    unique=True,
    sqlite_where=_living_there,
    postgresql_where=_living_there,
)


class Household(msgspec.Struct, frozen=True, kw_only=True):
    """Who lives together, who speaks for them, and what they declare."""

    members: tuple[SubjectId, ...]
    declarant: SubjectId
    facts: HouseholdFacts


class HouseholdRegistered(msgspec.Struct, frozen=True, kw_only=True):
    """Entered, with a number of its own and an index, or why there is none."""

    household: SubjectId
    number: str
    index: Index | IndexUnknown


async def register(
    tx: Transaction, keyring: Keyring, catalogue: Catalogue, household: Household, *, by: Actor
) -> HouseholdRegistered | Invalid:
    """Enter a household: every member is on the population register and in no other household."""
    (done,) = await register_all(tx, keyring, catalogue, [household], by=by)
    return done


async def register_all(
    tx: Transaction,
    keyring: Keyring,
    catalogue: Catalogue,
    households: Sequence[Household],
    *,
    by: Actor,
) -> list[HouseholdRegistered | Invalid]:
    """Enter many, in a constant number of statements; one answer each, in order."""
    named = list({member for each in households for member in each.members})
    await people.hold(tx, named)
    status = await people.statuses(tx, named)
    housed = set(await household_of(tx, named))
    answers: dict[int, HouseholdRegistered | Invalid] = {}
    entering: dict[SubjectId, tuple[int, Household]] = {}
    for at, each in enumerate(households):
        if problems := _problems(each, status, housed):
            answers[at] = Invalid(problems=problems)
        else:
            housed.update(each.members)
            entering[SubjectId(uuid4())] = (at, each)
    new = {household: each for household, (_, each) in entering.items()}
    entered = await _enter(tx, keyring, catalogue, new, by)
    answers |= {entering[done.household][0]: done for done in entered}
    return [answers[at] for at in range(len(households))]


async def declare(
    tx: Transaction,
    keyring: Keyring,
    catalogue: Catalogue,
    household: SubjectId,
    facts: HouseholdFacts,
    *,
    by: Actor,
    request: RequestKind = RequestKind.DECLARATION,
) -> Index | IndexUnknown | Invalid:
    """Take new facts: the index is computed anew, and what it was stays in the history."""
    living = await members(tx, household)
    declarant = await tx.connection.scalar(
        select(households.c.declarant).where(households.c.id == household)
    )
    if declarant is None:
        return Invalid(problems=(Problem(field="household", reason="not-on-register"),))
    if facts.size < len(living):
        return Invalid(problems=(Problem(field="facts.size", reason="fewer-than-members"),))
    index = (await household_states.keep(tx, keyring, catalogue, {household: facts}, request))[
        household
    ]
    await _log(tx, keyring, {household: SubjectId(declarant)}, by)
    return index


async def household_of(
    tx: Transaction, subjects: Sequence[SubjectId]
) -> dict[SubjectId, SubjectId]:
    """The household each of these people lives in; who is in none is left out. One statement."""
    if not subjects:
        return {}
    query = select(household_members.c.subject, household_members.c.household).where(
        household_members.c.subject.in_(spread(subjects)), _living_there
    )
    return {
        SubjectId(row.subject): SubjectId(row.household)
        for row in await tx.connection.execute(query)
    }


async def members(tx: Transaction, household: SubjectId) -> list[SubjectId]:
    """Who lives there now."""
    query = select(household_members.c.subject).where(
        household_members.c.household == household, _living_there
    )
    found = await tx.connection.scalars(query.order_by(household_members.c.subject))
    return [SubjectId(subject) for subject in found]


async def by_number(
    tx: Transaction, keyring: Keyring, numbers: Sequence[str]
) -> dict[str, SubjectId]:
    """The households of these numbers; those that are no household's are left out."""
    if not numbers:
        return {}
    found = await blind_index.find(tx, keyring, "household", numbers)
    return {str(number): owners[0] for number, owners in found.items() if owners}


def _problems(
    each: Household, status: Mapping[SubjectId, Status], housed: set[SubjectId]
) -> tuple[Problem, ...]:
    checks = (
        ("members", "missing", bool(each.members)),
        ("members", "twice", len(set(each.members)) == len(each.members)),
        ("members", "not-on-register", all(it in status for it in each.members)),
        (
            "members",
            "inactive",
            all(status.get(it) in {Status.ACTIVE, None} for it in each.members),
        ),
        ("members", "in-another-household", not housed.intersection(each.members)),
        ("declarant", "not-a-member", each.declarant in each.members),
        ("facts.size", "fewer-than-members", each.facts.size >= len(each.members)),
    )
    return tuple(Problem(field=field, reason=reason) for field, reason, met in checks if not met)


async def _enter(
    tx: Transaction,
    keyring: Keyring,
    catalogue: Catalogue,
    new: Mapping[SubjectId, Household],
    by: Actor,
) -> list[HouseholdRegistered]:
    if not new:
        return []
    await keyring.create_subject(tx, *new)
    await tx.connection.execute(
        insert(households),
        [
            {"id": household, "declarant": each.declarant, "registered_at": tx.now}
            for household, each in new.items()
        ],
    )
    await tx.connection.execute(
        insert(household_members),
        [
            {"subject": member, "household": household, "joined_at": tx.now}
            for household, each in new.items()
            for member in each.members
        ],
    )
    numbers = await claiming.claim(tx, keyring, "household", household_number.new, list(new))
    await attributes.store_all(
        tx,
        keyring,
        [
            Group(record=household, group=NUMBERED, values={"household_number": number})
            for household, number in numbers.items()
        ],
    )
    facts = {household: each.facts for household, each in new.items()}
    indexes = await household_states.keep(tx, keyring, catalogue, facts, RequestKind.REGISTRATION)
    await _log(tx, keyring, {home: each.declarant for home, each in new.items()}, by)
    return [
        HouseholdRegistered(household=household, number=number, index=indexes[household])
        for household, number in numbers.items()
    ]


async def _log(
    tx: Transaction, keyring: Keyring, declarants: Mapping[SubjectId, SubjectId], by: Actor
) -> None:
    written = await attributes.written(tx, list(declarants))
    await access_log.record(
        tx,
        keyring,
        [
            Line(
                actor=by,
                action=Action.REGISTER,
                outcome=Outcome.GIVEN,
                purpose=REGISTRATION,
                subject=declarant,
                detail="household",
                written=written[household],
            )
            for household, declarant in declarants.items()
        ],
    )
