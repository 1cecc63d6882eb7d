import asyncio
import os
import time
from uuid import UUID

import pytest
from sqlalchemy import delete, insert, text

from api import observing, rounds, sequencer
from policies.vocabulary import Action, Actor, ActorKind, Outcome
from vault import access_log, transparency
from vault import database as db
from vault.access_log import Line
from vault.log_tables import log_pending

LINE = Line(
    actor=Actor(kind=ActorKind.SYSTEM, id="test"), action=Action.TOKEN, outcome=Outcome.GIVEN
)
WRITERS = 4
P99_SECONDS = 1.0
"""On a machine that does other things too; alone it is a twentieth of that."""


@pytest.fixture
def flood(database):
    """Fills the outbox, as a flood of accesses does, with the hashes of lines."""

    async def do(count):
        async with db.begin(database) as tx:
            for start in range(0, count, 20_000):
                numbers = range(start, min(start + 20_000, count))
                rows = [{"id": UUID(int=each), "leaf_hash": os.urandom(32)} for each in numbers]
                await tx.connection.execute(insert(log_pending), rows)

    return do


@pytest.fixture
def write(database, keyring):
    """Logs from several tasks until it is told to stop; the slowest but one in a hundred."""

    async def do(stop):
        took = []

        async def one():
            while not stop.is_set():
                began = time.perf_counter()
                async with db.begin(database) as tx:
                    await access_log.record(tx, keyring, [LINE])
                took.append(time.perf_counter() - began)
                await asyncio.sleep(0.01)

        await asyncio.gather(*(one() for _ in range(WRITERS)))
        return sorted(took)[int(len(took) * 0.99)]

    return do


@pytest.fixture
def drained(database):
    async def do():
        while True:
            async with db.read(database) as tx:
                if await transparency.pending(tx, at_most=2 * WRITERS + 1) <= 2 * WRITERS:
                    return
            await asyncio.sleep(0.05)

    return do


@pytest.mark.parametrize("backlog", [100_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
async def test_threat_50_a_flood_is_drained_while_writers_go_on(  # noqa: PLR0917  (fixtures)
    database, keyring, flood, write, drained, tmp_path, backlog
):
    await flood(backlog)
    assert await sequencer.behind(database)
    stop = asyncio.Event()
    began = time.perf_counter()
    async with sequencer.running(database, keyring, tmp_path / "log.signed"):
        writing = asyncio.create_task(write(stop))
        async with asyncio.timeout(90):
            await drained()
        seconds = time.perf_counter() - began
        stop.set()
        p99 = await writing
    assert not await sequencer.behind(database)
    async with db.read(database) as tx:
        assert (await transparency.checkpoint(tx)).size > backlog
    print(f"{backlog / seconds:,.0f}/s beside writers, p99 {p99 * 1000:.0f} ms")
    assert p99 < P99_SECONDS


async def test_threat_50_a_flood_is_drained_where_the_planner_takes_the_outbox_for_empty(
    database, keyring, flood
):
    await flood(20_000)
    async with db.begin(database) as tx:
        await tx.connection.execute(delete(log_pending))
    async with db.begin(database) as tx:
        await tx.connection.execute(text("ANALYZE log_pending"))
    await flood(20_000)
    async with asyncio.timeout(20), db.begin(database) as tx:
        assert await transparency.sequence(tx, keyring, 20_000) == 20_000


async def test_threat_50_a_backlog_is_an_alarm_until_it_is_sealed(
    database, keyring, flood, tmp_path, monkeypatch
):
    monkeypatch.setattr(sequencer, "BEHIND", 10)
    monkeypatch.setattr(sequencer, "PAUSE_OF_WATCH_SECONDS", 0.02)
    monkeypatch.setattr(rounds, "PAUSE_AFTER_FAULT_SECONDS", 0.02)
    guard = tmp_path / "log.signed"
    guard.write_text("none of ours: nothing is signed until it is gone")
    await flood(11)
    async with sequencer.running(database, keyring, guard):
        await _until(1, 11)
        guard.unlink()
        await _until(0, 0)


async def _until(*alarm):
    async with asyncio.timeout(10):
        while alarm != _alarm():  # noqa: ASYNC110  (figures tell nobody that they changed)
            await asyncio.sleep(0.01)


def _alarm():
    return tuple(
        metric.collect()[0].samples[0].value
        for metric in (observing.log_behind, observing.log_backlog)
    )
