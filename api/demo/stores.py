"""A PostgreSQL database for one run, on a server that is there for it; dropped at the end."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from uuid import uuid4

from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from api.serving import Front

ROLES: Final[dict[Front, str]] = {"public": "amana_app", "console": "amana_console"}
"""What each front signs in as: the roles that the migrations grant rights to."""


@asynccontextmanager
async def a_database(server: str) -> AsyncIterator[str]:
    """The URL of a new database, with both roles made where the server lacks them."""
    name = f"amana_run_{uuid4().hex}"
    engine = create_async_engine(server, isolation_level="AUTOCOMMIT")
    try:
        async with engine.connect() as connection:
            for role in ROLES.values():
                known = text("SELECT 1 FROM pg_roles WHERE rolname = :role")
                if await connection.scalar(known, {"role": role}) is None:
                    await connection.execute(text(f"CREATE ROLE {role} LOGIN"))
            await connection.execute(text(f'CREATE DATABASE "{name}"'))
        yield make_url(server).set(database=name).render_as_string(hide_password=False)
        async with engine.connect() as connection:
            await connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
    finally:
        await engine.dispose()
