import asyncio
import sys
import threading
import time
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest
from sqlalchemy import delete, insert, select, text

from policies.vocabulary import Action, Actor, ActorKind, GroupId, Outcome
from vault import (
    access_log,
    attributes,
    blind_index,
    erasing,
    erasure_gate,
    key_epoch,
    log_leaf,
    root_keys,
    subject_keys,
    tombstones,
)
from vault import database as db
from vault import (
    keys as roots,
)
from vault.access_log import Criteria, Line
from vault.attribute_heads import attribute_heads
from vault.envelope_errors import KeyLostError, StaleStoreError
from vault.erasure_gate import Why
from vault.key_tree import key_nodes
from vault.keyring import open_keyring
from vault.sealed_groups import sealed_attributes
from vault.subject_keys import Kind

IDENTITY = GroupId("identity")
SYSTEM = Actor(kind=ActorKind.SYSTEM, id="erasure")
LINE = Line(actor=SYSTEM, action=Action.ERASE, outcome=Outcome.GIVEN, case_reference="D-7")
OF_RECORD = (
    (subject_keys.subject_keys, subject_keys.subject_keys.c.subject),
    (attribute_heads, attribute_heads.c.record),
    (sealed_attributes, sealed_attributes.c.record),
    (blind_index.blind_index, blind_index.blind_index.c.record),
)


async def rows_of(database, subject):
    """Every row the vault has of a record, by table."""
    async with db.read(database) as tx:
        return {
            table: [row._asdict() for row in await tx.connection.execute(
                select(table).where(record == subject)
            )]
            for table, record in OF_RECORD
        }  # fmt: skip


async def put_back(database, kept, *tables):
    async with db.begin(database) as tx:
        for table in tables:
            await tx.connection.execute(delete(table).where(
                table.c[OF_RECORD_COLUMN[table]] == kept[table][0][OF_RECORD_COLUMN[table]]
            ))  # fmt: skip
            await tx.connection.execute(insert(table), kept[table])


OF_RECORD_COLUMN = {table: record.name for table, record in OF_RECORD}


@pytest.fixture
def reads(database, keyring, permit):
    """What a programme is answered about a person."""

    async def do(subject):
        async with db.begin(database) as tx:
            [answer] = await attributes.reveal(tx, keyring, [permit(tx, subject)])
        return answer

    return do


async def test_an_erased_record_reads_as_one_that_was_never_there(
    database, keyring, people, erase, reads
):
    one, *others = people
    done = await erase(one)
    assert done.rows == {"keys": 1, "heads": 1, "sealed-groups": 1, "index-entries": 1}
    assert await reads(one) == {}
    for other in others:
        assert (await reads(other))["given_name"]
    async with db.read(database) as tx:
        found = await blind_index.find(tx, keyring, "document", ["AB0", "AB1"])
        assert set((await erasing.held(tx, [one])).values()) == {0}
    assert found == {"AB0": [], "AB1": [people[1]]}


async def test_what_would_go_is_counted_without_going(database, keyring, people):
    async with db.begin(database) as tx:
        counted = await erasing.held(tx, people[:2])
        assert counted == await erasing.destroy(tx, keyring, people[:2])
    assert counted == {"keys": 2, "heads": 2, "sealed-groups": 2, "index-entries": 2}


async def test_the_tombstone_and_its_log_entry_name_nobody(database, keyring, people, erase):
    certificate = uuid4()
    done = await erase(people[0], certificate=certificate)
    (stone,) = done.tombstones
    assert (stone.number, stone.certificate, stone.epoch) == (1, certificate, done.epoch)
    async with db.read(database) as tx:
        (entry,) = await access_log.search(tx, Criteria(action=Action.ERASE))
        assert entry.id == done.entries[people[0]]
        assert await access_log.subject_of(tx, keyring, entry.id) == people[0]
        (told,) = await erasure_gate.logged(tx)
        assert await tombstones.newest(tx) == stone
    assert msgspec.structs.replace(stone, link=b"") == told
    shown = str(msgspec.json.encode(stone)) + entry.detail
    assert people[0].hex not in shown
    assert str(people[0]) not in shown


async def test_erasing_twice_is_erasing_once(people, erase):
    first = await erase(people[0])
    second = await erase(people[0], people[1], people[1])
    assert second.rows["keys"] == 1
    assert [stone.number for stone in (*first.tombstones, *second.tombstones)] == [1, 2]
    third = await erase(people[0], people[1])
    assert (third.tombstones, third.entries) == ((), {})
    assert set(third.rows.values()) == {0}


async def test_a_record_without_a_log_key_is_erased_all_the_same(database, keyring, people, erase):
    async with db.begin(database) as tx:
        assert await erasing.forget_logs(tx, keyring, people[:1]) == 1
    (entry,) = (await erase(people[0])).entries.values()
    async with db.read(database) as tx:
        assert await access_log.subject_of(tx, keyring, entry) is None


async def test_an_erased_record_is_not_made_again(database, keyring, people, erase):
    await erase(people[0])
    for change in (
        lambda tx: keyring.create_subject(tx, people[0]),
        lambda tx: attributes.store(tx, keyring, people[0], IDENTITY, {}),
    ):
        with pytest.raises(KeyLostError):
            async with db.begin(database) as tx:
                await change(tx)


async def test_a_tombstone_refuses_what_is_put_back_though_it_opens(
    database, people, erase, reads, gate
):
    one, keyring = people[0], gate.keyring
    kept = await rows_of(database, one)
    async with db.read(database) as tx:
        nodes = [row._asdict() for row in await tx.connection.execute(select(key_nodes))]
        neighbours = [await rows_of(database, other) for other in people[1:]]
    await erase(one)
    # The whole way to the key, as whoever holds a backup and the old root can put it back.
    async with db.begin(database) as tx:
        await tx.connection.execute(delete(key_nodes))
        await tx.connection.execute(insert(key_nodes), nodes)
    keys = subject_keys.subject_keys
    await put_back(database, kept, *kept)
    for each in neighbours:
        await put_back(database, each, keys)
    keyring.forget()
    async with db.read(database) as tx:
        opened = await subject_keys.read(tx, keyring.trees[Kind.DATA], people)
        assert one in opened, "the attack must be a real one"
        assert one not in await keyring.subject(tx, people, "data")
    assert (await reads(one)).fault == "key-lost"
    assert await gate.closed() == [Why.REVIVED]
    assert await gate.replayed() == (0, {one})
    assert await gate.closed() == []
    assert (await reads(people[1]))["given_name"]


@pytest.mark.parametrize("table", [table for table, _ in OF_RECORD], ids=lambda table: table.name)
async def test_any_row_of_an_erased_record_keeps_the_service_closed(
    database, people, erase, table, gate
):
    kept = await rows_of(database, people[0])
    await erase(people[0])
    assert await gate.closed() == []
    await put_back(database, kept, table)
    assert await gate.closed() == [Why.REVIVED]


async def test_threat_15_a_dump_with_the_root_of_its_time_is_shut_once_that_root_is_gone(
    database, people, erase, tmp_path
):
    one = people[0]
    async with db.read(database) as tx:
        nodes = [row._asdict() for row in await tx.connection.execute(select(key_nodes))]
    kept = [await rows_of(database, person) for person in people]
    await erase(one)
    folder = tmp_path / "keys"
    async with db.begin(database) as tx:
        ring = await open_keyring(tx, roots.FileKeys(folder))
        await root_keys.rotate(tx, ring)
        await root_keys.retire(tx, ring, 1)
        await root_keys.destroy(tx, ring, 1, early=True)
    async with db.begin(database) as tx:
        ring = await open_keyring(tx, roots.FileKeys(folder))
        assert (await ring.subject(tx, people, "data")).keys() == set(people[1:])
    # The dump of before, beside today's roots: no way leads to any key in it.
    async with db.begin(database) as tx:
        await tx.connection.execute(delete(key_nodes))
        await tx.connection.execute(insert(key_nodes), nodes)
        await tx.connection.execute(delete(subject_keys.subject_keys))
        for each in kept:
            await tx.connection.execute(
                insert(subject_keys.subject_keys), each[subject_keys.subject_keys]
            )
        ring.forget()
        with pytest.raises(KeyLostError):
            await subject_keys.read(tx, ring.trees[Kind.DATA], people)


async def test_threat_17_a_store_that_lags_behind_an_erasure_is_not_read(
    database, keys, people, erase
):
    async with db.begin(database) as tx:
        reader = await open_keyring(tx, keys)
    async with db.read(database) as lagging:
        # A view of before the erasure, as a replica has that lags.
        await lagging.connection.execute(text("SELECT count(*) FROM subject_keys"))
        await erase(people[0])
        for _ in range(2):  # two transactions know of the erasure
            async with db.read(database) as tx:
                await reader.look(tx)
        with pytest.raises(StaleStoreError):
            await reader.subject(lagging, people[:1], "data")
        with pytest.raises(StaleStoreError):
            await reader.subject(lagging, people[1:], "data")
    async with db.read(database) as tx:
        assert (await reader.subject(tx, people, "data")).keys() == set(people[1:])


async def test_an_epoch_that_was_rolled_back_locks_nobody_out(database, keyring, people):
    with pytest.raises(RuntimeError):
        async with db.begin(database) as tx:
            await erasing.erase(tx, keyring, people[:1], certificate=uuid4(), line=LINE)
            await keyring.look(tx)
            await keyring.look(tx)
            raise RuntimeError
    async with db.read(database) as tx:
        await keyring.look(tx)
        assert (await keyring.subject(tx, people, "data")).keys() == set(people)


class Halting:
    """Root keys that halt once, when told to, until they are let go on."""

    def __init__(self, keys):
        self._keys = keys
        self._armed = False
        self.halted, self.on = threading.Event(), threading.Event()

    def __getattr__(self, name):
        return getattr(self._keys, name)

    def arm(self):
        self._armed = True

    def unwrap(self, wrapped, place):
        if self._armed:
            self._armed = False
            self.halted.set()
            self.on.wait(10)
        return self._keys.unwrap(wrapped, place)


async def test_a_key_that_was_read_while_keys_changed_is_not_kept(database, keys, people):
    halting = Halting(keys)
    async with db.begin(database) as tx:
        ring = await open_keyring(tx, halting)
    halting.arm()
    async with db.read(database) as tx:
        reading = asyncio.create_task(ring.subject(tx, people[:1], "data"))
        await asyncio.to_thread(halting.halted.wait, 10)
        async with db.begin(database) as changing:
            await key_epoch.advance(changing)
        async with db.read(database) as other:
            await ring.look(other)
            halting.on.set()
            await reading
            assert ring._subjects[Kind.DATA].split(people[:1], other.now) == ({}, people[:1])


READER = """
import asyncio, sys, time
from uuid import UUID
from pathlib import Path
from types import SimpleNamespace
from vault import database as db, erasing
from vault.keyring import open_keyring
from vault.keys import FileKeys

async def main(url, folder, subject):
    store = db.connect(url)
    async with db.begin(store) as tx:
        keyring = await open_keyring(tx, FileKeys(Path(folder)))
    said = False
    while True:
        async with db.read(store) as tx:
            found = await keyring.subject(tx, [subject], "data")
        if not found:
            print(time.time(), flush=True)
            break
        if not said:
            print("reading", flush=True)
            said = True
        await asyncio.sleep(0.01)
    await db.close(store)

asyncio.run(main(sys.argv[1], sys.argv[2], UUID(sys.argv[3])))
"""


async def test_threat_18_what_one_process_erases_another_refuses_within_a_second(
    people, erase, tmp_path, store_url
):
    reader = await asyncio.create_subprocess_exec(
        sys.executable, "-c", READER, store_url, str(tmp_path / "keys"), str(people[0]),
        stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[3],
    )  # fmt: skip
    try:
        assert await asyncio.wait_for(reader.stdout.readline(), 30) == b"reading\n"
        await asyncio.sleep(0.3)  # it holds the key, and believes in it
        await erase(people[0])
        erased_at = time.time()
        refused_at = float(await asyncio.wait_for(reader.stdout.readline(), 30))
    finally:
        if reader.returncode is None:
            await asyncio.wait_for(reader.wait(), 30)
    assert refused_at - erased_at < 1


async def test_once_the_log_key_is_gone_the_tree_verifies_and_names_nobody(
    database, keyring, people, erase, reads
):
    await reads(people[0])
    await erase(people[0])
    async with db.read(database) as tx:
        assert await erasing.log_keys_alone(tx, None) == [people[0]]
        assert await erasing.log_keys_alone(tx, people[0]) == []
        entries = await access_log.search(tx, Criteria(action=Action.READ))
    async with db.begin(database) as tx:
        assert await erasing.forget_logs(tx, keyring, people[:1]) == 1
        assert await erasing.forget_logs(tx, keyring, people[:1]) == 0
    async with db.read(database) as tx:
        assert [await access_log.subject_of(tx, keyring, entry.id) for entry in entries] == [None]
        for octets in await tx.connection.scalars(select(access_log.access_log.c.leaf)):
            log_leaf.decode(octets)


async def test_writing_while_erasing_loses_nobody_else_and_leaves_nothing(
    database, keyring, people, erase, gate
):
    async def write(person):
        async with db.begin(database) as tx:
            await attributes.store(tx, keyring, person, IDENTITY, {"given_name": "Again"})

    done = await asyncio.gather(
        *(write(person) for person in people * 4), erase(people[0]), return_exceptions=True
    )
    assert {type(each) for each in done} <= {type(None), KeyLostError, erasing.Erased}
    assert await gate.closed() == []
    async with db.read(database) as tx:
        keyring.forget()
        assert (await keyring.subject(tx, people, "data")).keys() == set(people[1:])
