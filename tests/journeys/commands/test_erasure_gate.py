"""People kept out after a restore, the gate before the service, and what it carries out."""

import asyncio
import shutil
import sqlite3
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from litestar.testing import AsyncTestClient
from sqlalchemy import select

from api import app, erasures
from api.cli import erasing_files
from api.cli.erasing_files import Slip
from consent import requests
from consent.requests import State
from identity.registry import erasing, erasure_certificates, erasure_holds
from policies import retention
from policies.retention import Hold
from policies.vocabulary import Actor, ActorKind, StaffId
from vault import database as db
from vault import erasure_gate, erasure_journal, key_epoch, tombstones

BY = Actor(kind=ActorKind.SYSTEM, id="erasure")


def test_threat_16_after_a_restore_the_service_is_closed_until_the_replay(
    desk, installed, settings, citizens, tmp_path
):
    desk.backup(tmp_path / "backup.db")
    assert desk.erase(citizens[0], folder=tmp_path).exit_code == 0
    assert installed("erase", "check").exit_code == 0
    desk.restore(tmp_path / "backup.db")

    assert "behind-journal" in installed("erase", "check").stderr
    refused = desk.erase(citizens[1], folder=tmp_path)
    assert "amana erase replay" in refused.stderr
    assert answers(settings) == {"/health/live": 200, "/health/ready": 503, "/fr": 503}

    replayed = installed("erase", "replay")
    assert replayed.exit_code == 0, replayed.output
    assert "1 tombstones put back, 1 records erased again" in replayed.stdout
    assert installed("erase", "replay").stdout.startswith("0 tombstones put back, 0")
    assert not desk.on_register(citizens[0])
    assert desk.on_register(citizens[1])
    assert answers(settings) == {"/health/live": 200, "/health/ready": 200, "/fr": 200}


def answers(settings):
    async def asked():
        async with AsyncTestClient(app.public_app(settings)) as client:
            return {
                path: (await client.get(path)).status_code
                for path in ("/health/live", "/health/ready", "/fr")
            }

    return asyncio.run(asked())


@pytest.fixture
def hurried(monkeypatch):
    """What is closed is looked at again without a pause."""
    monkeypatch.setattr(erasures, "LOOK_AGAIN", timedelta(0))


@pytest.mark.usefixtures("hurried")
def test_a_service_that_is_closed_opens_by_itself_after_the_replay(
    desk, installed, settings, citizens, tmp_path
):
    desk.backup(tmp_path / "backup.db")
    desk.erase(citizens[0], folder=tmp_path)
    desk.restore(tmp_path / "backup.db")

    async def through_it():
        async with AsyncTestClient(app.public_app(settings)) as client:
            before = await client.get("/fr")
            await asyncio.to_thread(installed, "erase", "replay")
            for _ in range(100):
                after = await client.get("/fr")
                if after.status_code == 200:
                    break
                await asyncio.sleep(0.05)
            return before, after

    before, after = asyncio.run(through_it())
    assert (before.status_code, after.status_code) == (503, 200)
    assert before.json()["type"] == "urn:amana:problem:unavailable"
    assert before.headers["retry-after"] == "0"


def test_a_journal_kept_elsewhere_is_replayed_and_a_forged_one_is_not(
    desk, installed, settings, citizens, tmp_path
):
    desk.backup(tmp_path / "backup.db")
    desk.erase(citizens[0], folder=tmp_path)
    elsewhere = shutil.copy(settings.journal, tmp_path / "elsewhere.journal")
    settings.journal.unlink()
    desk.restore(tmp_path / "backup.db")
    stone = tombstones.from_line(Path(elsewhere).read_bytes().rstrip())
    forged = tmp_path / "forged.journal"
    forged.write_bytes(tombstones.to_line(stone).replace(b'"epoch":1', b'"epoch":2'))
    assert "different stories" in installed("erase", "replay", str(forged)).stderr
    assert installed("erase", "replay", str(elsewhere)).exit_code == 0
    assert erasure_journal.read(settings.journal) == [stone]
    assert not desk.on_register(citizens[0])


def three_days_ago(tx):
    return msgspec.structs.replace(tx, now=tx.now - retention.COOLING_OFF)


def test_what_was_accepted_is_carried_out_or_put_off(desk, citizens):
    async def work(held):
        links = [requests.new_link() for _ in citizens]
        async with db.begin(held.database) as today:
            tx = three_days_ago(today)
            for link, person in zip(links, citizens, strict=True):
                hashed = erasure_certificates.subject_hash(requests.salt(link), person.idcs)
                await requests.ask(tx, person.subject, link, hashed)
                request = await requests.by_link(tx, link)
                await requests.accept(tx, request.id, StaffId("dpo-1"))
            await erasure_holds.place(tx, citizens[1].subject, Hold.COURT)
            await erasing.erase(tx, held.keyring, citizens[2].subject, subject_hash="0" * 64, by=BY)
        assert await held.gate.glance() == []
        async with erasures.carrying_out(held.database, held.keyring, held.gate):
            for _ in range(100):
                async with db.read(held.database) as tx:
                    if not await requests.in_state(tx, State.ACCEPTED):
                        break
                await asyncio.sleep(0.05)
        assert await erasures.carry_out(held.database, held.keyring, held.gate) == 0
        async with db.read(held.database) as tx:
            answered = [await requests.by_link(tx, link) for link in links]
            rows = (await tx.connection.execute(select(requests.erasure_requests.c.subject))).all()
        return answered, rows

    (done, put_off, before), rows = desk.do(work)
    assert (done.state, put_off.state, before.state) == (State.DONE, State.REFUSED, State.DONE)
    assert done.certificate is not None
    assert (put_off.reason, before.certificate) == (requests.Reason.HELD, None)
    assert {row.subject for row in rows} == {None}
    assert not desk.on_register(citizens[0])
    assert desk.on_register(citizens[1])


def test_one_request_that_fails_holds_up_nobody_behind_it(desk, settings, citizens):
    """And the journal learns of each that went, whatever becomes of the next."""

    async def work(held):
        async with db.begin(held.database) as today:
            tx = three_days_ago(today)
            for person in citizens[:2]:
                link = requests.new_link()
                await requests.ask(tx, person.subject, link, "0" * 64)
                request = await requests.by_link(tx, link)
                await requests.accept(tx, request.id, StaffId("dpo-1"))
            first, second = await requests.in_state(tx, State.ACCEPTED)
            # It has a tombstone and is there: no erasure but a replay may touch it.
            epoch = await key_epoch.advance(tx)
            revived = [first.subject]
            await tombstones.add(tx, held.keyring, revived, epoch=epoch, certificate=first.id)
        assert await held.gate.glance() == []
        done = await erasures.carry_out(held.database, held.keyring, held.gate)
        async with db.read(held.database) as tx:
            return done, first, second, await requests.in_state(tx, State.ACCEPTED)

    done, first, second, waiting = desk.do(work)
    assert (done, [request.id for request in waiting]) == (1, [first.id])
    assert not desk.on_register(citizens[1])
    assert len(erasure_journal.read(settings.journal)) == len((first, second))


def test_threat_16_without_its_journal_the_service_is_closed_until_it_is_told_to_do_without(
    desk, installed, settings, citizens, tmp_path
):
    desk.erase(citizens[0], folder=tmp_path)
    elsewhere = shutil.copy(settings.journal, tmp_path / "elsewhere.journal")
    settings.journal.unlink()
    for words in (("keys", "init"), ("migrate",)):
        assert installed(*words).exit_code == 0
    assert "no-journal" in installed("erase", "check").stderr
    assert answers(settings)["/fr"] == 503
    refused = desk.erase(citizens[1], folder=tmp_path)
    assert "no-journal" in refused.stderr
    assert desk.on_register(citizens[1])
    assert "--without-journal" in installed("erase", "replay").stderr
    assert not settings.journal.exists()

    assert installed("erase", "replay", str(elsewhere)).exit_code == 0
    assert settings.journal.read_bytes() == Path(elsewhere).read_bytes()
    settings.journal.unlink()
    assert installed("erase", "replay", "--without-journal").exit_code == 0
    assert settings.journal.read_bytes() == Path(elsewhere).read_bytes()
    assert answers(settings)["/fr"] == 200


def test_when_the_journal_goes_missing_between_two_erasures_the_second_is_not_done(
    desk, settings, citizens, monkeypatch
):
    def finished_and_lost(slip, jws, finish=Slip.finish):
        finish(slip, jws)
        settings.journal.unlink(missing_ok=True)

    monkeypatch.setattr(erasing_files.Slip, "finish", finished_and_lost)
    numbers = [person.idcs for person in citizens]
    stopped = desk.batch("file", *numbers)
    assert "the service is closed: no-journal" in stopped.stderr
    assert desk.on_register(citizens[2])


def test_threat_16_what_came_back_beside_todays_tombstones_shuts_a_service_that_answers(
    desk, installed, settings, citizens, tmp_path
):
    """The ends agree, so it starts; the whole look that follows at once shuts it."""
    desk.backup(tmp_path / "backup.db")
    desk.erase(citizens[0], folder=tmp_path)
    with sqlite3.connect(settings.data_dir / "amana.db") as store:
        store.execute("ATTACH ? AS kept", (str(tmp_path / "backup.db"),))
        store.execute("INSERT OR IGNORE INTO blind_index SELECT * FROM kept.blind_index")

    async def shut():
        async with AsyncTestClient(app.public_app(settings)) as client:
            for _ in range(100):
                if (await client.get("/fr")).status_code == 503:
                    return True
                await asyncio.sleep(0.05)
            return False

    assert asyncio.run(shut())
    assert "revived" in installed("erase", "check").stderr


@pytest.mark.usefixtures("hurried")
def test_while_it_looks_all_are_told_at_once_to_come_back_and_one_look_goes_on(
    desk, settings, citizens, tmp_path, monkeypatch
):
    desk.backup(tmp_path / "backup.db")
    desk.erase(citizens[0], folder=tmp_path)
    desk.restore(tmp_path / "backup.db")
    looks = []

    async def long(*_):
        looks.append(1)
        await asyncio.sleep(3600)

    async def asked():
        async with AsyncTestClient(app.public_app(settings)) as client:
            monkeypatch.setattr(erasure_gate, "closed", long)
            async with asyncio.timeout(5):
                told = await asyncio.gather(*(client.get("/fr") for _ in range(20)))
            return {each.status_code for each in told}

    assert asyncio.run(asked()) == {503}
    assert len(looks) <= 2  # the one beside the service, and the one for all who asked


@pytest.mark.usefixtures("hurried")
def test_a_look_that_fails_is_tried_again(desk, monkeypatch):
    seen = []

    async def failing(*_):
        seen.append(1)
        if len(seen) == 1:
            raise OSError
        return []

    async def work(held):
        monkeypatch.setattr(erasure_gate, "closed", failing)
        for _ in range(100):
            if held.gate.is_open():
                return True
            await asyncio.sleep(0.02)
        return False

    assert desk.do(work)
    assert len(seen) == 2
