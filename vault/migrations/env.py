"""Runs migrations on the store that `vault.migrating` names, in one transaction on both stores."""

import asyncio

from alembic import context
from sqlalchemy import Connection

from vault import database


def _migrate(connection: Connection) -> None:
    context.configure(
        connection=connection, target_metadata=database.metadata, render_as_batch=True
    )
    with context.begin_transaction():
        context.run_migrations()


async def _run() -> None:
    opened = database.connect(context.config.attributes["url"])
    try:
        async with opened.writer.begin() as connection:
            await connection.run_sync(_migrate)
    finally:
        await database.close(opened)


asyncio.run(_run())
