"""Rehearse a restore after an erasure: who was erased stays so, everybody else is readable.

    python docs/drills/erasure.py [sqlite] [pg_dump] [files]

Each rehearsal has a store, keys and a journal of its own in a folder that goes afterwards:
SQLite by its backup call, PostgreSQL by `pg_dump`, and PostgreSQL by a copy of its files while
it is stopped. Exit code 1 names the first promise that does not hold.
"""  # noqa: INP001  (a script beside the documentation, not a package)

import asyncio
import secrets
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from uuid import uuid4

import click
from erasure_stores import KINDS, BrokenPromiseError, Store, stores
from sqlalchemy import delete, insert, select

from identity.registry import erasing, erasure_certificates, people
from identity.registry.person import DocumentKind, Person, Sex
from policies.vocabulary import Actor, ActorKind, GroupId, SubjectId
from vault import (
    attribute_heads,
    attributes,
    blind_index,
    database,
    erasure_gate,
    erasure_journal,
    migrating,
    root_keys,
    sealed_groups,
)
from vault.envelope_errors import KeyLostError
from vault.keyring import open_keyring
from vault.keys import FileKeys, create_file_keys

BY: Final = Actor(kind=ActorKind.SYSTEM, id="drill")
NAMES: Final = ("Fatima", "Youssef", "Zineb")
IDENTITY: Final = GroupId("identity")
DATA: Final = (
    people.people,
    attribute_heads.attribute_heads,
    sealed_groups.sealed_attributes,
    blind_index.blind_index,
)
"""What is restored where the tables of keys stay as they are today."""


class Rehearsal:
    """People, one of whom is erased after the backup, and what is promised of each."""

    def __init__(self, store: Store, folder: Path) -> None:
        self._store = store
        self._keys = folder / "keys"
        self._old_keys = folder / "keys of the backup"
        self._journal = folder / "elsewhere" / "erased.journal"
        self._people: dict[str, SubjectId] = {}
        self._after: dict[str, bool] = {name: name != NAMES[0] for name in NAMES}

    def run(self) -> Iterator[str]:
        """Everything in turn; a sentence for each promise that holds."""
        migrating.upgrade(self._store.url)
        create_file_keys(self._keys)
        erasure_journal.begin(self._journal)
        asyncio.run(self._seed())
        self._store.back_up()
        shutil.copytree(self._keys, self._old_keys)
        asyncio.run(self._erase(NAMES[0]))
        self._hold("who was erased is unreadable, the others are readable", [])
        yield f"erased {NAMES[0]}; {', '.join(NAMES[1:])} are readable"

        self._store.restore()
        self._hold_closed(["behind-journal"])
        asyncio.run(self._replay())
        self._hold("data restored and replayed", [])
        yield "data restored: closed until the replay, then as before"

        asyncio.run(self._rotate_root())
        self._store.restore()
        shutil.rmtree(self._keys)  # and with the backup's keys comes back the root of its time
        shutil.copytree(self._old_keys, self._keys)
        self._hold_closed(["behind-journal"])
        asyncio.run(self._replay())
        self._hold("data and keys restored and replayed", [])
        yield "data and keys restored: closed until the replay, then as before"

        asyncio.run(self._rotate_root())
        with self._store.opened_backup() as url:
            asyncio.run(self._nothing_opens(url))
        yield "once the root of its time is destroyed, the backup opens nothing"

        with self._store.opened_backup() as url:
            asyncio.run(self._restore_data(url))
        self._hold_closed(["revived"])
        self._hold_unreadable(NAMES[0])
        asyncio.run(self._replay())
        self._hold("tables of data restored under today's keys", [])
        yield "tables of data restored under today's keys: closed, replayed, as before"

    def _hold(self, what: str, why: list[str]) -> None:
        found_why, readable = asyncio.run(self._look())
        if found_why != why or readable != self._after:
            raise BrokenPromiseError(f"{what}: closed by {found_why}, readable {readable}")

    def _hold_closed(self, why: list[str]) -> None:
        found, _ = asyncio.run(self._look())
        if found != why:
            raise BrokenPromiseError(f"it should be closed by {why}: {found}")

    def _hold_unreadable(self, name: str) -> None:
        _, readable = asyncio.run(self._look())
        if readable[name]:
            raise BrokenPromiseError(f"{name} is readable")

    async def _seed(self) -> None:
        async with _open(self._store.url) as store, database.begin(store) as tx:
            keyring = await open_keyring(tx, FileKeys(self._keys))
            for number, name in enumerate(NAMES):
                entered = await people.register(tx, keyring, _person(number, name), by=BY)
                assert isinstance(entered, people.Registered)  # noqa: S101  (the drill's own)
                self._people[name] = entered.subject

    async def _erase(self, name: str) -> None:
        async with _open(self._store.url) as store:
            async with database.begin(store) as tx:
                keyring = await open_keyring(tx, FileKeys(self._keys))
                hashed = erasure_certificates.subject_hash(secrets.token_bytes(32), name)
                await erasing.erase(tx, keyring, self._people[name], subject_hash=hashed, by=BY)
            async with database.read(store) as tx:
                await erasure_journal.keep(tx, self._journal)

    async def _look(self) -> tuple[list[str], dict[str, bool]]:
        """Why the service would stay closed, and who could be read."""
        async with _open(self._store.url) as store:
            async with database.begin(store) as tx:
                keyring = await open_keyring(tx, FileKeys(self._keys))
            async with database.read(store) as tx:
                told = erasure_journal.read(self._journal)
                why = [each.value for each in await erasure_gate.closed(tx, keyring, told)]
                spots = [(subject, IDENTITY) for subject in self._people.values()]
                found = await attributes.opened(tx, keyring, spots)
        return why, {
            name: found[subject, IDENTITY].get("given_name", {}).get("latin") == name
            if isinstance(found[subject, IDENTITY], dict)
            else False
            for name, subject in self._people.items()
        }

    async def _replay(self) -> None:
        async with _open(self._store.url) as store, database.begin(store) as tx:
            keyring = await open_keyring(tx, FileKeys(self._keys))
            told = erasure_journal.read(self._journal)
            await erasure_gate.replay(tx, keyring, told)
            await keyring.reload(tx)
            await erasing.erase_again(tx, keyring)

    async def _rotate_root(self) -> None:
        """As `amana keys rotate root` and, after the horizon, `amana keys destroy root`."""
        async with _open(self._store.url) as store:
            async with database.begin(store) as tx:
                keyring = await open_keyring(tx, FileKeys(self._keys))
                before = keyring.keys.active
                await root_keys.rotate(tx, keyring)
                await root_keys.retire(tx, keyring, before)
            async with database.begin(store) as tx:
                await root_keys.destroy(tx, keyring, before, early=True)

    async def _nothing_opens(self, url: str) -> None:
        async with _open(url) as store, database.begin(store) as tx:
            try:
                await open_keyring(tx, FileKeys(self._keys))
            except KeyLostError:
                return
        raise BrokenPromiseError("a backup opens though its root is destroyed")

    async def _restore_data(self, url: str) -> None:
        async with _open(url) as kept, database.read(kept) as tx:
            rows = {
                table: [row._asdict() for row in await tx.connection.execute(select(table))]
                for table in DATA
            }
        async with _open(self._store.url) as store, database.begin(store) as tx:
            for table, old in rows.items():
                await tx.connection.execute(delete(table))
                await tx.connection.execute(insert(table), old)


@click.command()
@click.argument("kinds", nargs=-1, type=click.Choice(KINDS))
def main(kinds: tuple[str, ...]) -> None:
    """Rehearse on each kind of store, or on those that are named."""
    for kind in kinds or KINDS:
        with stores(kind) as (store, folder):
            try:
                for held in Rehearsal(store, folder).run():
                    click.echo(f"{kind}: {held}")
            except BrokenPromiseError as broken:
                click.echo(f"{kind}: {broken}", err=True)
                sys.exit(1)


class _open:  # noqa: N801  (read as a function)
    """A store, open for a block."""

    def __init__(self, url: str) -> None:
        self._store = database.connect(url)

    async def __aenter__(self) -> database.Database:
        return self._store

    async def __aexit__(self, *_: object) -> None:
        await database.close(self._store)


def _person(number: int, name: str) -> Person:
    return Person(
        given_name_ar="فاطمة",
        given_name_latin=name,
        family_name_ar="العلوي",
        family_name_latin="Alaoui",
        sex=Sex.FEMALE,
        birth_date=f"1990-05-{number + 1:02}",
        document_kind=DocumentKind.CNIE,
        document_number=uuid4().hex[:8].upper(),
        synthetic=True,
    )


if __name__ == "__main__":
    main()
