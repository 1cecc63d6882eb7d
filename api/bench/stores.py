"""A store of a benchmark's own, and what is said of the machine and of it."""

import asyncio
import os
import platform
import resource
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

import click
from sqlalchemy import event

from api import running
from api.demo.stores import a_database
from api.running import Running
from api.settings import Settings
from vault import database as db
from vault import erasure_journal, migrating
from vault.database import Database
from vault.keys import create_file_keys

on_a_server: Final = click.option(
    "--database-url",
    default="",
    metavar="URL",
    help="A PostgreSQL server to make a database on, dropped afterwards. Default: SQLite.",
)


@asynccontextmanager
async def thrown_away(server: str) -> AsyncIterator[Running]:
    """A store, thrown away afterwards; nothing is sealed in it while it is measured.

    On the PostgreSQL server of this URL, or on SQLite where there is none.
    """
    async with AsyncExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="amana-bench-")))
        url = await stack.enter_async_context(a_database(server)) if server else ""
        settings = Settings(data_dir=place, database_url=url, sequencer="outside")
        create_file_keys(settings.keys)
        erasure_journal.begin(settings.journal)
        await asyncio.to_thread(migrating.upgrade, settings.database)
        yield await stack.enter_async_context(running.opened(settings))


@asynccontextmanager
async def usual(held: Running) -> AsyncIterator[Database]:
    """The same store by drivers as they come: the usual way is not to gain by ours of SQLite."""
    if not held.database.embedded:
        yield held.database
        return
    opened = db.connect(held.settings.database)
    for engine in (opened.writer, opened.reader):
        event.listen(engine.sync_engine, "do_connect", _as_it_comes)
    try:
        yield opened
    finally:
        await db.close(opened)


def _as_it_comes(_dialect: Any, _record: Any, _given: Any, named: dict[str, Any]) -> None:
    del named["async_creator_fn"]


def tell(held: Running) -> None:
    """The machine and the store, as a table of figures must name them."""
    store = held.database.writer.dialect
    version = ".".join(map(str, store.server_version_info or ()))
    click.echo(
        f"machine  {os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    )
    click.echo(f"store    {store.name} {version}")


def tell_memory() -> None:
    """The most that this process held at once."""
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    click.echo(f"memory   {held / 1e6:.0f} MB at most")
