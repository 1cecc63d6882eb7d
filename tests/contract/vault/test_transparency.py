import asyncio
from datetime import timedelta
from uuid import uuid4

import msgspec
import pytest
from sqlalchemy import delete, func, insert, select, update

from policies.vocabulary import Action, Actor, ActorKind, Outcome
from vault import access_log, jwk, log_note, log_tree, merkle, signing, transparency
from vault import database as db
from vault.access_log import Line
from vault.envelope_errors import TamperedError
from vault.keyring import open_keyring
from vault.keys import create_file_keys
from vault.log_note import Head
from vault.log_tables import access_log as lines
from vault.log_tables import log_pending
from vault.log_tree import log_checkpoint, log_entry, log_tile
from vault.transparency import FencedError

LINE = Line(
    actor=Actor(kind=ActorKind.SYSTEM, id="test"), action=Action.TOKEN, outcome=Outcome.GIVEN
)


@pytest.fixture
def log(database, keyring):
    async def run(count):
        async with db.begin(database) as tx:
            return await access_log.record(tx, keyring, [LINE] * count)

    return run


@pytest.fixture
def sequence(database, keyring):
    async def run(**named):
        async with db.begin(database) as tx:
            return await transparency.sequence(tx, keyring, **named)

    return run


async def count(tx, table):
    return await tx.connection.scalar(select(func.count()).select_from(table))


async def test_an_empty_log_has_no_checkpoint(database, keyring, sequence):
    assert await sequence() == 0
    async with db.read(database) as tx:
        assert await transparency.checkpoint(tx) is None
        assert await transparency.inclusion(tx, uuid4()) is None
        assert await transparency.pending(tx) == 0


async def test_what_waits_is_sealed_in_order_and_waits_no_more(database, log, sequence):
    ids = await log(3) + await log(2)
    async with db.read(database) as tx:
        assert await transparency.pending(tx) == 5
    assert await sequence(limit=4) == 4
    assert await sequence() == 1
    async with db.read(database) as tx:
        assert await transparency.pending(tx) == 0
        rows = await tx.connection.execute(
            select(log_entry.c.id, log_entry.c.leaf_hash, lines.c.leaf)
            .join(lines, lines.c.id == log_entry.c.id)
            .order_by(log_entry.c.seq)
        )
        sealed = [(row.id, row.leaf_hash == merkle.leaf_hash(row.leaf)) for row in rows]
    assert sealed == [(entry_id, True) for entry_id in sorted(ids)]


async def test_each_size_is_signed_under_the_logs_own_name(database, keyring, log, sequence):
    await log(3)
    await sequence()
    async with db.read(database) as tx:
        newest = await transparency.checkpoint(tx)
        key = await signing.active(tx, keyring, "checkpoint")
        hashes = list(await tx.connection.scalars(select(log_entry.c.leaf_hash).order_by("seq")))
        vkey = await transparency.verifier_key(tx, keyring)
    public = jwk.octets(key.public_jwk)
    head = log_note.read(newest.note, {log_note.key_hash(keyring.log_origin, public): public})
    assert head == log_note.Head(keyring.log_origin, 3, newest.root)
    expected = merkle.node_hash(merkle.node_hash(*hashes[:2]), hashes[2])
    assert (newest.size, newest.root) == (3, expected)
    assert vkey == log_note.verifier_key(keyring.log_origin, public)


async def test_each_entry_is_proved_and_the_proof_is_of_the_newest_tree(database, log, sequence):
    ids = await log(300)
    await sequence(limit=290)
    await sequence()
    [waiting] = await log(1)
    async with db.read(database) as tx:
        for entry_id in (ids[0], ids[255], ids[256], ids[299]):
            proof = await transparency.inclusion(tx, entry_id)
            assert proof.size == 300
            assert transparency.verify_inclusion(proof)
            assert not transparency.verify_inclusion(
                msgspec.structs.replace(proof, index=proof.index ^ 1)
            )
            assert proof.root == (await transparency.checkpoint(tx)).root
        assert await transparency.inclusion(tx, waiting) is None


async def test_a_proof_takes_one_statement(database, log, sequence, statements):
    ids = await log(300)
    await sequence()
    async with db.read(database) as tx:
        with statements(tx) as seen:
            await transparency.inclusion(tx, ids[17])
    assert len(seen) == 1


async def test_the_tree_grows_the_same_in_any_steps(database, log, sequence):
    await log(600)
    for step in (1, 254, 1, 1, 255, 88):
        assert await sequence(limit=step) == step
    async with db.read(database) as tx:
        tiles = log_tree.Tiles(0, {})
        for hash_ in await tx.connection.scalars(select(log_entry.c.leaf_hash).order_by("seq")):
            tiles.append(hash_)
        stored = await tx.connection.execute(
            select(log_tile.c.level, log_tile.c.idx, log_tile.c.width, log_tile.c.hashes)
        )
        kept = {(row.level, row.idx): (row.width, row.hashes) for row in stored}
        newest = await transparency.checkpoint(tx)
    expected = {place: (len(tile) // 32, tile) for place, tile in tiles.take_changed()}
    assert kept == expected
    assert newest.root == tiles.root()


async def test_threat_36_a_sequencer_that_was_paused_cannot_fork_the_tree(
    database, keyring, log, sequence, monkeypatch
):
    # It read the tree at size 1, and writes when another has grown it to 2.
    await log(1)
    await sequence()
    async with db.read(database) as tx:
        stale = await transparency.checkpoint(tx)
    await log(1)
    await sequence()
    await log(1)

    async def paused(_tx):
        return stale

    monkeypatch.setattr(transparency, "checkpoint", paused)
    with pytest.raises(TamperedError):  # the edge is wider than its size says
        await sequence()
    monkeypatch.undo()
    assert await sequence() == 1
    async with db.read(database) as tx:
        assert (await transparency.verify(tx, keyring)).fault is None
        assert await count(tx, log_entry) == 3


async def test_threat_36_a_checkpoint_grown_from_an_older_size_is_fenced(
    database, keyring, log, sequence
):
    await log(2)
    await sequence()
    tiles = log_tree.Tiles(0, {})
    tiles.append(bytes(32))
    with pytest.raises(FencedError):
        async with db.begin(database) as tx:
            await transparency._sign(tx, keyring, 1, tiles)


@pytest.mark.postgres
async def test_threat_36_of_two_sequencers_one_leads(postgres_url, tmp_path):
    database = db.connect(postgres_url)
    async with db.begin(database) as tx:
        keyring = await open_keyring(tx, create_file_keys(tmp_path / "keys"))
        await access_log.record(tx, keyring, [LINE] * 10)
    async with db.begin(database) as leader, db.begin(database) as other:
        assert await transparency.sequence(leader, keyring) == 10
        assert await transparency.sequence(other, keyring) == 0
    async with db.read(database) as tx:
        assert (await transparency.verify(tx, keyring)) == transparency.Report(
            entries=10, fault=None
        )
    await db.close(database)


async def test_sealing_beside_writers_loses_and_repeats_nothing(database, keyring, log, sequence):
    async def seal():
        while not done.is_set():
            await sequence(limit=3)
            await asyncio.sleep(0)

    done = asyncio.Event()
    sealing = asyncio.create_task(seal())
    await asyncio.gather(*(log(4) for _ in range(10)))
    done.set()
    await sealing
    while await sequence():
        pass
    async with db.read(database) as tx:
        assert await transparency.verify(tx, keyring) == transparency.Report(entries=40, fault=None)


async def test_threat_40_entries_are_in_order_of_sealing_not_of_clocks(database, keyring, sequence):
    for days in (0, -1, 1):
        async with db.begin(database) as tx:
            then = msgspec.structs.replace(tx, now=tx.now + timedelta(days=days))
            await access_log.record(then, keyring, [LINE])
        assert await sequence() == 1
    async with db.read(database) as tx:
        assert await transparency.verify(tx, keyring) == transparency.Report(entries=3, fault=None)


async def test_threat_51_nothing_is_signed_on_top_of_a_broken_edge(database, log, sequence):
    await log(3)
    await sequence()
    await log(1)
    for hashes in (bytes(96), bytes(64), bytes(128)):
        async with db.begin(database) as tx:
            await tx.connection.execute(update(log_tile).values(hashes=hashes))
        with pytest.raises(TamperedError):
            await sequence()
    async with db.begin(database) as tx:
        await tx.connection.execute(delete(log_tile))
    with pytest.raises(TamperedError):
        await sequence()


async def test_threat_51_no_proof_is_given_from_a_broken_tile(database, log, sequence):
    ids = await log(3)
    await sequence()
    async with db.begin(database) as tx:
        await tx.connection.execute(update(log_tile).values(hashes=bytes(32), width=1))
        with pytest.raises(TamperedError):
            await transparency.inclusion(tx, ids[0])


async def test_an_entry_cannot_be_sealed_twice(database, keyring, log, sequence):
    [entry_id] = await log(1)
    await sequence()
    with pytest.raises(FencedError):
        async with db.begin(database) as tx:
            again = {"id": entry_id, "leaf_hash": bytes(32)}
            await tx.connection.execute(insert(log_pending).values(again))
            await transparency.sequence(tx, keyring)
    async with db.read(database) as tx:
        assert await count(tx, log_checkpoint) == 1


async def test_who_asks_how_much_waits_may_be_content_with_a_bound(database, log):
    await log(5)
    async with db.read(database) as tx:
        assert [await transparency.pending(tx, at_most) for at_most in (2, 5, 9)] == [2, 5, 5]


async def test_the_head_of_an_empty_log_is_of_no_size(database, keyring, log, sequence):
    assert transparency.head(keyring, None) == Head(keyring.log_origin, 0, merkle.EMPTY_ROOT)
    await log(2)
    await sequence()
    async with db.read(database) as tx:
        newest = await transparency.checkpoint(tx)
    assert transparency.head(keyring, newest) == Head(keyring.log_origin, 2, newest.root)


async def test_a_proof_is_for_what_is_published_and_until_then_for_the_newest(
    database, log, sequence
):
    first = await log(300)
    await sequence()
    later = await log(5)
    await sequence()
    async with db.read(database) as tx:
        old, new = [await transparency.checkpoint(tx, size) for size in (300, 305)]
        for entry, published, expected in (
            (first[0], old, old),
            (first[-1], old, old),
            (first[0], new, new),
            (first[0], None, new),
            (later[0], old, new),  # the first that the published tree has not
            (later[-1], old, new),
        ):
            proof = await transparency.inclusion(tx, entry, published)
            told = (proof.size, proof.root, proof.note)
            assert told == (expected.size, expected.root, expected.note)
            assert transparency.verify_inclusion(proof)


async def test_which_entry_is_at_a_place_is_told_once_the_tree_has_grown_as_far(
    database, log, sequence
):
    ids = sorted(await log(3))
    await sequence()
    async with db.read(database) as tx:
        assert [await transparency.at(tx, place) for place in (0, 2)] == [ids[0], ids[2]]
        assert [await transparency.at(tx, place) for place in (3, 2**63)] == [None, None]


async def test_a_proof_finds_its_tiles_by_their_key_however_many_there_are(database):
    others = [
        {"level": 0, "idx": 1_000 + number, "width": 256, "hashes": b"\0" * 32}
        for number in range(4_000)
    ]
    asked = transparency._PROVED.params(entry=uuid4(), published=0)
    async with db.begin(database) as tx:
        await tx.connection.execute(insert(log_tile), others)
        explain = "EXPLAIN QUERY PLAN" if database.embedded else "EXPLAIN"
        if not database.embedded:
            await tx.connection.exec_driver_sql("ANALYZE log_tile")
        written = asked.compile(tx.connection.sync_engine, compile_kwargs={"literal_binds": True})
        rows = (await tx.connection.exec_driver_sql(f"{explain} {written}")).all()
    plan = [str(row[-1]) for row in rows if "log_tile" in str(row[-1])]

    assert plan
    assert all("SEARCH" in step or "Index" in step for step in plan), plan
