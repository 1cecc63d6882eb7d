"""`amana staff`: accounts of the console, shown their secrets once."""

import click

from api import accounts
from api.accounts import Opened
from api.cli import store, terminal
from identity.login import accounts as owners
from identity.login import staff as registered
from policies.staff import Role
from policies.vocabulary import StaffId
from vault import database as db


@click.group()
def staff() -> None:
    """Open and close accounts of the console."""


@staff.command()
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice([each.value for each in Role]),
    required=True,
    help="What the account is for; never more than one.",
)
def add(name: str, role: str) -> None:
    """Open an account for NAME, which is what they sign in with."""
    made = terminal.run(_add(StaffId(name), Role(role)))
    if made is None:
        raise click.ClickException(f"{name} is taken")
    show(name, made)


@staff.command()
@click.argument("name")
def close(name: str) -> None:
    """Close the account of NAME and end its sessions."""
    if not terminal.run(_close(StaffId(name))):
        raise click.ClickException(f"{name} has no open account")
    click.echo(f"{name} is closed")


def show(name: str, made: Opened) -> None:
    """Print what an owner is handed. It is nowhere else in clear."""
    click.echo(f"identifier:     {name}")
    click.echo(f"password:       {made.password}")
    click.echo(f"authenticator:  {made.uri}")
    click.echo("Hand these over once and keep no copy.", err=True)


async def _add(name: StaffId, role: Role) -> Opened | None:
    async with store.opened() as held:
        password = await accounts.new_password(held.desk.hashing, [name])
        async with db.begin(held.database) as tx:
            if await registered.add(tx, name, role) is None:
                return None
            owner = owners.of_staff(name)
            return await accounts.equip(tx, held.keyring, owner, password, label=name)


async def _close(name: StaffId) -> bool:
    async with store.opened() as held, db.begin(held.database) as tx:
        return await registered.close(tx, name)
