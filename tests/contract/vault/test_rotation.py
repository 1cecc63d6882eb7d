import asyncio
from uuid import uuid4

import pytest
from sqlalchemy import func, select, update

from policies.vocabulary import Action, Actor, ActorKind, Outcome, SubjectId
from vault import (
    access_log,
    attributes,
    histories,
    key_jobs,
    log_chain,
    resealing,
    rotation,
    subject_keys,
)
from vault import database as db
from vault.access_log import Line
from vault.attribute_heads import attribute_heads
from vault.attributes import Group, Unreadable
from vault.keyring import open_keyring
from vault.sealed_groups import sealed_attributes

AMINA = {"given_name": "Amina", "family_name": "Alami"}
table = subject_keys.subject_keys


def silent(_done, _total):
    """Report no progress."""


async def rotate(database, keyring, progress):
    """A whole pass, or what is left of one, by one process."""
    return await rotation.end(database, keyring, await rotation.begun(database), progress)


@pytest.fixture
async def people(database, keyring, monkeypatch):
    # Two hang from a node, and a step is a node: eight people are four steps.
    monkeypatch.setattr(subject_keys, "FAN_BITS", 1)
    monkeypatch.setattr(subject_keys, "FAN_OUT", 2)
    monkeypatch.setattr(rotation, "NODES", 1)
    monkeypatch.setattr(resealing, "BREATH", 2)
    subjects = sorted(SubjectId(uuid4()) for _ in range(8))
    async with db.begin(database) as tx:
        await keyring.create_subject(tx, *subjects)
        groups = [
            Group(record=each, group=group, values=AMINA | {"n": number})
            for number, each in enumerate(subjects[:-1])  # of the last, nothing is kept
            for group in ("identity", "contact")
        ]
        await attributes.store_all(tx, keyring, groups)
        await histories.append(
            tx, keyring, [Group(record=subjects[0], group="index", values={"score": 1})]
        )
    return subjects


@pytest.fixture
def read(database, permit):
    async def reading(keyring, subjects):
        async with db.begin(database) as tx:
            permits = [permit(tx, each, [(each, "identity", ("n",))]) for each in subjects]
            return await attributes.reveal(tx, keyring, permits)

    return reading


async def handles(database):
    query = select(table.c.subject, table.c.handle, table.c.version).where(table.c.kind == "data")
    async with db.read(database) as tx:
        return {
            row.subject: (row.handle, row.version) for row in await tx.connection.execute(query)
        }


async def test_every_record_gets_a_new_key_and_reads_as_before(database, keyring, people, read):
    before, told = await handles(database), await read(keyring, people)
    reported = []
    job = await rotate(database, keyring, lambda *at: reported.append(at))
    after = await handles(database)
    assert (job.done, job.total, job.errors) == (8, 8, 0)
    assert reported == [(2, 8), (4, 8), (6, 8), (8, 8)]
    assert all(after[each][0] != before[each][0] and after[each][1] == 2 for each in people)
    # This process still holds the older keys: it sees that they were replaced.
    assert await read(keyring, people) == told
    async with db.read(database) as tx:
        assert await key_jobs.unfinished(tx) == []


async def test_a_process_that_holds_the_older_key_reads_and_writes_under_the_newer(
    database, keys, keyring, people, read
):
    async with db.begin(database) as tx:
        other = await open_keyring(tx, keys)
    told = await read(other, people[:2])
    async with db.begin(database) as tx:
        assert await resealing.renew(tx, keyring, people[:2]) == []
    assert await read(other, people[:2]) == told
    async with db.begin(database) as tx:
        assert await resealing.renew(tx, keyring, people[:2]) == []
    async with db.begin(database) as tx:
        await attributes.store(tx, other, people[0], "identity", {"n": "new"})
    keyring.forget()
    assert (await read(keyring, people[:2]))[0] == {"n": "new"}


async def test_threat_41_a_pass_that_was_killed_goes_on_where_it_stood(
    database, keyring, people, read, monkeypatch
):
    before, told = await handles(database), await read(keyring, people)
    real, steps = rotation._step, []

    async def killed(tx, keyring, lane, ahead):
        steps.append(ahead.nodes)
        if len(steps) == 2:
            raise KeyboardInterrupt
        return await real(tx, keyring, lane, ahead)

    monkeypatch.setattr(rotation, "_step", killed)
    with pytest.raises(KeyboardInterrupt):
        await rotate(database, keyring, silent)
    half = await handles(database)
    assert len([each for each in people if half[each] != before[each]]) == 2
    assert await read(keyring, people) == told
    job = await rotate(database, keyring, silent)
    assert job.done == 8
    assert steps[1] == steps[2] == range(1, 2)
    after = await handles(database)
    assert {version for _, version in after.values()} == {2}
    assert await read(keyring, people) == told


async def test_threat_41_two_at_once_rotate_each_record_once_a_pass(
    database, keyring, people, read
):
    told = await read(keyring, people)
    jobs = await asyncio.gather(*(rotate(database, keyring, silent) for _ in range(2)))
    # They share a pass, unless one had ended before the other began.
    passes = len({job.id for job in jobs})
    assert {version for _, version in (await handles(database)).values()} == {1 + passes}
    assert await read(keyring, people) == told


async def test_threat_41_writes_beside_a_rotation_are_not_lost(database, keyring, people, read):
    async def write(number):
        async with db.begin(database) as tx:
            values = {"n": f"written {number}"}
            await attributes.store(tx, keyring, people[number], "identity", values)

    await asyncio.gather(rotate(database, keyring, silent), *(write(number) for number in range(7)))
    told = await read(keyring, people[:7])
    assert told == [{"n": f"written {number}"} for number in range(7)]


async def test_what_does_not_open_is_left_as_it_is_and_counted(database, keyring, people, read):
    before = await handles(database)
    async with db.begin(database) as tx:
        await tx.connection.execute(
            update(sealed_attributes)
            .where(sealed_attributes.c.record == people[1], sealed_attributes.c.group == "contact")
            .values(blob=bytes(200))
        )
    job = await rotate(database, keyring, silent)
    assert (job.done, job.errors) == (8, 1)
    assert (await handles(database))[people[1]] == before[people[1]]
    assert not isinstance((await read(keyring, people))[1], Unreadable)


async def test_a_stranger_has_no_key_to_renew(database, keyring, people):
    stranger = SubjectId(uuid4())
    async with db.begin(database) as tx:
        assert await resealing.renew(tx, keyring, [*people, stranger]) == [stranger]


async def test_the_pass_ends_with_every_node_renewed(database, keyring, people):
    from vault.key_tree import key_nodes

    await rotate(database, keyring, silent)
    async with db.read(database) as tx:
        query = select(func.min(key_nodes.c.version)).where(key_nodes.c.tree == "data")
        assert await tx.connection.scalar(query) == 2


async def test_an_empty_store_is_rotated_at_once(database, keyring):
    job = await rotate(database, keyring, silent)
    assert (job.done, job.total) == (0, 0)


async def test_a_rotation_leaves_what_the_log_committed_to_as_it_was(database, keyring, people):
    async with db.begin(database) as tx:
        written = await attributes.written(tx, people[:1])
        line = Line(
            actor=Actor(kind=ActorKind.STAFF, id="desk"),
            action=Action.REGISTER,
            outcome=Outcome.GIVEN,
            subject=people[0],
            written=written[people[0]],
        )
        await access_log.record(tx, keyring, [line])
    await rotate(database, keyring, silent)
    async with db.read(database) as tx:
        chain = await log_chain.read(tx, keyring, people[0])
        assert await log_chain.put_back(tx, keyring, chain) == []
        assert log_chain.faults(chain) == []


async def test_many_records_are_renewed_in_as_many_statements_as_few(
    database, keyring, people, statements
):
    sent = []
    for some in (people[:2], people[2:7]):
        keyring.forget()
        async with db.begin(database) as tx:
            with statements(tx) as seen:
                assert await resealing.renew(tx, keyring, some) == []
        sent.append(len(seen))
    assert sent[0] == sent[1] < 20


async def test_a_record_whose_head_was_altered_keeps_its_key(database, keyring, people):
    before = await handles(database)
    async with db.begin(database) as tx:
        where = attribute_heads.c.record == people[0]
        await tx.connection.execute(update(attribute_heads).where(where).values(mac=bytes(32)))
        assert await resealing.renew(tx, keyring, people[:1]) == people[:1]
    assert (await handles(database))[people[0]] == before[people[0]]


async def test_a_record_of_which_nothing_is_kept_gets_a_new_key(database, keyring, people):
    before = await handles(database)
    async with db.begin(database) as tx:
        assert await resealing.renew(tx, keyring, people[-1:]) == []
    assert (await handles(database))[people[-1]] != before[people[-1]]


async def test_nodes_that_nothing_hangs_from_are_passed_over(database, keyring, people):
    async with db.begin(database) as tx:
        far = SubjectId(uuid4())
        await keyring.create_subject(tx, far)
        # A place far to the right, as after registrations that were rolled back.
        tree = keyring.trees[subject_keys.Kind.DATA]
        grown = await tree.grow(tx, {70})
        query = select(table).where(table.c.subject == far, table.c.kind == "data")
        row = (await tx.connection.execute(query)).one()
        moved = subject_keys._new(tx, subject_keys.Kind.DATA, far, 70, grown[70])
        await tx.connection.execute(update(table).where(table.c.handle == row.handle).values(moved))
    job = await rotate(database, keyring, silent)
    assert (job.done, job.errors) == (9, 0)
    async with db.read(database) as tx:
        versions = select(table.c.node_version).where(table.c.kind == "data")
        assert set(await tx.connection.scalars(versions)) == {2}


async def test_a_lane_that_another_process_went_over_meanwhile_is_left_to_it(
    database, keyring, people, monkeypatch
):
    number = await rotation.begun(database)
    real = key_jobs.locked

    async def beaten(tx, lane):
        now = await real(tx, lane)
        return await key_jobs.advanced(tx, now, to=lane.until, done=0, errors=0)

    monkeypatch.setattr(key_jobs, "locked", beaten)
    job = await rotation.end(database, keyring, number, silent)
    async with db.read(database) as tx:
        assert await key_jobs.unfinished(tx) == []
        versions = select(table.c.node_version).where(table.c.kind == "data")
        assert set(await tx.connection.scalars(versions)) == {1}
    assert job.done == 0


async def test_parts_make_a_whole_and_what_is_above_is_renewed_when_all_are_done(
    database, keyring, people, read
):
    from vault.key_tree import key_nodes

    told, number = await read(keyring, people), await rotation.begun(database)
    assert await rotation.begun(database) == number  # whoever comes now takes part in it
    lowest = select(key_nodes.c.level, func.min(key_nodes.c.version)).where(
        key_nodes.c.tree == "data"
    )

    async def versions():
        async with db.read(database) as tx:
            return dict((await tx.connection.execute(lowest.group_by(key_nodes.c.level))).all())

    parts = (
        rotation.take_part(database, keyring, number, silent, part=part, of=3) for part in range(3)
    )
    await asyncio.gather(*parts)
    found = await versions()
    assert found.pop(1) == 2
    assert set(found.values()) == {1}
    job = await rotation.end(database, keyring, number, silent)
    assert set((await versions()).values()) == {2}
    assert (job.done, job.total, job.errors) == (8, 8, 0)
    assert await read(keyring, people) == told


async def test_who_is_ready_first_takes_over_what_another_has_not_begun(
    database, keyring, people, monkeypatch
):
    number, real, gone = await rotation.begun(database), rotation._go_over, []

    async def noted(database, keyring, lane, progress):
        gone.append(lane.lane)
        await real(database, keyring, lane, progress)
        if lane.lane == 0:  # somebody else begins with lane 7 in the meantime
            async with db.begin(database) as tx:
                touched = update(key_jobs.key_jobs).where(key_jobs.key_jobs.c.lane == 7)
                await tx.connection.execute(touched.values(errors=1))

    monkeypatch.setattr(rotation, "_go_over", noted)
    await rotation.take_part(database, keyring, number, silent, part=0, of=2)
    assert gone == [0, 2, 4, 6, 5, 3, 1]


async def test_who_begins_while_another_does_waits_and_shares_its_pass(database, keyring, people):
    async with db.begin(database) as tx:
        first = await key_jobs.begun(tx, "records", nodes=4, above=1, total=8)
        second = asyncio.create_task(rotation.begun(database))
        await asyncio.sleep(0.2)  # time enough for who would not wait
        assert not second.done()
    assert await second == first


async def test_two_that_end_a_pass_at_once_renew_what_is_above_once(database, keyring, people):
    from vault.key_tree import key_nodes

    number = await rotation.begun(database)
    await rotation.take_part(database, keyring, number, silent)
    await asyncio.gather(*(rotation.end(database, keyring, number, silent) for _ in range(2)))
    query = select(key_nodes.c.version).where(key_nodes.c.tree == "data").distinct()
    async with db.read(database) as tx:
        assert list(await tx.connection.scalars(query)) == [2]
        assert await key_jobs.unfinished(tx) == []


async def test_what_is_written_between_reading_and_writing_is_not_lost(
    database, keyring, people, read, monkeypatch
):
    real, before = rotation._step, await handles(database)

    async def late(tx, keyring, lane, ahead):
        # As it would have been, had the write come before the step began.
        chosen = [each for each in people[:-1] if each in ahead.ready]
        for each in chosen[:1]:
            await attributes.store(tx, keyring, each, "identity", {"n": "late"})
        return await real(tx, keyring, lane, ahead)

    monkeypatch.setattr(rotation, "_step", late)
    job = await rotate(database, keyring, silent)
    assert (job.done, job.errors) == (8, 0)
    after = await handles(database)
    assert all(after[each][1] == 2 and after[each][0] != before[each][0] for each in people)
    assert [told == {"n": "late"} for told in await read(keyring, people[:-1])].count(True) >= 4


async def test_a_node_with_a_key_that_does_not_open_stays_and_the_pass_goes_on(
    database, keyring, people, read
):
    before = await handles(database)
    query = select(table.c.node).where(table.c.subject == people[1], table.c.kind == "data")
    async with db.begin(database) as tx:
        where = (table.c.subject == people[1], table.c.kind == "data")
        node = await tx.connection.scalar(query)
        await tx.connection.execute(update(table).where(*where).values(wrapped=bytes(72)))
    keyring.forget()
    job = await rotate(database, keyring, silent)
    assert (job.done, job.errors) == (8, 1)
    after = await handles(database)
    assert [each for each in people if after[each] == before[each]] == [people[1]]
    async with db.read(database) as tx:
        stays = select(table.c.node_version).where(table.c.node == node, table.c.kind == "data")
        assert set(await tx.connection.scalars(stays)) == {1}


async def test_a_record_that_is_erased_between_reading_and_writing_is_passed_over(
    database, keyring, people, monkeypatch
):
    real, gone = rotation._step, people[:-1]

    async def late(tx, keyring, lane, ahead):
        for each in [each for each in gone if each in ahead.ready][:1]:
            where = (attribute_heads.c.record == each,)
            await tx.connection.execute(attribute_heads.delete().where(*where))
            await subject_keys.destroy(tx, keyring.trees[subject_keys.Kind.DATA], [each])
        return await real(tx, keyring, lane, ahead)

    monkeypatch.setattr(rotation, "_step", late)
    job = await rotate(database, keyring, silent)
    assert (job.done, job.errors) == (4, 0)
