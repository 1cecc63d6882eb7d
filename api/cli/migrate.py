"""`amana migrate`: brings the database to this version."""

import click

from api.cli import terminal
from vault import database as db
from vault import migrating


@click.command()
@click.option("--check", is_flag=True, help="Only say whether it is there (exit code 1 if not).")
def migrate(check: bool) -> None:
    """Bring the database to this version.

    Before a release is started; the release before goes on running against it.
    """
    url = terminal.settings().database
    if check:
        if not terminal.run(_is_current(url)):
            raise click.ClickException("the database is not at this version")
    else:
        terminal.guarded(lambda: migrating.upgrade(url))
    click.echo("the database is at this version")


async def _is_current(url: str) -> bool:
    database = db.connect(url)
    try:
        async with db.read(database) as tx:
            return await migrating.is_current(tx)
    finally:
        await db.close(database)
