"""A data folder of its own, and the command line as an operator calls it."""

import asyncio
import shutil
import sqlite3
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from api import running
from api import settings as environment
from api.cli import main
from api.settings import Settings
from identity.registry import people
from identity.registry.person import DocumentKind, Person, Sex
from policies.vocabulary import Actor, ActorKind
from vault import database as db

BY = Actor(kind=ActorKind.STAFF, id="desk-1")
GIVEN = ("Fatima", "Youssef", "Zineb")


@pytest.fixture
def settings(tmp_path):
    return Settings(data_dir=tmp_path / "data", log_level="warning")


@pytest.fixture
def amana(settings):
    """Call `amana …` with the settings of this test; gives exit code and output."""
    ours = {
        name: value
        for name, value in environment.to_environ(settings).items()
        if name.startswith(environment.PREFIX)
    }

    def call(*words, **given):
        return CliRunner().invoke(main, list(words), env=ours, catch_exceptions=False, **given)

    return call


@pytest.fixture
def installed(amana):
    """The same, with keys and a migrated store."""
    assert amana("keys", "init").exit_code == 0
    assert amana("migrate").exit_code == 0
    return amana


@pytest.fixture
def desk(installed, settings, tmp_path):
    """What is done about erasures, and to the store beside them."""

    def do(work):
        async def opened():
            async with running.opened(settings) as held:
                return await work(held)

        return asyncio.run(opened())

    def on_register(person):
        async def work(held):
            async with db.read(held.database) as tx:
                return bool(await people.by_idcs(tx, held.keyring, [person.idcs]))

        return do(work)

    def erase(person, *words, folder):
        whose = ("--idcs", person.idcs, "--case", "D-1", "--out", str(folder))
        return installed("erase", *whose, "--yes", *words)

    def batch(name, *numbers):
        file = tmp_path / name
        file.write_text("".join(f"{number}\n" for number in numbers))
        out = str(tmp_path / "out")
        return installed("erase", "--file", str(file), "--case", "D-2", "--out", out, "--yes")

    def backup(place):
        source, copy = sqlite3.connect(settings.data_dir / "amana.db"), sqlite3.connect(place)
        source.backup(copy)
        source.close()
        copy.close()

    def restore(place):
        for old in settings.data_dir.glob("amana.db*"):
            old.unlink()
        shutil.copy(place, settings.data_dir / "amana.db")

    return SimpleNamespace(
        do=do, on_register=on_register, erase=erase, batch=batch, backup=backup, restore=restore
    )


@pytest.fixture
def citizens(desk):
    """Three people on the register."""

    async def work(held):
        async with db.begin(held.database) as tx:
            return [
                await people.register(tx, held.keyring, _written(number), by=BY)
                for number in range(len(GIVEN))
            ]

    return desk.do(work)


def _written(number):
    return Person(
        given_name_ar="فاطمة",
        given_name_latin=GIVEN[number],
        family_name_ar="العلوي",
        family_name_latin="Alaoui",
        sex=Sex.FEMALE,
        birth_date=f"1990-05-0{number + 1}",
        document_kind=DocumentKind.CNIE,
        document_number=f"AB12345{number}",
        synthetic=True,
    )
