"""`amana log adopt`: what an operator does for a log whose store was put back."""

import asyncio

import click

from api.cli import store, terminal
from vault import database as db
from vault import log_adoption, signer_guard
from vault.log_adoption import Adoption


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
