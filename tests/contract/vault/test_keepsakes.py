"""What a person keeps, and the verifier that a stranger runs on it."""

import base64
import json
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, select, update

from api.verifier import amana_verify
from vault import (
    access_log,
    keepsakes,
    log_chain,
    log_chains,
    merkle,
    signing,
    statements,
)
from vault import database as db
from vault.log_tables import access_log as lines

SCRIPT = Path(amana_verify.__file__)


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
    assert ": 8 entries, none missing; 1 wait to be sealed\n" in told
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


def _dated(**change):
    """A history that says that it is of another time."""

    def lie(record):
        record["issued_at"] = _later(record, **change)

    return lie


def _later(record, **change):
    return (datetime.fromisoformat(record["issued_at"]) + timedelta(**change)).isoformat()


def _hide(record, *, days):
    """Hold back the second entry, as the service does, until then."""
    told = record["entries"][1]
    record["entries"][1] = {
        "number": told["number"],
        "leaf_hash": merkle.leaf_hash(base64.b64decode(told["leaf"])).hex(),
        "withheld_until": _later(record, days=days),
        "index": told["index"],
        "hashes": told["hashes"],
    }


def _hide_another(record):
    _hide(record, days=1)
    record["entries"][1]["leaf_hash"] = "00" * 32


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
        (_dated(seconds=-2), "backdated: entry 5 is newer than the history says"),
        (lambda it: _hide(it, days=0), "overdue: entry 2 is held back"),
        (lambda it: _hide(it, days=181), "overdue: entry 2 is held back"),
        (_hide_another, "broken: entry 3 does not name"),
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
    receipt = await keeper.later(keepsakes.receipt, minutes=1)
    code, told = await verdict(receipt, history)
    assert code == 0
    assert f"as of {(await keeper.said(history))['issued_at'][:16]}: 1 entries" in told


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
