"""A real witness process, and a log in a real store: growth is cosigned, forks are named."""

import subprocess
import sys
import time
from datetime import timedelta

import httpx2
import msgspec
import pytest
from sqlalchemy import delete

from api import witnessing
from api.settings import WitnessPlace
from policies.vocabulary import Action, Actor, ActorKind, Outcome
from vault import access_log, log_cosignatures, log_note, merkle, signing, transparency
from vault import database as db
from vault.access_log import Line
from vault.log_cosignatures import Outcome as Answer
from vault.log_cosignatures import Terms
from vault.log_tree import log_checkpoint, log_entry, log_tile

LINE = Line(
    actor=Actor(kind=ActorKind.SYSTEM, id="test"), action=Action.TOKEN, outcome=Outcome.GIVEN
)


def amana(*words):
    return [sys.executable, "-m", "api", *map(str, words)]


@pytest.fixture
async def vkey(database, keyring):
    async with db.read(database) as tx:
        return await transparency.verifier_key(tx, keyring)


@pytest.fixture
def witness(tmp_path, vkey):
    """A witness of this log, as a process; gives where it is."""
    from tests.conftest import free_port

    folder, logs, port = tmp_path / "witness", tmp_path / "logs.toml", free_port()
    made = subprocess.run(
        amana("witness", "init", "--folder", folder, "--name", "w.example/1"),
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    logs.write_text(f'[log."{vkey.partition("+")[0]}"]\nkeys = ["{vkey}"]\n')
    process = subprocess.Popen(
        amana("witness", "serve", "--folder", folder, "--logs", logs, "--port", port)
    )
    verifier = log_note.read_verifier(made.stdout.strip(), log_note.COSIGNATURE)
    try:
        _wait(f"http://127.0.0.1:{port}/health/live")
        yield WitnessPlace(verifier, f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait(20)


def _wait(url):
    for _ in range(200):
        try:
            return httpx2.get(url, timeout=1, trust_env=False)
        except httpx2.HTTPError:
            time.sleep(0.05)
    raise TimeoutError(url)


@pytest.fixture
async def submit(database):
    async with httpx2.AsyncClient(timeout=5, trust_env=False) as client:
        yield lambda place: witnessing.submit(database, client, place, timedelta(minutes=5))


@pytest.fixture
def grow(database, keyring):
    async def run(count):
        async with db.begin(database) as tx:
            await access_log.record(tx, keyring, [LINE] * count)
        async with db.begin(database) as tx:
            await transparency.sequence(tx, keyring)
            return await transparency.checkpoint(tx)

    return run


async def standing(database):
    async with db.read(database) as tx:
        return await log_cosignatures.standing(tx, "w.example/1")


async def test_every_growth_is_cosigned_and_kept(database, witness, submit, grow):
    assert await submit(witness) is None
    for count in (3, 1, 300):
        newest = await grow(count)
        assert await submit(witness) is Answer.COSIGNED
        assert await submit(witness) is None, "once is enough for a while"
        async with db.read(database) as tx:
            [line] = await log_cosignatures.lines(tx, newest.size)
        text = log_note.take_apart(newest.note).text
        cosignature = log_note.read_signature(line.removesuffix("\n"))
        assert log_note.cosigned_at(text, cosignature, witness.verifier)
    stands = await standing(database)
    assert (stands.outcome, stands.cosigned_size) == (Answer.COSIGNED, 304)


async def test_a_size_that_was_forgotten_here_is_asked_of_the_witness(
    database, witness, submit, grow
):
    await grow(5)
    await submit(witness)
    async with db.begin(database) as tx:
        await tx.connection.execute(delete(log_cosignatures.log_witness))
    await grow(2)
    assert await submit(witness) is Answer.COSIGNED


async def test_threat_29_a_log_cut_short_and_signed_again_is_named(
    database, keyring, witness, submit, grow
):
    await grow(3)
    await grow(5)
    await submit(witness)
    async with db.begin(database) as tx:
        for table in (log_checkpoint, log_entry, log_tile):
            await tx.connection.execute(delete(table))
    newest = await grow(2)
    async with db.read(database) as tx:
        body = await log_cosignatures.growth(tx, 0, newest)
    refused = httpx2.post(f"{witness.url}/add-checkpoint", content=body.encode(), trust_env=False)
    assert (refused.status_code, refused.text) == (409, "8\n")
    assert refused.headers["content-type"].startswith("text/x.tlog.size")
    assert await submit(witness) is Answer.AHEAD
    stands = await standing(database)
    assert (stands.outcome, stands.cosigned_size) == (Answer.AHEAD, 8)


async def test_threat_30_a_log_that_grew_otherwise_is_named_and_silence_covers_nothing(
    database, witness, submit, grow
):
    await grow(3)
    await submit(witness)
    async with db.begin(database) as tx:
        for table in (log_checkpoint, log_entry, log_tile):
            await tx.connection.execute(delete(table))
    await grow(7)
    assert await submit(witness) is Answer.FORKED
    gone = WitnessPlace(witness.verifier, "http://127.0.0.1:9")
    assert await submit(gone) is Answer.UNREACHABLE
    assert (await standing(database)).outcome is Answer.FORKED


async def test_threat_30_another_tree_of_the_same_size_is_named(database, witness, submit, grow):
    await grow(3)
    await submit(witness)
    async with db.begin(database) as tx:
        for table in (log_checkpoint, log_entry, log_tile, log_cosignatures.log_witness):
            await tx.connection.execute(delete(table))
    await grow(3)
    assert await submit(witness) is Answer.FORKED


async def test_threat_33_a_key_that_the_witness_was_not_given_is_refused(
    database, keyring, witness, submit, grow
):
    async with db.begin(database) as tx:
        await signing.rotate(tx, keyring, "checkpoint")
    await grow(2)
    assert await submit(witness) is Answer.KEY_UNKNOWN


async def test_a_cosignature_of_another_key_is_not_kept(database, witness, submit, grow):
    newest = await grow(2)
    other = log_note.Verifier("w.example/1", bytes(32), log_note.COSIGNATURE)
    assert await submit(WitnessPlace(other, witness.url)) is Answer.UNREACHABLE
    async with db.read(database) as tx:
        assert await log_cosignatures.lines(tx, newest.size) == []


async def test_a_checkpoint_is_public_once_enough_witnesses_cosigned_it(database, grow):
    heads = [await grow(1) for _ in range(3)]
    terms = Terms(names=frozenset({"a", "b", "c"}), quorum=2)

    async def kept(*cosigned):
        async with db.begin(database) as tx:
            for witness, head in cosigned:
                await log_cosignatures.cosigned(tx, witness, head.size, f"by {witness}\n")
            public = await log_cosignatures.public(tx, terms)
            shown = await log_cosignatures.published(tx, terms)
            return public and public.size, shown.size

    assert await kept() == (None, 3), "nobody ever cosigned: it is not kept back"
    assert await kept(("a", heads[0]), ("stranger", heads[0])) == (None, 3)
    assert await kept(("b", heads[0]), ("a", heads[1])) == (1, 1)
    assert await kept(("c", heads[2])) == (1, 1)
    assert await kept(("b", heads[2]), ("b", heads[2])) == (3, 3)
    async with db.read(database) as tx:
        assert await log_cosignatures.note(tx, heads[2]) == heads[2].note + "by b\nby c\n"
        assert await log_cosignatures.published(tx, Terms()) == heads[2]


async def test_silence_is_told_and_hides_nothing(database, grow):
    old, new = await grow(1), await grow(1)
    terms = Terms(names=frozenset({"a", "b"}), quorum=1)
    async with db.begin(database) as tx:
        await log_cosignatures.cosigned(tx, "a", old.size, "by a\n")
    async with db.read(database) as tx:
        for minutes, shown in ((9, old), (11, new)):
            later = msgspec.structs.replace(tx, now=tx.now + timedelta(minutes=minutes))
            ages = await log_cosignatures.ages(later, terms)
            assert (ages["a"] > timedelta(minutes=minutes - 1), ages["b"]) == (True, None)
            assert log_cosignatures.silent(ages, terms) is (shown is new)
            assert await log_cosignatures.published(later, terms) == shown
        assert not log_cosignatures.silent({}, Terms())


async def test_proofs_of_growth_hold_between_any_sizes(database, grow):
    heads = [await grow(count) for count in (1, 2, 252, 1, 1, 255, 1, 200)]
    async with db.read(database) as tx:
        for at, old in enumerate(heads):
            for new in heads[at:]:
                proof = await log_cosignatures.consistency(tx, old.size, new.size)
                assert merkle.consistent(old.size, new.size, old.root, new.root, proof)
        with pytest.raises(ValueError, match="older"):
            await log_cosignatures.consistency(tx, 0, 1)
        assert {each.witness for each in await log_cosignatures.standings(tx)} == set()
