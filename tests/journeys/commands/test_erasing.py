"""People erased by the command line, kept out after a restore, and the gate before the service."""

import asyncio
import json
import os
import re
import shutil
import sqlite3
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from litestar.testing import AsyncTestClient
from sqlalchemy import select

from api import app, erasures, running
from api.cli import erasing_files
from api.cli.erasing_files import Slip
from consent import requests
from consent.requests import State
from identity.registry import erasing, erasure_certificates, erasure_holds, people
from identity.registry.person import DocumentKind, Person, Sex
from policies import retention
from policies.retention import Hold
from policies.vocabulary import Actor, ActorKind, StaffId
from vault import database as db
from vault import erasure_gate, erasure_journal, key_epoch, tombstones

DESK = Actor(kind=ActorKind.STAFF, id="desk-1")
GIVEN = ("Fatima", "Youssef", "Zineb")


def written(number):
    return Person(
        given_name_ar="فاطمة",
        given_name_latin=GIVEN[number],
        family_name_ar="العلوي",
        family_name_latin="Alaoui",
        sex=Sex.FEMALE,
        birth_date=f"1990-05-0{number + 1}",
        document_kind=DocumentKind.CNIE,
        document_number=f"AB12345{number}",
        synthetic=True,
    )


async def within(settings, work):
    async with running.opened(settings) as held:
        return await work(held)


@pytest.fixture
def citizens(installed, settings):
    """Three people on the register."""

    async def work(held):
        async with db.begin(held.database) as tx:
            return [
                await people.register(tx, held.keyring, written(number), by=DESK)
                for number in range(len(GIVEN))
            ]

    return asyncio.run(within(settings, work))


def on_register(settings, person):
    async def work(held):
        async with db.read(held.database) as tx:
            return bool(await people.by_idcs(tx, held.keyring, [person.idcs]))

    return asyncio.run(within(settings, work))


def backup(settings, place):
    source, copy = sqlite3.connect(settings.data_dir / "amana.db"), sqlite3.connect(place)
    source.backup(copy)
    source.close()
    copy.close()


def restore(settings, place):
    for old in settings.data_dir.glob("amana.db*"):
        old.unlink()
    shutil.copy(place, settings.data_dir / "amana.db")


def erase(installed, person, *words, folder):
    return installed(
        "erase", "--idcs", person.idcs, "--case", "D-1", "--out", str(folder), "--yes", *words
    )


def test_a_dry_run_tells_what_would_go_and_nothing_goes(installed, settings, citizens):
    answer = installed("erase", "--idcs", citizens[0].idcs, "--dry-run")
    assert "1: would erase 1 keys, 1 heads" in answer.stdout
    assert on_register(settings, citizens[0])
    unknown = installed("erase", "--idcs", "2345678903", "--dry-run")
    assert "no such number" in unknown.stdout


def test_it_asks_before_it_acts(installed, settings, citizens, tmp_path):
    words = ("erase", "--idcs", citizens[0].idcs, "--case", "D-1", "--out", str(tmp_path))
    assert installed(*words, input="n\n").exit_code == 1
    assert on_register(settings, citizens[0])
    assert installed(*words, input="y\n").exit_code == 0
    assert not on_register(settings, citizens[0])


def test_the_certificate_is_checked_by_anyone_and_the_salt_shows_whose_it_is(
    installed, citizens, tmp_path
):
    told = erase(installed, citizens[0], folder=tmp_path / "out")
    assert told.exit_code == 0, told.output
    salt = re.search(r"salt: ([0-9a-f]{64})", told.stdout)[1]
    (file,) = (tmp_path / "out").glob("*.jws")
    keys = tmp_path / "keys.json"
    keys.write_text(installed("erase", "keys").stdout)

    alone = installed("erase", "verify", str(file), "--keys", str(keys))
    assert json.loads(alone.stdout)["rows"]["keys"] == 1
    assert citizens[0].idcs not in alone.stdout
    whose = ("erase", "verify", str(file), "--salt", salt, "--idcs")
    assert "about this number" in installed(*whose, citizens[0].idcs).stderr
    assert "somebody else" in installed(*whose, citizens[1].idcs).stderr
    file.write_text(file.read_text().replace(".", ".A", 1))
    assert "no certificate of ours" in installed("erase", "verify", str(file)).stderr


@pytest.mark.parametrize(
    "words", [(), ("--idcs", "1", "--file", __file__), ("--idcs", "2345678903")]
)
def test_a_call_that_says_too_little_or_too_much_is_a_usage_error(amana, words):
    assert amana("erase", *words).exit_code == 2


def test_a_hold_is_told_and_lifted(installed, settings, citizens, tmp_path):
    whose = ("--idcs", citizens[0].idcs, "--kind", "dispute")
    assert installed("erase", "hold", *whose).exit_code == 0
    answer = erase(installed, citizens[0], folder=tmp_path)
    assert (answer.exit_code, "kept: dispute" in answer.stderr) == (1, True)
    assert list(tmp_path.glob("*.slip")) == []
    assert "kept: dispute" in installed("erase", *whose[:2], "--dry-run").stdout
    assert installed("erase", "lift", *whose).exit_code == 0
    assert installed("erase", "lift", *whose).exit_code == 1
    assert installed("erase", "hold", "--idcs", "2345678903", "--kind", "audit").exit_code == 1
    assert erase(installed, citizens[0], folder=tmp_path).exit_code == 0
    assert list(tmp_path.glob("*.new")) == []


def test_a_batch_goes_on_where_it_stopped(installed, settings, citizens, tmp_path, monkeypatch):
    file, out = tmp_path / "numbers", tmp_path / "out"
    file.write_text("".join(f"{each.idcs}\n" for each in citizens[:2]))
    words = ("erase", "--file", str(file), "--case", "D-2", "--out", str(out), "--yes")

    def unplugged(_slip, _jws):
        raise RuntimeError

    with monkeypatch.context() as between, pytest.raises(RuntimeError):
        between.setattr(Slip, "finish", unplugged)  # after the commit, before the certificate
        installed(*words)
    assert not on_register(settings, citizens[0])
    assert on_register(settings, citizens[1])
    again = installed(*words)
    assert again.exit_code == 0, again.output
    assert sorted(each.name for each in out.glob("*.jws")) == ["000001.jws", "000002.jws"]
    assert installed("erase", "verify", str(out / "000001.jws")).exit_code == 0
    salt = json.loads((out / "000001.slip").read_text())["salt"]
    verified = installed(
        "erase", "verify", str(out / "000001.jws"), "--idcs", citizens[0].idcs, "--salt", salt
    )
    assert verified.exit_code == 0
    assert installed(*words).exit_code == 0


def batch(installed, tmp_path, name, *numbers):
    file = tmp_path / name
    file.write_text("".join(f"{number}\n" for number in numbers))
    out = str(tmp_path / "out")
    return installed("erase", "--file", str(file), "--case", "D-2", "--out", out, "--yes")


def test_a_second_batch_with_the_same_folder_is_refused_and_skips_nobody(
    installed, settings, citizens, tmp_path
):
    one, other, third = (each.idcs for each in citizens)
    assert batch(installed, tmp_path, "first", one).exit_code == 0
    for numbers in ([other], [other, one]):
        refused = batch(installed, tmp_path, "second", *numbers)
        assert refused.exit_code == 2
        assert "000001.slip is about somebody else than line 1" in refused.stderr
        assert not {other, third} & set(refused.output.split())
    assert on_register(settings, citizens[1])
    # The same batch, grown at its end, is the same batch.
    assert batch(installed, tmp_path, "first", one, other).exit_code == 0
    assert not on_register(settings, citizens[1])


@pytest.mark.parametrize("left", [None, b"", b'{"salt":"00"}', b"\0" * 40])
def test_a_certificate_whose_slip_does_not_say_whom_it_is_about_is_nobodys(
    installed, settings, citizens, tmp_path, left
):
    assert batch(installed, tmp_path, "first", citizens[0].idcs).exit_code == 0
    slip = tmp_path / "out" / "000001.slip"
    slip.unlink() if left is None else slip.write_bytes(left)
    refused = batch(installed, tmp_path, "second", citizens[1].idcs)
    assert (refused.exit_code, "another --out" in refused.stderr) == (2, True)
    assert on_register(settings, citizens[1])


def test_a_line_that_is_no_number_is_told_by_its_line_and_the_others_are_erased(
    installed, settings, citizens, tmp_path
):
    answer = batch(installed, tmp_path, "file", "not a number", citizens[0].idcs)
    assert "1: no such number on the register" in answer.stderr
    assert not on_register(settings, citizens[0])


def test_a_power_cut_while_a_slip_is_written_leaves_the_old_one_or_none(
    tmp_path, citizens, monkeypatch
):
    (slip,) = erasing_files.slips(tmp_path, [citizens[0].idcs], numbered=True)
    slip.write()
    before = (tmp_path / "000001.slip").read_bytes()

    def cut(_descriptor):
        raise OSError

    monkeypatch.setattr(os, "fsync", cut)
    for write in (slip.write, lambda: slip.finish("signed")):
        with pytest.raises(OSError):  # noqa: PT011  (the power cut)
            write()
    assert (tmp_path / "000001.slip").read_bytes() == before
    assert not slip.is_done
    (again,) = erasing_files.slips(tmp_path, [citizens[0].idcs], numbered=True)
    assert again == slip


def test_threat_16_after_a_restore_the_service_is_closed_until_the_replay(
    installed, settings, citizens, tmp_path
):
    backup(settings, tmp_path / "backup.db")
    assert erase(installed, citizens[0], folder=tmp_path).exit_code == 0
    assert installed("erase", "check").exit_code == 0
    restore(settings, tmp_path / "backup.db")

    assert "behind-journal" in installed("erase", "check").stderr
    refused = erase(installed, citizens[1], folder=tmp_path)
    assert "amana erase replay" in refused.stderr
    assert asyncio.run(answers(settings)) == {"/health/live": 200, "/health/ready": 503, "/fr": 503}

    replayed = installed("erase", "replay")
    assert replayed.exit_code == 0, replayed.output
    assert "1 tombstones put back, 1 records erased again" in replayed.stdout
    assert installed("erase", "replay").stdout.startswith("0 tombstones put back, 0")
    assert not on_register(settings, citizens[0])
    assert on_register(settings, citizens[1])
    assert asyncio.run(answers(settings)) == {"/health/live": 200, "/health/ready": 200, "/fr": 200}


async def answers(settings):
    async with AsyncTestClient(app.public_app(settings)) as client:
        return {
            path: (await client.get(path)).status_code
            for path in ("/health/live", "/health/ready", "/fr")
        }


def test_a_service_that_is_closed_opens_by_itself_after_the_replay(
    installed, settings, citizens, tmp_path, monkeypatch
):
    monkeypatch.setattr(erasures, "LOOK_AGAIN", erasures.LOOK_AGAIN / 1000)
    backup(settings, tmp_path / "backup.db")
    erase(installed, citizens[0], folder=tmp_path)
    restore(settings, tmp_path / "backup.db")

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
    installed, settings, citizens, tmp_path
):
    backup(settings, tmp_path / "backup.db")
    erase(installed, citizens[0], folder=tmp_path)
    elsewhere = shutil.copy(settings.journal, tmp_path / "elsewhere.journal")
    settings.journal.unlink()
    restore(settings, tmp_path / "backup.db")
    stone = tombstones.from_line(Path(elsewhere).read_bytes().rstrip())
    forged = tmp_path / "forged.journal"
    forged.write_bytes(tombstones.to_line(stone).replace(b'"epoch":1', b'"epoch":2'))
    assert "different stories" in installed("erase", "replay", str(forged)).stderr
    assert installed("erase", "replay", str(elsewhere)).exit_code == 0
    assert erasure_journal.read(settings.journal) == [stone]
    assert not on_register(settings, citizens[0])


def test_what_was_accepted_is_carried_out_or_put_off(installed, settings, citizens):
    async def work(held):
        links = [requests.new_link() for _ in citizens]
        async with db.begin(held.database) as tx:
            for link, person in zip(links, citizens, strict=True):
                hashed = erasure_certificates.subject_hash(requests.salt(link), person.idcs)
                await requests.ask(tx, person.subject, link, hashed)
                request = await requests.by_link(tx, link)
                await requests.accept(tx, request.id, StaffId("dpo-1"))
            await erasure_holds.place(tx, citizens[1].subject, Hold.COURT)
            await erasing.erase(
                tx, held.keyring, citizens[2].subject, subject_hash="0" * 64, by=DESK
            )
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

    (done, put_off, before), rows = asyncio.run(within(settings, work))
    assert (done.state, put_off.state, before.state) == (State.DONE, State.REFUSED, State.DONE)
    assert done.certificate is not None
    assert (put_off.reason, before.certificate) == (requests.Reason.HELD, None)
    assert {row.subject for row in rows} == {None}
    assert not on_register(settings, citizens[0])
    assert on_register(settings, citizens[1])


def test_one_request_that_fails_holds_up_nobody_behind_it(installed, settings, citizens):
    """And the journal learns of each that went, whatever becomes of the next."""

    async def work(held):
        async with db.begin(held.database) as tx:
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

    done, first, second, waiting = asyncio.run(within(settings, work))
    assert (done, [request.id for request in waiting]) == (1, [first.id])
    assert not on_register(settings, citizens[1])
    assert len(erasure_journal.read(settings.journal)) == len((first, second))


def test_log_keys_are_kept_until_their_term_and_then_all_of_them_go(
    installed, settings, citizens, tmp_path, monkeypatch
):
    for person in citizens:
        erase(installed, person, folder=tmp_path)
    assert "0 log keys destroyed" in installed("erase", "logs").stdout
    monkeypatch.setattr(retention, "LOG_TERM", timedelta(0))
    one_at_a_time = partial(erasing.forget_logs, limit=1)
    monkeypatch.setattr(erasing, "forget_logs", one_at_a_time)
    assert "3 log keys destroyed" in installed("erase", "logs").stdout


def test_threat_16_without_its_journal_the_service_is_closed_until_it_is_told_to_do_without(
    installed, settings, citizens, tmp_path
):
    erase(installed, citizens[0], folder=tmp_path)
    elsewhere = shutil.copy(settings.journal, tmp_path / "elsewhere.journal")
    settings.journal.unlink()
    for words in (("keys", "init"), ("migrate",)):
        assert installed(*words).exit_code == 0
    assert "no-journal" in installed("erase", "check").stderr
    assert asyncio.run(answers(settings))["/fr"] == 503
    refused = erase(installed, citizens[1], folder=tmp_path)
    assert "no-journal" in refused.stderr
    assert on_register(settings, citizens[1])
    assert "--without-journal" in installed("erase", "replay").stderr
    assert not settings.journal.exists()

    assert installed("erase", "replay", str(elsewhere)).exit_code == 0
    assert settings.journal.read_bytes() == Path(elsewhere).read_bytes()
    settings.journal.unlink()
    assert installed("erase", "replay", "--without-journal").exit_code == 0
    assert settings.journal.read_bytes() == Path(elsewhere).read_bytes()
    assert asyncio.run(answers(settings))["/fr"] == 200


def test_when_the_journal_goes_missing_between_two_erasures_the_second_is_not_done(
    installed, settings, citizens, tmp_path, monkeypatch
):
    def finished_and_lost(slip, jws, finish=Slip.finish):
        finish(slip, jws)
        settings.journal.unlink(missing_ok=True)

    monkeypatch.setattr(erasing_files.Slip, "finish", finished_and_lost)
    numbers = [person.idcs for person in citizens]
    stopped = batch(installed, tmp_path, "file", *numbers)
    assert "the service is closed: no-journal" in stopped.stderr
    assert on_register(settings, citizens[2])


def test_threat_16_what_came_back_beside_todays_tombstones_shuts_a_service_that_answers(
    installed, settings, citizens, tmp_path
):
    """The ends agree, so it starts; the whole look that follows at once shuts it."""
    backup(settings, tmp_path / "backup.db")
    erase(installed, citizens[0], folder=tmp_path)
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


def test_while_it_looks_all_are_told_at_once_to_come_back_and_one_look_goes_on(
    installed, settings, citizens, tmp_path, monkeypatch
):
    backup(settings, tmp_path / "backup.db")
    erase(installed, citizens[0], folder=tmp_path)
    restore(settings, tmp_path / "backup.db")
    looks = []

    async def long(*_):
        looks.append(1)
        await asyncio.sleep(3600)

    async def asked():
        async with AsyncTestClient(app.public_app(settings)) as client:
            monkeypatch.setattr(erasure_gate, "closed", long)
            monkeypatch.setattr(erasures, "LOOK_AGAIN", timedelta(0))
            async with asyncio.timeout(5):
                told = await asyncio.gather(*(client.get("/fr") for _ in range(20)))
            return {each.status_code for each in told}

    assert asyncio.run(asked()) == {503}
    assert len(looks) <= 2  # the one beside the service, and the one for all who asked


def test_a_look_that_fails_is_tried_again(installed, settings, monkeypatch):
    seen = []

    async def failing(*_):
        seen.append(1)
        if len(seen) == 1:
            raise OSError
        return []

    async def work(held):
        monkeypatch.setattr(erasures, "LOOK_AGAIN", timedelta(0))
        monkeypatch.setattr(erasure_gate, "closed", failing)
        for _ in range(100):
            if held.gate.is_open():
                return True
            await asyncio.sleep(0.02)
        return False

    assert asyncio.run(within(settings, work))
    assert len(seen) == 2
