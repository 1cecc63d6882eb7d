"""The log's keys in several versions: what finds entries, what houses them, what was forgotten."""

import asyncio
from datetime import timedelta
from types import SimpleNamespace

import msgspec
import pytest
from sqlalchemy import delete, insert, select, update

from policies.vocabulary import Action, Actor, ActorKind, Outcome
from vault import (
    access_log,
    domain_rotation,
    erasing,
    log_chain,
    log_forgotten,
    log_leaf,
    log_retagging,
    log_tables,
    transparency,
    version_jobs,
)
from vault import database as db
from vault.access_log import Line
from vault.keyring import open_keyring
from vault.log_forgotten import log_forgotten as forgotten
from vault.log_tables import access_log as lines
from vault.subject_keys import Kind, subject_keys

LINE = Line(
    actor=Actor(kind=ActorKind.PROGRAMME, id="asd"),
    action=Action.READ,
    outcome=Outcome.GIVEN,
    case_reference="D-1",
)
COUNTS = domain_rotation.counts_of(())


class House:
    """A store whose log keys are rotated while entries are written."""

    def __init__(self, database, keyring):
        self.database = database
        self.keyring = keyring

    async def rotate(self, name):
        async with db.begin(self.database) as tx:
            version = await domain_rotation.rotate(tx, self.keyring, name)
        async with db.begin(self.database) as tx:
            await self.keyring.reload(tx)
        return version

    async def retire(self, name, version):
        async with db.begin(self.database) as tx:
            done = await domain_rotation.retire(tx, self.keyring, name, version, COUNTS)
            await self.keyring.reload(tx)
        return done

    async def uses(self, name, version):
        async with db.read(self.database) as tx:
            return await domain_rotation.uses(tx, self.keyring, name, version, COUNTS)

    async def log(self, *subjects):
        given = [msgspec.structs.replace(LINE, subject=subject) for subject in subjects]
        async with db.begin(self.database) as tx:
            ids = await access_log.record(tx, self.keyring, given)
        async with db.begin(self.database) as tx:
            await transparency.sequence(tx, self.keyring)
        return ids

    async def fault(self):
        async with db.read(self.database) as tx:
            return (await transparency.verify(tx, self.keyring)).fault

    async def shown(self, subject):
        """Whatever shows a person their entries shows the same ones."""
        async with db.read(self.database) as tx:
            month = log_leaf.month(tx.now)
            own = await access_log.of_subject(tx, self.keyring, subject, [month])
            chain = await log_chain.read(tx, self.keyring, subject)
            assert log_chain.faults(chain) == []
            assert {link.id for link in chain.links} == {entry.id for entry in own}
            for entry in own:
                assert await access_log.about(tx, self.keyring, subject, entry.id) == entry
        return {entry.id for entry in own}

    async def tags(self):
        async with db.read(self.database) as tx:
            return list(await tx.connection.scalars(select(lines.c.subject_tag).order_by("id")))

    async def retag(self):
        return await log_retagging.retag(self.database, self.keyring, silent)

    async def do(self, *statements):
        async with db.begin(self.database) as tx:
            for statement in statements:
                await tx.connection.execute(statement)

    async def forget(self, *subjects):
        async with db.begin(self.database) as tx:
            return await erasing.forget_logs(tx, self.keyring, subjects)


def silent(_done, _total):
    """Report no progress."""


@pytest.fixture
def house(database, keyring, monkeypatch):
    monkeypatch.setattr(log_retagging, "STALE", timedelta(0))
    return House(database, keyring)


async def test_after_a_rotation_entries_are_found_by_either_key_and_the_chain_goes_on(
    house, new_record
):
    amina, other = await new_record(), await new_record()
    before = await house.log(amina, other, amina)
    assert await house.rotate("log-reference") == 2
    after = await house.log(amina)
    assert await house.shown(amina) == {before[0], before[2], *after}
    assert await house.fault() is None
    assert len(set(await house.tags())) == 3
    assert not await house.retire("log-reference", 1)


async def test_once_every_tag_is_made_anew_the_older_key_may_go(house, new_record, keys):
    amina, other = await new_record(), await new_record()
    ids = await house.log(amina, None, other, amina)
    old = await house.tags()
    await house.rotate("log-reference")
    ids += await house.log(amina)
    assert await house.uses("log-reference", 1) == 4
    job = await house.retag()
    assert (job.version, job.done, job.faults) == (2, 3, 0)
    assert not {*await house.tags()} & {*old} - {None}
    assert [await house.uses("log-reference", version) for version in (1, 2)] == [0, 4]
    assert await house.retire("log-reference", 1)
    assert await house.shown(amina) == {ids[0], ids[3], ids[4]}
    assert await house.fault() is None
    async with db.begin(house.database) as tx:
        fresh = await open_keyring(tx, keys)
    assert len(fresh.log_references) == 1
    assert await House(house.database, fresh).shown(other) == {ids[2]}
    assert (await house.retag()).finished_at == job.finished_at  # nothing to do


async def test_a_page_is_a_line_of_the_log(house, person):
    await house.log(person, person)
    await house.rotate("log-reference")
    await house.retag()
    async with db.read(house.database) as tx:
        said = access_log.Criteria(actor=log_retagging.ACTOR)
        (line,) = await access_log.search(tx, said)
    assert (line.action, line.detail) == (Action.REINDEX, "log-reference v2: 2")


async def test_threat_41_retagging_killed_at_any_page_goes_on_and_is_done_once(
    house, person, monkeypatch
):
    monkeypatch.setattr(log_retagging, "PAGE", 1)
    ids = set(await house.log(*[person] * 4))
    await house.rotate("log-reference")

    def killed(_done, _total):
        raise KeyboardInterrupt

    for done in (1, 2):
        with pytest.raises(KeyboardInterrupt):
            await log_retagging.retag(house.database, house.keyring, killed)
        assert await house.uses("log-reference", 1) == 4 - done
        assert await house.shown(person) == ids
    assert (await house.retag()).done == 4
    assert await house.uses("log-reference", 1) == 0


async def test_threat_41_two_who_retag_at_once_do_the_work_once(house, person, keys, monkeypatch):
    monkeypatch.setattr(log_retagging, "PAGE", 1)
    ids = set(await house.log(*[person] * 6))
    await house.rotate("log-reference")
    async with db.begin(house.database) as tx:
        other = House(house.database, await open_keyring(tx, keys))
    jobs = await asyncio.gather(house.retag(), other.retag())
    assert [job.done for job in jobs] == [6, 6]
    assert await house.shown(person) == ids
    async with db.begin(house.database) as tx:
        again = await log_retagging.page(tx, house.keyring)
    assert again.finished_at == jobs[0].finished_at


async def test_who_began_before_the_rotation_is_waited_for(house, person, monkeypatch):
    monkeypatch.setattr(log_retagging, "STALE", timedelta(seconds=60))
    await house.log(person)
    await house.rotate("log-reference")
    waited, told = [], []

    async def sleep(seconds):
        waited.append(seconds)

    # Of this module alone: others sleep too.
    monkeypatch.setattr(log_retagging, "asyncio", SimpleNamespace(sleep=sleep))
    assert (await house.retag()).done == 1
    assert waited
    await log_retagging.settle(house.database, house.keyring, told.append)
    assert told == waited[-1:]
    assert all(50 < seconds <= 60 for seconds in waited)


async def test_a_rotation_while_tags_are_made_is_waited_for_too(house, person, monkeypatch):
    monkeypatch.setattr(log_retagging, "PAGE", 1)
    await house.log(person, person)
    await house.rotate("log-reference")
    rotated = []

    async def sleep(_seconds):
        monkeypatch.setattr(log_retagging, "STALE", timedelta(0))

    async def once_more(tx, keyring, worked):
        if not rotated:
            rotated.append(await domain_rotation.rotate(tx, keyring, "log-reference"))
            monkeypatch.setattr(log_retagging, "STALE", timedelta(seconds=60))
            await keyring.reload(tx)
            return await real(tx, keyring, worked)
        assert timedelta(0) == log_retagging.STALE
        return await real(tx, keyring, worked)

    real = log_retagging.page
    monkeypatch.setattr(log_retagging, "asyncio", SimpleNamespace(sleep=sleep))
    monkeypatch.setattr(log_retagging, "page", once_more)
    job = await house.retag()
    assert (job.version, job.done) == (3, 2)
    assert [await house.uses("log-reference", version) for version in (1, 2)] == [0, 0]


async def test_an_entry_that_does_not_open_keeps_the_older_key_until_it_is_mended(
    house, person, new_record
):
    other = await new_record()
    of_person = lines.c.id == (await house.log(person, other))[0]
    await house.rotate("log-reference")
    of_other = subject_keys.c.subject == other, subject_keys.c.kind == Kind.LOG.value
    async with db.read(house.database) as tx:
        query = select(subject_keys.c.wrapped).where(*of_other)
        wrapped = await tx.connection.scalar(query)
        leaf = await tx.connection.scalar(select(lines.c.leaf).where(of_person))
    broken = update(subject_keys).where(*of_other)
    await house.do(broken.values(wrapped=wrapped[:-1] + bytes([wrapped[-1] ^ 1])))
    await house.do(update(lines).where(of_person).values(leaf=leaf[:-40] + bytes(40)))
    assert (await house.retag()).faults == 2
    assert await house.uses("log-reference", 1) == 2
    await house.do(broken.values(wrapped=wrapped))
    await house.do(update(lines).where(of_person).values(leaf=leaf))
    house.keyring.forget()
    job = await house.retag()
    assert (job.done, job.faults) == (2, 0)
    assert await house.fault() is None


async def test_an_entry_that_was_given_anothers_place_is_not_tagged(house, person, new_record):
    other = await new_record()
    of_person = lines.c.id == (await house.log(person, other))[0]
    await house.rotate("log-reference")
    async with db.read(house.database) as tx:
        query = select(subject_keys.c.subject, subject_keys.c.handle)
        held = dict((await tx.connection.execute(query.where(subject_keys.c.kind == "log"))).all())
        leaf = await tx.connection.scalar(select(lines.c.leaf).where(of_person))
    forged = leaf.replace(held[person], held[other])
    assert forged != leaf
    await house.do(update(lines).where(of_person).values(leaf=forged))
    assert (await house.retag()).faults == 1


async def test_what_one_key_housed_keeps_it_and_the_name_keeps_the_first(house):
    name = house.keyring.log_origin
    await house.log(None)
    assert await house.rotate("log") == 2
    await house.log(None, None)
    assert await house.rotate("log") == 3
    assert await house.rotate("log") == 4
    await house.log(None)
    assert [await house.uses("log", version) for version in (1, 2, 3, 4)] == [1, 1, 0, 1]
    assert not await house.retire("log", 1)
    assert not await house.retire("log", 2)
    assert await house.retire("log", 3)
    assert house.keyring.log_origin == name
    assert await house.fault() is None


async def test_threat_31_a_log_key_that_was_taken_away_is_told_from_one_that_was_forgotten(
    house, people
):
    gone, _, robbed = people
    for person in people:
        await house.log(person)
    assert await house.forget(gone) == 1
    assert await house.fault() is None
    assert (await house.tags())[0] is None
    async with db.read(house.database) as tx:
        of_robbed = subject_keys.c.subject == robbed, subject_keys.c.kind == Kind.LOG.value
        query = select(subject_keys.c.handle).where(*of_robbed)
        handle = await tx.connection.scalar(query)
        mac = await tx.connection.scalar(select(forgotten.c.mac))
    await house.do(delete(subject_keys).where(*of_robbed))
    assert await house.fault() == "entry 2: whom it is about cannot be read"
    async with db.begin(house.database) as tx:
        row = {"handle": handle, "at": tx.now, "mac": mac}
        await tx.connection.execute(insert(forgotten), [row])
    assert await house.fault() == "entry 2: whom it is about cannot be read"


async def test_an_entry_of_a_forgotten_key_is_passed_over_by_a_new_one(house, people):
    gone, kept, _ = people
    await house.log(gone, kept)
    await house.forget(gone)
    await house.rotate("log-reference")
    assert (await house.retag()).done == 1
    assert await house.fault() is None
    async with db.begin(house.database) as tx:
        await log_forgotten.remember(tx, house.keyring, [])
        assert await version_jobs.of(tx, "log-reference", 9) is None


async def test_the_owner_may_change_what_finds_entries(database):
    async with db.read(database) as tx:
        assert await log_tables.may_be_edited(tx)
