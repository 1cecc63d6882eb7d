"""What a whole history says of its own time, and of what is held back."""

import base64
from datetime import datetime, timedelta

import pytest
from sqlalchemy import update

from vault import database as db
from vault import keepsakes, log_embargoes, log_tree, merkle
from vault.envelope_errors import TamperedError


def _later(record, **change):
    return (datetime.fromisoformat(record["issued_at"]) + timedelta(**change)).isoformat()


async def test_threat_32_a_history_dated_back_does_not_hide_what_a_receipt_counted(keeper, verdict):
    await keeper.log(2)
    await keeper.seal()
    receipt = await keeper.receipt()
    await keeper.log()
    await keeper.seal()

    def shorten(record):
        del record["entries"][1:]
        only = base64.b64decode(record["entries"][0]["leaf"])
        record["number"], record["leaf_hash"] = 1, merkle.leaf_hash(only).hex()
        record["issued_at"] = _later(record, seconds=-1)

    whole = await keeper.history()
    lied = await keeper.lie(whole, shorten)
    assert (await verdict(lied))[0] == 0  # alone, it is one of an earlier time
    assert (await keeper.said(lied))["issued_at"] < (await keeper.said(receipt, keepsakes.VISIT))[
        "issued_at"
    ]
    code, told = await verdict(receipt, lied)
    assert (code, "withheld: the newest entries are withheld: 1 shown, 2 counted" in told) == (
        1,
        True,
    )


@pytest.mark.parametrize(("hours", "sound"), [(23, True), (25, False)])
async def test_what_is_not_sealed_after_a_day_is_named(keeper, verdict, hours, sound):
    await keeper.log()
    code, told = await verdict(await keeper.later(keepsakes.history, hours=hours))
    assert (code == 0) is sound
    assert ("unsealed: entry 1 waits to be sealed" in told) is not sound


@pytest.mark.parametrize("sealed", [True, False])
async def test_an_entry_under_embargo_is_counted_and_not_told(keeper, verdict, sealed):
    await keeper.log()
    (held,) = await keeper.log(case_reference="F-2026-1")
    await keeper.log()
    async with db.begin(keeper.database) as tx:
        await log_embargoes.hold(tx, [held], tx.now + timedelta(days=3))
    if sealed:
        await keeper.seal()

    history = await keeper.history()
    (told,) = (e for e in (await keeper.said(history))["entries"] if "withheld_until" in e)
    assert set(told) == {"number", "leaf_hash", "withheld_until", "index", "hashes"}
    assert (told["number"], told["index"] is not None) == (2, sealed)
    code, said = await verdict(await keeper.receipt(), history)
    assert code == 0, said
    assert "; 1 shown later, the last on " in said

    if sealed:
        await keeper.fold(days=4)
        shown = await keeper.later(keepsakes.history, days=4)
        assert "F-2026-1" in {e["case"] for e in (await keeper.said(shown))["entries"]}
        assert (await verdict(history, shown))[0] == 0


async def test_a_history_takes_as_many_statements_however_long_it_is(keeper, statements):
    counts = []
    await keeper.history()  # the keys are at hand from now on
    for _ in range(2):
        await keeper.log(30)
        await keeper.seal()
        async with db.read(keeper.database) as tx:
            with statements(tx) as ran:
                await keepsakes.history(tx, keeper.keyring, keeper.person)
            counts.append(len(ran))
    assert counts[0] == counts[1]


async def test_a_tile_that_was_altered_is_told_of_before_it_is_signed(keeper):
    await keeper.log(3)
    await keeper.seal()
    async with db.begin(keeper.database) as tx:
        await tx.connection.execute(update(log_tree.log_tile).values(hashes=bytes(96)))
    with pytest.raises(TamperedError):
        await keeper.history()
