"""`amana bench vault`: a whole person read from what is sealed, beside others; a rotation.

Rounds alternate. Each read gives twelve fields back as text, without the store: what it costs
to open them. The rotation is the job itself, with its store.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import date
from typing import Final

import click
import msgspec
from sqlalchemy import func, select

from api import collecting
from api.bench import load, stores, whole_person
from api.bench.load import Round
from api.bench.whole_person import FIELDS, Person, Way
from api.cli import rotating, terminal
from api.demo import seeding
from api.running import Running
from identity.registry import people, population
from policies.legal_time import legal_day
from vault import database as db
from vault.key_jobs import LANES
from vault.sealed_groups import sealed_attributes

OTHERS: Final[Mapping[str, Callable[[Sequence[Person]], list[Way]]]] = {
    "asherah": whole_person.asherah,
    "tink": whole_person.tink,
    "sqlalchemy-utils": whole_person.sqlalchemy_utils,
}
GOALS: Final = {"Asherah, session a read": 3.0, "Asherah, session held": 1.0}
"""How many times as fast one group is to be."""
ROWS_GOAL: Final = 20_000
CHUNK: Final = 500


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """How whole persons are read: of how many, how often and how long."""

    persons: int
    rounds: int
    seconds: float


@click.command()
@click.option("--persons", default=1000, show_default=True, help="Held by each way.")
@click.option("--rounds", default=10, show_default=True, help="Of each way, alternating.")
@click.option("--seconds", default=0.5, show_default=True, help="Of each round.")
@click.option("--records", default=96_000, show_default=True, help="Registered, and rotated.")
@click.option("--processes", type=click.IntRange(1, LANES), help="That rotate; as the command.")
@stores.on_a_server
def vault(
    *,
    persons: int,
    rounds: int,
    seconds: float,
    records: int,
    processes: int | None,
    database_url: str,
) -> None:
    """Whole persons opened a second, and rows rotated a second.

    Beside Asherah, Tink and SQLAlchemy-Utils, where they are installed: `pip install
    'amana[bench]'`.
    """
    reading = Reading(persons=persons, rounds=rounds, seconds=seconds)
    terminal.run(_bench(reading, records, processes, database_url))


async def _bench(reading: Reading, records: int, processes: int | None, server: str) -> None:
    async with AsyncExitStack() as stack:
        held = await stack.enter_async_context(stores.thrown_away(server))
        stores.tell(held)
        async with db.read(held.database) as tx:
            day = legal_day(tx.now)
        ways = _ways(_sample(reading.persons, day))
        _tell(ways, _alternate(ways, rounds=reading.rounds, seconds=reading.seconds))
        await _register(held, records, day)
        await _rotate(held, processes or rotating.most(held))
        stores.tell_memory()


def _sample(wanted: int, day: date) -> Sequence[Person]:
    made = population.population("amana-bench-2", people=2 * wanted, on=day)
    said = [
        {name: value for name, value in msgspec.to_builtins(each).items() if type(value) is str}
        for each in made.people
    ]
    return [dict(list(each.items())[:FIELDS]) for each in said if len(each) >= FIELDS][:wanted]


def _ways(sample: Sequence[Person]) -> list[Way]:
    ways = whole_person.ours(sample)
    for name, keep in OTHERS.items():
        try:
            ways += keep(sample)
        except ImportError:
            click.echo(f"left out {name}: it is not installed")
    for way in ways:
        if any(way.read(number) != person for number, person in enumerate(sample)):
            raise ValueError(f"{way.name} gave back something else")
    return [msgspec.structs.replace(way, read=_around(way.read, len(sample))) for way in ways]


def _around(read: Callable[[int], Person], count: int) -> Callable[[int], Person]:
    return lambda number: read(number % count)


def _alternate(ways: Sequence[Way], *, rounds: int, seconds: float) -> dict[str, list[Round]]:
    ran: dict[str, list[Round]] = {way.name: [] for way in ways}
    with terminal.progress("rounds") as report:
        for _ in range(rounds):
            for way in ways:
                ran[way.name].append(_read(way, seconds))
                report(sum(map(len, ran.values())), rounds * len(ways))
    return ran


def _read(way: Way, seconds: float) -> Round:
    times: list[float] = []
    began, cpu, number = time.perf_counter(), time.process_time(), 0
    now = began
    while now - began < seconds:
        number += 1
        way.read(number)
        then, now = now, time.perf_counter()
        times.append(now - then)
    return Round(
        answers=number,
        seconds=now - began,
        cpu_seconds=time.process_time() - cpu,
        latencies=tuple(sorted(times)),
    )


def _tell(ways: Sequence[Way], ran: Mapping[str, Sequence[Round]]) -> None:
    click.echo(f"{f'{FIELDS} fields':<36}{'persons/s':>12}{'p50 µs':>10}{'p99 µs':>10}{'bytes':>8}")
    for way in ways:
        told = load.summary(ran[way.name])
        click.echo(
            f"{way.name:<36}{told.rate:>12,.0f}{1e3 * told.p50:>10.1f}{1e3 * told.p99:>10.1f}"
            f"{way.octets:>8,}"
        )
    one, apart = ways[0].name, ways[1].name
    for name, goal in GOALS.items():
        if name in ran:
            ratio = load.ratio(ran[one], ran[name])
            click.echo(f"ratio    {one}: {ratio:.1f} times {name} (goal: {goal:.0f})")
    click.echo(f"ratio    {one}: {load.ratio(ran[one], ran[apart]):.1f} times {apart}")


async def _register(held: Running, records: int, day: date) -> None:
    made = population.population("amana-bench-3", people=records, on=day).people
    with terminal.progress("registering") as report:
        for start in range(0, len(made), CHUNK):
            some = made[start : start + CHUNK]
            async with db.begin(held.database) as tx:
                await people.register_all(tx, held.keyring, some, by=seeding.DEMO)
            report(start + len(some), len(made))


async def _rotate(held: Running, processes: int) -> None:
    async with db.read(held.database) as tx:
        rows = await tx.connection.scalar(select(func.count()).select_from(sealed_attributes)) or 0
    # As the command begins: with no record's key at hand, and what is loaded spared the collector.
    held.keyring.forget()
    with collecting.settled(), terminal.progress("rotating") as report:
        began = time.perf_counter()
        job = await rotating.rotate(held, processes, report)
    rate = rows / (time.perf_counter() - began)
    click.echo(
        f"rotate   {rows:,} rows of {job.done:,} records, {rate:,.0f} rows per second"
        f" (goal: {ROWS_GOAL:,})"
    )
