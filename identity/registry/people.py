"""The population register: who is on it; found by number, never enumerated.

What is known of a person is sealed in their own record. Duplicates are found by blind
indexes: on the document number, and on names with birth date in either script.
"""

from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final
from uuid import uuid4

import msgspec
from sqlalchemy import Boolean, Column, String, Table, Uuid, func, insert, select, update

from identity.registry import claiming, idcs, person, twins
from identity.registry.person import Invalid, Person, Problem
from policies.legal_time import legal_day
from policies.vocabulary import Action, Actor, Outcome, PurposeId, SubjectId
from vault import access_log, attributes, blind_index
from vault.access_log import Line
from vault.attributes import Group
from vault.database import Instant, Transaction, metadata, spread
from vault.keyring import Keyring

REGISTRATION: Final = PurposeId("registers/registration")

people: Final = Table(
    "people",
    metadata,
    Column("subject", Uuid, primary_key=True),
    Column("status", String(16), nullable=False),
    Column("synthetic", Boolean, nullable=False),
    Column("registered_at", Instant, nullable=False),
)


class Status(StrEnum):
    """Whether a record takes part in anything."""

    ACTIVE = "active"
    DECEASED = "deceased"
    SUSPENDED = "suspended"


class Registered(msgspec.Struct, frozen=True, kw_only=True):
    """Entered, with a number of their own."""

    subject: SubjectId
    idcs: str


class Duplicate(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody on the register may be the same person. Nothing was written."""

    candidates: tuple[SubjectId, ...]
    certain: bool
    """The same document number: it cannot be somebody else."""
    more: bool = False
    """There are more candidates than can be compared."""


Entered = Registered | Duplicate | Invalid


async def register(
    tx: Transaction,
    keyring: Keyring,
    person: Person,
    *,
    by: Actor,
    distinct_from: Collection[SubjectId] = (),
    case_reference: str | None = None,
) -> Entered:
    """Enter a person: checked, sealed, numbered, logged in their own history.

    `distinct_from` are candidates that were compared and found to be other people;
    `case_reference` is the file number of who enters them.
    """
    (done,) = await register_all(
        tx, keyring, [person], by=by, distinct_from=distinct_from, case_reference=case_reference
    )
    return done


async def register_all(
    tx: Transaction,
    keyring: Keyring,
    people: Sequence[Person],
    *,
    by: Actor,
    distinct_from: Collection[SubjectId] = (),
    case_reference: str | None = None,
) -> list[Entered]:
    """Enter many, in a constant number of statements; one answer each, in order."""
    day = legal_day(tx.now)
    answers: dict[int, Entered] = {}
    clean: dict[int, Person] = {}
    for at, each in enumerate(people):
        match person.checked(each, on=day):
            case Invalid() as wrong:
                answers[at] = wrong
            case Person() as right:
                clean[at] = right
    answers |= await _strangers_named(tx, keyring, clean)
    new = {SubjectId(uuid4()): at for at in clean if at not in answers}
    known = await twins.found(
        tx, keyring, {subject: clean[at] for subject, at in new.items()}, distinct_from
    )
    answers |= {
        new[subject]: Duplicate(candidates=twin.candidates, certain=twin.certain, more=twin.more)
        for subject, twin in known.items()
    }
    entering = {subject: clean[at] for subject, at in new.items() if subject not in known}
    numbers = await _enter(tx, keyring, entering)
    await _log(tx, keyring, list(numbers), by, case_reference)
    answers |= {
        new[subject]: Registered(subject=subject, idcs=number)
        for subject, number in numbers.items()
    }
    return [answers[at] for at in range(len(people))]


async def by_idcs(
    tx: Transaction, keyring: Keyring, numbers: Sequence[str]
) -> dict[str, SubjectId]:
    """Whose numbers these are, as typed; those that are nobody's are left out."""
    if not numbers:
        return {}
    found = await blind_index.find(tx, keyring, "idcs", numbers)
    return {str(number): owners[0] for number, owners in found.items() if owners}


async def statuses(tx: Transaction, subjects: Sequence[SubjectId]) -> dict[SubjectId, Status]:
    """The status of each of these people; who is not on the register is left out."""
    if not subjects:
        return {}
    query = select(people.c.subject, people.c.status).where(people.c.subject.in_(spread(subjects)))
    return {
        SubjectId(row.subject): Status(row.status) for row in await tx.connection.execute(query)
    }


async def hold(tx: Transaction, subjects: Sequence[SubjectId]) -> set[SubjectId]:
    """Those of these people who are on the register, and stay so until this transaction ends.

    For whoever writes down something about a person outside the vault, whose keys tell it by
    themselves: an erasure waits, or was first.
    """
    query = (
        select(people.c.subject)
        .where(people.c.subject.in_(spread(sorted(subjects))))
        .order_by(people.c.subject)
        .with_for_update(read=True, key_share=True)
    )
    return {SubjectId(each) for each in await tx.connection.scalars(query)}


async def set_status(tx: Transaction, subject: SubjectId, status: Status) -> bool:
    """Change a person's status. False if it is that already, or there is no such person."""
    done = await tx.connection.execute(
        update(people)
        .where(people.c.subject == subject, people.c.status != status.value)
        .values(status=status.value)
    )
    return done.rowcount == 1


async def count(tx: Transaction) -> int:
    """How many people are on the register."""
    return await tx.connection.scalar(select(func.count()).select_from(people)) or 0


async def _strangers_named(
    tx: Transaction, keyring: Keyring, clean: Mapping[int, Person]
) -> dict[int, Invalid]:
    """Who names a representative or witnesses that are not on the register."""
    named = {
        (at, field): numbers
        for at, each in clean.items()
        for field, numbers in (
            ("legal_representative", (each.legal_representative,)),
            ("witnesses", each.witnesses),
        )
        if any(numbers)
    }
    known = await by_idcs(tx, keyring, sorted({it for numbers in named.values() for it in numbers}))
    wrong: dict[int, list[Problem]] = {}
    for (at, field), numbers in named.items():
        if not all(number in known for number in numbers):
            wrong.setdefault(at, []).append(Problem(field=field, reason="not-on-register"))
    return {at: Invalid(problems=tuple(problems)) for at, problems in wrong.items()}


async def _enter(
    tx: Transaction, keyring: Keyring, entering: Mapping[SubjectId, Person]
) -> dict[SubjectId, str]:
    """Write the records; each person's number."""
    if not entering:
        return {}
    await keyring.create_subject(tx, *entering)
    await tx.connection.execute(
        insert(people), [_row(tx, subject, each) for subject, each in entering.items()]
    )
    numbers = await claiming.claim(tx, keyring, "idcs", idcs.new, list(entering))
    entries = (
        entry for subject, each in entering.items() for entry in twins.entries(subject, each)
    )
    await blind_index.put_all(tx, keyring, entries)
    await attributes.store_all(
        tx,
        keyring,
        [
            Group(record=subject, group=group, values=values)
            for subject, each in entering.items()
            for group, values in person.groups(each, numbers[subject]).items()
        ],
    )
    return numbers


def _row(tx: Transaction, subject: SubjectId, each: Person) -> dict[str, Any]:
    return {
        "subject": subject,
        "status": Status.ACTIVE.value,
        "synthetic": each.synthetic,
        "registered_at": tx.now,
    }


async def _log(
    tx: Transaction,
    keyring: Keyring,
    subjects: Sequence[SubjectId],
    by: Actor,
    case_reference: str | None,
) -> None:
    line = Line(
        actor=by,
        action=Action.REGISTER,
        outcome=Outcome.GIVEN,
        purpose=REGISTRATION,
        case_reference=case_reference or None,
    )
    written = await attributes.written(tx, subjects)
    await access_log.record(
        tx,
        keyring,
        [
            msgspec.structs.replace(line, subject=subject, written=written[subject])
            for subject in subjects
        ],
    )
