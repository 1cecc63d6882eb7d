"""Stores for tests: SQLite in the test's folder; PostgreSQL and Redis where they are to be had."""

import asyncio
import importlib
import os
import pkgutil
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from uuid import uuid4

import pytest
from redis import Redis

from vault import database as db
from vault.key_places import TokenPlace

REQUIRED = set(filter(None, os.environ.get("AMANA_REQUIRE", "").split(",")))


def missing(what: str, why: str) -> None:
    """Skip with the reason, or fail where the gate requires the thing."""
    if what in REQUIRED:
        pytest.fail(f"{what} is required here: {why}", pytrace=False)
    pytest.skip(f"{what}: {why}")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _postgres_binary(name: str) -> str | None:
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return shutil.which(name) or (str(found[-1]) if found else None)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a server whose databases we may create and drop; ours, or the one named."""
    given = os.environ.get("AMANA_TEST_POSTGRES_URL")
    if given:
        yield given
        return
    initdb, postgres = _postgres_binary("initdb"), _postgres_binary("postgres")
    if not (initdb and postgres):
        missing("postgres", "no server binary and no AMANA_TEST_POSTGRES_URL")
        return
    if os.geteuid() == 0 and not shutil.which("runuser"):
        missing("postgres", "PostgreSQL does not run as root and runuser is not here")
    with tempfile.TemporaryDirectory(prefix="amana-pg-") as folder:
        # As root, PostgreSQL must run as its own user (Debian's package brings it).
        own = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        if own:
            shutil.chown(folder, "postgres")
        port, place = free_port(), f"{folder}/data"
        subprocess.run(
            [*own, initdb, "-D", place, "-U", "amana", "-A", "trust", "-E", "UTF8", "--no-sync"],
            check=True,
            capture_output=True,
            cwd="/",
        )
        server = subprocess.Popen(
            [
                *own, postgres, "-D", place, "-p", str(port), "-k", folder,
                "-c", "listen_addresses=127.0.0.1", "-c", "max_connections=200",
                # What a test writes need not outlive the machine.
                "-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
        )  # fmt: skip
        try:
            _wait_for(port)
            yield f"postgresql+asyncpg://amana@127.0.0.1:{port}/postgres"
        finally:
            server.terminate()
            server.wait(30)


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    """The URL of a Redis whose keys we may drop; ours, or the one named."""
    given = os.environ.get("AMANA_TEST_REDIS_URL")
    if given:
        # A database of it for each process that runs tests: rates would be theirs in common.
        worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
        yield f"{given.rpartition('/')[0]}/{worker}"
        return
    binary = shutil.which("redis-server")
    if binary is None:
        missing("redis", "no redis-server and no AMANA_TEST_REDIS_URL")
        return
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="amana-redis-") as folder:
        server = subprocess.Popen(
            [binary, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder],
            stdout=subprocess.DEVNULL,
        )
        try:
            _wait_for(port)
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            server.terminate()
            server.wait(30)


SOFTHSM: Final = Path("/usr/lib/softhsm/libsofthsm2.so")
PIN: Final = "5678"


@pytest.fixture
def token_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TokenPlace]:
    """A PKCS#11 token of this test's own, empty, in software (SoftHSM 2)."""
    if not (SOFTHSM.is_file() and shutil.which("softhsm2-util")):
        missing("softhsm", "no softhsm2-util and module")
        return
    (tmp_path / "tokens").mkdir()
    settings = tmp_path / "softhsm2.conf"
    settings.write_text(f"directories.tokendir = {tmp_path}/tokens\nlog.level = ERROR\n")
    monkeypatch.setenv("SOFTHSM2_CONF", str(settings))
    subprocess.run(
        ["softhsm2-util", "--init-token", "--free", "--label", "amana",
         "--so-pin", "1234", "--pin", PIN],
        check=True,
        capture_output=True,
    )  # fmt: skip
    (tmp_path / "pin").write_text(f"{PIN}\n")
    place = TokenPlace(module=SOFTHSM, label="amana", pin_file=tmp_path / "pin")
    yield place
    from vault import pkcs11_token

    pkcs11_token.leave(place)  # the next test's token is another


@pytest.fixture
def empty_redis(redis_server: str) -> str:
    """The Redis, with nothing in it."""
    with Redis.from_url(redis_server) as redis:
        redis.flushdb()
    return redis_server


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty SQLite store with every table: copied, it saves each test the making."""
    path = tmp_path_factory.mktemp("template") / "amana.db"
    asyncio.run(_make_tables(f"sqlite+aiosqlite:///{path}"))
    return path


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A SQLite store of this test's own, with every table."""
    shutil.copy(sqlite_template, tmp_path / "amana.db")
    return f"sqlite+aiosqlite:///{tmp_path}/amana.db"


@pytest.fixture
def empty_postgres_url(postgres_server: str) -> Iterator[str]:
    """A PostgreSQL database of this test's own, without tables."""
    with _new_database(postgres_server) as url:
        yield url


@pytest.fixture(scope="session")
def postgres_home(postgres_server: str) -> Iterator[str]:
    """One PostgreSQL database with every table, for the tests of this process in turn."""
    with _new_database(postgres_server) as url:
        asyncio.run(_make_tables(url))
        yield url


@pytest.fixture
def postgres_url(postgres_home: str) -> str:
    """The PostgreSQL store, with every table and no row, and its numbers begun again."""
    names = ", ".join(f'"{name}"' for name in db.metadata.tables)
    # A flood of another test would leave thousands of empty places to walk over.
    again = "SELECT setval(quote_ident(sequencename)::regclass, start_value, false)"
    statements = f"TRUNCATE {names}; {again} FROM pg_sequences"
    asyncio.run(_administer(postgres_home, statements))
    return postgres_home


POSTGRES = pytest.param("postgres", marks=pytest.mark.postgres)
STORES = ["sqlite", POSTGRES]


@pytest.fixture(params=STORES)
def store_url(request: pytest.FixtureRequest) -> str:
    """Each store in turn, with every table and no row: one contract, two implementations."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture(params=STORES)
def empty_store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Each store in turn, without tables: for migrations."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path}/amana.db"
    return str(request.getfixturevalue("empty_postgres_url"))


@pytest.fixture
async def database(store_url: str):
    """The store of `store_url`, open."""
    opened = db.connect(store_url)
    yield opened
    await db.close(opened)


def import_every_table() -> None:
    """Import all modules that own tables, so that `metadata` is whole."""
    for package in ("vault", "consent", "identity"):
        module = importlib.import_module(package)
        for found in pkgutil.walk_packages(module.__path__, f"{package}."):
            if ".migrations" not in found.name:
                importlib.import_module(found.name)


async def _make_tables(url: str) -> None:
    import_every_table()
    opened = db.connect(url)
    await db.create_all(opened)
    await db.close(opened)


@contextmanager
def _new_database(server: str) -> Iterator[str]:
    name = f"amana_{uuid4().hex}"
    asyncio.run(_administer(server, f'CREATE DATABASE "{name}"'))
    yield f"{server.rpartition('/')[0]}/{name}"
    asyncio.run(_administer(server, f'DROP DATABASE "{name}" WITH (FORCE)'))


async def _administer(url: str, statement: str) -> None:
    import asyncpg

    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def _wait_for(port: int, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(f"nothing listens on port {port}")
