"""Stores that can be backed up and put back, for the drill of erasures."""  # noqa: INP001  (a script's other half)

import os
import shutil
import socket
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Final, Protocol

KINDS: Final = ("sqlite", "pg_dump", "files")
STARTING_SECONDS: Final = 30


class BrokenPromiseError(Exception):
    """Something did not hold. Says what."""


class Store(Protocol):
    """A store that can be put back to what it was."""

    url: str

    def back_up(self) -> None:
        """Keep it as it is now."""

    def restore(self) -> None:
        """Put it back to what was kept."""

    def opened_backup(self) -> AbstractContextManager[str]:
        """The URL of what was kept, beside the store, while the block runs."""


class Sqlite:
    """SQLite, by its own backup call."""

    def __init__(self, folder: Path) -> None:
        self._file, self._kept = folder / "amana.db", folder / "backup.db"
        self.url = f"sqlite+aiosqlite:///{self._file}"

    def back_up(self) -> None:
        with (
            closing(sqlite3.connect(self._file)) as now,
            closing(sqlite3.connect(self._kept)) as to,
        ):
            now.backup(to)

    def restore(self) -> None:
        for old in self._file.parent.glob(f"{self._file.name}*"):
            old.unlink()
        shutil.copy(self._kept, self._file)

    @contextmanager
    def opened_backup(self) -> Iterator[str]:
        copy = shutil.copy(self._kept, self._kept.with_name("opened.db"))
        yield f"sqlite+aiosqlite:///{copy}"


class Cluster:
    """A PostgreSQL server in a folder, that listens on a port of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._port = _free_port()
        self._server: subprocess.Popen[bytes] | None = None

    def make(self) -> None:
        if os.geteuid() == 0:  # PostgreSQL does not run as root
            self.folder.parent.chmod(0o711)
            self.folder.mkdir()
            shutil.chown(self.folder, "postgres")
        _run("initdb", "-D", str(self.folder), "-U", "amana", "-A", "trust", "-E", "UTF8")

    def start(self) -> None:
        words = _words("postgres", "-D", str(self.folder), "-p", str(self._port), "-k", "")
        words += ["-c", "listen_addresses=127.0.0.1"]
        self._server = subprocess.Popen(words, stdout=-3, stderr=-3, cwd="/")  # noqa: S603
        deadline = time.monotonic() + STARTING_SECONDS
        while time.monotonic() < deadline:
            if _call("psql", *self.at("postgres"), "-c", "SELECT 1").returncode == 0:
                return
            time.sleep(0.1)
        raise BrokenPromiseError("PostgreSQL does not start")

    def stop(self) -> None:
        if self._server is not None:
            self._server.terminate()
            self._server.wait(60)
            self._server = None

    def at(self, name: str) -> Sequence[str]:
        return ("-h", "127.0.0.1", "-p", str(self._port), "-U", "amana", "-d", name)

    def url(self, name: str) -> str:
        return f"postgresql+asyncpg://amana@127.0.0.1:{self._port}/{name}"


class Dump:
    """PostgreSQL, by `pg_dump` and `pg_restore`."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self._cluster, self._kept = cluster, folder / "amana.dump"
        self.url = cluster.url("amana")
        self._make("amana")

    def back_up(self) -> None:
        kept = _run("pg_dump", *self._cluster.at("amana"), "-Fc")
        self._kept.write_bytes(kept)

    def restore(self) -> None:
        self._drop("amana")
        self._fill("amana")

    @contextmanager
    def opened_backup(self) -> Iterator[str]:
        self._fill("beside")
        yield self._cluster.url("beside")
        self._drop("beside")

    def _fill(self, name: str) -> None:
        self._make(name)
        _run("pg_restore", *self._cluster.at(name), given=self._kept.read_bytes())

    def _make(self, name: str) -> None:
        _run("psql", *self._cluster.at("postgres"), "-c", f"CREATE DATABASE {name}")

    def _drop(self, name: str) -> None:
        _run("psql", *self._cluster.at("postgres"), "-c", f"DROP DATABASE {name} WITH (FORCE)")


class Files:
    """PostgreSQL, by a copy of its folder while it is stopped."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._kept = cluster.folder.with_name("copy")
        self.url = cluster.url("postgres")

    def back_up(self) -> None:
        self._cluster.stop()
        _copy(self._cluster.folder, self._kept)
        self._cluster.start()

    def restore(self) -> None:
        self._cluster.stop()
        shutil.rmtree(self._cluster.folder)
        _copy(self._kept, self._cluster.folder)
        self._cluster.start()

    @contextmanager
    def opened_backup(self) -> Iterator[str]:
        beside = Cluster(self._kept.with_name("beside"))
        _copy(self._kept, beside.folder)
        beside.start()
        try:
            yield beside.url("postgres")
        finally:
            beside.stop()
            shutil.rmtree(beside.folder)


@contextmanager
def stores(kind: str) -> Iterator[tuple[Store, Path]]:
    """A new store of one kind in a folder that goes afterwards."""
    with tempfile.TemporaryDirectory(prefix="amana-drill-") as name:
        folder = Path(name)
        if kind == "sqlite":
            yield Sqlite(folder), folder
            return
        cluster = Cluster(folder / "postgres")
        cluster.make()
        cluster.start()
        try:
            yield (Dump(cluster, folder) if kind == "pg_dump" else Files(cluster)), folder
        finally:
            cluster.stop()


def _copy(source: Path, target: Path) -> None:
    """With owner and mode, as the server wants them."""
    subprocess.run(["cp", "-a", str(source), str(target)], check=True)  # noqa: S603, S607


def _words(name: str, *words: str) -> list[str]:
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    binary = str(found[-1]) if found else shutil.which(name)
    if binary is None:
        raise BrokenPromiseError(f"{name} is not here")
    as_postgres = os.geteuid() == 0 and name in {"initdb", "postgres"}
    return [*(["runuser", "-u", "postgres", "--"] if as_postgres else []), binary, *words]


def _call(name: str, *words: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(  # noqa: S603  (words of our own)
        _words(name, *words), input=given, capture_output=True, check=False, cwd="/"
    )


def _run(name: str, *words: str, given: bytes = b"") -> bytes:
    done = _call(name, *words, given=given)
    if done.returncode:
        raise BrokenPromiseError(f"{name}: {done.stderr.decode(errors='replace')[-500:]}")
    return done.stdout


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
