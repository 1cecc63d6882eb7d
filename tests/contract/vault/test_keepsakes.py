"""What a person keeps, and the verifier that a stranger runs on it."""

import base64
import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import delete, select, update

from api.verifier import amana_verify
from policies.vocabulary import Action, Actor, ActorKind, Outcome
from vault import access_log, keepsakes, log_chain, log_chains, signing, statements, transparency
from vault import database as db
from vault.access_log import Line
from vault.log_tables import access_log as lines

SCRIPT = Path(amana_verify.__file__)


class Keeper:
    """Logs, seals and hands out, for one person."""

    def __init__(self, database, keyring, person):
        self.database, self.keyring, self.person = database, keyring, person

    async def log(self, times=1, **changes):
        line = Line(
            actor=Actor(kind=ActorKind.PROGRAMME, id="asd"),
            action=Action.READ,
            outcome=Outcome.GIVEN,
            subject=self.person,
            **changes,
        )
        async with db.begin(self.database) as tx:
            return await access_log.record(tx, self.keyring, [line] * times)

    async def seal(self):
        async with db.begin(self.database) as tx:
            await transparency.sequence(tx, self.keyring)

    async def ask(self, function, *arguments):
        async with db.read(self.database) as tx:
            return await function(tx, self.keyring, *arguments)

    async def receipt(self):
        return await self.ask(keepsakes.receipt, self.person)

    async def history(self):
        return await self.ask(keepsakes.history, self.person)

    async def bundle(self, entry):
        async with db.read(self.database) as tx:
            proof = await transparency.inclusion(tx, entry)
            leaf = await tx.connection.scalar(select(lines.c.leaf).where(lines.c.id == entry))
        return keepsakes.bundle(proof, leaf)

    async def said(self, compact, kind=keepsakes.HISTORY):
        return await self.ask(statements.verify, kind, compact)

    async def lie(self, compact, change):
        """The history as a service would sign it that shows something else."""
        record = await self.said(compact)
        change(record)
        return await self.ask(statements.sign, keepsakes.HISTORY, record)


@pytest.fixture
def keeper(database, keyring, person):
    return Keeper(database, keyring, person)


@pytest.fixture
def verdict(tmp_path, keeper):
    """Run the verifier as a stranger would; its exit code and what it says."""

    async def run(*texts):
        trust = tmp_path / "trust.json"
        trust.write_bytes(msgspec.json.encode(await keeper.ask(keepsakes.trust)))
        files = []
        for number, text in enumerate(texts):
            files.append(tmp_path / f"{number}.txt")
            files[-1].write_text(text, encoding="utf-8")
        ran = subprocess.run(  # noqa: ASYNC221  (nothing else runs here)
            [sys.executable, "-I", str(SCRIPT), trust, *files],
            capture_output=True,
            text=True,
            timeout=60,
            cwd=tmp_path,
            check=False,
        )
        assert ran.stderr == ""
        return ran.returncode, ran.stdout

    return run


async def test_all_that_is_kept_is_found_sound(keeper, verdict):
    await keeper.log(3)
    await keeper.seal()
    receipt = await keeper.receipt()
    ids = await keeper.log(4, case_reference="D-é")
    await keeper.seal()
    await keeper.log()
    code, told = await verdict(receipt, await keeper.history(), await keeper.bundle(ids[0]))
    assert code == 0
    assert ": 3 entries" in told
    assert "history of 8 entries, none missing; 1 wait to be sealed" in told
    assert "asd read given" in told


async def test_before_anything_is_logged_or_sealed_it_is_sound_too(keeper, verdict):
    empty = await keeper.receipt()
    await keeper.log()
    code, told = await verdict(empty, await keeper.receipt(), await keeper.history())
    assert (code, "1 wait to be sealed" in told) == (0, True)
    assert await keeper.ask(keepsakes.seen, empty) == {}


async def test_it_names_no_record_and_holds_no_key(keeper, person):
    await keeper.log(written=access_log.Written(person, bytes(32)))
    record = await keeper.said(await keeper.history())
    (entry,) = record["entries"]
    assert len(entry["written"]) == 64
    told = json.dumps(record)
    assert person.hex not in told
    assert str(person) not in told


@pytest.mark.parametrize("at", [5, 40, -5])
async def test_a_file_that_somebody_edited_is_forged(keeper, verdict, at):
    await keeper.log()
    await keeper.seal()
    for text in (await keeper.receipt(), await keeper.history()):
        other = "A" if text[at] != "A" else "B"
        edited = text[:at] + other + text[at + 1 if at != -5 else len(text) - 4 :]
        code, told = await verdict(edited)
        assert code == 1
        assert "forged" in told or "shape" in told


async def test_a_file_signed_by_a_key_that_is_not_trusted_is_forged(keeper, verdict, keyring):
    await keeper.log()
    await keeper.seal()
    kept = await keeper.history()
    async with db.begin(keeper.database) as tx:
        await tx.connection.execute(delete(signing.signing_keys))
        keyring.signing.drop("receipt")
        keyring.signing.drop("checkpoint")
        await signing.ensure(tx, keyring)
    code, told = await verdict(kept)
    assert (code, "forged: no key we trust signed this file" in told) == (1, True)
    code, told = await verdict(await keeper.history())
    assert (code, "forged: no key we trust signed the checkpoint" in told) == (1, True)


def _moved(entry):
    entry["index"] = (entry["index"] + 1) % 5


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda it: it["entries"][2].update(case="D-2"), "edited: entry 3 is not what it commits"),
        (lambda it: it["entries"][2].update(number=2), "edited: entry 2 is not what it commits"),
        (lambda it: _moved(it["entries"][0]), "edited: entry 1 is not in the log"),
        (lambda it: it["entries"].pop(1), "missing: entry 2 is missing"),
        (lambda it: it["entries"].pop(), "withheld: the newest entries are withheld: 4 shown, 5"),
        (lambda it: it.update(leaf_hash="00" * 32), "replaced: entry 5"),
        (lambda it: it.update(size=4), "forged: the file says another size"),
        (lambda it: it["entries"][2].update(previous="00" * 32), "broken: entry 3 does not name"),
        (lambda it: it["entries"].append(it["entries"][0]), "twice: entry 1"),
    ],
)
async def test_threat_31_what_the_service_itself_edits_drops_or_omits_is_named(
    keeper, verdict, change, named
):
    await keeper.log(5, case_reference="D-1")
    await keeper.seal()
    code, told = await verdict(await keeper.lie(await keeper.history(), change))
    assert code == 1
    assert named in told


def _altered(entry):
    leaf = base64.b64decode(entry["leaf"])
    entry["leaf"] = base64.b64encode(leaf.replace(b"read", b"role")).decode()


async def test_an_entry_whose_bytes_were_edited_is_not_in_the_log(keeper, verdict):
    await keeper.log(2)
    await keeper.seal()
    lied = await keeper.lie(await keeper.history(), lambda it: _altered(it["entries"][0]))
    code, told = await verdict(lied)
    assert (code, "edited: entry 1 is not in the log" in told) == (1, True)
    assert "broken: entry 2 does not name the one before it" in told


async def test_threat_32_the_last_entries_withheld_are_found_by_the_receipt(keeper, verdict):
    await keeper.log()
    async with db.read(keeper.database) as tx:
        old = (await tx.connection.execute(select(*log_chains.log_chains.c))).one()
    newest = await keeper.log(2)
    receipt = await keeper.receipt()
    async with db.begin(keeper.database) as tx:
        await tx.connection.execute(delete(lines).where(lines.c.id.in_(newest)))
        await tx.connection.execute(update(log_chains.log_chains).values(**old._asdict()))
    history = await keeper.history()
    assert (await verdict(history))[0] == 0  # alone, it is whole
    code, told = await verdict(receipt, history)
    assert (code, "withheld: the newest entries are withheld: 1 shown, 3 counted" in told) == (
        1,
        True,
    )
    seen = await keeper.ask(keepsakes.seen, receipt)
    chain = await keeper.ask(log_chain.read, keeper.person)
    assert [str(fault) for fault in log_chain.faults(chain, seen)] == [
        "the newest entries are withheld: 1 shown, 3 counted"
    ]
    await keeper.log(2)  # others in their place
    code, told = await verdict(receipt, await keeper.history())
    assert (code, "replaced: entry 3 is not the one that the receipt names" in told) == (1, True)


async def test_a_receipt_that_says_another_root_than_its_checkpoint_is_forged(keeper, verdict):
    await keeper.log(2)
    await keeper.seal()
    receipt = await keeper.said(await keeper.receipt(), keepsakes.VISIT)
    other = await keeper.ask(statements.sign, keepsakes.VISIT, {**receipt, "root": "00" * 32})
    code, told = await verdict(other, await keeper.history())
    assert (code, "forged: the file says another size or root" in told) == (1, True)


async def test_an_older_history_is_not_held_against_a_newer_receipt(keeper, verdict):
    await keeper.log()
    history = await keeper.history()
    await keeper.log()
    async with db.begin(keeper.database) as tx:
        later = msgspec.structs.replace(tx, now=tx.now + timedelta(minutes=1))
        receipt = await keepsakes.receipt(later, keeper.keyring, keeper.person)
    assert (await verdict(receipt, history))[0] == 0


@pytest.mark.parametrize("damage", ["index", "leaf", "note", "cut"])
async def test_a_bundle_that_was_touched_is_named(keeper, verdict, damage):
    ids = await keeper.log(5)
    await keeper.seal()
    bundle = await keeper.bundle(ids[1])
    found = bundle.split("\n")
    assert found[0] == "c2sp.org/tlog-proof@v1"
    assert (await verdict(bundle))[0] == 0
    match damage:
        case "index":
            found[2] = f"index {(int(found[2].removeprefix('index ')) + 1) % 5}"
        case "leaf":
            leaf = base64.b64decode(found[1].removeprefix("extra ")).replace(b"given", b"taken")
            found[1] = f"extra {base64.b64encode(leaf).decode()}"
        case "note":
            at = found.index("") + 2
            found[at] = "6"
        case "cut":
            found = found[:3]
    code, told = await verdict("\n".join(found))
    assert code == 1
    assert {"note": "forged: no key", "cut": "shape"}.get(damage, "edited") in told


async def test_a_receipt_is_no_history_and_another_signature_no_receipt(keeper):
    await keeper.log()
    assert await keeper.ask(keepsakes.seen, await keeper.history()) is None
    assert await keeper.ask(keepsakes.seen, "no") is None


async def test_a_count_that_was_altered_is_not_vouched_for(keeper, verdict):
    await keeper.log(2)
    async with db.begin(keeper.database) as tx:
        await tx.connection.execute(update(log_chains.log_chains).values(mac=bytes(32)))
    code, told = await verdict(await keeper.history())
    assert (code, "2 shown, 0 counted" in told) == (1, True)


def test_the_verifier_needs_a_file_to_check(capsys):
    assert amana_verify.main(["trust.json"]) == 2
    assert "python amana_verify.py trust.json FILE..." in capsys.readouterr().err


def test_the_verifier_imports_the_standard_library_alone():
    text = SCRIPT.read_text(encoding="utf-8")
    imported = {row.split()[1] for row in text.splitlines() if row.startswith(("import ", "from "))}
    assert {name.partition(".")[0] for name in imported} <= {*sys.stdlib_module_names, "__future__"}
