"""What a running app holds: opened at start, given to handlers by name, closed at the end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from sqlalchemy.exc import SQLAlchemyError

from api import keeping, notifiers, sequencer, units, witnessing
from api.erasures import Gate
from api.notifiers import Notifier
from api.oauth.keys import TokenKeys
from api.root_keys import RootWatch
from api.settings import Settings
from identity.doors.gathering import Doors
from identity.login import credentials
from identity.login.sign_in import Desk
from policies import catalogue as catalogues
from policies.catalogue import Catalogue
from vault import database as db
from vault.database import Database
from vault.keyring import Keyring
from vault.short_lived import ShortLived, open_short_lived

SHIPPED_CATALOGUE = Path(catalogues.__file__).parent / "catalogue"


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is open while the app serves."""

    settings: Settings
    database: Database
    keyring: Keyring
    catalogue: Catalogue
    short_lived: ShortLived
    doors: Doors
    token_keys: TokenKeys
    desk: Desk
    notifier: Notifier
    """Who carries codes to people."""
    root_watch: RootWatch
    gate: Gate
    """Whether store, log and journal agree about who is erased."""


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Running]:
    """Open the stores, test the primitives, load keys and catalogue; close them in reverse.

    Raises:
        CatalogueError: the catalogue is not whole; the service does not start.
        SelfTestError: a primitive does not give its known answer; the service does not start.
    """
    catalogue = load_catalogue(settings)
    async with AsyncExitStack() as stack:
        kept = await stack.enter_async_context(keeping.opened(settings))
        database, keyring = kept.database, kept.keyring
        short_lived = await stack.enter_async_context(open_short_lived(settings.redis_url or None))
        hashing = credentials.Hashing()
        stack.callback(hashing.close)
        doors = await stack.enter_async_context(Doors.open(database, keyring, catalogue))
        gate = Gate(database, keyring, settings.journal)
        stack.push_async_callback(gate.close)
        yield Running(
            settings=settings,
            database=database,
            keyring=keyring,
            catalogue=catalogue,
            short_lived=short_lived,
            doors=doors,
            token_keys=TokenKeys(database, keyring),
            root_watch=RootWatch(keyring.keys),
            notifier=notifiers.of(settings),
            gate=gate,
            desk=Desk(
                database=database,
                keyring=keyring,
                short_lived=short_lived,
                hashing=hashing,
            ),
        )


def load_catalogue(settings: Settings) -> Catalogue:
    """Read and compile the catalogue folder, whole or not at all."""
    folder = settings.catalogue_dir or SHIPPED_CATALOGUE
    files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.toml")}
    return catalogues.compile(files)


@asynccontextmanager
async def sealing(running: Running) -> AsyncIterator[None]:
    """Seal the log beside the server and have it witnessed, where the settings say so."""
    if running.settings.sequencer == "inside":
        async with (
            sequencer.running(running.database, running.keyring, running.settings.guard),
            witnessing.running(running.database, running.settings),
        ):
            yield
    else:
        yield


def dependencies() -> dict[str, Provide]:
    """What handlers may ask for by name."""
    return {
        "tx": Provide(units.transaction),
        "running": Provide(_running, sync_to_thread=False),
        **{
            name: Provide(_part(name), sync_to_thread=False)
            for name in (
                "settings",
                "database",
                "keyring",
                "catalogue",
                "short_lived",
                "doors",
                "desk",
                "notifier",
            )
        },
    }


def _running(state: State) -> Running:
    found: Running = state.running
    return found


def _part(name: str) -> Any:
    def part(running: NamedDependency[Running]) -> Any:
        return getattr(running, name)

    return part


async def store_answers(running: Running) -> bool:
    """Whether the store answers a read within a second."""
    try:
        async with asyncio.timeout(1), db.read(running.database) as tx:
            await tx.connection.exec_driver_sql("SELECT 1")
    except (TimeoutError, OSError, SQLAlchemyError):
        return False
    return True
