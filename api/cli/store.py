"""The stores, keys and catalogue of the settings, open for one command."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import click

from api import collecting, running
from api.cli import unlocking
from api.running import Running
from vault import database as db
from vault import log_tables


@asynccontextmanager
async def opened() -> AsyncIterator[Running]:
    """Open everything; close it at the end of the block."""
    async with running.opened(unlocking.settings()) as held:
        with collecting.settled():  # long work would look through it again and again
            yield held


async def must_edit_the_log(held: Running) -> None:
    """Refuse a command that changes what finds entries, where the apps' role is connected."""
    async with db.read(held.database) as tx:
        if not await log_tables.may_be_edited(tx):
            raise click.ClickException(
                "the roles of the apps may not change the access log: "
                "run this as the owner of the database, as `amana migrate` is run"
            )
