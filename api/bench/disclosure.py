"""`amana bench disclosure`: audited disclosures through the door, beside the plain way.

Both log and commit every answer before it counts. Rounds alternate, so that a neighbour's
load falls on both; the ratio is the figure, the rates are this machine's. No HTTP: the door
and the plain way are called as an application would call them.
"""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Final
from uuid import UUID

import click
from sqlalchemy import func, select

from api.bench import ground, load, stores
from api.bench.baseline import Plain
from api.bench.load import Asker, Round, Summary
from api.cli import terminal
from api.running import Running
from identity.doors import disclosure as door
from identity.doors.disclosure import Disclosed, Question
from identity.doors.gathering import ByToken
from identity.tokens import AccessToken
from policies.vocabulary import LegalBasis, SubjectId
from vault import database as db
from vault.database import Database
from vault.log_tables import access_log

WAYS: Final = ("plain", "one by one", "gathered")
GOAL: Final = 8.0


@click.command()
@click.option("--people", default=1000, show_default=True, help="Records and tokens asked about.")
@click.option("--askers", default=64, show_default=True, help="Questions in flight at once.")
@click.option("--rounds", default=5, show_default=True, help="Of each way, alternating.")
@click.option("--seconds", default=2.0, show_default=True, help="Of each round.")
@stores.on_a_server
def disclosure(*, people: int, askers: int, rounds: int, seconds: float, database_url: str) -> None:
    """Audited disclosures a second.

    The plural door beside one plain transaction per request, in the same run. Goal: 8 times.
    """
    terminal.run(_bench(people, askers, rounds, seconds, database_url))


async def _bench(people: int, askers: int, rounds: int, seconds: float, server: str) -> None:
    async with AsyncExitStack() as stack:
        held = await stack.enter_async_context(stores.thrown_away(server))
        with terminal.progress("preparing") as report:
            issued = await ground.prepare(held, people, report)
        usual = await stack.enter_async_context(stores.usual(held))
        ways = await _ways(held, usual, issued)
        await load.warm_up(ways, askers=askers)
        before = await _logged(held)
        with terminal.progress("rounds") as report:
            ran = await load.alternate(
                ways, askers=askers, rounds=rounds, seconds=seconds, report=report
            )
        after = await _logged(held)
        counted = sum(one.answers for way, each in ran.items() for one in each if way != "plain")
        _tell(held, ran, askers=askers, people=len(issued))
        click.echo(f"log      {after - before} lines for {counted} answers of the two doors")


async def _ways(
    held: Running, usual: Database, issued: Mapping[UUID, AccessToken]
) -> dict[str, Asker]:
    plain = Plain(usual)
    async with db.begin(usual) as tx:
        await plain.fill(tx, list(issued), ground.AGREEMENT)
    tokens = list(issued.items())

    async def gathered(number: int) -> None:
        _, token = tokens[number % len(tokens)]
        _see(await held.doors.disclose(ByToken(token=token, question=_question)))

    async def one_by_one(number: int) -> None:
        subject, _ = tokens[number % len(tokens)]
        async with db.begin(held.database) as tx:
            asked = [_asked(subject)]
            answers = await door.disclose(tx, held.keyring, held.catalogue, asked)
        _see(answers[0])

    return dict(zip(WAYS, (plain.ask, one_by_one, gathered), strict=True))


def _tell(held: Running, ran: Mapping[str, list[Round]], *, askers: int, people: int) -> None:
    stores.tell(held)
    click.echo(f"load     {people} people, {askers} questions in flight, 2 attributes each")
    click.echo(
        f"{'':<12}{'per second':>12}{'p50 ms':>10}{'p99 ms':>10}{'cpu µs':>10}{'answers':>10}"
    )
    for way, each in ran.items():
        _line(way, load.summary(each))
    ratio = load.ratio(ran["gathered"], ran["plain"])
    click.echo(f"ratio    gathered is {ratio:.1f} times the plain way (goal: {GOAL:.0f})")


def _line(way: str, told: Summary) -> None:
    click.echo(
        f"{way:<12}{told.rate:>12,.0f}{told.p50:>10.1f}{told.p99:>10.1f}"
        f"{told.cpu:>10.0f}{told.answers:>10}"
    )


def _question(token: AccessToken) -> Question:
    subject = token.authorized.subject
    if subject is None:
        raise ValueError("a token about nobody")
    return _asked(subject)


def _asked(subject: UUID) -> Question:
    return Question(
        programme=ground.CLIENT,
        subject=SubjectId(subject),
        agreement=ground.AGREEMENT,
        purpose=ground.PURPOSE,
        basis=LegalBasis.CONSENT,
        attributes=tuple(ground.ASKED.items()),
    )


def _see(answer: object) -> None:
    if not isinstance(answer, Disclosed) or answer.values.keys() != ground.ASKED.keys():
        raise TypeError(f"a benchmark's question was not answered: {answer}")


async def _logged(held: Running) -> int:
    async with db.read(held.database) as tx:
        found = await tx.connection.scalar(select(func.count()).select_from(access_log))
    return int(found or 0)
