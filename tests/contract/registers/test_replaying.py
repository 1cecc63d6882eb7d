"""A replay of thousands: more than a statement can name, and than it can nest."""

from uuid import uuid4

import pytest
from sqlalchemy import delete, text

from identity.registry import erasing
from policies.vocabulary import SubjectId
from vault import database as db
from vault import erasure_gate, key_epoch, subject_keys, tombstones
from vault.key_tree import FAN_OUT
from vault.subject_keys import Kind

MANY = 4_200
"""One statement that names them all is nested deeper than PostgreSQL's stack."""
SOME = 3 * erasing.AGAIN - 1
"""SQLite knows no such depth: a few batches, the last one not full."""
MADE = 500
"""Records per transaction of the preparation."""


@pytest.fixture
async def scattered(database):
    """On PostgreSQL, records hang far apart, as those do who ask to be erased: a node each."""
    if database.embedded:
        yield
        return
    for step in (FAN_OUT, 1):
        async with db.begin(database) as tx:
            await tx.connection.execute(text(f"ALTER SEQUENCE key_places INCREMENT BY {step}"))
        if step == FAN_OUT:
            yield


@pytest.fixture
async def back(database, begin, keyring, scattered):
    """Erased records of which a restore brought the keys back."""
    records = [SubjectId(uuid4()) for _ in range(SOME if database.embedded else MANY)]
    for some in db.batches(records, MADE):
        async with begin() as tx:
            await keyring.create_subject(tx, *some)
    async with begin() as tx:
        epoch = await key_epoch.advance(tx)
        await tombstones.add(tx, keyring, records, epoch=epoch, certificate=uuid4())
    return records


@pytest.mark.timeout(600)
async def test_thousands_are_erased_again_and_told_of_as_they_go(begin, keyring, back):
    told = []
    async with begin() as tx:
        again = await erasing.erase_again(tx, keyring, lambda *each: told.append(each))
    assert again == len(back)
    assert told[-1] == (len(back), len(back))
    assert len(told) == -(-len(back) // erasing.AGAIN)
    async with begin() as tx:
        assert await subject_keys.handles(tx, Kind.DATA, back[:MADE]) == {}
        assert await erasing.erase_again(tx, keyring) == 0


async def test_more_tombstones_than_a_statement_takes_values_are_looked_up_and_put_back(
    begin, keyring
):
    records = [SubjectId(uuid4()) for _ in range(33_000)]
    async with begin() as tx:
        epoch = await key_epoch.advance(tx)
        stones = await tombstones.add(tx, keyring, records, epoch=epoch, certificate=uuid4())
        assert await tombstones.among(tx, keyring, records) == set(records)
        tags = [stone.tag for stone in stones]
        assert (await tombstones.of_tags(tx, tags)).keys() == set(tags)
        await tx.connection.execute(delete(tombstones.tombstones))
        assert await erasure_gate.replay(tx, keyring, stones) == len(stones)
