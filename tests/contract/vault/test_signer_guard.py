import fcntl
import os

import pytest
from sqlalchemy import delete, update

from api import sequencer
from policies.vocabulary import Action, Actor, ActorKind, Outcome
from vault import (
    access_log,
    keepsakes,
    log_adoption,
    log_origins,
    merkle,
    signer_guard,
    transparency,
)
from vault import database as db
from vault.access_log import Line
from vault.envelope_errors import TamperedError
from vault.log_note import Head
from vault.log_origins import log_origin
from vault.log_tables import access_log as lines
from vault.log_tables import log_pending
from vault.log_tree import log_checkpoint, log_entry, log_tile
from vault.signer_guard import GuardBusyError, GuardError, Why

LINE = Line(
    actor=Actor(kind=ActorKind.SYSTEM, id="test"), action=Action.TOKEN, outcome=Outcome.GIVEN
)
TREE = (log_checkpoint, log_tile, log_entry, log_pending, lines)


@pytest.fixture
def guard(tmp_path):
    return tmp_path / "outside" / "log.signed"


@pytest.fixture
def grow(database, keyring, guard):
    """Logs, and seals as the service does."""

    async def do(count):
        async with db.begin(database) as tx:
            await access_log.record(tx, keyring, [LINE] * count)
        return await sequencer.seal(database, keyring, guard)

    return do


@pytest.fixture
def pass_by(database, keyring):
    """Logs and seals as somebody who holds the store and the keys, past the guard."""

    async def do(count):
        async with db.begin(database) as tx:
            await access_log.record(tx, keyring, [LINE] * count)
            assert await transparency.sequence(tx, keyring) == count

    return do


@pytest.fixture
def copy(database):
    """Takes a backup of the log; `await backup()` puts it back."""

    async def take():
        kept = {}
        async with db.read(database) as tx:
            for table in TREE:
                rows = await tx.connection.execute(table.select())
                kept[table] = [dict(row._mapping) for row in rows]

        async def restore():
            async with db.begin(database) as tx:
                for table in TREE:
                    await tx.connection.execute(delete(table))
                    if kept[table]:
                        await tx.connection.execute(table.insert(), kept[table])

        return restore

    return take


async def test_what_was_signed_is_remembered_after_each_round(database, keyring, guard, grow):
    assert signer_guard.read(guard) is None
    for count, size in ((3, 3), (300, 303)):
        assert await grow(count) == count
        async with db.read(database) as tx:
            newest = await transparency.checkpoint(tx)
        assert signer_guard.read(guard) == Head(keyring.log_origin, size, newest.root)
    assert guard.stat().st_mode & 0o777 == 0o600


async def test_threat_37_a_store_of_yesterday_is_not_signed_on(guard, grow, copy):
    await grow(5)
    restore = await copy()
    await grow(4)
    signed = guard.read_bytes()
    await restore()
    for _ in range(2):
        with pytest.raises(GuardError) as refused:
            await grow(1)
        assert refused.value.why is Why.SMALLER
    assert guard.read_bytes() == signed


async def test_threat_37_nor_is_one_that_was_put_back_to_before_the_first_entry(grow, copy):
    restore = await copy()
    await grow(4)
    await restore()
    with pytest.raises(GuardError) as refused:
        await grow(1)
    assert refused.value.why is Why.SMALLER


@pytest.mark.parametrize(
    ("again", "why"),
    [(3, Why.SMALLER), (4, Why.OTHER_ROOT), (5, Why.INCONSISTENT), (600, Why.INCONSISTENT)],
)
async def test_threat_29_a_log_cut_short_and_signed_anew_is_not_signed_on(
    grow, copy, pass_by, again, why
):
    await grow(300)
    restore = await copy()
    await grow(4)
    await restore()
    await pass_by(again)
    with pytest.raises(GuardError) as refused:
        await grow(1)
    assert refused.value.why is why


async def test_a_log_under_another_name_is_not_signed_on(keyring, guard, grow):
    signer_guard.begin_anew(guard, Head("amana.log/another", 0, merkle.EMPTY_ROOT))
    with pytest.raises(GuardError) as refused:
        await grow(1)
    assert refused.value.why is Why.OTHER_ORIGIN


async def test_a_guard_that_missed_a_commit_is_brought_up_by_the_next_round(guard, grow, pass_by):
    await grow(3)
    await pass_by(300)
    assert signer_guard.read(guard).size == 3
    await grow(1)
    assert signer_guard.read(guard).size == 304


async def test_a_guard_that_cannot_be_read_stops_the_signing(guard, grow):
    await grow(1)
    whole = guard.read_bytes()
    for octets in (b"", b"amana\n", whole[:-2], whole + b"more\n", b"\xff" + whole):
        guard.write_bytes(octets)
        with pytest.raises(TamperedError):
            await grow(1)
    guard.write_bytes(whole)
    assert await grow(1) == 6


async def test_an_older_head_is_never_remembered_over_a_newer_one(guard):
    newer = Head("amana.log/one", 9, bytes(32))
    signer_guard.keep(guard, newer)
    for size in (8, 9):
        signer_guard.keep(guard, Head("amana.log/one", size, bytes([1]) * 32))
    signer_guard.keep(guard, Head("amana.log/two", 10, bytes(32)))
    assert signer_guard.read(guard) == newer


async def test_a_process_that_holds_the_guard_for_ever_stops_no_other(
    database, guard, grow, monkeypatch
):
    monkeypatch.setattr(signer_guard, "LOCK_SECONDS", 0.05)
    await grow(1)
    lock = os.open(guard.with_name("log.signed.lock"), os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    with pytest.raises(GuardBusyError):
        await grow(2)
    os.close(lock)
    async with db.read(database) as tx:
        assert (await transparency.checkpoint(tx)).size == 3  # it was sealed all the same
    await grow(1)
    assert signer_guard.read(guard).size == 4


async def test_nothing_is_signed_where_a_tile_that_would_show_the_past_is_gone(
    database, guard, grow, pass_by
):
    await grow(257)
    await pass_by(300)
    async with db.begin(database) as tx:
        first = (log_tile.c.level == 0, log_tile.c.idx == 1)
        await tx.connection.execute(update(log_tile).where(*first).values(hashes=bytes(32)))
    with pytest.raises(TamperedError):
        await grow(1)
    assert signer_guard.read(guard).size == 257


@pytest.fixture
def adopt(database, keyring, guard):
    """Plans and takes a new name as the command does; the link, or None."""

    async def do(*, tell=True):
        async with db.begin(database) as tx:
            planned = await log_adoption.planned(tx, keyring, signer_guard.read(guard))
            if planned is None:
                return None
            note = await log_adoption.adopt(tx, keyring, planned)
        if tell:
            signer_guard.begin_anew(guard, planned.begins)
        async with db.read(database) as tx:
            await keyring.reload(tx)
        return note

    return do


@pytest.fixture
def put_back(grow, copy):
    """Loses the last four entries by a restore; what it returns loses all since once more."""

    async def do(count):
        if count:
            await grow(count)
        restore = await copy()
        await grow(4)
        await restore()
        return restore

    return do


async def test_a_log_that_goes_on_needs_no_new_name(grow, adopt, pass_by):
    await grow(3)
    assert await adopt() is None
    await pass_by(4)
    assert await adopt() is None


async def test_threat_37_after_a_restore_the_log_goes_on_under_a_new_name(
    database, keyring, grow, put_back, adopt
):
    await put_back(5)
    old = keyring.log_origin
    note = await adopt()
    new = keyring.log_origin
    assert new != old == keyring.first_origin
    text, _, under = note.partition("\n\n")
    assert text.split("\n")[:2] == [new, "5"]
    assert text.split("\n")[3].split()[:3] == ["adopts", old, "9"]
    assert [line.split()[1] for line in under.splitlines()] == [new, old]
    assert await grow(2) == 3  # and the line that tells of it
    async with db.read(database) as tx:
        assert (await transparency.verify(tx, keyring)).fault is None
        assert (await transparency.checkpoint(tx, 5)).note.startswith(f"{old}\n")
        assert (await transparency.checkpoint(tx, 8)).note.startswith(f"{new}\n")
        names = {line.partition("+")[0] for line in (await keepsakes.trust(tx, keyring))["log"]}
    assert names == {old, new}


async def test_a_log_that_is_put_back_twice_never_takes_one_name_twice(
    database, keyring, grow, put_back, adopt
):
    restore = await put_back(5)
    names = {keyring.log_origin}
    for _ in range(2):
        await restore()
        async with db.begin(database) as tx:
            await tx.connection.execute(delete(log_origin))
            await keyring.reload(tx)
        await adopt()
        names.add(keyring.log_origin)
        await grow(1)
    assert len(names) == 3


async def test_killed_before_the_guard_was_told_an_adoption_is_done_again(
    database, keyring, grow, put_back, adopt
):
    await put_back(0)
    note = await adopt(tell=False)
    with pytest.raises(GuardError):
        await grow(0)
    assert await adopt() == note
    assert await grow(1) == 2
    async with db.read(database) as tx:
        assert len(await log_origins.taken(tx)) == 1
        assert (await transparency.verify(tx, keyring)).fault is None


@pytest.mark.parametrize("changes", [{"size": 3}, {"name": "amana.log/other"}, {"note": "none\n"}])
async def test_a_link_that_was_altered_is_found(database, keyring, put_back, adopt, changes):
    await put_back(4)
    await adopt()
    async with db.begin(database) as tx:
        await tx.connection.execute(update(log_origin).values(changes))
        assert "link to the log's name" in (await transparency.verify(tx, keyring)).fault
