"""`amana log prove` and `export`: the log shown to whoever will not take our word."""

import asyncio

import pytest

from api import running, sequencer
from api.verifier import amana_verify
from policies.vocabulary import Action, Actor, ActorKind, Outcome
from vault import access_log, keepsakes, log_note, log_tiles, merkle
from vault import database as db
from vault.access_log import Line
from vault.log_tree import log_tile

LINE = Line(
    actor=Actor(kind=ActorKind.PROGRAMME, id="asd"), action=Action.TOKEN, outcome=Outcome.GIVEN
)


@pytest.fixture
def within(settings):
    """Do something with the open house."""

    def do(work):
        async def opened():
            async with running.opened(settings) as held:
                return await work(held)

        return asyncio.run(opened())

    return do


@pytest.fixture
def grow(within, settings):
    def grow(count):
        async def work(held):
            async with db.begin(held.database) as tx:
                ids = await access_log.record(tx, held.keyring, [LINE] * count)
            await sequencer.seal(held.database, held.keyring, settings.guard)
            return ids

        return within(work)

    return grow


@pytest.fixture
def trust(within):
    async def work(held):
        async with db.read(held.database) as tx:
            return amana_verify.read_trust(dict(await keepsakes.trust(tx, held.keyring)))

    return lambda: within(work)


def test_a_line_is_proved_by_its_identifier_and_by_its_number(installed, grow, trust):
    assert installed("log", "prove", "0").exit_code == 1
    ids = grow(5)
    by_id = installed("log", "prove", str(ids[2]))
    by_number = [installed("log", "prove", str(number)).output for number in range(5)]
    assert by_id.exit_code == 0
    assert by_id.output in by_number
    _, said = amana_verify.check_bundle(trust(), by_id.output)
    assert "programme asd token given" in said

    for nobody in ("5", "9" * 30, "00000000-0000-0000-0000-000000000000"):
        assert installed("log", "prove", nobody).exit_code == 1
    assert installed("log", "prove", "x").exit_code == 2


def test_the_exported_tiles_lead_to_the_checkpoint_and_hold_no_leaf(installed, grow, tmp_path):
    folder = tmp_path / "log"
    assert "nothing was sealed yet" in installed("log", "export", str(folder)).stderr
    grow(600)
    assert "600 entries" in installed("log", "export", str(folder)).output

    assert tree_of(folder) == 600
    assert not (folder / "tile" / "entries").exists()
    full = folder / "tile" / "0" / "000"
    before = full.stat().st_mtime_ns

    grow(5)
    told = installed("log", "export", str(folder), "--leaves")
    assert told.exit_code == 0
    assert tree_of(folder) == 605
    assert full.stat().st_mtime_ns == before  # it goes on; what is full is not written again
    leaves = (folder / "tile" / "entries" / "000").read_bytes()
    first = leaves[2 : 2 + int.from_bytes(leaves[:2], "big")]
    assert merkle.leaf_hash(first) == full.read_bytes()[:32]
    assert (folder / "tile" / "entries" / "000").stat().st_mode & 0o077 == 0


def test_an_export_that_was_cut_off_names_no_tile_that_is_not_there(
    installed, grow, within, tmp_path
):
    grow(600)

    async def break_one(held):
        async with db.begin(held.database) as tx:
            last = (log_tile.c.level == 1) & (log_tile.c.idx == 0)
            await tx.connection.execute(log_tile.update().where(last).values(hashes=bytes(64)))

    within(break_one)
    told = installed("log", "export", str(tmp_path / "log"))
    assert told.exit_code == 1
    assert "TamperedError" in told.stderr
    assert not (tmp_path / "log" / "checkpoint").exists()


def test_a_folder_that_cannot_be_written_is_said(installed, grow, tmp_path):
    grow(1)
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "tile").write_text("in the way")
    told = installed("log", "export", str(tmp_path / "log"))
    assert (told.exit_code, "cannot be written" in told.stderr) == (1, True)


def tree_of(folder):
    """The size of an exported log, once its files lead to the root that is signed."""
    head = log_note.read_head((folder / "checkpoint").read_text().partition("\n\n")[0] + "\n")
    hashes = []
    for index in range(-(-head.size // 256)):
        run = log_tiles.Run(index, min(256, head.size - 256 * index))
        tile = (folder / "tile" / "0" / log_tiles.name(run)).read_bytes()
        hashes += [tile[at : at + 32] for at in range(0, len(tile), 32)]

    def node(height, index):
        return merkle.compress(hashes[index << height : (index + 1) << height])

    assert merkle.root(head.size, node) == head.root
    above = (folder / "tile" / "1" / f"000.p/{head.size // 256}").read_bytes()
    assert above == b"".join(node(8, index) for index in range(head.size // 256))
    return head.size
