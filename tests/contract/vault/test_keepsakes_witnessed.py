"""A log with two faces, or with its key stolen: what a stranger finds with witnesses."""

import subprocess
import sys

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import delete, select

from api.verifier import amana_verify
from policies.vocabulary import Action, Actor, ActorKind, Outcome
from vault import (
    access_log,
    jwk,
    keepsakes,
    log_cosignatures,
    log_note,
    merkle,
    signing,
    transparency,
)
from vault import database as db
from vault.access_log import Line
from vault.log_cosignatures import Terms
from vault.log_note import Head, Verifier
from vault.log_tables import access_log as lines
from vault.log_tree import log_checkpoint, log_entry, log_tile
from vault.transparency import Proof

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
WITNESS = Verifier("w.example/1", KEY.public_key().public_bytes_raw(), log_note.COSIGNATURE)
TERMS = Terms(names=frozenset({WITNESS.name}))
AT = 1_790_000_000
LINE = Line(
    actor=Actor(kind=ActorKind.PROGRAMME, id="asd"), action=Action.READ, outcome=Outcome.GIVEN
)


class House:
    """A log, and what it hands out."""

    def __init__(self, database, keyring):
        self.database, self.keyring = database, keyring

    async def grow(self, count):
        """Log and seal; one of the new entries."""
        async with db.begin(self.database) as tx:
            ids = await access_log.record(tx, self.keyring, [LINE] * count)
        async with db.begin(self.database) as tx:
            await transparency.sequence(tx, self.keyring)
        return ids[0]

    async def cosign(self, private=KEY):
        async with db.begin(self.database) as tx:
            newest = await transparency.checkpoint(tx)
            text = log_note.take_apart(newest.note).text
            line = log_note.cosign(text, WITNESS, AT, private.sign).line()
            await log_cosignatures.cosigned(tx, WITNESS.name, newest.size, line)

    async def bundle(self, entry):
        async with db.read(self.database) as tx:
            public = await log_cosignatures.public(tx, TERMS)
            proof = await transparency.inclusion(tx, entry, public)
            leaf = await tx.connection.scalar(select(lines.c.leaf).where(lines.c.id == entry))
            return keepsakes.bundle(proof, leaf, await log_cosignatures.lines(tx, proof.size))

    async def growth(self, old):
        async with db.read(self.database) as tx:
            newest = await transparency.checkpoint(tx)
            return await log_cosignatures.growth(tx, old, newest)

    async def forget(self):
        """As who owns the database would: another tree in the place of the one that was signed."""
        async with db.begin(self.database) as tx:
            for table in (log_checkpoint, log_entry, log_tile, log_cosignatures.log_cosignature):
                await tx.connection.execute(delete(table))


@pytest.fixture
def house(database, keyring):
    return House(database, keyring)


@pytest.fixture
def verdict(tmp_path, house):
    """Run the verifier as a stranger would; its exit code and what it says."""

    async def run(*texts, **outside):
        async with db.read(house.database) as tx:
            trust = {**await keepsakes.trust(tx, house.keyring), **outside}
        place = tmp_path / "trust.json"
        place.write_bytes(msgspec.json.encode(trust))
        files = [tmp_path / f"{number}.txt" for number in range(len(texts))]
        for file, text in zip(files, texts, strict=True):
            file.write_text(text, encoding="utf-8")
        ran = subprocess.run(  # noqa: ASYNC221  (nothing else runs here)
            [sys.executable, "-I", amana_verify.__file__, place, *files],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert ran.stderr == ""
        return ran.returncode, ran.stdout

    return run


NAMED = {"witnesses": [WITNESS.vkey()], "quorum": 1}


async def test_a_proof_carries_who_cosigned_it(house, verdict):
    entry = await house.grow(3)
    await house.cosign()
    await house.grow(2)  # nobody has seen these yet: the proof leads to what was cosigned
    code, told = await verdict(await house.bundle(entry), **NAMED)
    assert (code, " of 3: " in told) == (0, True)
    assert "cosigned by w.example/1 2026-09-21 14:13" in told
    assert "cosigned" not in (await verdict(await house.bundle(entry)))[1]


async def test_a_proof_that_too_few_cosigned_is_named(house, verdict):
    entry = await house.grow(3)
    bundle = await house.bundle(entry)
    assert (await verdict(bundle))[0] == 0, "no witness is named"
    code, told = await verdict(bundle, **NAMED)
    assert (code, "unwitnessed: 0 of 1 witnesses cosigned" in told) == (1, True)
    await house.cosign()
    other = Verifier("w.example/2", bytes(32), log_note.COSIGNATURE)
    two = {"witnesses": [WITNESS.vkey(), other.vkey()], "quorum": 2}
    code, told = await verdict(await house.bundle(entry), **two)
    assert (code, "unwitnessed: 1 of 2 witnesses cosigned" in told) == (1, True)


async def test_threat_30_two_views_of_one_size_are_a_fork(house, verdict):
    one = await house.bundle(await house.grow(3))
    await house.forget()
    other = await house.bundle(await house.grow(3))
    assert ((await verdict(one))[0], (await verdict(other))[0]) == (0, 0)
    code, told = await verdict(one, other)
    assert (code, "1.txt: forked: another tree of 3 entries than in" in told) == (1, True)


@pytest.mark.parametrize("old", [1, 2, 3, 4, 7])
async def test_threat_30_two_views_of_two_sizes_are_a_fork(house, verdict, old):
    one = await house.bundle(await house.grow(old))
    later = await house.bundle(await house.grow(4))
    assert (await verdict(one, later, await house.growth(old)))[0] == 0
    await house.forget()
    other = await house.bundle(await house.grow(old + 2))
    code, told = await verdict(one, other, await house.growth(old))
    assert (code, f"forked: it does not continue the {old} entries of" in told) == (1, True)
    code, told = await verdict(one, other, await house.growth(1))
    assert code == int(old == 1), "of another size, it says nothing"


async def test_threat_30_a_growth_that_was_touched_is_no_proof(house, verdict):
    one = await house.bundle(await house.grow(3))
    await house.grow(4)
    growth = (await house.growth(3)).split("\n")
    short = "\n".join([growth[0], *growth[2:]])
    code, told = await verdict(one, short)
    assert (code, "forked: it does not continue" in told) == (1, True)
    moved = "\n".join(["old 2", *growth[1:]])
    assert (await verdict(one, moved))[0] == 0, "nothing of that size to compare with"
    lied = "\n".join(growth).replace("\n7\n", "\n8\n")
    code, told = await verdict(one, lied)
    assert (code, "forged: no key we trust signed the checkpoint" in told) == (1, True)


async def stolen(house):
    """A proof of what never happened, by who has the log's signing key and no witness's."""
    async with db.read(house.database) as tx:
        key = await signing.active(tx, house.keyring, "checkpoint")
        leaf = await tx.connection.scalar(select(lines.c.leaf).limit(1))
    leaf = leaf.replace(b"asd", b"cnt")
    root = merkle.leaf_hash(leaf)
    head = Head(house.keyring.log_origin, 1, root)
    note = log_note.sign(head, jwk.octets(key.public_jwk), key.sign)
    proof = Proof(index=0, size=1, root=root, leaf_hash=root, hashes=(), note=note)
    return proof, leaf, key


async def test_threat_33_the_stolen_key_of_the_log_cosigns_nothing(house, verdict):
    await house.grow(1)
    proof, leaf, key = await stolen(house)
    assert (await verdict(keepsakes.bundle(proof, leaf)))[0] == 0, "the key alone is believed"
    code, told = await verdict(keepsakes.bundle(proof, leaf), **NAMED)
    assert (code, "unwitnessed: 0 of 1 witnesses cosigned" in told) == (1, True)
    text = log_note.take_apart(proof.note).text
    posing = log_note.cosign(text, WITNESS, AT, key.sign).line()
    code, told = await verdict(keepsakes.bundle(proof, leaf, [posing]), **NAMED)
    assert (code, "forged: w.example/1 did not cosign the checkpoint" in told) == (1, True)
    public = jwk.octets(key.public_jwk)
    itself = Verifier(house.keyring.log_origin, public, log_note.COSIGNATURE)
    another = log_note.cosign(text, itself, AT, key.sign).line()
    code, told = await verdict(keepsakes.bundle(proof, leaf, [another]), **NAMED)
    assert (code, "unwitnessed: 0 of 1" in told) == (1, True)


async def test_threat_33_what_was_cosigned_for_one_tree_holds_for_no_other(house, verdict):
    await house.grow(1)
    await house.cosign()
    async with db.read(house.database) as tx:
        [line] = await log_cosignatures.lines(tx, 1)
    proof, leaf, _ = await stolen(house)
    code, told = await verdict(keepsakes.bundle(proof, leaf, [line]), **NAMED)
    assert (code, "forged: w.example/1 did not cosign" in told) == (1, True)
