import asyncio
import fcntl
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import msgspec
import pytest
from sqlalchemy import delete, update

from policies.vocabulary import Action, Actor, ActorKind, Outcome
from vault import (
    access_log,
    domain_rotation,
    erasure_gate,
    erasure_journal,
    log_tables,
    tombstones,
)
from vault import database as db
from vault.access_log import Line
from vault.envelope_errors import TamperedError
from vault.erasure_gate import Why

LINE = Line(
    actor=Actor(kind=ActorKind.SYSTEM, id="erasure"), action=Action.ERASE, outcome=Outcome.GIVEN
)


async def test_the_journal_follows_the_store_and_mends_half_a_line(
    database, people, erase, journal
):
    for person in people[:2]:
        await erase(person)
    whole = journal.read_bytes()
    journal.write_bytes(whole[:-9])
    assert len(erasure_journal.read(journal)) == 1
    async with db.read(database) as tx:
        assert await erasure_journal.keep(tx, journal) == 1
        assert await erasure_journal.keep(tx, journal) == 0
    assert journal.read_bytes() == whole
    assert journal.stat().st_mode & 0o077 == 0
    journal.write_bytes(b"{}\n")
    for reading in (erasure_journal.read, erasure_journal.last):
        with pytest.raises(TamperedError):
            reading(journal)


@pytest.mark.parametrize("half", ["", "x", "x" * 10_000], ids=len)
async def test_the_last_line_is_found_whatever_was_cut_off_behind_it(
    database, people, erase, journal, half
):
    def cut_off():
        journal.write_bytes(journal.read_bytes() + half.encode())
        return erasure_journal.last(journal)

    assert cut_off() == []
    for person in people:
        stone = (await erase(person)).tombstones[0]
        assert erasure_journal.last(journal) == [stone]
        assert cut_off() == [stone]
    assert [stone.number for stone in erasure_journal.read(journal)] == [1, 2, 3]


async def test_of_two_who_keep_the_journal_at_once_each_tombstone_is_written_once(
    database, people, erase, journal
):
    for person in people:
        await erase(person)
    whole = journal.read_bytes()
    journal.write_bytes(b"")

    async def keep():
        async with db.read(database) as tx:
            return await erasure_journal.keep(tx, journal)

    assert sum(await asyncio.gather(*(keep() for _ in range(4)))) == len(people)
    assert journal.read_bytes() == whole


async def test_who_waits_for_the_journals_disk_holds_up_nobody(database, people, erase, journal):
    await erase(people[0])
    with journal.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        async with db.read(database) as tx:
            keeping = asyncio.create_task(erasure_journal.keep(tx, journal))
            await asyncio.sleep(0.1)
            assert not keeping.done()
            fcntl.flock(other, fcntl.LOCK_UN)
            assert await asyncio.wait_for(keeping, 10) == 0


async def test_threat_16_a_journal_that_is_missing_closes_and_is_not_begun_by_itself(
    database, people, erase, journal, gate
):
    await erase(people[0])
    assert not erasure_journal.begin(journal)
    journal.unlink()
    assert await gate.closed() == [Why.NO_JOURNAL]
    assert await gate.ends() == [Why.NO_JOURNAL]
    async with db.read(database) as tx:
        assert await erasure_journal.keep(tx, journal) is None
    assert not journal.exists()
    assert erasure_journal.begin(journal)
    assert await gate.closed() == []
    assert await gate.ends() == []


async def test_threat_16_a_store_put_back_is_seen_by_its_ends_alone(
    database, people, erase, journal, gate
):
    """Tombstones of before, and the log with them or without."""
    assert await gate.ends() == []
    for person in people:
        await erase(person)
    stones, log = tombstones.tombstones, log_tables.access_log
    assert await gate.ends() == []
    async with db.begin(database) as tx:
        await tx.connection.execute(delete(stones).where(stones.c.number == 3))
    assert await gate.ends() == [Why.BEHIND_JOURNAL, Why.BEHIND_LOG]
    async with db.begin(database) as tx:
        await tx.connection.execute(delete(log))
    assert await gate.ends() == [Why.BEHIND_JOURNAL]


async def test_threat_44_what_came_after_the_journals_last_line_is_looked_at_whole(
    database, people, erase, journal, gate
):
    for person in people:
        await erase(person)
    lines = journal.read_bytes().splitlines(keepends=True)
    stones = tombstones.tombstones
    for kept, why in ((0, [Why.CHAIN_BROKEN]), (1, [Why.CHAIN_BROKEN]), (3, [])):
        journal.write_bytes(b"".join(lines[:kept]))
        assert await gate.ends() == []
        async with db.begin(database) as tx:
            await tx.connection.execute(
                update(stones).where(stones.c.number == 2).values(epoch=stones.c.epoch + 1)
            )
        assert await gate.ends() == why
        async with db.begin(database) as tx:
            await tx.connection.execute(
                update(stones).where(stones.c.number == 2).values(epoch=stones.c.epoch - 1)
            )


async def test_the_ends_are_read_by_the_same_few_statements_however_much_there_is(
    database, people, erase, gate, statements
):
    counted = []
    for person in people[:2]:
        await erase(person)
        async with db.begin(database) as tx:
            replayed = msgspec.structs.replace(LINE, detail="replayed 3, again 3")
            await access_log.record(tx, gate.keyring, [replayed] * 20)
        async with db.read(database) as tx:
            with statements(tx) as seen:
                told = [await tombstones.newest(tx)]
                assert await erasure_gate.ends_differ(tx, gate.keyring, told) == []
        counted.append(seen)
        assert not any("key" in each or "people" in each for each in map(str.lower, _tables(seen)))
    assert len(counted[0]) == len(counted[1])


def _tables(seen):
    return [statement.partition("FROM")[2] for statement in seen]


async def test_threat_44_a_tombstone_taken_out_is_found_and_put_back(database, people, erase, gate):
    for person in people:
        await erase(person)
    stones = tombstones.tombstones
    for number, why in (
        (2, [Why.CHAIN_BROKEN, Why.BEHIND_JOURNAL, Why.BEHIND_LOG]),
        (3, [Why.BEHIND_JOURNAL, Why.BEHIND_LOG]),
    ):
        async with db.begin(database) as tx:
            await tx.connection.execute(delete(stones).where(stones.c.number == number))
        assert await gate.closed() == why
        assert await gate.replayed() == (1, set())
        assert await gate.closed() == []


async def test_threat_44_without_the_journal_the_log_puts_tombstones_back_as_they_were(
    database, people, erase, journal, gate
):
    for person in people:
        await erase(person)
    before = erasure_journal.read(journal)
    journal.write_bytes(b"")
    async with db.begin(database) as tx:
        await tx.connection.execute(delete(tombstones.tombstones))
    assert await gate.closed() == [Why.BEHIND_LOG]
    assert await gate.replayed() == (3, set())
    async with db.read(database) as tx:
        assert await erasure_journal.keep(tx, journal) == 3
    assert erasure_journal.read(journal) == before


async def test_threat_44_an_altered_tombstone_is_found_and_mended(database, people, erase, gate):
    for person in people:
        await erase(person)
    stones = tombstones.tombstones
    changes = ({"tag": bytes(32)}, {"at": tombstones_at()}, {"epoch": 99}, {"version": 9})
    for change in changes:
        async with db.begin(database) as tx:
            await tx.connection.execute(update(stones).where(stones.c.number == 2).values(change))
        assert Why.CHAIN_BROKEN in await gate.closed()
        assert (await gate.replayed())[0] == 1
        assert await gate.closed() == []


def tombstones_at():
    return db.EPOCH + timedelta(days=1)


async def test_threat_44_stories_that_differ_are_not_replayed(people, erase, journal, gate):
    for person in people:
        await erase(person)
    lines = journal.read_bytes().splitlines(keepends=True)
    stone = tombstones.from_line(lines[1])
    forged = msgspec.structs.replace(stone, tag=bytes(32))
    journal.write_bytes(b"".join([lines[0], tombstones.to_line(forged), lines[2]]))
    with pytest.raises(TamperedError):
        await gate.replayed()
    skipped = msgspec.structs.replace(stone, number=9)
    journal.write_bytes(b"".join([*lines, tombstones.to_line(skipped)]))
    with pytest.raises(TamperedError):
        await gate.replayed()


async def test_an_entry_about_something_else_is_no_tombstone(database, keyring):
    async with db.begin(database) as tx:
        other = msgspec.structs.replace(LINE, detail="replayed 3")
        await access_log.record(tx, keyring, [other, msgspec.structs.replace(LINE, detail=None)])
        assert await erasure_gate.logged(tx) == []


@pytest.fixture
def rotate(database, keyring):
    async def rotating():
        async with db.begin(database) as tx:
            version = await domain_rotation.rotate(tx, keyring, tombstones.DOMAIN)
        async with db.begin(database) as tx:
            await keyring.reload(tx)
        return version

    return rotating


async def test_threat_44_tombstones_of_each_version_are_found_and_told_again(
    people, erase, journal, gate, rotate
):
    database = gate.database
    (first,) = (await erase(people[0])).tombstones
    assert await rotate() == 2
    (second,) = (await erase(people[1])).tombstones
    assert [stone.version for stone in (first, second)] == [1, 2]
    assert await gate.closed() == await gate.ends() == []
    async with db.read(database) as tx:
        assert await tombstones.among(tx, gate.keyring, people) == set(people[:2])
        assert await erasure_gate.logged(tx) == [
            msgspec.structs.replace(stone, link=b"") for stone in (first, second)
        ]
    journal.write_bytes(b"")
    async with db.begin(database) as tx:
        await tx.connection.execute(delete(tombstones.tombstones))
    assert await gate.replayed() == (2, set())
    assert await gate.closed() == []
    async with db.read(database) as tx:
        await erasure_journal.keep(tx, journal)
    assert erasure_journal.read(journal) == [first, second]


async def test_threat_44_a_journal_that_names_a_version_nobody_has_is_not_replayed(
    people, erase, journal, gate
):
    (stone,) = (await erase(people[0])).tombstones
    journal.write_bytes(tombstones.to_line(msgspec.structs.replace(stone, version=9)))
    assert await gate.closed() == [Why.BEHIND_JOURNAL]
    with pytest.raises(TamperedError):
        await gate.replayed()


async def test_a_version_that_tombstones_stand_under_is_kept(database, people, erase, gate, rotate):
    counts = domain_rotation.counts_of(())
    await rotate()
    await erase(people[0])
    await rotate()
    for version, done in ((1, True), (2, False)):
        async with db.begin(database) as tx:
            of = tx, gate.keyring, tombstones.DOMAIN, version, counts
            assert await domain_rotation.retire(*of) is done
        async with db.begin(database) as tx:
            await gate.keyring.reload(tx)
    assert await gate.closed() == []


def test_a_tombstone_that_was_logged_before_versions_is_of_the_first():
    at = datetime(2026, 11, 30, tzinfo=UTC)
    certificate, tag = uuid4(), bytes(range(32))
    told = tombstones.from_detail(f"tombstone/1 7 3 {certificate.hex} {tag.hex()}", at)
    assert told == tombstones.Tombstone(
        number=7, tag=tag, at=at, epoch=3, certificate=certificate, link=b"", version=1
    )
