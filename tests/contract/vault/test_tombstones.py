from datetime import timedelta

import msgspec
import pytest
from sqlalchemy import delete, update

from policies.vocabulary import Action, Actor, ActorKind, Outcome
from vault import (
    access_log,
    erasure_gate,
    erasure_journal,
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
    with pytest.raises(TamperedError):
        erasure_journal.read(journal)


def test_no_journal_says_nothing(journal):
    assert erasure_journal.read(journal) == []


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
    journal.unlink()
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
    for change in ({"tag": bytes(32)}, {"at": tombstones_at()}, {"epoch": 99}):
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
