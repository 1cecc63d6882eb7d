"""Fills an empty store with a synthetic country; run again, it goes on where it stopped."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from api.cli.terminal import Report
from api.demo import ledger as ledgers
from api.demo.ledger import Entered, Ledger
from api.running import Running
from identity.registry import households, people, population
from identity.registry.households import Household
from identity.registry.people import Duplicate, Registered
from identity.registry.person import Invalid, Person
from identity.registry.population import Population, SyntheticHousehold
from policies.legal_time import legal_day
from policies.vocabulary import Actor, ActorKind, SubjectId
from vault import database as db
from vault.database import Transaction

SEED: Final = "amana-demo-1"
CHUNK: Final = 100
"""Records per transaction."""
DEMO: Final = Actor(kind=ActorKind.SYSTEM, id="demo")


class NotOursError(Exception):
    """The store holds a register that the demo did not make. It is left alone."""


async def start(held: Running, file: Path, wanted: int) -> Ledger:
    """The ledger of this store, new or as it was left.

    Raises:
        NotOursError: the store holds other people.
    """
    async with db.read(held.database) as tx:
        on_register, today = await people.count(tx), legal_day(tx.now)
    ledger = ledgers.read(file) or Ledger(seed=SEED, day=today, wanted=wanted)
    if not ledger.settle(on_register):
        raise NotOursError
    ledgers.write(file, ledger)
    return ledger


def country(ledger: Ledger) -> Population:
    """The population of a ledger: the same on every run."""
    return population.population(ledger.seed, people=ledger.wanted, on=ledger.day)


async def enter_people(
    held: Running, ledger: Ledger, made: Population, file: Path, report: Report
) -> None:
    """Enter the people who are not on the register yet."""
    while len(ledger.people) < len(made.people):
        at = len(ledger.people)
        async with db.begin(held.database) as tx:
            ledger.pending = await _enter(tx, held, made.people[at : at + CHUNK])
            ledgers.write(file, ledger)
        ledger.people += ledger.pending
        ledger.pending = []
        report(len(ledger.people), len(made.people))
    ledgers.write(file, ledger)


async def enter_households(
    held: Running, ledger: Ledger, made: Population, file: Path, report: Report
) -> None:
    """Enter the households whose members are on the register and in none yet."""
    while ledger.households < len(made.households):
        chunk = made.households[ledger.households : ledger.households + CHUNK]
        async with db.begin(held.database) as tx:
            known = [it for each in chunk if (it := _resolved(ledger, each)) is not None]
            there = await households.household_of(tx, [each.declarant for each in known])
            await households.register_all(
                tx,
                held.keyring,
                held.catalogue,
                [each for each in known if each.declarant not in there],
                by=DEMO,
            )
        ledger.households += len(chunk)
        ledgers.write(file, ledger)
        report(ledger.households, len(made.households))


async def _enter(tx: Transaction, held: Running, chunk: Sequence[Person]) -> list[Entered | None]:
    answers = await people.register_all(tx, held.keyring, chunk, by=DEMO)
    return [
        await _entered(tx, held, person, answer)
        for person, answer in zip(chunk, answers, strict=True)
    ]


async def _entered(
    tx: Transaction, held: Running, person: Person, answer: Registered | Duplicate | Invalid
) -> Entered | None:
    match answer:
        case Registered(subject=subject, idcs=idcs):
            return Entered(subject=subject, idcs=idcs)
        case Duplicate(certain=False, candidates=candidates):
            # Namesakes born on one day: in a synthetic country we know that they are two.
            again = await people.register(
                tx, held.keyring, person, by=DEMO, distinct_from=candidates
            )
            return await _entered(tx, held, person, again)
        case Duplicate() | Invalid():
            return None


def _resolved(ledger: Ledger, made: SyntheticHousehold) -> Household | None:
    """A household with the records of its members; None if its declarant has none."""
    records = {at: entered.subject for at in made.members if (entered := ledger.people[at])}
    if made.declarant not in records:
        return None
    return Household(
        members=tuple(SubjectId(each) for each in records.values()),
        declarant=SubjectId(records[made.declarant]),
        facts=made.facts,
    )
