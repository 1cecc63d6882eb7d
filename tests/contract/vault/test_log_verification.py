"""Each thing that may be done to the log behind our back, and the words that name it."""

from uuid import UUID, uuid4

import msgspec
import pytest
from sqlalchemy import delete, insert, select, update

from policies.vocabulary import Action, Actor, ActorKind, Outcome
from vault import access_log, log_leaf, log_verification, merkle, signing, transparency
from vault import database as db
from vault.access_log import Line
from vault.log_tables import access_log as lines
from vault.log_tables import log_pending
from vault.log_tree import log_checkpoint, log_entry, log_tile
from vault.signing import signing_keys
from vault.subject_keys import log_keys, subject_keys
from vault.transparency import Report

ACTOR = Actor(kind=ActorKind.PROGRAMME, id="asd")


@pytest.fixture
async def ids(database, keyring, new_record):
    """Five entries in a tree signed at sizes 2 and 5, and one line that waits."""
    amina, other = await new_record(), await new_record()
    about = [amina, other, None, amina, None, other]
    sealed = []
    for batch, size in ((about[:2], 2), (about[2:5], 3), (about[5:], 0)):
        async with db.begin(database) as tx:
            given = [
                Line(
                    actor=ACTOR,
                    action=Action.VERIFY,
                    outcome=Outcome.GIVEN,
                    subject=subject,
                    purpose="social/aid",
                    case_reference="D-1",
                )
                for subject in batch
            ]
            await access_log.record(tx, keyring, given)
            if size:
                assert await transparency.sequence(tx, keyring) == size
    async with db.read(database) as tx:
        sealed = list(await tx.connection.scalars(select(log_entry.c.id).order_by("seq")))
        waiting = list(await tx.connection.scalars(select(log_pending.c.id)))
    return [*sealed, *waiting]


@pytest.fixture
def tamper(database):
    async def run(*statements):
        async with db.begin(database) as tx:
            for statement in statements:
                await tx.connection.execute(statement)

    return run


@pytest.fixture
def verify(database, keyring):
    async def run(progress=None):
        async with db.read(database) as tx:
            return await transparency.verify(tx, keyring, progress)

    return run


async def test_a_log_nobody_touched_is_whole(ids, verify):
    seen = []
    assert await verify(lambda done, total: seen.append((done, total))) == Report(
        entries=5, fault=None
    )
    assert seen == [(5, 5)]


async def test_an_empty_log_is_whole(database, verify):
    assert await verify() == Report(entries=0, fault=None)


async def test_a_long_log_is_read_in_pages(database, keyring, verify, monkeypatch):
    monkeypatch.setattr(log_verification, "PAGE", 100)
    async with db.begin(database) as tx:
        line = Line(actor=ACTOR, action=Action.TOKEN, outcome=Outcome.GIVEN)
        await access_log.record(tx, keyring, [line] * 650)
        await transparency.sequence(tx, keyring, limit=520)
    seen = []
    assert await verify(lambda *at: seen.append(at)) == Report(entries=520, fault=None)
    assert seen == [*((done, 520) for done in range(100, 501, 100)), (520, 520)]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("actor", "minhaty"),
        ("actor_kind", "staff"),
        ("action", "read"),
        ("outcome", "refused"),
        ("purpose", None),
        ("reasons", " no-consent "),
        ("at", log_leaf.EPOCH),
    ],
)
async def test_threat_28_an_edited_column_is_named(ids, tamper, verify, column, value):
    await tamper(update(lines).where(lines.c.id == ids[3]).values({column: value}))
    assert await verify() == Report(entries=3, fault=f"entry 3: its column {column} was altered")


async def test_threat_31_an_entry_hidden_from_its_citizen_is_named(ids, tamper, verify):
    for tag in (None, bytes(16)):
        await tamper(update(lines).where(lines.c.id == ids[0]).values(subject_tag=tag))
        assert (await verify()).fault == "entry 0: its column subject_tag was altered"


async def test_threat_28_an_edited_leaf_is_named(ids, tamper, verify):
    await tamper(update(lines).where(lines.c.id == ids[1]).values(leaf=b"\x90"))
    assert await verify() == Report(entries=1, fault="entry 1: its bytes were altered")


async def test_threat_28_a_leaf_edited_with_its_hash_is_found_by_the_tree(
    database, ids, tamper, verify
):
    async with db.read(database) as tx:
        leaf = await tx.connection.scalar(select(lines.c.leaf).where(lines.c.id == ids[4]))
    forged = leaf.replace(b"given", b"fault")
    await tamper(
        update(lines).where(lines.c.id == ids[4]).values(leaf=forged, outcome="fault"),
        update(log_entry).where(log_entry.c.seq == 4).values(leaf_hash=merkle.leaf_hash(forged)),
    )
    assert (await verify()).fault == ("checkpoint of size 5: its root is not that of the entries")


@pytest.mark.parametrize("forged", [b"\x90", b""])
async def test_bytes_that_are_no_entry_are_named(ids, tamper, verify, forged):
    await tamper(
        update(lines).where(lines.c.id == ids[0]).values(leaf=forged),
        update(log_entry).where(log_entry.c.seq == 0).values(leaf_hash=merkle.leaf_hash(forged)),
    )
    assert (await verify()).fault == "entry 0: whom it is about cannot be read"


async def test_a_line_deleted_is_named(ids, tamper, verify):
    await tamper(delete(lines).where(lines.c.id == ids[2]))
    assert await verify() == Report(entries=2, fault="entry 2: its line is gone")


async def test_an_entry_deleted_is_named(ids, tamper, verify):
    await tamper(delete(log_entry).where(log_entry.c.seq == 1))
    assert await verify() == Report(entries=1, fault="entry 1 is missing")


async def test_two_entries_exchanged_are_found(ids, tamper, verify):
    spare = log_entry.c.seq == 99
    await tamper(
        update(log_entry).where(log_entry.c.seq == 3).values(seq=99),
        update(log_entry).where(log_entry.c.seq == 4).values(seq=3),
        update(log_entry).where(spare).values(seq=4),
    )
    assert (await verify()).fault == "checkpoint of size 5: its root is not that of the entries"


async def test_the_last_entries_cut_off_are_found(ids, tamper, verify):
    await tamper(delete(log_entry).where(log_entry.c.seq >= 2))
    assert (await verify()).fault == "entry 2 is missing"


async def test_threat_29_a_tree_cut_back_to_an_older_size_is_found(ids, tamper, verify):
    await tamper(delete(log_checkpoint).where(log_checkpoint.c.size == 5))
    assert (await verify()).fault == "entry 2 is in no signed tree"
    await tamper(delete(log_entry).where(log_entry.c.seq >= 2))
    assert (await verify()).fault == f"line {ids[2]} is in no tree and does not wait for one"


async def test_threat_32_a_line_taken_from_the_outbox_is_found(ids, tamper, verify):
    await tamper(delete(log_pending))
    assert (await verify()).fault == f"line {ids[5]} is in no tree and does not wait for one"


async def test_a_waiting_line_is_checked_like_an_entry(ids, tamper, verify):
    await tamper(update(lines).where(lines.c.id == ids[5]).values(actor="x"))
    assert (await verify()).fault == f"waiting line {ids[5]}: its column actor was altered"
    await tamper(insert(log_pending).values(id=UUID(int=0x7 << 76 | 1), leaf_hash=bytes(32)))
    assert (await verify()).fault.endswith("its line is gone")


async def test_threat_51_a_broken_tile_is_named(ids, tamper, verify):
    await tamper(update(log_tile).values(hashes=bytes(160)))
    assert (await verify()).fault == "tile 0/0 does not hold the hashes of the entries"
    await tamper(delete(log_tile))
    assert (await verify()).fault == "tile 0/0 does not hold the hashes of the entries"


async def test_threat_33_a_root_signed_by_another_key_is_named(ids, tamper, verify, database):
    async with db.read(database) as tx:
        note = await tx.connection.scalar(
            select(log_checkpoint.c.note).where(log_checkpoint.c.size == 2)
        )
    await tamper(update(log_checkpoint).where(log_checkpoint.c.size == 5).values(note=note))
    assert (await verify()).fault == "checkpoint of size 5: its note is not signed by us"


async def test_threat_33_a_key_put_in_from_outside_is_named(ids, tamper, verify):
    await tamper(update(signing_keys).where(signing_keys.c.use == "checkpoint").values(mac=b"x"))
    assert await verify() == Report(entries=0, fault="a public key of the log was altered")


async def test_checkpoints_of_a_key_now_retired_still_count(database, keyring, ids, verify):
    async with db.begin(database) as tx:
        await signing.rotate(tx, keyring, "checkpoint")
        await signing.rotate(tx, keyring, "checkpoint")
        assert await transparency.sequence(tx, keyring) == 1
    assert await verify() == Report(entries=6, fault=None)


async def test_a_log_key_that_is_gone_is_named(ids, tamper, verify):
    await tamper(delete(subject_keys).where(subject_keys.c.kind == "log"))
    assert (await verify()).fault == "entry 0: whom it is about cannot be read"


async def test_an_entry_sealed_about_another_than_its_key_is_of_is_named(
    database, keyring, ids, tamper, verify
):
    # What only a fault of our own could write: the key is one person's, the entry another's.
    async with db.read(database) as tx:
        row = await tx.connection.scalar(select(lines.c.leaf).where(lines.c.id == ids[0]))
        leaf = log_leaf.decode(row)
        [(_, key)] = (await log_keys(tx, keyring.log_tree, [leaf.handle])).values()
    another = msgspec.structs.replace(log_leaf.opened(key, leaf), subject=uuid4().bytes)
    sealed = log_leaf.seal(key.group(log_leaf.GROUP), leaf.id, another)
    forged = log_leaf.encode(msgspec.structs.replace(leaf, sealed=sealed))
    await tamper(
        update(lines).where(lines.c.id == ids[0]).values(leaf=forged),
        update(log_entry).where(log_entry.c.seq == 0).values(leaf_hash=merkle.leaf_hash(forged)),
    )
    assert (await verify()).fault == "entry 0: whom it is about cannot be read"


async def test_log_keys_whose_owners_were_exchanged_are_named(database, ids, tamper, verify):
    of_log = subject_keys.c.kind == "log"
    async with db.read(database) as tx:
        rows = await tx.connection.execute(select(subject_keys.c.handle).where(of_log))
        [one, _] = [row.handle for row in rows]
    await tamper(update(subject_keys).where(subject_keys.c.handle == one).values(subject=uuid4()))
    assert (await verify()).fault.endswith("whom it is about cannot be read")
