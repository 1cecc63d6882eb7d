from datetime import timedelta
from uuid import uuid4

import msgspec
import pytest
from sqlalchemy import delete

from policies.vocabulary import GroupId, SubjectId
from vault import access_log, attributes, histories
from vault import database as db
from vault.attributes import Group, Unreadable
from vault.envelope_errors import KeyLostError, StalePermitError
from vault.log_leaf import month
from vault.sealed_groups import sealed_attributes
from vault.subject_keys import subject_keys

INDEX = GroupId("index")


def state(record, number, group=INDEX):
    return Group(record=record, group=group, values={"score": number})


@pytest.fixture
def read(database, keyring, permit):
    async def do(record, **changes):
        async with db.begin(database) as tx:
            given = permit(tx, record, [(record, INDEX, ("index",))])
            return await histories.reveal(tx, keyring, msgspec.structs.replace(given, **changes))

    return do


@pytest.fixture
def append(database, keyring):
    async def do(*states):
        async with db.begin(database) as tx:
            await histories.append(tx, keyring, states)

    return do


async def test_states_come_back_oldest_first_and_none_is_replaced(
    database, keyring, append, read, person
):
    for number in range(12):
        await append(state(person, number), state(person, -number, GroupId("household")))
    async with db.begin(database) as tx:
        await attributes.store(tx, keyring, person, INDEX, {"score": "now"})

    assert await read(person) == [{"score": number} for number in range(12)]


async def test_a_record_without_history_has_none(append, read, person):
    await append()

    assert await read(person) == []


async def test_each_record_counts_its_own(append, read, new_record):
    one, two = await new_record(), await new_record()
    await append(state(one, 1), state(two, 2))
    await append(state(two, 3))

    assert await read(one) == [{"score": 1}]
    assert await read(two) == [{"score": 2}, {"score": 3}]


async def test_reading_is_logged(database, keyring, append, read, person):
    await append(state(person, 1))
    await read(person)

    async with db.begin(database) as tx:
        (entry,) = await access_log.of_subject(tx, keyring, person, [month(tx.now)])
    assert entry.attributes == (("index", "raw"),)


async def test_a_state_that_is_taken_away_is_seen_and_logged(
    database, keyring, append, read, person
):
    await append(state(person, 1))
    await append(state(person, 2))
    async with db.begin(database) as tx:
        await tx.connection.execute(
            delete(sealed_attributes).where(sealed_attributes.c.group == "index.000002")
        )

    assert await read(person) == Unreadable(
        record=person, group=GroupId("index.000002"), fault="missing"
    )
    async with db.begin(database) as tx:
        lines = await access_log.of_subject(tx, keyring, person, [month(tx.now)])
    assert {line.reasons for line in lines} == {(), ("missing",)}


async def test_a_permit_of_another_transaction_opens_nothing(append, read, person):
    await append(state(person, 1))

    with pytest.raises(StalePermitError):
        await read(person, decided_at=db.EPOCH + timedelta(days=1))


async def test_without_a_key_nothing_is_added_or_read(database, append, read, person):
    with pytest.raises(KeyLostError):
        await append(state(SubjectId(uuid4()), 1))
    async with db.begin(database) as tx:
        await tx.connection.execute(delete(subject_keys).where(subject_keys.c.kind == "data"))

    with pytest.raises(KeyLostError):
        await read(person)


async def test_a_rehearsal_is_as_many_statements_as_reading_and_leaves_no_line(
    database, keyring, permit, person, statements
):
    async with db.begin(database) as tx:
        await attributes.store(tx, keyring, person, GroupId("identity"), {"given_name": "A"})
    async with db.begin(database) as tx:
        await attributes.reveal(tx, keyring, [permit(tx, person)])
        with statements(tx) as reading:
            await attributes.reveal(tx, keyring, [permit(tx, person)])
        with statements(tx) as rehearsing:
            await attributes.rehearse(tx, 1)
        with statements(tx) as nothing:
            await attributes.rehearse(tx, 0)
        lines = await access_log.of_subject(tx, keyring, person, [month(tx.now)])

    logged = [each for each in reading if each.startswith("SELECT")]
    assert len(rehearsing) == len(logged) == 1
    assert rehearsing[0].split(" WHERE")[0] == logged[0].split(" WHERE")[0]
    assert nothing == []
    assert len(lines) == 2
