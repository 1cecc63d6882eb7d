"""A new index key while people come, change and are looked for."""

import asyncio
from types import SimpleNamespace
from uuid import uuid4

import pytest
from sqlalchemy import event, func, select, update

from policies.vocabulary import SubjectId
from vault import (
    access_log,
    attributes,
    blind_index,
    domain_keys,
    domain_rotation,
    index_rotation,
    version_jobs,
)
from vault import database as db
from vault import index_versions as versions
from vault.access_log import Criteria
from vault.attributes import Group
from vault.blind_index import Entry, TakenError
from vault.index_rotation import Behind
from vault.keyring import open_keyring
from vault.sealed_groups import sealed_attributes

TABLE = blind_index.blind_index


async def retired(tx, keyring, version):
    counts = domain_rotation.counts_of(())
    return await domain_rotation.retire(tx, keyring, "blind-index", version, counts)


def groups(record, number, phone="+212612345678"):
    """What the registers seal of a person, as far as it is indexed."""
    said = {
        "identity": {
            "given_name": {"ar": "أمينة", "latin": "Amina"},
            "family_name": {"ar": "العلمي", "latin": "Alami"},
            "birth_date": "1990-05-01",
            "idcs": number,
            "document_number": f"BE{number}",
        },
        "contact": {"phone": phone},
    }
    return [Group(record=record, group=group, values=values) for group, values in said.items()]


def entries(record, number, phone="+212612345678"):
    said = {"idcs": number, "document": f"BE{number}", "phone": phone}
    names = ("أمينة", "العلمي", "1990-05-01"), ("Amina", "Alami", "1990-05-01")
    return [
        *(Entry(record=record, name=name, value=value) for name, value in said.items()),
        *(Entry(record=record, name="person", value=value) for value in names),
    ]


@pytest.fixture
def enter(database, keyring):
    """Enters a person, sealed and indexed; their record."""

    async def do(number, ring=keyring, **changes):
        record = SubjectId(uuid4())
        async with db.begin(database) as tx:
            await ring.create_subject(tx, record)
            await attributes.store_all(tx, ring, groups(record, number, **changes))
            await blind_index.put_all(tx, ring, entries(record, number, **changes))
        return record

    return do


@pytest.fixture
def look(database, keyring):
    async def do(name, value, ring=keyring):
        async with db.read(database) as tx:
            return (await blind_index.find(tx, ring, name, [value]))[value]

    return do


@pytest.fixture
def other(database, keys):
    """Another process: a keyring of its own that hears of nothing."""

    async def do():
        async with db.begin(database) as tx:
            return await open_keyring(tx, keys)

    return do


@pytest.fixture
def rotate(database, keyring):
    async def do():
        async with db.begin(database) as tx:
            return await index_rotation.begin(tx, keyring)

    return do


@pytest.fixture
def settle(database):
    """Settles and drops; why not, if not."""

    async def do():
        async with db.begin(database) as tx:
            why = await index_rotation.settle(tx)
        if why is None:
            await index_rotation.drop_all(database)
        return why

    return do


@pytest.fixture
def by_version(database):
    async def do():
        async with db.read(database) as tx:
            query = select(TABLE.c.version, func.count()).group_by(TABLE.c.version)
            return {row[0]: row[1] for row in await tx.connection.execute(query)}

    return do


@pytest.fixture
def index(request, database, keyring, keys):
    """The store, its keys, and all that is done with them here."""
    own = ("enter", "look", "rotate", "settle", "by_version", "other")
    return SimpleNamespace(
        database=database,
        keyring=keyring,
        keys=keys,
        **{name: request.getfixturevalue(name) for name in own},
    )


def said(_done, _total):
    """Nobody watches."""


async def test_a_whole_rotation_loses_nobody_and_the_old_key_may_go(index, monkeypatch):
    monkeypatch.setattr(index_rotation, "PAGE", 2)
    monkeypatch.setattr(index_rotation, "DROPPED", 3)
    people = {f"100000000{n}": await index.enter(f"100000000{n}") for n in range(5)}
    assert await index.rotate() == 2
    progress = []
    job = await index_rotation.reindex(
        index.database, index.keyring, lambda *told: progress.append(told)
    )
    assert (job.done, job.total, job.faults) == (5, 5, 0)
    assert progress == [(2, 5), (4, 5), (5, 5), (5, 5)]
    before = await index.by_version()
    assert before[1] == before[2]
    assert await index.settle() is None
    assert await index.by_version() == {2: before[2]}
    for number, person in people.items():
        assert (
            await index.look("idcs", number)
            == await index.look("document", f"be-{number}")
            == [person]
        )
    assert set(await index.look("phone", "0612345678")) == set(people.values())
    assert set(await index.look("person", ("Alami", "AMINA", "01/05/1990"))) == set(people.values())
    async with db.begin(index.database) as tx:
        assert await retired(tx, index.keyring, 1)


async def test_threat_42_no_version_is_retired_while_a_row_or_an_answer_rests_on_it(index):
    await index.enter("1000000001")
    await index.rotate()
    async with db.begin(index.database) as tx:
        assert not await retired(tx, index.keyring, 1)
    assert await index.settle() == Behind(rows=4, faults=0, unfinished=True)
    await index_rotation.reindex(index.database, index.keyring, said)
    # The flag says finished, and one row is of the old version alone.
    async with db.begin(index.database) as tx:
        row = {"name": "idcs", "version": 1, "tag": b"\1" * 16, "record": uuid4()}
        await tx.connection.execute(TABLE.insert().values(row))
    assert await index.settle() == Behind(rows=1, faults=0, unfinished=False)
    async with db.begin(index.database) as tx:
        assert not await retired(tx, index.keyring, 1)
        await tx.connection.execute(TABLE.delete().where(TABLE.c.record == row["record"]))
        assert await index_rotation.settle(tx) is None
        # Settled, but not dropped yet.
        assert not await retired(tx, index.keyring, 1)
        assert await index_rotation.drop(tx) == 4
        assert await retired(tx, index.keyring, 1)
        assert not await retired(tx, index.keyring, 2)
    assert (await index.by_version()).keys() == {2}


async def test_threat_41_a_job_killed_at_any_page_goes_on_and_is_done_once(index, monkeypatch):
    monkeypatch.setattr(index_rotation, "PAGE", 1)
    people = [await index.enter(f"100000000{n}") for n in range(4)]
    await index.rotate()

    def killed(_done, _total):
        raise KeyboardInterrupt

    for done in (1, 2):
        with pytest.raises(KeyboardInterrupt):
            await index_rotation.reindex(index.database, index.keyring, killed)
        async with db.read(index.database) as tx:
            job = await version_jobs.of(tx, "blind-index", 2)
        assert (job.done, job.finished_at) == (done, None)
    job = await index_rotation.reindex(index.database, index.keyring, said)
    again = await index_rotation.reindex(index.database, index.keyring, said)
    assert job.done == again.done == 4
    assert again.finished_at == job.finished_at
    assert [await index.look("idcs", f"100000000{n}") for n in range(4)] == [[it] for it in people]


async def test_threat_41_two_jobs_at_once_do_the_work_once(index, monkeypatch):
    monkeypatch.setattr(index_rotation, "PAGE", 1)
    for n in range(6):
        await index.enter(f"100000000{n}")
    await index.rotate()
    jobs = await asyncio.gather(
        index_rotation.reindex(index.database, index.keyring, said),
        index_rotation.reindex(index.database, await index.other(), said),
    )
    assert {(job.done, job.faults) for job in jobs} == {(6, 0)}
    counts = await index.by_version()
    assert counts[1] == counts[2]


async def test_threat_41_who_comes_by_a_process_that_knows_no_rotation_is_in_both_versions(index):
    stale, deaf = await index.other(), await index.other()
    await index.enter("1000000001", stale)
    await index.rotate()
    late = await index.enter("1000000002", stale)
    counts = await index.by_version()
    assert counts == {1: 8, 2: 4}
    await index_rotation.reindex(index.database, index.keyring, said)
    assert await index.settle() is None
    assert await index.look("idcs", "1000000002", stale) == [late]
    assert await index.look("idcs", "1000000002", deaf) == [late]


async def test_threat_41_who_changes_while_the_job_runs_is_found_by_what_they_say_last(
    index, monkeypatch
):
    monkeypatch.setattr(index_rotation, "PAGE", 1)
    people = [await index.enter(f"100000000{n}", phone=f"+21260000000{n}") for n in range(8)]
    await index.rotate()

    async def move(at):
        record, phone = people[at], f"+21270000000{at}"
        async with db.begin(index.database) as tx:
            await blind_index.remove(tx, record, "phone")
            await blind_index.put(tx, index.keyring, record, "phone", phone)
            await attributes.store(tx, index.keyring, record, "contact", {"phone": phone})

    await asyncio.gather(
        index_rotation.reindex(index.database, index.keyring, said),
        *(move(at) for at in range(8)),
        *(index.enter(f"200000000{n}") for n in range(4)),
    )
    assert await index.settle() is None
    for at, record in enumerate(people):
        assert await index.look("phone", f"060000000{at}") == []
        assert await index.look("phone", f"070000000{at}") == [record]
    for n in range(4):
        assert len(await index.look("idcs", f"200000000{n}")) == 1


async def test_a_number_stays_unique_before_its_owner_is_made_anew(index):
    owner = await index.enter("1000000001")
    await index.rotate()
    async with db.begin(index.database) as tx:
        thief = SubjectId(uuid4())
        # As the registers do: the refusal is a value, and the transaction goes on.
        with pytest.raises(TakenError):
            await blind_index.put(tx, index.keyring, thief, "idcs", "1000000001")
    assert await index.by_version() == {1: 4}
    await index_rotation.reindex(index.database, index.keyring, said)
    assert await index.look("idcs", "1000000001") == [owner]
    assert await index.settle() is None
    with pytest.raises(TakenError):
        await index.enter("1000000001")


@pytest.mark.parametrize("rotated", ["before", "meanwhile"])
async def test_of_many_who_claim_one_number_during_a_rotation_one_has_it(index, rotated):
    rings = [index.keyring, await index.other(), await index.other()]

    async def claim(ring):
        async with db.begin(index.database) as tx:
            await blind_index.put(tx, ring, SubjectId(uuid4()), "household", "12345678")

    await asyncio.gather(*(claim(ring) for ring in rings), return_exceptions=True)
    if rotated == "before":
        await index.rotate()
    work = [claim(ring) for ring in rings for _ in range(4)]
    meanwhile = [index.rotate()] if rotated == "meanwhile" else []
    outcomes = await asyncio.gather(*work[:6], *meanwhile, *work[6:], return_exceptions=True)
    assert {type(each) for each in outcomes if isinstance(each, Exception)} == {TakenError}
    assert len(await index.look("household", "12345678")) == 1
    assert await index.by_version() == {1: 1}


async def test_a_record_that_does_not_open_keeps_the_older_version_alive(index):
    person = await index.enter("1000000001")
    async with db.begin(index.database) as tx:
        await tx.connection.execute(
            update(sealed_attributes)
            .where(sealed_attributes.c.group == "contact")
            .values(blob=b"\1" * 200)
        )
    await index.rotate()
    assert (await index_rotation.reindex(index.database, index.keyring, said)).faults == 1
    assert await index.settle() == Behind(rows=1, faults=1, unfinished=False)
    assert await index.look("phone", "0612345678") == [person]


async def test_each_page_is_a_line_of_the_log_and_about_nobody(index):
    await index.enter("1000000001")
    await index.rotate()
    await index_rotation.reindex(index.database, index.keyring, said)
    async with db.read(index.database) as tx:
        (line,) = await access_log.search(tx, Criteria(actor=index_rotation.ACTOR))
    assert (line.action, line.detail) == ("reindex", "blind-index v2: 1")
    assert line.attributes == ()


async def test_progress_says_how_fast_and_how_long(index):
    await index.enter("1000000001")
    await index.rotate()
    async with db.begin(index.database) as tx:
        job = await version_jobs.held(tx, "blind-index", 2)
        assert (job.rate, job.seconds_left) == (0, 0)
        half = version_jobs.Progress(
            domain="blind-index",
            version=2,
            done=10,
            total=30,
            milliseconds=500,
            started_at=tx.now,
            updated_at=tx.now,
        )
        assert (half.rate, half.seconds_left) == (20, 1)


async def test_threat_27_an_old_version_goes_on_answering_by_its_own_rules(index):
    # As a store that was made before rules had versions: pinned to the first by its migration.
    async with db.begin(index.database) as tx:
        await versions.pin(tx)
        await tx.connection.execute(update(versions.index_versions).values(rules=1))
    person = await index.enter("1000000001", phone="+330612345678")
    assert await index.look("phone", "+33 06 12 34 56 78") == [person]
    assert await index.look("phone", "+33 6 12 34 56 78") == []
    await index.rotate()
    assert await index.look("phone", "+33 06 12 34 56 78") == [person]
    await index_rotation.reindex(index.database, index.keyring, said)
    assert await index.look("phone", "+33 06 12 34 56 78") == [person]
    assert await index.look("phone", "+33 6 12 34 56 78") == [person]
    assert await index.settle() is None
    assert await index.look("phone", "+33 6 12 34 56 78") == [person]


async def test_threat_13_a_dump_of_the_store_tells_no_number(index):
    await index.enter("1000000001")
    async with db.read(index.database) as tx:
        rows = [
            row
            for table in db.metadata.sorted_tables
            for row in await tx.connection.execute(select(table))
        ]
        dumped = b"|".join(
            value if isinstance(value, bytes) else str(value).encode()
            for row in rows
            for value in row
        )
        tags = set(await tx.connection.scalars(select(TABLE.c.tag)))
    for value in (b"1000000001", b"612345678", b"Amina", "أمينة".encode(), b"1990-05-01"):
        assert value not in dumped
    # With another installation's index.keys, whoever knows the number finds no tag of it.
    async with db.begin(index.database) as tx:
        await tx.connection.execute(domain_keys.domain_keys.delete())
        stranger = await open_keyring(tx, index.keys)
    assert blind_index.tag(index.keyring, "idcs", "1000000001") in tags
    assert blind_index.tag(stranger, "idcs", "1000000001") not in tags


async def test_looking_takes_one_statement_however_many_versions(index):
    await index.enter("1000000001")
    await index.rotate()
    await index.look("idcs", "1000000001")
    seen = []
    async with db.read(index.database) as tx:
        event.listen(
            tx.connection.sync_connection, "before_cursor_execute", lambda *_: seen.append(1)
        )
        await blind_index.find(tx, index.keyring, "idcs", ["1000000001", "1000000002"])
    assert len(seen) == 1
