"""`amana bench log`: appending beside a locked hash chain; sealing; proofs in a large tree.

An append is an entry sealed for its person, in its place in their numbered history, written
to the outbox and committed. *Gathered* is how the doors write: lines that arrive together
share a transaction. The chain is the usual way: one lock, one hash over the line before.
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import Final
from uuid import UUID, uuid4

import click
from sqlalchemy import select

from api import sequencer
from api.bench import chain, load, stores
from api.bench.load import Asker, Round
from api.cli import terminal
from api.running import Running
from policies.vocabulary import Action, Actor, ActorKind, Outcome, SubjectId
from vault import access_log, transparency
from vault import database as db
from vault.access_log import Line
from vault.database import Database, Transaction
from vault.gathering import Gathering
from vault.log_tree import log_entry

WAYS: Final = ("locked chain", "one by one", "gathered")
PEOPLE: Final = 1_000
CHUNK: Final = 1_000
"""Lines in a transaction, where lines are only made to be there."""
PROOFS: Final = 2_000
STRIDE: Final = 15_485_863
"""A prime: proofs are asked for all over the tree, the same ones in each run."""
APPEND_GOAL, APPEND_GOAL_MS, SEAL_GOAL, PROOF_GOAL_MS = 10.0, 30.0, 50_000, 1.0
PROGRAMME: Final = Actor(kind=ActorKind.PROGRAMME, id="bench")


@click.command()
@click.option("--entries", default=1_000_000, show_default=True, help="In the tree for proofs.")
@click.option("--writers", default=64, show_default=True, help="Appending at once.")
@click.option("--rounds", default=5, show_default=True, help="Of each way, alternating.")
@click.option("--seconds", default=2.0, show_default=True, help="Of each round.")
@stores.on_a_server
def log(*, entries: int, writers: int, rounds: int, seconds: float, database_url: str) -> None:
    """Appends, sealed entries and proofs of the access log.

    Appends stand beside a locked hash chain in the same run. Goals: 10 times as many on
    PostgreSQL, 50,000 sealed a second, a proof in less than 1 ms.
    """
    terminal.run(_bench(entries, writers, rounds, seconds, database_url))


async def _bench(entries: int, writers: int, rounds: int, seconds: float, server: str) -> None:
    async with AsyncExitStack() as stack:
        held = await stack.enter_async_context(stores.thrown_away(server))
        people = await _people(held)
        usual = await stack.enter_async_context(stores.usual(held))
        gathering = Gathering[Line, UUID](held.database, partial(_record, held), unit=db.begin)
        ways = _ways(held, usual, people, gathering)
        ran = await _appended(ways, writers=writers, rounds=rounds, seconds=seconds)
        await gathering.drained()
        stores.tell(held)
        _tell_appends(ran, writers)
        await _fill(held, people, entries)
        await _seal(held)
        await _prove(held)
        stores.tell_memory()


async def _people(held: Running) -> list[SubjectId]:
    people = [SubjectId(uuid4()) for _ in range(PEOPLE)]
    async with db.begin(held.database) as tx:
        await chain.begin(tx)
        for person in people:
            await held.keyring.create_subject(tx, person)
    return people


async def _record(held: Running, tx: Transaction, lines: Sequence[Line]) -> list[UUID]:
    return await access_log.record(tx, held.keyring, lines)


def _ways(
    held: Running,
    usual: Database,
    people: Sequence[SubjectId],
    gathering: Gathering[Line, UUID],
) -> dict[str, Asker]:
    async def chained(number: int) -> None:
        await chain.append(usual, str(people[number % PEOPLE]))

    async def one_by_one(number: int) -> None:
        async with db.begin(held.database) as tx:
            await _record(held, tx, [_line(people[number % PEOPLE])])

    async def gathered(number: int) -> None:
        await gathering.ask(_line(people[number % PEOPLE]))

    return dict(zip(WAYS, (chained, one_by_one, gathered), strict=True))


async def _appended(
    ways: dict[str, Asker], *, writers: int, rounds: int, seconds: float
) -> dict[str, list[Round]]:
    await load.warm_up(ways, askers=writers)
    with terminal.progress("appending") as report:
        return await load.alternate(
            ways, askers=writers, rounds=rounds, seconds=seconds, report=report
        )


def _tell_appends(ran: Mapping[str, Sequence[Round]], writers: int) -> None:
    click.echo(f"append   {writers} writers at once, each line committed before it counts")
    click.echo(f"{'':<14}{'per second':>12}{'p50 ms':>10}{'p99 ms':>10}{'cpu µs':>10}")
    for way, rounds in ran.items():
        told = load.summary(rounds)
        click.echo(
            f"{way:<14}{told.rate:>12,.0f}{told.p50:>10.1f}{told.p99:>10.1f}{told.cpu:>10.0f}"
        )
    ratio, p99 = load.ratio(ran["gathered"], ran["locked chain"]), load.summary(ran["gathered"]).p99
    click.echo(
        f"ratio    gathered is {ratio:.1f} times the locked chain (goal: {APPEND_GOAL:.0f}),"
        f" p99 {p99:.1f} ms (goal: {APPEND_GOAL_MS:.0f})"
    )


async def _fill(held: Running, people: Sequence[SubjectId], entries: int) -> None:
    """Let so many lines wait, beside those that do."""
    async with db.read(held.database) as tx:
        there = await transparency.pending(tx)
    with terminal.progress("filling") as report:
        for start in range(there, entries, CHUNK):
            some = range(start, min(start + CHUNK, entries))
            lines = [_line(people[number % PEOPLE]) for number in some]
            async with db.begin(held.database) as tx:
                await access_log.record(tx, held.keyring, lines)
            report(some.stop, entries)


async def _seal(held: Running) -> None:
    """Drain what waits, as the sequencer does when nobody writes."""
    sealed, began = 0, time.perf_counter()
    while some := await sequencer.seal(held.database, held.keyring, held.settings.guard):
        sealed += some
    rate = sealed / (time.perf_counter() - began)
    click.echo(f"seal     {sealed:,} entries, {rate:,.0f} per second (goal: {SEAL_GOAL:,})")


async def _prove(held: Running) -> None:
    """Proofs of entries anywhere in the tree, checked before they count."""
    async with db.read(held.database) as tx:
        newest = await transparency.checkpoint(tx)
        size = newest.size if newest else 0
        places = [number * STRIDE % size for number in range(PROOFS)] if size else []
        found = await tx.connection.scalars(
            select(log_entry.c.id).where(log_entry.c.seq.in_(places))
        )
        entries = list(found)

    async def alone(tx: Transaction, entry: UUID) -> None:
        if await transparency.inclusion(tx, entry) is None:
            raise LookupError("an entry that is in the tree has no proof")

    inside, whole = [], []
    for entry in entries:
        began = time.perf_counter()
        async with db.read(held.database) as tx:
            begun = time.perf_counter()
            await alone(tx, entry)
            inside.append(time.perf_counter() - begun)
        whole.append(time.perf_counter() - began)
    for what, times in (("alone", inside), ("with its transaction", whole)):
        p50, p99 = (1e3 * load.at(sorted(times), share) for share in (0.50, 0.99))
        click.echo(
            f"proof    {what}: p50 {p50:.2f} ms, p99 {p99:.2f} ms in a tree of {size:,}"
            f" (goal: {PROOF_GOAL_MS:.0f})"
        )


def _line(subject: SubjectId) -> Line:
    return Line(actor=PROGRAMME, action=Action.VERIFY, outcome=Outcome.GIVEN, subject=subject)
