"""The day's map: what everybody's count of entries was, committed to before anybody asks."""

import asyncio
import base64
from datetime import UTC, datetime

import pytest
from sqlalchemy import delete, func, select, update

from policies.vocabulary import Action
from vault import access_log, day_map, erasing, log_leaf, merkle, transparency
from vault import database as db
from vault.access_log import Criteria
from vault.day_map import day_maps
from vault.envelope_errors import TamperedError
from vault.log_chains import log_chains
from vault.log_tables import access_log as lines
from vault.subject_keys import subject_keys


@pytest.fixture
def one(keeper):
    """The first value of a query."""

    async def one(query):
        async with db.read(keeper.database) as tx:
            return await tx.connection.scalar(query)

    return one


@pytest.fixture
def verify(keeper):
    async def verify():
        async with db.read(keeper.database) as tx:
            return (await transparency.verify(tx, keeper.keyring)).fault

    return verify


async def test_it_is_folded_once_a_day_and_its_root_is_an_entry_of_the_log(keeper, one):
    await keeper.log(2)
    entry = await keeper.fold()
    assert await keeper.fold() is None
    assert await keeper.fold(days=1) not in {None, entry}
    async with db.read(keeper.database) as tx:
        newest, older = await access_log.search(tx, Criteria(action=Action.FOLD))
    assert older.id == entry
    assert newest.detail == older.detail  # nobody's count grew
    assert len(bytes.fromhex(older.detail)) == merkle.HASH_BYTES
    assert await one(select(func.count()).select_from(day_maps)) == 2


async def test_of_many_that_fold_at_once_one_does(keeper):
    await keeper.log()
    folded = await asyncio.gather(*(keeper.fold() for _ in range(5)))
    assert sum(each is not None for each in folded) == 1


async def test_before_any_entry_it_is_folded_too(keeper, verify):
    assert await keeper.fold()
    await keeper.seal()
    assert await verify() is None


async def test_everybodys_count_leads_to_the_root(keeper, new_record, verdict):
    people = [await new_record() for _ in range(40)]
    for person in people:
        keeper.person = person
        await keeper.log(2)
    await keeper.fold()
    await keeper.seal()
    kept = []
    for person in people:
        keeper.person = person
        kept.append(await keeper.history())
    code, told = await verdict(*kept)
    assert (code, told.count("none missing")) == (0, 40)
    found = [(await keeper.said(each))["map"] for each in kept]
    assert {each["number"] for each in found} == {2}
    assert {len(each["path"]) >= 16 for each in found} == {True}


async def test_a_count_follows_its_person_from_day_to_day(keeper, verdict):
    await keeper.log(2)
    assert (await keeper.said(await keeper.history()))["map"] is None  # not folded yet
    for day in range(3):
        await keeper.log()
        await keeper.fold(days=day)
        await keeper.log()  # the map does not know of it, and need not
        history = await keeper.history()
        assert (await keeper.said(history))["map"]["number"] == 3 + 2 * day
        assert (await verdict(history))[0] == 0


async def test_it_names_nobody_and_says_nothing_of_others(keeper, new_record):
    await keeper.log()
    other, keeper.person = keeper.person, await new_record()
    await keeper.log()
    await keeper.fold()
    told = (await keeper.said(await keeper.history()))["map"]
    async with db.read(keeper.database) as tx:
        rows = (await tx.connection.execute(select(log_chains))).all()
    for octets in (keeper.person.bytes, other.bytes, *(row.reference for row in rows)):
        assert octets.hex() not in str(told)
    leaf = log_leaf.decode(base64.b64decode(told["leaf"]))
    assert (leaf.actor, leaf.sealed) == ("log", b"")


async def test_threat_32_the_last_entries_withheld_are_found_by_the_map(keeper, verdict):
    await keeper.log(5)
    await keeper.fold()
    await keeper.seal()

    def withhold(record):
        del record["entries"][3:]
        last = base64.b64decode(record["entries"][-1]["leaf"])
        record.update(number=3, leaf_hash=merkle.leaf_hash(last).hex())

    code, told = await verdict(await keeper.lie(await keeper.history(), withhold))
    assert (code, "withheld: the newest entries are withheld: 3 shown, 5 counted" in told) == (
        1,
        True,
    )


def _lower(record):
    del record["entries"][3:]
    last = merkle.leaf_hash(base64.b64decode(record["entries"][-1]["leaf"])).hex()
    record.update(number=3, leaf_hash=last)
    record["map"].update(number=3, leaf_hash=last)


def _other_root(record):
    leaf = base64.b64decode(record["map"]["leaf"])
    root = log_leaf.decode(leaf).detail.encode()
    record["map"]["leaf"] = base64.b64encode(leaf.replace(root, b"0" * 64)).decode()


def _dated(days):
    def later(record):
        then = datetime.fromisoformat(record["issued_at"]).timestamp() + 86_400 * days
        record["issued_at"] = datetime.fromtimestamp(then, UTC).isoformat()

    return later


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (_lower, "miscounted"),
        (_other_root, "miscounted"),
        (lambda it: it["map"].update(salt="00" * 16), "miscounted"),
        (lambda it: it["map"]["path"].pop(), "miscounted"),
        (lambda it: it["map"].update(index=0), "miscounted"),
        (lambda it: it["map"].update(leaf=it["entries"][0]["leaf"]), "miscounted"),
        (lambda it: it["entries"].pop(0), "missing: entry 1"),
        (_dated(3), "uncounted"),
        (lambda it: it.update(map=None) or _dated(3)(it), "uncounted"),
        (lambda it: it["map"]["path"].extend(["00" * 32] * 256), "shape"),
    ],
)
async def test_a_map_that_the_service_made_up_is_named(keeper, verdict, change, named):
    await keeper.log(5)
    await keeper.fold()
    await keeper.seal()
    code, told = await verdict(await keeper.lie(await keeper.history(), change))
    assert code == 1
    assert named in told


async def test_who_was_registered_today_is_in_no_map_yet_and_that_is_no_fault(keeper, verdict):
    await keeper.fold()
    await keeper.log()
    history = await keeper.history()
    assert (await keeper.said(history))["map"] is None
    assert (await verdict(history))[0] == 0


@pytest.mark.parametrize("column", ["number", "leaf_hash", "folded"])
async def test_a_count_altered_behind_our_back_is_named(keeper, verify, column):
    await keeper.log(3)
    await keeper.fold()
    await keeper.seal()
    assert await verify() is None
    value = 7 if column == "number" else bytes(32)
    async with db.begin(keeper.database) as tx:
        await tx.connection.execute(update(day_map.day_map).values({column: value}))
    assert await verify() is not None
    if column != "folded":  # that one is what others' paths are made of
        with pytest.raises(TamperedError):
            await keeper.history()


async def test_threat_32_verification_holds_the_log_against_the_map(keeper, verify):
    await keeper.log()
    async with db.read(keeper.database) as tx:
        old = (await tx.connection.execute(select(*log_chains.c))).one()
    newest = await keeper.log(2)
    await keeper.fold()
    async with db.begin(keeper.database) as tx:
        await tx.connection.execute(
            delete(transparency.log_pending).where(transparency.log_pending.c.id.in_(newest))
        )
        await tx.connection.execute(delete(lines).where(lines.c.id.in_(newest)))
        of = log_chains.c.reference == old.reference
        await tx.connection.execute(update(log_chains).where(of).values(**old._asdict()))
    assert "the newest entries are withheld: 1 shown, 3 counted" in await verify()


async def test_a_tile_of_the_map_that_is_gone_is_a_fault(keeper, verify):
    await keeper.log()
    await keeper.fold()
    await keeper.seal()
    async with db.begin(keeper.database) as tx:
        await tx.connection.execute(delete(day_map.day_map_tile))
    assert await verify() == "the day's map is not the one whose root was logged"
    with pytest.raises(TamperedError):
        await keeper.history()


async def test_a_count_goes_the_day_after_its_log_key(keeper, new_record, one, verify):
    await keeper.log()
    await keeper.fold()
    forgotten, keeper.person = keeper.person, await new_record()
    await keeper.log()
    async with db.begin(keeper.database) as tx:
        await erasing.forget_logs(tx, keeper.keyring, [forgotten])
    await keeper.fold(days=1)
    assert await one(select(func.count()).select_from(day_map.day_map)) == 1
    assert await one(select(func.count()).where(subject_keys.c.subject == forgotten)) == 1
    assert (await keeper.said(await keeper.history()))["map"]["number"] == 1
