"""`amana pseudonyms`: programmes' identifiers by key version, around a rotation."""

import click

from api.cli import store, terminal
from identity.registry import pseudonym_rows
from identity.registry.pseudonym_rows import Count
from vault import database as db


@click.group()
def pseudonyms() -> None:
    """Programmes' identifiers, by version of their keys."""


@pseudonyms.command()
def status() -> None:
    """Count what stands at each programme or sector in each version."""
    for each in terminal.run(_counts()):
        click.echo(f"{each.programme}  version {each.version}  {each.count}")


@pseudonyms.command()
def clean() -> None:
    """Remove the rows of versions that are retired: nothing opens them any more."""
    click.echo(f"removed {terminal.run(_clean())} row(s)")


async def _counts() -> list[Count]:
    async with store.opened() as held, db.read(held.database) as tx:
        return await pseudonym_rows.counts(tx)


async def _clean() -> int:
    async with store.opened() as held, db.begin(held.database) as tx:
        return await pseudonym_rows.clean(tx, held.keyring)
