"""The walk on a stage of its own: a store, servers on free ports, all thrown away afterwards."""

import asyncio
import socket
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

import click
import msgspec
from sqlalchemy.engine import make_url

from api import children
from api import settings as environment
from api.children import Spec
from api.demo import building, stores
from api.demo.stores import ROLES
from api.serving import Server
from api.settings import Settings

PEOPLE = 200


async def walk(*, postgres: str, redis: str, server: Server, quiet: bool) -> int:
    """Set the stage, walk in a process of its own, clear away; the walk's exit code."""
    async with AsyncExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="amana-walk-")))
        store = await stack.enter_async_context(stores.a_database(postgres)) if postgres else ""
        settings = _settings(place, store, redis)
        kept = f"{'PostgreSQL' if store else 'SQLite'}, {'Redis' if redis else 'memory'}"
        click.echo(f"stage: {kept}, {server}")
        file = await building.build(settings, PEOPLE)
        servers = await stack.enter_async_context(children.running(_specs(settings, server)))
        told = (
            *("--public", settings.issuer),
            *("--console", settings.console_origin),
            *("--credentials", str(file)),
            *(("--quiet",) if quiet else ()),
        )
        walker = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "api", "walk", *told, env=environment.to_environ(Settings())
        )
        code = await children.beside(servers, walker.wait())
        if code is None:
            walker.terminate()
            code = await walker.wait()
        return code


def _settings(place: Path, store: str, redis: str) -> Settings:
    public, console = _free_ports(2)
    return Settings(
        data_dir=place / "data",
        database_url=store,
        redis_url=redis,
        issuer=f"http://127.0.0.1:{public}",
        console_origin=f"http://127.0.0.1:{console}",
        log_level="warning",
    )


def _specs(settings: Settings, server: Server) -> list[Spec]:
    ports = {"public": settings.issuer, "console": settings.console_origin}
    return [
        Spec(
            front=front,
            port=int(ports[front].rpartition(":")[2]),
            server=server,
            environ=environment.to_environ(_as_role(settings, ROLES[front])),
        )
        for front in ("public", "console")
    ]


def _as_role(settings: Settings, role: str) -> Settings:
    """The same, signed in to PostgreSQL with the rights of one front."""
    if not settings.database_url:
        return settings
    url = make_url(settings.database_url).set(username=role, password=None)
    return msgspec.structs.replace(settings, database_url=url.render_as_string(False))


def _free_ports(count: int) -> list[int]:
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(each.getsockname()[1]) for each in listeners]
    for each in listeners:
        each.close()
    return ports
