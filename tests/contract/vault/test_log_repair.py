import pytest
from sqlalchemy import delete, select, update

from api import sequencer
from policies.vocabulary import Action, Actor, ActorKind, Outcome
from vault import access_log, log_cosignatures, log_repair, log_tiles, transparency
from vault import database as db
from vault.access_log import Line
from vault.envelope_errors import TamperedError
from vault.log_tiles import Run
from vault.log_tree import log_entry, log_tile
from vault.transparency import FencedError

LINE = Line(
    actor=Actor(kind=ActorKind.SYSTEM, id="test"), action=Action.TOKEN, outcome=Outcome.GIVEN
)
PLACES = [(0, 0), (0, 1), (0, 2), (1, 0)]
SIZE = 600


@pytest.fixture
async def ids(database, keyring):
    """The entries of a tree of 600, in order."""
    async with db.begin(database) as tx:
        await access_log.record(tx, keyring, [LINE] * SIZE)
        await transparency.sequence(tx, keyring, 300)
        await transparency.sequence(tx, keyring)
        return list(await tx.connection.scalars(select(log_entry.c.id).order_by(log_entry.c.seq)))


@pytest.fixture
def flip(database):
    """Turns one bit of a tile."""

    async def do(level, idx, at):
        where = (log_tile.c.level == level, log_tile.c.idx == idx)
        async with db.begin(database) as tx:
            hashes = bytearray(await tx.connection.scalar(select(log_tile.c.hashes).where(*where)))
            hashes[at] ^= 1
            await tx.connection.execute(update(log_tile).where(*where).values(hashes=bytes(hashes)))

    return do


@pytest.fixture
def repair(database):
    async def do():
        async with db.begin(database) as tx:
            return await log_repair.repair(tx, lambda *_: None)

    return do


@pytest.fixture
def refused(database):
    """Whether each of these is refused: a proof, a proof of growth, each tile."""

    async def do(entry):
        async with db.read(database) as tx:
            newest = await transparency.checkpoint(tx)
            asked = [
                transparency.inclusion(tx, entry),
                log_cosignatures.growth(tx, 300, newest),
                *(
                    log_tiles.hashes(tx, *each)
                    for each in (
                        (0, Run(0, 256)),
                        (0, Run(1, 256)),
                        (0, Run(2, 88)),
                        (0, Run(2, 5)),
                        (1, Run(0, 2)),
                    )
                ),
            ]
            return [await _is_refused(each) for each in asked]

    return do


async def _is_refused(asked):
    try:
        assert await asked is not None
    except TamperedError:
        return True
    return False


@pytest.mark.parametrize("place", PLACES)
async def test_threat_51_a_tile_that_broke_gives_no_proof_until_it_is_mended(
    ids, flip, repair, refused, place
):
    at = {(0, 0): 7, (0, 1): 256, (0, 2): 513, (1, 0): 513}[place]
    assert not any(await refused(ids[at]))
    await flip(*place, 32 * 44 if place == (0, 1) else 0)
    found = await refused(ids[at ^ 1])
    assert found[2 + PLACES.index(place) + (place == (1, 0))]  # the tile itself
    assert any(found[:2])  # and a proof that passes through it
    assert await repair() == [place]
    assert not any(await refused(ids[at ^ 1]))
    assert await repair() == []


async def test_threat_51_tiles_that_are_gone_or_too_short_are_mended_too(
    database, keyring, ids, repair
):
    async with db.begin(database) as tx:
        await tx.connection.execute(delete(log_tile).where(log_tile.c.level == 1))
        short = update(log_tile).where(log_tile.c.idx == 0).values(hashes=bytes(32), width=1)
        await tx.connection.execute(short)
    assert await repair() == [(0, 0), (1, 0)]
    async with db.read(database) as tx:
        assert (await transparency.verify(tx, keyring)).fault is None


async def test_threat_51_nothing_is_mended_from_entries_that_are_not_those_that_were_signed(
    database, ids, flip, repair
):
    await flip(0, 1, 0)
    for change in (
        update(log_entry).where(log_entry.c.seq == 3).values(leaf_hash=bytes(32)),
        delete(log_entry).where(log_entry.c.seq == 3),
    ):
        async with db.begin(database) as tx:
            before = await _tiles(tx)
            await tx.connection.execute(change)
        with pytest.raises(TamperedError):
            await repair()
        async with db.read(database) as tx:
            assert await _tiles(tx) == before


async def test_threat_51_the_sequencer_mends_the_edge_it_grows(
    database, keyring, ids, flip, tmp_path
):
    await flip(0, 2, 0)
    async with db.begin(database) as tx:
        await access_log.record(tx, keyring, [LINE])
    async with sequencer.running(database, keyring, tmp_path / "log.signed"):
        pass
    async with db.read(database) as tx:
        assert (await transparency.verify(tx, keyring)).fault is None


async def test_the_sequencer_gives_up_what_it_cannot_mend(database, ids):
    with pytest.raises(TamperedError):
        await sequencer.mend(database)


async def test_an_empty_tree_has_nothing_to_mend(database, keyring, repair):
    assert await repair() == []


@pytest.mark.postgres
async def test_nothing_is_mended_while_a_sequencer_is_at_work(postgres_url):
    database = db.connect(postgres_url)
    async with db.begin(database) as leader, db.begin(database) as other:
        assert await transparency.leads(leader)
        with pytest.raises(FencedError):
            await log_repair.repair(other, lambda *_: None)
    await db.close(database)


async def _tiles(tx):
    rows = await tx.connection.execute(select(log_tile).order_by("level", "idx"))
    return rows.all()
