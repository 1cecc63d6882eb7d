import asyncio

import msgspec
import pytest
from sqlalchemy import delete, select, update

from policies.vocabulary import Action, Actor, ActorKind, Outcome
from vault import access_log, attributes, log_chain, log_chains, subject_keys, transparency
from vault import database as db
from vault.access_log import Line
from vault.attribute_heads import attribute_heads
from vault.envelope_errors import KeyLostError, TamperedError
from vault.keyring import open_keyring
from vault.log_chain import Fault, Kinds
from vault.log_tables import access_log as lines
from vault.log_tables import log_pending
from vault.log_tree import log_entry
from vault.sealed_groups import sealed_attributes

LINE = Line(
    actor=Actor(kind=ActorKind.PROGRAMME, id="asd"), action=Action.READ, outcome=Outcome.GIVEN
)


def about(subject, **changes):
    return msgspec.structs.replace(LINE, subject=subject, **changes)


@pytest.fixture
def record(database, keyring):
    async def run(*given):
        async with db.begin(database) as tx:
            return await access_log.record(tx, keyring, given)

    return run


@pytest.fixture
def chain(database, keyring):
    async def run(subject):
        async with db.read(database) as tx:
            return await log_chain.read(tx, keyring, subject)

    return run


@pytest.fixture
def tamper(database):
    async def run(statement):
        async with db.begin(database) as tx:
            return await tx.connection.execute(statement)

    return run


@pytest.fixture
def rows(database):
    async def run(table, *where):
        async with db.read(database) as tx:
            return (await tx.connection.execute(select(*table.c).where(*where))).all()

    return run


async def test_entries_are_numbered_without_a_gap_and_each_names_the_one_before(
    record, chain, new_record
):
    amina, other = await new_record(), await new_record()
    await record(about(amina), LINE, about(other), about(amina))
    await record(about(amina))
    found = await chain(amina)
    assert [link.number for link in found.links] == [1, 2, 3]
    assert [link.content.previous for link in found.links] == [
        b"",
        *[link.hash for link in found.links[:-1]],
    ]
    assert (found.end.number, found.end.leaf_hash) == (3, found.links[-1].hash)
    assert log_chain.faults(found) == []
    assert [link.number for link in (await chain(other)).links] == [1]


async def test_a_person_without_entries_has_a_whole_and_empty_chain(chain, person):
    found = await chain(person)
    assert (found.links, log_chain.faults(found)) == ((), [])


async def test_a_person_without_a_log_key_has_no_chain(chain, person, tamper, database, keys):
    await tamper(delete(subject_keys.subject_keys))
    async with db.begin(database) as tx:
        fresh = await open_keyring(tx, keys)
        with pytest.raises(KeyLostError):
            await log_chain.read(tx, fresh, person)


async def test_what_is_rolled_back_leaves_no_hole(record, chain, person, database, keyring):
    await record(about(person))
    with pytest.raises(ZeroDivisionError):
        async with db.begin(database) as tx:
            await access_log.record(tx, keyring, [about(person)] * 2)
            raise ZeroDivisionError
    await record(about(person))
    found = await chain(person)
    assert [link.number for link in found.links] == [1, 2]
    assert log_chain.faults(found) == []


async def test_many_writers_about_the_same_people_never_cross(database, keyring, new_record, chain):
    people = [await new_record() for _ in range(4)]

    async def write(turn):
        for _ in range(6):
            batch = people[turn % 2 :][:3][:: -1 if turn % 3 else 1]
            async with db.begin(database) as tx:
                await access_log.record(tx, keyring, [about(each) for each in batch] + [LINE] * 2)

    async with asyncio.timeout(30):
        await asyncio.gather(*[write(turn) for turn in range(8)])
    found = [await chain(each) for each in people]
    assert [fault for each in found for fault in log_chain.faults(each)] == []
    assert sum(len(each.links) for each in found) == 8 * 6 * 3


async def test_threat_31_an_entry_omitted_for_one_citizen_is_named(record, chain, person, tamper):
    ids = await record(*[about(person)] * 5)
    await tamper(delete(lines).where(lines.c.id.in_([ids[1], ids[2]])))
    assert log_chain.faults(await chain(person)) == [Fault(Kinds.MISSING, 2, 3)]


async def test_threat_31_an_entry_hidden_by_its_tag_is_named(record, chain, person, tamper):
    ids = await record(*[about(person)] * 3)
    await tamper(update(lines).where(lines.c.id == ids[0]).values(subject_tag=bytes(16)))
    assert log_chain.faults(await chain(person)) == [Fault(Kinds.MISSING, 1, 1)]


async def test_threat_32_the_last_entries_withheld_are_named(record, chain, person, tamper):
    ids = await record(*[about(person)] * 14)
    await tamper(delete(lines).where(lines.c.id.in_(ids[12:])))
    (fault,) = log_chain.faults(await chain(person))
    assert str(fault) == "the newest entries are withheld: 12 shown, 14 counted"


async def test_threat_32_withheld_with_the_count_put_back_the_receipt_still_tells(
    record, chain, person, tamper, rows
):
    first = await record(about(person))
    (old,) = await rows(log_chains.log_chains)
    second = await record(about(person))
    seen = {2: (await chain(person)).end.leaf_hash}
    await tamper(delete(lines).where(lines.c.id == second[0]))
    await tamper(update(log_chains.log_chains).values(**old._asdict()))
    found = await chain(person)
    assert [link.id for link in found.links] == first
    assert log_chain.faults(found) == []
    assert log_chain.faults(found, seen) == [Fault(Kinds.WITHHELD, 1, 2)]


async def test_threat_32_a_count_put_back_is_found_when_the_number_comes_twice(
    record, chain, person, tamper, rows
):
    await record(about(person))
    (old,) = await rows(log_chains.log_chains)
    await record(about(person))
    seen = {2: (await chain(person)).end.leaf_hash}
    await tamper(update(log_chains.log_chains).values(**old._asdict()))
    await record(about(person))
    found = log_chain.faults(await chain(person), seen)
    assert Fault(Kinds.TWICE, 2) in found


async def test_an_entry_in_the_place_of_the_one_that_a_receipt_names_is_found(
    record, chain, person, tamper, rows
):
    await record(about(person))
    (old,) = await rows(log_chains.log_chains)
    (hidden,) = await record(about(person))
    seen = {2: (await chain(person)).end.leaf_hash}
    await tamper(update(log_chains.log_chains).values(**old._asdict()))
    await record(about(person))
    await tamper(delete(lines).where(lines.c.id == hidden))
    found = await chain(person)
    assert log_chain.faults(found) == []
    assert log_chain.faults(found, seen) == [Fault(Kinds.REPLACED, 2)]


async def test_an_entry_that_names_another_one_before_is_found(record, chain, person):
    await record(about(person), about(person))
    found = await chain(person)
    first, second = found.links
    forged = msgspec.structs.replace(
        second, content=msgspec.structs.replace(second.content, previous=bytes(32))
    )
    begun = msgspec.structs.replace(
        first, content=msgspec.structs.replace(first.content, previous=bytes(32))
    )
    for links, number in (((first, forged), 2), ((begun, second), 1)):
        wrong = msgspec.structs.replace(found, links=links)
        assert log_chain.faults(wrong) == [Fault(Kinds.BROKEN, number)]


@pytest.mark.parametrize("values", [{"number": 1}, {"head": bytes(32)}, {"mac": bytes(32)}])
async def test_a_count_edited_by_an_admin_is_found_and_nothing_more_is_logged(
    record, chain, person, tamper, values
):
    await record(about(person), about(person))
    await tamper(update(log_chains.log_chains).values(**values))
    assert Fault(Kinds.END_ALTERED) in log_chain.faults(await chain(person))
    with pytest.raises(TamperedError):
        await record(about(person))


async def test_a_count_deleted_by_an_admin_is_found(record, chain, person, tamper):
    await record(about(person), about(person))
    await tamper(delete(log_chains.log_chains))
    assert log_chain.faults(await chain(person)) == [Fault(Kinds.END_ALTERED)]


async def test_an_entry_altered_is_counted_and_its_number_is_missing(
    record, chain, person, database, tamper
):
    ids = await record(*[about(person)] * 2)
    async with db.read(database) as tx:
        leaf = await tx.connection.scalar(select(lines.c.leaf).where(lines.c.id == ids[0]))
    altered = leaf[:-1] + bytes([leaf[-1] ^ 1])
    await tamper(update(lines).where(lines.c.id == ids[0]).values(leaf=altered))
    assert log_chain.faults(await chain(person)) == [
        Fault(Kinds.ALTERED, 1),
        Fault(Kinds.MISSING, 1, 1),
    ]


async def test_an_entry_that_is_not_what_was_sealed_is_altered(
    *, record, chain, person, database, keyring, tamper
):
    await record(about(person))
    async with db.begin(database) as tx:
        await transparency.sequence(tx, keyring)
    assert [link.sequence for link in (await chain(person)).links] == [0]
    await tamper(update(log_entry).values(leaf_hash=bytes(32)))
    assert Fault(Kinds.ALTERED, 1) in log_chain.faults(await chain(person))


async def test_what_finds_a_chain_is_nobodys_without_the_key_and_goes_when_they_are_forgotten(
    record, person, rows, database, keyring
):
    await record(about(person))
    (row,) = await rows(log_chains.log_chains)
    assert person.bytes not in b"".join(each for each in row if isinstance(each, bytes))
    handles = {each.handle for each in await rows(subject_keys.subject_keys)}
    assert not handles & {row.reference, row.reference[:8], row.reference[8:]}
    async with db.begin(database) as tx:
        await log_chains.forget(tx, await keyring.subject(tx, [person], "log"))
    assert await rows(log_chains.log_chains) == []


async def test_threat_34_a_crash_between_write_and_log_leaves_both_or_neither(
    database, keyring, person, chain, rows
):
    with pytest.raises(ZeroDivisionError):
        async with db.begin(database) as tx:
            await attributes.store(tx, keyring, person, "identity", {"given_name": "Amina"})
            written = await attributes.written(tx, [person])
            await access_log.record(tx, keyring, [about(person, written=written[person])])
            raise ZeroDivisionError
    assert (await chain(person)).end == log_chains.Tip()
    for table in (sealed_attributes, attribute_heads, lines, log_pending):
        assert await rows(table) == []


async def test_threat_35_a_crash_after_the_log_and_before_the_answer_tells_nothing(
    database, keyring, person, chain, permit
):
    with pytest.raises(ZeroDivisionError):
        async with db.begin(database) as tx:
            await attributes.reveal(tx, keyring, [permit(tx, person)])
            raise ZeroDivisionError
    assert (await chain(person)).links == ()
    async with db.begin(database) as tx:
        await attributes.reveal(tx, keyring, [permit(tx, person)])
    assert [link.number for link in (await chain(person)).links] == [1]


async def test_threat_31_the_whole_log_is_verified_person_by_person(
    record, person, database, keyring, tamper
):
    # Never sealed, and gone from the outbox too: only the chain tells.
    ids = await record(*[about(person)] * 3)
    await tamper(delete(log_pending).where(log_pending.c.id == ids[1]))
    await tamper(delete(lines).where(lines.c.id == ids[1]))
    async with db.read(database) as tx:
        report = await transparency.verify(tx, keyring)
    assert report.fault is not None
    assert report.fault.endswith(": entries 2 to 2 are missing")
    assert str(person) not in report.fault


async def test_threat_31_where_a_key_does_not_open_the_others_are_still_verified(
    record, new_record, database, keys, tamper
):
    gone, other = await new_record(), await new_record()
    ids = await record(about(other), about(other))
    table = subject_keys.subject_keys
    first = {"wrapped": b"spoilt", "handle": bytes(16)}  # before any other's
    of_log = (table.c.subject == gone, table.c.kind == "log")
    await tamper(update(table).where(*of_log).values(first))
    await tamper(delete(lines).where(lines.c.id == ids[0]))
    async with db.begin(database) as tx:
        fresh = await open_keyring(tx, keys)
        assert "entries 1 to 1 are missing" in await log_chain.first_fault(tx, fresh)
