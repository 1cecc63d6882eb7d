"""The tree as files: each has one name, and with the checkpoint anyone recomputes the root."""

import pytest
from sqlalchemy import delete, update

from policies.vocabulary import Action, Actor, ActorKind, Outcome
from vault import access_log, log_tiles, log_tree, merkle, transparency
from vault import database as db
from vault.access_log import Line
from vault.envelope_errors import TamperedError
from vault.log_tables import access_log as lines
from vault.log_tiles import Run
from vault.log_tree import log_tile

LINE = Line(
    actor=Actor(kind=ActorKind.SYSTEM, id="test"), action=Action.TOKEN, outcome=Outcome.GIVEN
)


@pytest.fixture
async def sealed(database, keyring):
    """A log of 600 lines; gives its checkpoint."""
    async with db.begin(database) as tx:
        await access_log.record(tx, keyring, [LINE] * 600)
    async with db.begin(database) as tx:
        await transparency.sequence(tx, keyring)
        return await transparency.checkpoint(tx)


@pytest.mark.parametrize(
    ("name", "run"),
    [
        ("000", Run(0, 256)),
        ("067.p/1", Run(67, 1)),
        ("067.p/255", Run(67, 255)),
        ("x001/x234/067", Run(1_234_067, 256)),
        ("x001/000.p/9", Run(1_000, 9)),
    ],
)
def test_a_name_says_which_tile_and_how_much_of_it(name, run):
    assert log_tiles.read_run(name) == run
    assert log_tiles.name(run) == name


@pytest.mark.parametrize(
    "name",
    [
        "", "0", "0000", "000.p/0", "000.p/256", "000.p/01", "000.p/", "000/", "/000", "x000/000",
        "001/000", "x001", "x001/x234", "000.p/1/", "../000", "٠٠٠", "000\n",
        "x001/x001/x001/x001/x001/x001/000",
    ],
)  # fmt: skip
def test_a_file_has_no_second_name(name):
    assert log_tiles.read_run(name) is None


def test_levels_are_those_that_a_tree_can_have():
    assert [log_tiles.read_level(name) for name in ("0", "7", "10", "63")] == [0, 7, 10, 63]
    for name in ("", "00", "01", "64", "100", "-1", "٣", "entries"):
        assert log_tiles.read_level(name) is None


async def test_a_stranger_recomputes_the_root_from_the_files(database, sealed):
    async with db.read(database) as tx:
        tiles = [await log_tiles.hashes(tx, 0, Run(index, 256)) for index in (0, 1)]
        tiles.append(await log_tiles.hashes(tx, 0, Run(2, 88)))
        above = await log_tiles.hashes(tx, 1, Run(0, 2))
        bundles = [await log_tiles.entries(tx, Run(index, 256)) for index in (0, 1)]
        bundles.append(await log_tiles.entries(tx, Run(2, 88)))
    leaves = [leaf for bundle in bundles for leaf in taken_apart(bundle)]
    hashes = [merkle.leaf_hash(leaf) for leaf in leaves]
    assert b"".join(hashes) == b"".join(tiles)
    assert above == b"".join(merkle.compress(hashes[at : at + 256]) for at in (0, 256))

    def node(height, index):
        return merkle.compress(hashes[index << height : (index + 1) << height])

    assert merkle.root(600, node) == sealed.root


async def test_a_part_of_a_tile_stays_what_it_was_when_the_tile_is_full(database, sealed):
    async with db.read(database) as tx:
        whole = await log_tiles.hashes(tx, 0, Run(0, 256))
        assert await log_tiles.hashes(tx, 0, Run(0, 17)) == whole[: 17 * 32]
        some = await log_tiles.entries(tx, Run(0, 17))
        assert (await log_tiles.entries(tx, Run(0, 256))).startswith(some)


async def test_what_has_not_grown_yet_is_not_there(database, sealed):
    async with db.read(database) as tx:
        for run in (Run(2, 89), Run(2, 256), Run(3, 1)):
            assert await log_tiles.hashes(tx, 0, run) is None
            assert await log_tiles.entries(tx, run) is None
        assert await log_tiles.hashes(tx, 1, Run(0, 3)) is None
        assert await log_tiles.hashes(tx, 9, Run(0, 1)) is None


async def test_a_line_that_was_taken_out_is_a_fault_and_no_shorter_file(database, sealed):
    async with db.begin(database) as tx:
        await tx.connection.execute(delete(lines))
        with pytest.raises(TamperedError):
            await log_tiles.entries(tx, Run(0, 3))


def taken_apart(bundle):
    while bundle:
        size = int.from_bytes(bundle[:2], "big")
        yield bundle[2 : 2 + size]
        bundle = bundle[2 + size :]


async def test_threat_51_a_full_tile_that_the_one_above_does_not_name_is_a_fault(database, sealed):
    first = (log_tile.c.level == 0, log_tile.c.idx == 0)
    async with db.begin(database) as tx:
        await tx.connection.execute(update(log_tile).where(*first).values(hashes=bytes(256 * 32)))
        with pytest.raises(TamperedError):
            await log_tiles.hashes(tx, 0, Run(0, 256))
        assert await log_tiles.hashes(tx, 0, Run(1, 256))


async def test_many_tiles_are_read_some_at_a_time(database, sealed, monkeypatch):
    places = [(0, 0), (0, 1), (0, 2), (1, 0)]
    async with db.read(database) as tx:
        at_once = await log_tree.load(tx, places)
        monkeypatch.setattr(log_tree, "PLACES", 3)
        assert await log_tree.load(tx, places) == at_once
    assert [len(at_once[place]) // 32 for place in places] == [256, 256, 88, 2]


def test_tiles_that_are_full_to_the_top_lead_nowhere():
    below = bytes(range(32)) * 256
    above = merkle.joined(below) + bytes(255 * 32)
    assert not log_tiles._lead_up([(0, 0), (1, 0)], {(0, 0): below, (1, 0): above}, None)
