"""Killed between any two steps, an erasure is done, or can be done again: it is never half."""

import pytest
from sqlalchemy import func, select

from identity.registry import erasing, erasure_certificates, people
from identity.registry.erasing import Done, NotThere
from policies.vocabulary import Actor, ActorKind
from vault import attributes, erasure_gate, erasure_journal, signing, tombstones, transparency
from vault import database as db
from vault.erasure_gate import Why
from vault.subject_keys import subject_keys

DESK = Actor(kind=ActorKind.STAFF, id="desk-1")
HASH = "0" * 64


@pytest.fixture
async def neighbours(world, registered):
    """Two people whose keys hang from one node; the first is to be erased."""
    return [await registered(f"AB10000{number}", f"199{number}-05-01") for number in range(2)]


async def replay(database, keyring, journal):
    """What `amana erase replay` does."""
    async with db.begin(database) as tx:
        found = await erasure_gate.replay(tx, keyring, erasure_journal.read(journal))
        await keyring.reload(tx)
        return found, await erasing.erase_again(tx, keyring)


async def name(tx, keyring, subject):
    spot = (subject, "identity")
    return (await attributes.opened(tx, keyring, [spot]))[spot]


async def test_threat_34_killed_at_any_step_an_erasure_is_whole_or_not_begun(world, neighbours):
    gone, stays = neighbours
    for killed in world.killed_at_each_step("erase", subject=gone, subject_hash=HASH):
        committed = "after COMMIT" in killed.steps
        async with world.open() as (database, keyring):
            async with db.read(database) as tx:
                assert (await tombstones.newest(tx) is not None) == committed
                assert await there(tx, gone) == (0 if committed else 1)
                certificates = await tx.connection.scalar(_certificates)
                assert certificates == int(committed)
                # Whatever was on its way to the journal, it never knows more than the store.
                told = erasure_journal.read(world.journal)
                assert len(told) <= int(committed)
                assert await erasure_gate.closed(tx, keyring, told) == []
                assert (await transparency.verify(tx, keyring)).fault is None
                assert isinstance(await name(tx, keyring, stays), dict)
            async with db.begin(database) as tx:
                again = await erasing.erase(tx, keyring, gone, subject_hash=HASH, by=DESK)
                assert isinstance(again, NotThere if committed else Done)
            async with db.read(database) as tx:
                await erasure_journal.keep(tx, world.journal)
                assert [stone.number for stone in erasure_journal.read(world.journal)] == [1]
                assert await there(tx, gone) == 0
                assert await erasure_gate.closed(tx, keyring, [await tombstones.newest(tx)]) == []
        if killed.words:
            async with world.open() as (database, keyring), db.read(database) as tx:
                keys = await signing.ever(tx, keyring, "receipt")
            assert erasure_certificates.verify(killed.words[0], keys).subject == HASH


async def test_threat_16_killed_at_any_step_a_store_put_back_is_mended_from_the_journal(
    world, neighbours
):
    gone, stays = neighbours
    seen = set()
    for killed in world.killed_at_each_step("erase", subject=gone, subject_hash=HASH):
        told = erasure_journal.read(world.journal)
        world.restore()
        async with world.open() as (database, keyring):
            async with db.read(database) as tx:
                why = await erasure_gate.closed(tx, keyring, told)
            # Killed before the line was whole, nobody outside the store knows of it: a restore
            # to before is then as if it had not been, and who asked is answered by asking again.
            assert why == ([Why.BEHIND_JOURNAL] if told else [])
            seen.add(bool(told))
            assert await replay(database, keyring, world.journal) == ((1, 1) if told else (0, 0))
            async with db.read(database) as tx:
                assert await erasure_gate.closed(tx, keyring, told) == []
                assert await there(tx, gone) == (0 if told else 1)
                assert isinstance(await name(tx, keyring, stays), dict)
        if killed.words:  # a certificate left: the journal has it, always
            assert told
    assert seen == {True, False}


async def there(tx, subject):
    query = select(func.count()).where(
        subject_keys.c.subject == subject, subject_keys.c.kind == "data"
    )
    keys = await tx.connection.scalar(query)
    query = select(func.count()).where(people.people.c.subject == subject)
    assert await tx.connection.scalar(query) == keys
    return keys


_certificates = select(func.count()).select_from(erasure_certificates.erasure_certificates)
