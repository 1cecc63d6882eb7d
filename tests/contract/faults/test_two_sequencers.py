"""A leader that is stopped, another that takes over, and the first that wakes: one tree."""

import asyncio
import os
import signal
import time
from pathlib import Path

import psycopg
import pytest

from policies.vocabulary import Action, Actor, ActorKind, Outcome
from tests.conftest import POSTGRES
from vault import access_log, transparency
from vault import database as db
from vault.access_log import Line

LINE = Line(
    actor=Actor(kind=ActorKind.SYSTEM, id="test"), action=Action.TOKEN, outcome=Outcome.GIVEN
)
GIVEN_UP = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND state = 'idle in transaction'
"""


@pytest.fixture
def log(world):
    async def do(count):
        async with world.open() as (database, keyring), db.begin(database) as tx:
            await access_log.record(tx, keyring, [LINE] * count)

    return do


@pytest.fixture
def stopped(world):
    """Starts a leader that stops once it has read the tree."""

    def do(*, unlocked=False):
        leader = world.do("sequence_and_stop", leave=True, unlocked=unlocked)
        until = time.monotonic() + 20
        while Path(f"/proc/{leader}/stat").read_text().rpartition(")")[2].split()[0] != "T":
            assert time.monotonic() < until
            time.sleep(0.02)
        return leader

    return do


@pytest.fixture
def woken(world):
    """Wakes a process; what it says."""

    def do(leader):
        os.kill(leader, signal.SIGCONT)
        done = world.end(leader)
        assert done.code == 0, done
        return done.words

    return do


async def entries(world):
    """How many are sealed in a tree that is whole."""
    async with world.open() as (database, keyring), db.read(database) as tx:
        report = await transparency.verify(tx, keyring)
        assert report.fault is None
        return report.entries


async def is_signed(world):
    database = db.connect(world.url)
    async with db.read(database) as tx:
        newest = await transparency.checkpoint(tx)
    await db.close(database)
    return newest is not None


def is_sqlite(world):
    return world.url.startswith("sqlite")


async def test_threat_36_a_leader_that_the_store_gave_up_seals_nothing_when_it_wakes(
    world, log, stopped, woken
):
    await log(5)
    leader = stopped()
    if is_sqlite(world):  # one writer: nobody takes over, and nobody is passed by
        waits = world.do("sequence", leave=True, at_once=100)
        await asyncio.sleep(0.5)
        assert not await is_signed(world)
        assert woken(leader) == [5]
        assert world.end(waits).code == 0
        assert await entries(world) == 5
        return
    assert world.do("sequence", at_once=100).code == 0
    assert not await is_signed(world)  # the leader still leads
    with psycopg.connect(world.url.replace("+asyncpg", ""), autocommit=True) as server:
        server.execute(GIVEN_UP)
    await log(3)
    assert world.do("sequence", at_once=100).code == 0
    await log(2)
    [fault] = woken(leader)
    assert fault in {"DBAPIError", "InterfaceError", "OperationalError"}
    assert await entries(world) == 8
    assert world.do("sequence", at_once=100).code == 0
    assert await entries(world) == 10


# The lock of SQLite's writer is the transaction itself.
@pytest.mark.parametrize("stores", [POSTGRES], indirect=True)
async def test_threat_36_a_leader_that_lost_its_lock_is_fenced_when_it_wakes(
    world, log, stopped, woken
):
    await log(5)
    leader = stopped(unlocked=True)
    assert world.do("sequence", at_once=100).code == 0
    await log(7)
    assert woken(leader) == ["FencedError"]
    assert await entries(world) == 5
    assert world.do("sequence", at_once=100).code == 0
    assert await entries(world) == 12
