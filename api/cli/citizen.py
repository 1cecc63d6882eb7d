"""`amana citizen`: portal accounts for people who are on the register."""

import click

from api import accounts
from api.accounts import Opened
from api.cli import store, terminal
from identity.login import accounts as owners
from identity.login import sessions
from identity.registry import people
from vault import database as db


@click.group()
def citizen() -> None:
    """Open portal accounts."""


@citizen.command()
@click.option("--idcs", prompt="IDCS", help="The person's number; asked for when left out.")
def activate(idcs: str) -> None:
    """Open a portal account, or give it new secrets; they are shown once.

    Whoever was signed in to it is signed out, and its recovery codes end.
    """
    made = terminal.run(_activate(idcs))
    if made is None:
        raise click.ClickException("no such number on the register")
    click.echo(f"password:       {made.password}")
    click.echo(f"authenticator:  {made.uri}")
    click.echo("Hand these over once and keep no copy.", err=True)


async def _activate(idcs: str) -> Opened | None:
    async with store.opened() as held:
        password = await accounts.new_password(held.desk.hashing, [idcs])
        async with db.begin(held.database) as tx:
            subject = (await people.by_idcs(tx, held.keyring, [idcs])).get(idcs)
            if subject is None:
                return None
            await sessions.end_of_citizen(tx, subject)
            owner = owners.of_citizen(subject)
            return await accounts.equip(tx, held.keyring, owner, password, label="portal")
