"""`amana log adopt`, `repair` and `retag`: for a log that was put back, broke, or has a new key."""

import asyncio

import click

from api.cli import store, terminal
from vault import database as db
from vault import log_adoption, log_repair, log_retagging, signer_guard
from vault.log_adoption import Adoption
from vault.log_tree import Place
from vault.transparency import FencedError
from vault.version_jobs import Progress


@click.command()
@click.option("--dry-run", is_flag=True, help="Say what would be done; do nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def adopt(*, dry_run: bool, yes: bool) -> None:
    """Go on under a new name after a restore, with a link to the name before."""
    planned = terminal.run(_planned())
    if planned is None:
        click.echo("the log continues what was signed last: there is nothing to adopt")
        return
    signed, begins = planned.signed, planned.begins
    click.echo(f"{planned.why}", err=True)
    click.echo(f"signed last: {signed.origin} at {signed.size} entries", err=True)
    click.echo(f"goes on as:  {begins.origin} after {begins.size} entries", err=True)
    if dry_run:
        return
    if not yes:
        click.confirm("Nobody can take this back. Take the new name?", abort=True, err=True)
    click.echo(terminal.run(_adopt()), nl=False)


@click.command()
def repair() -> None:
    """Make the tiles that do not hold the hashes of the entries anew, from the entries."""
    try:
        with terminal.progress("reading the entries") as report:
            places = terminal.run(_repair(report))
    except FencedError:
        raise click.ClickException("the sequencer is at work: try again") from None
    for level, idx in places:
        click.echo(f"tile {level}/{idx} was made anew")
    click.echo(f"{len(places)} tiles were broken")


@click.command()
def retag() -> None:
    """Make anew what entries are found by, after `keys rotate domain log-reference`. Resumes."""
    job = terminal.run(_retag())
    click.echo(
        f"version {job.version} finds {job.done - job.faults} entries, {job.rate:,.0f}/s; "
        f"{job.faults} do not open"
    )
    if job.faults:
        raise click.ClickException(
            "the older version is still needed: `amana log verify` names what does not open"
        )


async def _retag() -> Progress:
    async with store.opened() as held:
        await store.must_edit_the_log(held)
        await log_retagging.settle(held.database, held.keyring, _tell_to_wait)
        with terminal.progress("making tags anew") as report:
            return await log_retagging.retag(held.database, held.keyring, report)


def _tell_to_wait(seconds: float) -> None:
    click.echo(f"waiting {seconds:.0f} s for whoever began before the rotation", err=True)


async def _repair(report: terminal.Report) -> list[Place]:
    async with store.opened() as held, db.begin(held.database) as tx:
        return await log_repair.repair(tx, report)


async def _planned() -> Adoption | None:
    async with store.opened() as held, db.read(held.database) as tx:
        signed = await asyncio.to_thread(signer_guard.read, held.settings.guard)
        return None if signed is None else await log_adoption.planned(tx, held.keyring, signed)


async def _adopt() -> str:
    async with store.opened() as held:
        guard = held.settings.guard
        signed = await asyncio.to_thread(signer_guard.read, guard)
        async with db.begin(held.database) as tx:
            planned = signed and await log_adoption.planned(tx, held.keyring, signed)
            if not planned:
                raise click.ClickException("the log was brought in order meanwhile")
            note = await log_adoption.adopt(tx, held.keyring, planned)
        await asyncio.to_thread(signer_guard.begin_anew, guard, planned.begins)
    return note
