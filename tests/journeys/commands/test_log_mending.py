import asyncio
import shutil
import sqlite3

import pytest

from api import running, sequencer
from policies.vocabulary import Action, Actor, ActorKind, Outcome
from vault import access_log, signer_guard
from vault import database as db
from vault.access_log import Line

LINE = Line(
    actor=Actor(kind=ActorKind.SYSTEM, id="test"), action=Action.TOKEN, outcome=Outcome.GIVEN
)


@pytest.fixture
def grow(settings):
    def do(count):
        async def grown():
            async with running.opened(settings) as held:
                async with db.begin(held.database) as tx:
                    await access_log.record(tx, held.keyring, [LINE] * count)
                await sequencer.seal(held.database, held.keyring, settings.guard)

        asyncio.run(grown())

    return do


def change(settings, statement):
    with sqlite3.connect(settings.data_dir / "amana.db", isolation_level=None) as store:
        store.execute(statement)


def test_threat_37_an_operator_restores_a_backup_and_adopts_the_log(
    installed, settings, grow, tmp_path
):
    assert "nothing to adopt" in installed("log", "adopt").output
    grow(5)
    assert "nothing to adopt" in installed("log", "adopt").output
    change(settings, f"VACUUM INTO '{tmp_path}/backup.db'")
    grow(4)
    for path in settings.data_dir.glob("amana.db*"):
        path.unlink()
    shutil.copy(tmp_path / "backup.db", settings.data_dir / "amana.db")
    with pytest.raises(signer_guard.GuardError):
        grow(1)
    signed = settings.guard.read_text()

    tried = installed("log", "adopt", "--dry-run")
    assert "smaller" in tried.output
    assert installed("log", "adopt", input="n\n").exit_code == 1
    assert settings.guard.read_text() == signed
    done = installed("log", "adopt", "--yes")
    assert done.exit_code == 0
    assert f"adopts {signed.splitlines()[0]} 9 " in done.output

    grow(1)
    assert "nothing to adopt" in installed("log", "adopt").output
    assert installed("log", "verify").exit_code == 0


def test_threat_51_an_operator_has_broken_tiles_made_anew(installed, settings, grow):
    grow(300)
    assert "0 tiles were broken" in installed("log", "repair").output
    change(settings, "UPDATE log_tile SET hashes = zeroblob(8192) WHERE level = 0 AND idx = 0")
    assert installed("log", "verify").exit_code == 1
    assert "tile 0/0 was made anew" in installed("log", "repair").output
    assert installed("log", "verify").exit_code == 0
