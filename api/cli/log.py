"""`amana log`: the access log, sealed, verified and shown."""

import asyncio
import signal
from contextlib import suppress

import click

from api import key_watch, observing, sequencer, witnessing
from api.cli import log_mending, log_showing, store, terminal
from vault import database as db
from vault import transparency
from vault.transparency import Report


@click.group()
def log() -> None:
    """Seal and verify the access log."""


@log.command()
def verify() -> None:
    """Recompute the whole log, its tree and its signatures; name the first fault."""
    with terminal.progress("verifying the log") as report:
        found = terminal.run(_verify(report))
    if found.fault is not None:
        raise click.ClickException(f"after {found.entries} entries: {found.fault}")
    click.echo(f"whole: {found.entries} entries, every hash and signature as it must be")


@log.command()
def sequence() -> None:
    """Seal what was logged, as a process of its own, until it is told to stop (SIGTERM)."""
    terminal.run(_sequence())


@log.command()
@click.option("--at-most", type=int, help="Exit code 1 if more are waiting: a health check.")
def backlog(at_most: int | None) -> None:
    """How many entries wait to be sealed."""
    waiting = terminal.run(_waiting())
    click.echo(waiting)
    if at_most is not None and waiting > at_most:
        raise click.ClickException(f"more than {at_most} entries wait: does the sequencer run?")


for command in (
    log_showing.prove,
    log_showing.export,
    log_showing.monitor,
    log_mending.adopt,
    log_mending.repair,
    log_mending.retag,
):
    log.add_command(command)


async def _waiting() -> int:
    database = db.connect(terminal.settings().database, pool_size=1)
    try:
        async with db.read(database) as tx:
            return await transparency.pending(tx)
    finally:
        await db.close(database)


async def _verify(report: terminal.Report) -> Report:
    async with store.opened() as held, db.read(held.database) as tx:
        return await transparency.verify(tx, held.keyring, report)


async def _sequence() -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with store.opened() as held:
        observing.configure_logging(held.settings.log_level)
        async with (
            key_watch.running(held.database, held.keyring),
            sequencer.running(held.database, held.keyring, held.settings.guard),
            witnessing.running(held.database, held.settings),
        ):
            observing.logger.info("sequencer", state="running")
            with suppress(asyncio.CancelledError):
                await stop.wait()
    observing.logger.info("sequencer", state="stopped")
