"""Killed between any two steps, run twice, beside writers: a rotation loses nothing and ends."""

import asyncio
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from policies.vocabulary import SubjectId
from vault import (
    attributes,
    blind_index,
    index_rotation,
    key_jobs,
    log_chain,
    transparency,
)
from vault import database as db
from vault.attributes import Group
from vault.blind_index import Entry
from vault.key_tree import key_nodes
from vault.log_tree import log_entry
from vault.subject_keys import subject_keys

PEOPLE = 6


def groups(record, number):
    """What the registers seal of a person, as far as it is indexed, and a little more."""
    said = {
        "identity": {
            "given_name": {"ar": "أمينة", "latin": "Amina"},
            "family_name": {"ar": "العلمي", "latin": "Alami"},
            "birth_date": "1990-05-01",
            "idcs": f"100000000{number}",
            "document_number": f"BE{number}",
        },
        "contact": {"phone": 0},
    }
    return [Group(record=record, group=group, values=values) for group, values in said.items()]


@pytest.fixture
async def people(world):
    """People with something on record, found by a number, spread over several nodes."""
    subjects = sorted(SubjectId(uuid4()) for _ in range(PEOPLE))
    async with world.open() as (database, keyring), db.begin(database) as tx:
        fillers = [SubjectId(uuid4()) for _ in range(29)]
        await keyring.create_subject(tx, *subjects[:3], *fillers, *subjects[3:])
        await attributes.store_all(
            tx,
            keyring,
            [group for at, each in enumerate(subjects) for group in groups(each, at)],
        )
        entries = [
            entry
            for at, each in enumerate(subjects)
            for entry in (
                Entry(record=each, name="idcs", value=f"100000000{at}"),
                Entry(record=each, name="document", value=f"BE{at}"),
                Entry(record=each, name="person", value=("أمينة", "العلمي", "1990-05-01")),
                Entry(record=each, name="person", value=("Amina", "Alami", "1990-05-01")),
            )
        ]
        await blind_index.put_all(tx, keyring, entries)
    return subjects


async def told(tx, keyring, people):
    spots = [(each, group) for each in people for group in ("identity", "contact")]
    return await attributes.opened(tx, keyring, spots)


async def versions(tx):
    query = select(subject_keys.c.version).where(subject_keys.c.kind == "data").distinct()
    return set(await tx.connection.scalars(query))


async def test_threat_41_killed_at_any_step_a_pass_over_the_keys_goes_on_and_ends(world, people):
    async with world.open() as (database, keyring), db.read(database) as tx:
        before = await told(tx, keyring, people)
    left = set()
    for _ in world.killed_at_each_step("rotate_records"):
        async with world.open() as (database, keyring), db.read(database) as tx:
            assert await told(tx, keyring, people) == before
            left.add(frozenset(await versions(tx)))
        assert world.do("rotate_records").code == 0
        async with world.open() as (database, keyring), db.read(database) as tx:
            assert await told(tx, keyring, people) == before
            # It ends what was begun; what had ended is begun anew.
            assert await versions(tx) in ({2}, {3})
            assert await key_jobs.unfinished(tx) == []
            lowest = select(func.min(key_nodes.c.version)).where(key_nodes.c.tree == "data")
            assert await tx.connection.scalar(lowest) >= 2
    assert frozenset({2}) in left
    if world.every_step:
        assert {frozenset({1}), frozenset({1, 2})} < left


async def test_threat_41_killed_at_any_step_a_rotation_of_the_indexes_finds_everyone(world, people):
    for killed in world.killed_at_each_step("rotate_indexes", records=4, rows=12):
        async with world.open() as (database, keyring):
            assert await found(database, keyring) == people, killed.steps[-1]
        assert world.do("rotate_indexes", records=4, rows=12).code == 0
        async with world.open() as (database, keyring):
            assert await found(database, keyring) == people
            async with db.read(database) as tx:
                newest = keyring.versions("blind-index").active
                rows = select(func.count()).select_from(blind_index.blind_index)
                assert await index_rotation.uses(tx, newest) == await tx.connection.scalar(rows)
                assert (await transparency.verify(tx, keyring)).fault is None


async def found(database, keyring):
    """Whom the numbers lead to, in order."""
    numbers = [f"100000000{at}" for at in range(PEOPLE)]
    async with db.read(database) as tx:
        answers = await blind_index.find(tx, keyring, "idcs", numbers)
    assert all(len(answers[number]) == 1 for number in numbers)
    return [answers[number][0] for number in numbers]


async def test_threat_41_killed_again_and_again_twice_at_once_beside_writers_no_update_is_lost(
    world, people
):
    halves = people[::2], people[1::2]
    writers = [world.do("write_on", subjects=half, leave=True) for half in halves]
    ended = []
    for patience in range(1, 6):
        both = [world.do("rotate_records", leave=True) for _ in range(2)]
        await asyncio.sleep(0.12 * patience)
        ended += [world.end(pid, kill=True).code for pid in both]
    whole = world.do("rotate_records")
    assert whole.code == 0, whole
    # The embedded store lets one write at a time: a writer may have waited all along.
    for pid in writers:
        world.wait(pid, words=2 * len(people))
    words = [world.end(pid, kill=True).words for pid in writers]
    assert -9 in ended
    last = {record: number for said in words for record, number in said}
    async with world.open() as (database, keyring), db.read(database) as tx:
        assert min(await versions(tx)) >= 2
        values = await told(tx, keyring, people)
        for subject in people:
            # Killed between a commit and its word, a writer wrote once more: three are its own.
            said = last[str(subject)]
            assert values[subject, "contact"]["phone"] in (said, said + 3)
            chain = await log_chain.read(tx, keyring, subject)
            assert log_chain.faults(chain) == []
            assert await log_chain.put_back(tx, keyring, chain) == []


async def test_threat_34_killed_at_any_step_the_sequencer_seals_each_line_once(world, people):
    world.do("write_on", subjects=people, die_at=150)
    for killed in world.killed_at_each_step("sequence", at_once=7):
        assert world.do("sequence", at_once=7).code == 0, killed
        async with world.open() as (database, keyring), db.read(database) as tx:
            report = await transparency.verify(tx, keyring)
            assert report.fault is None
            assert await transparency.pending(tx) == 0
            sealed = select(func.count()).select_from(log_entry)
            assert report.entries == await tx.connection.scalar(sealed) > 7
