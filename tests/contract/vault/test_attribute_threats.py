"""What whoever can write to the database may try with sealed rows; each attack by its number."""

from hashlib import sha256
from itertools import pairwise

import msgspec
import pytest
from sqlalchemy import delete, select, update

from policies.vocabulary import Outcome
from vault import access_log, attributes, envelope, sealed_groups, subject_keys
from vault import attribute_heads as heads
from vault import database as db
from vault.access_log import Criteria
from vault.attribute_heads import attribute_heads
from vault.envelope import Place
from vault.envelope_errors import TamperedError
from vault.keyring import open_keyring
from vault.sealed_groups import sealed_attributes
from vault.subject_keys import Kind


@pytest.fixture
async def two(database, keyring, new_record):
    """Two people with two groups each, under the same names."""
    people = [await new_record(), await new_record()]
    async with db.begin(database) as tx:
        for person in people:
            for group in ("identity", "contact"):
                await attributes.store(tx, keyring, person, group, {"given_name": group})
    return people


@pytest.fixture
def tamper(database):
    async def run(statement):
        async with db.begin(database) as tx:
            return await tx.connection.execute(statement)

    return run


@pytest.fixture
def answers(database, keys, permit):
    """What a fresh process is answered about each record's identity."""

    async def answered(*records):
        async with db.begin(database) as tx:
            keyring = await open_keyring(tx, keys)
            permits = [
                permit(tx, record, [(record, "identity", ("given_name",))]) for record in records
            ]
            found = await attributes.reveal(tx, keyring, permits)
        return [answer if isinstance(answer, dict) else answer.fault for answer in found]

    return answered


@pytest.fixture
def row(database):
    async def read(table, *where):
        async with db.read(database) as tx:
            return (await tx.connection.execute(select(*table.c).where(*where))).one()

    return read


def of(record, group="identity"):
    return sealed_attributes.c.record == record, sealed_attributes.c.group == group


def with_blob(source, record, group="identity"):
    return (
        update(sealed_attributes)
        .where(*of(record, group))
        .values(blob=source.blob, row_version=source.row_version)
    )


async def test_threat_01_a_blob_moved_to_another_subject(two, tamper, answers, row, database):
    await tamper(with_blob(await row(sealed_attributes, *of(two[0])), two[1]))
    assert await answers(*two) == [{"given_name": "identity"}, "tampered"]
    async with db.read(database) as tx:
        assert len(await access_log.search(tx, Criteria(outcome=Outcome.FAULT))) == 1


async def test_threat_01_a_blob_moved_with_its_head_and_the_subject_renamed(
    two, tamper, answers, row
):
    first, second = two
    head = await row(attribute_heads, attribute_heads.c.record == first)
    await tamper(with_blob(await row(sealed_attributes, *of(first)), second))
    await tamper(
        update(attribute_heads)
        .where(attribute_heads.c.record == second)
        .values(groups=head.groups, mac=head.mac)
    )
    assert await answers(second) == ["tampered"]


async def test_threat_02_a_blob_moved_to_another_group(two, tamper, answers, row):
    await tamper(with_blob(await row(sealed_attributes, *of(two[0], "contact")), two[0]))
    assert await answers(two[0]) == ["tampered"]


@pytest.mark.parametrize("elsewhere", [{"tenant": "another"}, {"domain": "shared"}])
async def test_threat_03_a_blob_moved_from_another_tenant_or_domain(
    *, two, tamper, answers, database, keyring, elsewhere
):
    # Under the record's own key, at its own version, and the head agrees: only the place differs.
    record = two[0]
    async with db.begin(database) as tx:
        keys = await keyring.subject(tx, [record], "data")
        head = (await heads.read(tx, keys))[record]
        place = Place(record=record.bytes, group="identity", **elsewhere)
        content = msgspec.msgpack.encode({"given_name": "moved"})
        blob = envelope.seal(keys[record].group("identity"), place, content, row_version=1)
        moved = head | {"identity": heads.version(1, blob)}
        await heads.write(tx, keys, {record: moved}, {record: head})
    await tamper(update(sealed_attributes).where(*of(record)).values(blob=blob))
    assert await answers(*two) == ["tampered", {"given_name": "identity"}]


async def test_threat_12_a_key_that_has_sealed_enough_is_replaced_and_no_write_refused(
    *, two, answers, database, keyring, monkeypatch
):
    monkeypatch.setattr(sealed_groups, "SEALS_PER_KEY", 3)
    seen = []
    for number in range(2, 8):  # the first was written with the record
        async with db.begin(database) as tx:
            values = {"given_name": f"name {number}"}
            await attributes.store(tx, keyring, two[0], "identity", values)
            handles = await subject_keys.handles(tx, Kind.DATA, two)
        seen.append(handles[two[0]])
        assert await answers(two[0]) == [values]
    changed = [before != after for before, after in pairwise(seen)]
    assert changed == [True, False, False, True, False]
    assert await answers(two[1]) == [{"given_name": "identity"}]


async def test_threat_12_what_does_not_open_beside_it_refuses_no_write(
    *, two, tamper, answers, database, keyring, monkeypatch
):
    monkeypatch.setattr(sealed_groups, "SEALS_PER_KEY", 2)
    await tamper(update(sealed_attributes).where(*of(two[0], "contact")).values(blob=bytes(200)))
    async with db.begin(database) as tx:
        before = await subject_keys.handles(tx, Kind.DATA, two)
        await attributes.store(tx, keyring, two[0], "identity", {"given_name": "newer"})
        assert await subject_keys.handles(tx, Kind.DATA, two) == before
    assert await answers(two[0]) == [{"given_name": "newer"}]


async def test_threat_04_an_old_blob_put_back(*, two, tamper, answers, row, database, keyring):
    old = await row(sealed_attributes, *of(two[0]))
    async with db.begin(database) as tx:
        await attributes.store(tx, keyring, two[0], "identity", {"given_name": "newer"})
    assert await answers(two[0]) == [{"given_name": "newer"}]
    await tamper(with_blob(old, two[0]))
    assert await answers(two[0]) == ["tampered"]


async def test_threat_04_a_row_version_changed_alone(two, tamper, answers):
    await tamper(update(sealed_attributes).where(*of(two[0])).values(row_version=2))
    assert await answers(two[0]) == ["tampered"]


async def test_threat_06_a_blob_deleted_is_missing_and_not_unknown(two, tamper, answers):
    await tamper(delete(sealed_attributes).where(*of(two[0])))
    assert await answers(*two) == ["missing", {"given_name": "identity"}]


async def test_threat_06_a_head_deleted_shuts_the_record(two, tamper, answers):
    await tamper(delete(attribute_heads).where(attribute_heads.c.record == two[0]))
    assert await answers(*two) == ["tampered", {"given_name": "identity"}]


async def test_threat_06_a_head_altered_shuts_the_record_and_takes_no_write(
    two, tamper, answers, database, keyring
):
    await tamper(
        update(attribute_heads).where(attribute_heads.c.record == two[0]).values(groups=b"\x80")
    )
    assert await answers(two[0]) == ["tampered"]
    await tamper(delete(sealed_attributes).where(*of(two[0])))
    assert await answers(two[0]) == ["tampered"]
    with pytest.raises(TamperedError):
        async with db.begin(database) as tx:
            await attributes.store(tx, keyring, two[0], "contact", {})


async def test_threat_07_a_blob_cut_short(two, tamper, answers):
    await tamper(update(sealed_attributes).where(*of(two[0])).values(blob=b"\x01"))
    assert await answers(two[0]) == ["tampered"]


async def test_threat_43_key_rows_swapped_between_subjects(two, tamper, answers, row, database):
    keys = subject_keys.subject_keys
    data = [await row(keys, keys.c.subject == person, keys.c.kind == "data") for person in two]
    await tamper(
        update(keys)
        .where(keys.c.subject == two[0], keys.c.kind == "data")
        .values(wrapped=data[1].wrapped)
    )
    assert await answers(*two) == ["key-lost", {"given_name": "identity"}]


async def test_a_key_that_is_gone_is_a_fault_and_not_an_absence(two, tamper, answers):
    keys = subject_keys.subject_keys
    await tamper(delete(keys).where(keys.c.subject == two[0], keys.c.kind == "data"))
    assert await answers(*two) == ["key-lost", {"given_name": "identity"}]
    await tamper(delete(sealed_attributes).where(*of(two[0])))
    assert await answers(two[0]) == ["key-lost"]


async def test_a_head_of_bytes_that_say_nothing(two, tamper, answers, database):
    garbled = update(attribute_heads).where(attribute_heads.c.record == two[0])
    await tamper(garbled.values(groups=b"\xff{"))
    assert await answers(*two) == ["tampered", {"given_name": "identity"}]
    async with db.read(database) as tx:
        said = await heads.hashes(tx, two)
    assert said[two[0]] == sha256(b"\xff{").digest()  # which no entry of the log commits to
