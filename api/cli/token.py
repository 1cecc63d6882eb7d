"""`amana token`: the keys that sign access tokens."""

import click

from api.cli import store, terminal
from vault import database as db
from vault import signing


@click.group()
def token() -> None:
    """Keys that sign access tokens."""


@token.group()
def keys() -> None:
    """The keys themselves."""


@keys.command()
def rotate() -> None:
    """Sign with a new key from now on; the older one stays published until the next rotation."""
    click.echo(f"tokens are signed with {terminal.run(_rotate())} within a minute")


async def _rotate() -> str:
    async with store.opened() as held, db.begin(held.database) as tx:
        return (await signing.rotate(tx, held.keyring, "token")).kid
