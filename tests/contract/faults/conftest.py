"""Worlds that a deed is done in, over and over, each time killed one step later."""

import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import msgspec
import psycopg
import pytest

from identity.registry import people
from identity.registry.person import DocumentKind, Person, Sex
from policies.vocabulary import Actor, ActorKind
from tests.conftest import STORES
from vault import database as db
from vault import erasure_journal
from vault.keyring import open_keyring
from vault.keys import create_file_keys
from vault.passphrases import Passphrase

DESK = Actor(kind=ActorKind.STAFF, id="desk-1")
PERSON = Person(
    given_name_ar="محمد",
    given_name_latin="Mohamed",
    family_name_ar="العمراني",
    family_name_latin="El Amrani",
    sex=Sex.MALE,
    birth_date="1990-05-01",
    document_kind=DocumentKind.CNIE,
    document_number="AB100001",
    phone="+212612345678",
    commune="Fès",
    province="Fès",
    region="fes-meknes",
)
HERE = Path(__file__).parent
ROOT = HERE.parents[2]
KILLED = -9


class Done(msgspec.Struct, frozen=True):
    """How a process ended: its code, the steps it took, the words that left it."""

    code: int
    steps: list[str]
    words: list


class Processes:
    """The server that forks them."""

    def __init__(self):
        self._begin()

    def _begin(self):
        self._server = subprocess.Popen(
            [sys.executable, HERE / "dying.py"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
            cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)},
        )  # fmt: skip

    def order(self, **what):
        try:
            self._server.stdin.write(f"{json.dumps(what, default=str)}\n")
            return json.loads(self._server.stdout.readline())
        except BaseException:
            # A test that is out of time: the answer would be taken for one to the next order.
            self._server.kill()
            self._server.wait()
            self._begin()
            raise

    def close(self):
        self._server.stdin.close()
        assert self._server.wait(30) == 0
        self._server.stdout.close()


@pytest.fixture(scope="module")
def processes():
    started = Processes()
    yield started
    started.close()


class World:
    """A store, its keys and its journal, as they were prepared; `fresh` puts them back so."""

    def __init__(self, processes, stores, folder):
        self._processes, self._stores = processes, stores
        self._prepared, self.home = folder / "prepared", folder / "home"
        self.home.mkdir()
        self.passphrase = ""
        create_file_keys(self.home / "keys")
        erasure_journal.begin(self.journal)
        self.url = stores.made(self.home)

    @asynccontextmanager
    async def open(self):
        """The store and a keyring, as a service that starts has them."""
        database = db.connect(self.url)
        try:
            async with db.begin(database) as tx:
                keyring = await open_keyring(tx, self.keys())
            yield database, keyring
        finally:
            await db.close(database)

    @property
    def every_step(self):
        """Or a sample of them."""
        return isinstance(self._stores, Sqlite)

    def keys(self):
        passphrase = Passphrase(self.passphrase) if self.passphrase else None
        return create_file_keys(self.home / "keys", passphrase)

    def seal_keys(self):
        """Have the root keys under a passphrase, from the first one on."""
        shutil.rmtree(self.home / "keys")
        self.passphrase = "argan, saffron, cedar"
        self.keys()

    @property
    def journal(self):
        return self.home / "outside" / "erased.journal"

    def prepared(self):
        """Keep all as it is now, to begin from."""
        shutil.copytree(self.home, self._prepared)
        self._stores.keep(self.url)

    def fresh(self):
        shutil.rmtree(self.home)
        shutil.copytree(self._prepared, self.home)
        self.url = self._stores.fresh(self.url)

    def restore(self):
        """Put the store alone back to as it was prepared."""
        self.url = self._stores.restored(self.url, self._prepared, self.home)

    def do(self, deed, *, die_at=0, leave=False, **named):
        """Do a deed in a process of its own, which dies at a step (0: at none)."""
        answer = self._processes.order(
            deed=deed, die_at=die_at, leave=leave, named=named,
            url=self.url, home=self.home, passphrase=self.passphrase,
        )  # fmt: skip
        return answer if leave else msgspec.convert(answer, Done)

    def end(self, pid, *, kill=False):
        """Wait for a process that was left to its deed."""
        return msgspec.convert(self._processes.order(end=pid, kill=kill), Done)

    def wait(self, pid, *, words):
        """Until so many have left a process."""
        path = self.home / f"words-{pid}"
        while not path.exists() or len(path.read_text().splitlines()) < words:
            time.sleep(0.05)  # another process writes them: there is nothing to be woken by

    def killed_at_each_step(self, deed, **named):
        """For each step of a deed: what is left when it dies there; last, of one that lives."""
        self.prepared()
        whole = self.do(deed, **named)
        assert whole.code == 0, whole
        for at in self._stores.sample(len(whole.steps)):
            self.fresh()
            done = self.do(deed, die_at=at, **named)
            assert done.code == KILLED, done
            yield done
        self.fresh()
        yield self.do(deed, **named)


class Sqlite:
    """A copy of files for each step."""

    def __init__(self, template):
        self._template = template

    def made(self, home):
        shutil.copy(self._template, home / "amana.db")
        return f"sqlite+aiosqlite:///{home}/amana.db"

    def keep(self, url):
        pass  # it lies with the rest

    def fresh(self, url):
        return url

    def restored(self, url, prepared, home):
        for path in [*home.glob("amana.db*")]:
            path.unlink()
        for path in [*prepared.glob("amana.db*")]:
            shutil.copy(path, home)
        return url

    def sample(self, steps):
        return range(1, steps + 1)


class Postgres:
    """A database made like the prepared one, for a sample of the steps."""

    def __init__(self, home):
        self._server, _, self._home = home.rpartition("/")
        self._template, self._names = "", []

    def made(self, _home):
        return self._copy(self._home)

    def keep(self, url):
        self._template = self._copy(url.rpartition("/")[2]).rpartition("/")[2]

    def fresh(self, _url):
        self.close(but=self._template)
        return self._copy(self._template)

    def restored(self, url, _prepared, _home):
        return self.fresh(url)

    def sample(self, steps):
        # Around the end lie the commit and what follows it.
        return sorted({1, steps // 3, 2 * steps // 3, *range(max(steps - 4, 1), steps + 1)} - {0})

    def close(self, *, but=""):
        for name in [name for name in self._names if name != but]:
            self._do(f'DROP DATABASE "{name}" WITH (FORCE)')
            self._names.remove(name)

    def _copy(self, template):
        name = f"amana_{uuid4().hex}"
        self._do(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        self._names.append(name)
        return f"{self._server}/{name}"

    def _do(self, statement):
        server = self._server.replace("+asyncpg", "")
        with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
            connection.execute(statement)


@pytest.fixture(params=STORES)
def stores(request):
    if request.param == "sqlite":
        yield Sqlite(request.getfixturevalue("sqlite_template"))
        return
    made = Postgres(request.getfixturevalue("postgres_url"))
    yield made
    made.close()


@pytest.fixture
def world(processes, stores, tmp_path):
    return World(processes, stores, tmp_path)


@pytest.fixture
def registered(world):
    """Enters somebody on the register, before anything is killed."""

    async def do(document_number="AB100001", birth_date="1990-05-01"):
        changed = {"document_number": document_number, "birth_date": birth_date}
        async with world.open() as (database, keyring), db.begin(database) as tx:
            person = msgspec.structs.replace(PERSON, **changed)
            entered = await people.register(tx, keyring, person, by=DESK)
        assert isinstance(entered, people.Registered), entered
        return entered.subject

    return do


@pytest.fixture(name="person")
def person_():
    return PERSON
