"""Brings a store to the schema of this version, and tells whether it is there.

A migration is written by `draft` from what the tables in memory say and the store does
not, then read and completed by a person. A change is added, filled, and only later
removed: code of the release before must run after it (house, habit 19).
"""

from pathlib import Path
from typing import Final, cast

from alembic import command
from alembic.config import Config
from alembic.script import Script, ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import inspect, text

from vault.database import Transaction
from vault.envelope_errors import OldStoreError

FOLDER: Final = Path(__file__).parent / "migrations"


def upgrade(url: str) -> None:
    """Bring the store to this version, whole or not at all. Runs its own event loop.

    From a coroutine: `await asyncio.to_thread(migrating.upgrade, url)`.

    Raises:
        OldStoreError: it holds what this version cannot take over.
    """
    try:
        command.upgrade(_config(url), "head")
    except CommandError as wrong:
        raise OldStoreError(str(wrong)) from None


async def is_current(tx: Transaction) -> bool:
    """Whether the store has the schema of this version."""
    names = await tx.connection.run_sync(lambda connection: inspect(connection).get_table_names())
    if "alembic_version" not in names:
        return False
    applied: str = (
        await tx.connection.execute(text("SELECT version_num FROM alembic_version"))
    ).scalar_one()
    return applied == ScriptDirectory.from_config(_config("")).get_current_head()


def draft(url: str, message: str, *, folder: Path = FOLDER) -> Path:
    """Write a migration from the difference between the tables imported and a current store.

    For whoever changes the schema; import every module that owns tables first.
    """
    written = command.revision(_config(url, folder), message, autogenerate=True)
    return Path(cast("Script", written).path)


def _config(url: str, folder: Path = FOLDER) -> Config:
    config = Config()
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.set_main_option("file_template", "%%(year)d_%%(month).2d_%%(day).2d_%%(slug)s")
    config.attributes["url"] = url
    return config
