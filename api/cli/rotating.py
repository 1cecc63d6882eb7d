"""A pass over the records' keys: by this process, and by children that do a part of it each."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from typing import Final
from uuid import UUID

import click

from api import collecting
from api import settings as environment
from api.cli import rotating_part, store, terminal, unlocking
from api.cli.terminal import Report
from api.running import Running
from vault import database as db
from vault import key_jobs, rotation
from vault.key_jobs import LANES, Pass

LOOK_SECONDS: Final = 0.5


@click.command()
@click.option("--dry-run", is_flag=True, help="Say what would be done; do nothing.")
@click.option(
    "--processes",
    type=click.IntRange(1, LANES),
    help="How many at once. Default: as many as there are cores; one on SQLite.",
)
def subject(*, dry_run: bool, processes: int | None) -> None:
    """A new key for every record, and all that is kept of it sealed anew. Resumes where it was."""
    terminal.run(_rotate(dry_run=dry_run, processes=processes))


async def rotate(held: Running, processes: int, report: Report) -> Pass:
    """Give every record a new data key, by so many processes; what a child leaves is done here."""
    number = await rotation.begun(held.database)
    children: list[Process] = []
    try:
        for nth in range(1, processes):
            child = await _start(held, number, nth, processes)
            children.append(child)  # each at once: it must be ended whatever happens to the next
        with collecting.between_steps(report) as told:
            await rotation.take_part(held.database, held.keyring, number, told, of=processes)
        await _watch(held, number, children, report)
    finally:
        for child in children:
            if child.returncode is None:
                child.kill()
                await child.wait()
    return await rotation.end(held.database, held.keyring, number, report)


async def _start(held: Running, number: UUID, nth: int, of: int) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        rotating_part.__name__,
        str(number),
        *("--part", str(nth)),
        *("--of", str(of)),
        env=environment.to_environ(held.settings),
        pass_fds=unlocking.descriptors(held.settings),
        stdin=PIPE,  # we hold the other end: if we are killed, they stop by themselves
    )


async def _watch(held: Running, number: UUID, children: list[Process], report: Report) -> None:
    ends = asyncio.gather(*(child.wait() for child in children))
    while not ends.done():
        await asyncio.wait([ends], timeout=LOOK_SECONDS)
        so_far = await _told(held, number)
        report(so_far.done, so_far.total)


async def _told(held: Running, number: UUID) -> Pass:
    async with db.read(held.database) as tx:
        return await key_jobs.told(tx, number)


async def _rotate(*, dry_run: bool, processes: int | None) -> None:
    async with store.opened() as held:
        if dry_run:
            async with db.read(held.database) as tx:
                click.echo(f"{await rotation.records(tx)} records; nothing was done")
            return
        with terminal.progress("rotating records' keys") as report:
            done = await rotate(held, processes or most(held), report)
    click.echo(f"{done.done} records have new keys")
    click.echo("rotate the root next: the older keys are then out of reach of every backup")
    if done.errors:
        raise click.ClickException(f"{done.errors} were left as they are: something does not open")


def most(held: Running) -> int:
    """How many processes this machine and this store have a use for."""
    return 1 if held.database.embedded else min(os.cpu_count() or 1, LANES)
