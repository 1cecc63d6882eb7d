import asyncio
from itertools import pairwise
from uuid import uuid4

import pytest
from sqlalchemy import delete, select, update

from policies.vocabulary import SubjectId
from vault import database as db
from vault import key_epoch, key_tree, subject_keys
from vault.envelope_errors import KeyLostError, TamperedError
from vault.key_tree import BOTTOM, DEPTH, FAN_OUT, key_nodes
from vault.keyring import open_keyring
from vault.subject_keys import Kind

table = subject_keys.subject_keys
KEY = b"k" * 32


@pytest.fixture
async def people(database, keyring):
    """More people than two nodes hold."""
    subjects = [SubjectId(uuid4()) for _ in range(2 * FAN_OUT + 1)]
    async with db.begin(database) as tx:
        await keyring.create_subject(tx, *subjects)
    return subjects


async def opened(database, keyring, subjects, kind="data"):
    keyring.forget()
    async with db.read(database) as tx:
        found = await keyring.subject(tx, subjects, kind)
    return {subject: key.group("g").commitment for subject, key in found.items()}


async def nodes(database, tree="data"):
    query = select(key_nodes).where(key_nodes.c.tree == tree)
    async with db.read(database) as tx:
        rows = (await tx.connection.execute(query)).all()
    return {(row.level, row.idx): row for row in rows}


async def test_thirty_two_keys_hang_from_each_node_and_one_top_from_the_root(database, people):
    tree = await nodes(database)
    async with db.read(database) as tx:
        places = list(
            await tx.connection.scalars(select(table.c.node).where(table.c.kind == "data"))
        )
    assert len(places) == len(people)
    assert max(map(places.count, places)) <= FAN_OUT
    assert len([place for place in tree if place[0] == BOTTOM]) == len(set(places))
    assert [place for place in tree if place[0] == DEPTH] == [(DEPTH, 0)]


async def test_each_kind_has_a_tree_of_its_own(database, people):
    data, log = await nodes(database, "data"), await nodes(database, "log")
    assert data.keys() == log.keys()
    assert not {row.wrapped for row in data.values()} & {row.wrapped for row in log.values()}


async def test_keys_open_after_a_restart(database, keys, keyring, people):
    before = await opened(database, keyring, people)
    async with db.begin(database) as tx:
        again = await open_keyring(tx, keys)
    assert await opened(database, again, people) == before
    assert len(set(before.values())) == len(people)


async def test_destroying_a_key_renews_its_way_to_the_root_and_spares_the_others(
    database, keyring, people
):
    before, tree = await opened(database, keyring, people), await nodes(database)
    async with db.begin(database) as tx:
        assert await subject_keys.destroy(tx, keyring.trees[Kind.DATA], people[:1]) == 1
    after, renewed = await opened(database, keyring, people), await nodes(database)
    assert after == {person: before[person] for person in people[1:]}
    way = [place for place in tree if renewed[place].version != tree[place].version]
    assert sorted(level for level, _ in way) == list(range(BOTTOM, DEPTH + 1))
    for below, above in pairwise(sorted(way)):
        assert below[1] >> key_tree.FAN_BITS == above[1]
    assert (await opened(database, keyring, people, "log")).keys() == set(people)


async def test_a_kept_row_of_a_destroyed_key_opens_nothing(database, keyring, people):
    of_one = (table.c.subject == people[0], table.c.kind == "data")
    async with db.read(database) as tx:
        kept = (await tx.connection.execute(select(table).where(*of_one))).one()._asdict()
    async with db.begin(database) as tx:
        await subject_keys.destroy(tx, keyring.trees[Kind.DATA], people[:1])
        await tx.connection.execute(table.insert(), kept)
    assert people[0] not in await opened(database, keyring, people)


async def test_old_nodes_put_back_open_only_as_long_as_the_old_root_is_there(
    database, keys, keyring, people
):
    tree = await nodes(database)
    async with db.begin(database) as tx:
        await subject_keys.destroy(tx, keyring.trees[Kind.DATA], people[:1])
    renewed = await nodes(database)
    changed = [place for place in tree if tree[place].wrapped != renewed[place].wrapped]
    # All but the top: what is below it does not open under the new one.
    async with db.begin(database) as tx:
        for level, idx in changed:
            if level < DEPTH:
                of_node = (key_nodes.c.level == level, key_nodes.c.idx == idx)
                await tx.connection.execute(
                    update(key_nodes)
                    .where(key_nodes.c.tree == "data", *of_node)
                    .values(tree[level, idx]._asdict())
                )
    assert await opened(database, keyring, people) == {}


async def test_destroying_nothing_changes_nothing(database, keyring, people):
    tree = await nodes(database)
    async with db.begin(database) as tx:
        stranger = [SubjectId(uuid4())]
        assert await subject_keys.destroy(tx, keyring.trees[Kind.DATA], stranger) == 0
    assert await nodes(database) == tree


async def test_threat_43_a_key_or_node_moved_elsewhere_does_not_open(database, keyring, people):
    one, other = people[0], people[-1]
    async with db.begin(database) as tx:
        rows = {
            row.subject: row
            for row in await tx.connection.execute(select(table).where(table.c.kind == "data"))
        }
        await tx.connection.execute(
            update(table)
            .where(table.c.subject == one, table.c.kind == "data")
            .values(wrapped=rows[other].wrapped)
        )
    assert set(people) - (await opened(database, keyring, people)).keys() == {one}
    tree = await nodes(database)
    first, second = [row for place, row in sorted(tree.items()) if place[0] == BOTTOM][:2]
    async with db.begin(database) as tx:
        await tx.connection.execute(
            update(key_nodes)
            .where(
                key_nodes.c.tree == "data",
                key_nodes.c.level == BOTTOM,
                key_nodes.c.idx == first.idx,
            )
            .values(wrapped=second.wrapped)
        )
    hung = {subject for subject, row in rows.items() if row.node == first.idx}
    assert set(people) - (await opened(database, keyring, people)).keys() == {one} | hung


async def test_a_neighbour_that_does_not_open_stops_a_destruction_that_would_lose_it(
    database, keyring, people
):
    async with db.read(database) as tx:
        node = await tx.connection.scalar(
            select(table.c.node).where(table.c.subject == people[0], table.c.kind == "data")
        )
        neighbours = await tx.connection.scalars(
            select(table.c.subject).where(
                table.c.node == node, table.c.kind == "data", table.c.subject != people[0]
            )
        )
        neighbour = neighbours.first()
    of_neighbour = (table.c.subject == neighbour, table.c.kind == "data")
    for change in ({"wrapped": bytes(72)}, {"node_version": 9}):
        async with db.begin(database) as tx:
            await tx.connection.execute(update(table).where(*of_neighbour).values(change))
        with pytest.raises(TamperedError):
            async with db.begin(database) as tx:
                await subject_keys.destroy(tx, keyring.trees[Kind.DATA], people[:1])
    async with db.begin(database) as tx:
        await tx.connection.execute(delete(key_nodes).where(key_nodes.c.level == 3))
    with pytest.raises(TamperedError):
        async with db.begin(database) as tx:
            await subject_keys.destroy(tx, keyring.trees[Kind.DATA], people[:1])


async def test_a_replaced_key_hangs_where_the_old_one_did(database, keyring, people):
    before = await opened(database, keyring, people)
    tree = keyring.trees[Kind.DATA]
    async with db.begin(database) as tx:
        keys = await keyring.held(tx, people[:3])
        made = {person: subject_keys.Successor(key) for person, key in keys.items()}
        await subject_keys.succeed(tx, tree, made, await subject_keys.ground(tx, tree, people[:3]))
        await key_epoch.advance(tx)
    after = await opened(database, keyring, people)
    assert {
        person: successor.sealing.group("g").commitment for person, successor in made.items()
    } == {person: after[person] for person in people[:3]}
    assert all(after[person] != before[person] for person in people[:3])
    assert all(after[person] == before[person] for person in people[3:])
    with pytest.raises(KeyLostError):
        async with db.begin(database) as tx:
            await subject_keys.succeed(tx, tree, {SubjectId(uuid4()): made[people[0]]}, {})
    with pytest.raises(KeyLostError):  # it was followed already
        async with db.begin(database) as tx:
            grown = await subject_keys.ground(tx, tree, people[:1])
            await subject_keys.succeed(tx, tree, {people[0]: made[people[0]]}, grown)


async def test_the_top_is_wrapped_anew_by_a_new_root(database, keyring, people):
    tree = keyring.trees[Kind.DATA]
    before = await opened(database, keyring, people)
    async with db.begin(database) as tx:
        [*tops] = await key_tree.wrapped(tx)
        assert await tree.rewrap(tx)
        assert len(set(await key_tree.wrapped(tx)) - set(tops)) == 1
    assert await opened(database, keyring, people) == before


async def test_an_empty_tree_has_no_top(database, keyring):
    async with db.begin(database) as tx:
        assert not await keyring.trees[Kind.DATA].rewrap(tx)
        assert await keyring.trees[Kind.DATA].nodes(tx, {7: 1}) == {}


async def test_another_process_sees_a_change_within_a_second(database, keys, keyring, people):
    async with db.begin(database) as tx:
        other = await open_keyring(tx, keys)
        [held] = (await other.subject(tx, people[:1], "data")).values()
    async with db.begin(database) as tx:
        await subject_keys.destroy(tx, keyring.trees[Kind.DATA], people[:1])
        await key_epoch.advance(tx)
    async with db.read(database) as tx:
        # Not asked yet: it believes what it holds, for a second at most.
        assert (await other.subject(tx, people[:1], "data"))[people[0]] is held
    await asyncio.sleep(1.1)
    async with db.read(database) as tx:
        assert await other.subject(tx, people[:1], "data") == {}


@pytest.mark.postgres
async def test_registering_and_destroying_at_once_loses_no_key(postgres_url, keys):
    database = db.connect(postgres_url)
    async with db.begin(database) as tx:
        keyring = await open_keyring(tx, keys)
    first = [SubjectId(uuid4()) for _ in range(40)]
    async with db.begin(database) as tx:
        await keyring.create_subject(tx, *first)

    async def register():
        made = SubjectId(uuid4())
        async with db.begin(database) as tx:
            await keyring.create_subject(tx, made)
            await asyncio.sleep(0.005)
        return made

    async def destroy(subject):
        async with db.begin(database) as tx:
            await subject_keys.destroy(tx, keyring.trees[Kind.DATA], [subject])

    done = await asyncio.gather(
        *(register() for _ in range(40)), *(destroy(subject) for subject in first[:20])
    )
    alive = first[20:] + done[:40]
    assert (await opened(database, keyring, first + done[:40])).keys() == set(alive)
    await db.close(database)


async def test_no_more_nodes_are_held_than_there_is_room_for(
    database, keyring, people, monkeypatch
):
    monkeypatch.setattr(key_tree, "HELD_NODES", 3)
    assert len(await opened(database, keyring, people)) == len(people)
    assert len(keyring.trees[Kind.DATA]._held) == 3
    assert len(await opened(database, keyring, people)) == len(people)


async def test_in_a_wide_tree_what_hangs_beside_a_renewed_way_goes_on_opening(
    database, keyring, keys
):
    wide = [0, 1, 33, 40, 1_025, 2_000, 40_000]
    tree = keyring.trees[Kind.DATA]
    async with db.begin(database) as tx:
        await tree.grow(tx, wide)
    before = await nodes(database)
    async with db.begin(database) as tx:
        renewed = await tree.renew(tx, {33, 40_000})
    after = await nodes(database)

    way = {(level, idx >> 5 * (level - 1)) for idx in (33, 40_000) for level in range(1, DEPTH + 1)}
    assert {place for place in after if after[place].version != before[place].version} == way
    assert all(after[place].version == before[place].version + 1 for place in way)
    assert all(each.new.version == each.old.version + 1 for each in renewed.values())
    wanted = {idx: after[BOTTOM, idx].version for idx in wide}
    async with db.begin(database) as tx:
        fresh = await open_keyring(tx, keys)
        assert (await fresh.trees[Kind.DATA].nodes(tx, wanted)).keys() == wanted.keys()


async def test_a_tree_grows_beside_what_is_there(database, keyring):
    tree = keyring.trees[Kind.DATA]
    async with db.begin(database) as tx:
        first = await tree.grow(tx, [0])
    async with db.begin(database) as tx:
        both = await tree.grow(tx, [0, FAN_OUT + 1])
        found = await tree.nodes(tx, {0: 1, FAN_OUT + 1: 1})

    bound = b"what hangs there"
    for idx, grown in (first | both).items():
        assert found[idx].unwrap(grown.wrap(KEY, bound), bound) == KEY
    assert found[0].unwrap(first[0].wrap(KEY, bound), bound) == KEY


@pytest.mark.parametrize(
    "change",
    [delete(key_nodes), update(key_nodes).values(parent_version=9)],
    ids=["gone", "out of step"],
)
async def test_a_node_that_does_not_open_spares_its_neighbours(database, keyring, change):
    tree = keyring.trees[Kind.DATA]
    async with db.begin(database) as tx:
        await tree.grow(tx, [0, 1, FAN_OUT + 1])
        at = (key_nodes.c.tree == "data", key_nodes.c.level == BOTTOM, key_nodes.c.idx == 0)
        await tx.connection.execute(change.where(*at))
        found = await tree.nodes(tx, {0: 1, 1: 1, FAN_OUT + 1: 1})

    assert found.keys() == {1, FAN_OUT + 1}


async def test_what_is_held_of_before_a_renewal_is_read_anew(database, keys, keyring):
    tree = keyring.trees[Kind.DATA]
    async with db.begin(database) as tx:
        another = await open_keyring(tx, keys)
        await tree.grow(tx, [0])
        assert await tree.nodes(tx, {0: 1})
        renewed = await another.trees[Kind.DATA].renew(tx, [0])
        found = await tree.nodes(tx, {0: 2})

    assert found[0].unwrap(renewed[0].new.wrap(KEY, b"it"), b"it") == KEY


def test_the_bytes_that_a_node_is_bound_to_stay_as_they_are():
    parts = "0004 6e6f6465", "0004 64617461", "0001 03", "0008 0000000001020304", "0004 00000005"
    assert key_tree._bound("data", (3, 0x01020304), 5) == bytes.fromhex("".join(parts))
