"""Files into the registers: every line checked, the wrong ones written out, resumable anywhere.

JSON Lines and CSV. A batch of records and the mark of how far it got are one transaction:
a kill leaves whole batches, and the next run goes on behind them.
"""

import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, Literal

import msgspec

from identity.registry import (
    household_lines,
    households,
    import_lines,
    import_runs,
    people,
    person,
)
from identity.registry.household_lines import Written
from identity.registry.households import Household, HouseholdRegistered
from identity.registry.import_lines import ImportFileError, Record, Source
from identity.registry.import_runs import Reject, Run
from identity.registry.people import Duplicate, Registered
from identity.registry.person import Invalid, Person, Problem
from policies.catalogue import Catalogue
from policies.legal_time import legal_day
from policies.vocabulary import Actor, SubjectId
from vault import database as db
from vault.database import Database, Transaction
from vault.keyring import Keyring

__all__ = ["BATCH", "ImportFileError", "Imported", "Progress", "import_file"]

BATCH: Final = 500
"""Records per transaction: what a kill costs at most."""
What = Literal["people", "households"]
Problems = tuple[Problem, ...]
"""What keeps a record out; empty where it was taken."""


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far an import got."""

    done: int
    """Lines."""
    total: int
    rate: float
    """Lines per second, of this run."""
    eta: float | None
    """Seconds left."""


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What an import did, over all its runs."""

    lines: int
    taken: int
    rejected: int
    rejects: Path | None
    """JSON Lines of {line, field, reason}; None where nothing was rejected."""


class _Desk(msgspec.Struct, frozen=True, kw_only=True):
    """What it takes to enter records."""

    database: Database
    keyring: Keyring
    catalogue: Catalogue
    by: Actor


async def import_file(
    database: Database,
    keyring: Keyring,
    catalogue: Catalogue,
    what: What,
    file: Path,
    *,
    by: Actor,
    rejects: Path | None = None,
    batch: int = BATCH,
    report: Callable[[Progress], None] = lambda _: None,
) -> Imported:
    """Import a file, or go on with it where it was left. The same content again does nothing.

    Raises:
        ImportFileError: with a sentence for the operator.
    """
    desk = _Desk(database=database, keyring=keyring, catalogue=catalogue, by=by)
    source = import_lines.source(file)
    place = _beside(file, rejects)
    async with db.begin(database) as tx:
        run = await import_runs.begun(tx, what, source)
    pace = _Pace(source.lines, run.line)
    known = person.FIELDS if what == "people" else household_lines.FIELDS
    for records in _batches(import_lines.records(source, known, after=run.line), batch):
        run = await _take(desk, run, source, records)
        report(pace.at(run.line))
    run = await _finish(desk, run, source)
    report(pace.at(source.lines))
    if run.rejected:
        async with db.read(database) as tx:
            await import_runs.write_rejects(tx, run, place)
    return Imported(
        lines=source.lines,
        taken=run.taken,
        rejected=run.rejected,
        rejects=place if run.rejected else None,
    )


def _beside(file: Path, rejects: Path | None) -> Path:
    """Where the rejected lines go."""
    place = rejects or file.with_name(f"{file.name}.rejects.jsonl")
    if place.resolve() == file.resolve():
        raise ImportFileError("the rejected lines would overwrite the file")
    return place


class _Pace:
    """How fast this run goes."""

    def __init__(self, total: int, start: int) -> None:
        self._total = total
        self._start = start
        self._began = time.monotonic()

    def at(self, done: int) -> Progress:
        rate = (done - self._start) / max(time.monotonic() - self._began, 1e-9)
        eta = (self._total - done) / rate if rate else None
        return Progress(done=done, total=self._total, rate=rate, eta=eta)


def _batches(records: Iterable[Record], size: int) -> Iterator[list[Record]]:
    batch: list[Record] = []
    for record in records:
        batch.append(record)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


async def _take(desk: _Desk, run: Run, source: Source, records: Sequence[Record]) -> Run:
    """Enter a batch and move the run on: both, or neither."""
    async with db.begin(desk.database) as tx:
        if not import_lines.unchanged(source):
            raise ImportFileError("the file changed while it was read")
        if (await import_runs.begun(tx, run.what, source)).line != run.line:
            raise ImportFileError("another import of this file is under way")
        readable = [each for each in records if not each.unreadable]
        enter = _ENTER[run.what]
        verdicts = iter(await enter(tx, desk, readable) if readable else [])
        rejected = []
        for each in records:
            problems: Problems = (
                (Problem(field="", reason=each.unreadable),) if each.unreadable else next(verdicts)
            )
            if problems:
                rejected.append(Reject(line=each.line, problems=problems))
        moved = msgspec.structs.replace(
            run,
            line=records[-1].line,
            taken=run.taken + len(records) - len(rejected),
            rejected=run.rejected + len(rejected),
        )
        await import_runs.advance(tx, moved, rejected)
    return moved


async def _finish(desk: _Desk, run: Run, source: Source) -> Run:
    if run.finished_at is not None:
        return run
    async with db.begin(desk.database) as tx:
        done = msgspec.structs.replace(run, line=source.lines, finished_at=tx.now)
        await import_runs.advance(tx, done, [])
    return done


async def _enter_people(tx: Transaction, desk: _Desk, records: Sequence[Record]) -> list[Problems]:
    day = legal_day(tx.now)
    parsed = [person.parse(each.values, on=day) for each in records]
    sound = [each for each in parsed if isinstance(each, Person)]
    entered = iter(await people.register_all(tx, desk.keyring, sound, by=desk.by))
    return [
        each.problems if isinstance(each, Invalid) else _of_person(next(entered)) for each in parsed
    ]


def _of_person(entered: Registered | Duplicate | Invalid) -> Problems:
    match entered:
        case Registered():
            return ()
        case Duplicate(certain=True):
            return (Problem(field="document_number", reason="on-register-already"),)
        case Duplicate():
            return (Problem(field="names", reason="perhaps-on-register-already"),)
        case Invalid(problems=problems):
            return problems


async def _enter_households(
    tx: Transaction, desk: _Desk, records: Sequence[Record]
) -> list[Problems]:
    parsed = [household_lines.parse(each.values) for each in records]
    numbers = {
        number
        for each in parsed
        if isinstance(each, Written)
        for number in (*each.members, each.declarant)
    }
    known = await people.by_idcs(tx, desk.keyring, sorted(numbers))
    resolved = [
        each if isinstance(each, Invalid) else _with_records(each, known) for each in parsed
    ]
    sound = [each for each in resolved if isinstance(each, Household)]
    entered = iter(
        await households.register_all(tx, desk.keyring, desk.catalogue, sound, by=desk.by)
    )
    return [
        each.problems if isinstance(each, Invalid) else _of_household(next(entered))
        for each in resolved
    ]


def _with_records(written: Written, known: Mapping[str, SubjectId]) -> Household | Invalid:
    """A household with the records of the people whose numbers it names."""
    strangers = tuple(
        Problem(field=field, reason="not-on-register")
        for field, numbers in (("members", written.members), ("declarant", (written.declarant,)))
        if not known.keys() >= set(numbers)
    )
    if strangers:
        return Invalid(problems=strangers)
    return Household(
        members=tuple(known[number] for number in written.members),
        declarant=known[written.declarant],
        facts=written.facts,
    )


def _of_household(entered: HouseholdRegistered | Invalid) -> Problems:
    if isinstance(entered, HouseholdRegistered):
        return ()
    # A line is flat: what the register calls facts.size is its field size.
    return tuple(
        msgspec.structs.replace(problem, field=problem.field.removeprefix("facts."))
        for problem in entered.problems
    )


_ENTER: Final[
    dict[str, Callable[[Transaction, _Desk, Sequence[Record]], Awaitable[list[Problems]]]]
] = {
    "people": _enter_people,
    "households": _enter_households,
}
