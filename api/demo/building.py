"""Builds the demo in a data folder: keys, database, population, cast; each step once."""

import asyncio
import shutil
from pathlib import Path
from typing import Any, Final

import msgspec

from api import running
from api.cli.terminal import progress
from api.demo import cast, ledger, seeding
from api.demo.seeding import NotOursError
from api.running import Running
from api.settings import Settings
from identity.registry.population import Population
from policies.staff import Role
from vault import erasure_journal, migrating
from vault.keys import create_file_keys

PEOPLE: Final = 2_000


def folder(settings: Settings) -> Path:
    """Where the demo keeps what it made."""
    return settings.data_dir / "demo"


def credentials(settings: Settings) -> Path:
    """Who may sign in, and how; mode 0600."""
    return folder(settings) / "credentials.json"


async def build(settings: Settings, people: int = PEOPLE) -> Path:
    """Build what is not there yet; where the credentials are.

    Raises:
        NotOursError: the store holds a register that the demo did not make.
    """
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    settings.data_dir.chmod(0o700)
    create_file_keys(settings.keys)
    erasure_journal.begin(settings.journal)
    await asyncio.to_thread(migrating.upgrade, settings.database)
    async with running.opened(settings) as held:
        await _populate(held, people)
    return credentials(settings)


def forget(settings: Settings) -> None:
    """Remove a data folder that the demo made.

    Raises:
        NotOursError: the folder holds something else.
    """
    place = settings.data_dir
    if place.exists() and any(place.iterdir()):
        if not _ledger(settings).is_file():
            raise NotOursError
        shutil.rmtree(place)


async def _populate(held: Running, wanted: int) -> None:
    file = _ledger(held.settings)
    known = await seeding.start(held, file, wanted)
    if credentials(held.settings).is_file():
        return
    made = seeding.country(known)
    with progress("people") as report:
        await seeding.enter_people(held, known, made, file, report)
    with progress("households") as report:
        await seeding.enter_households(held, known, made, file, report)
    await _credentials(held, known, made)


async def _credentials(held: Running, known: ledger.Ledger, made: Population) -> None:
    """Open the accounts and write down who may sign in. A kill before the end: all over again."""
    place = folder(held.settings)
    chosen = cast.chosen(known, made)
    citizens = []
    with progress("accounts") as report:
        for at in chosen:
            citizens.append(await cast.citizen(held, known, made, at))
            report(len(citizens), len(chosen))
    told: dict[str, Any] = {
        "citizens": citizens,
        "staff": {role.value: await cast.office(held, role) for role in Role},
        "programmes": [await cast.programme(held, place, each) for each in cast.REGISTERED],
    }
    ledger.write_private(credentials(held.settings), msgspec.json.format(msgspec.json.encode(told)))


def _ledger(settings: Settings) -> Path:
    return folder(settings) / "seeding.json"
