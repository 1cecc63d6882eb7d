"""What a write left, in the entry that logs it: a record put back whole is found."""

import msgspec
import pytest
from sqlalchemy import delete, select, update

from policies.vocabulary import Action, Actor, ActorKind, Outcome
from vault import access_log, attributes, log_chain, subject_keys, transparency
from vault import database as db
from vault.access_log import Line
from vault.attribute_heads import attribute_heads
from vault.keyring import open_keyring
from vault.log_chain import Fault, Kinds
from vault.sealed_groups import sealed_attributes

LINE = Line(
    actor=Actor(kind=ActorKind.PROGRAMME, id="asd"), action=Action.REGISTER, outcome=Outcome.GIVEN
)


def about(subject, **changes):
    return msgspec.structs.replace(LINE, subject=subject, **changes)


@pytest.fixture
def tamper(database):
    async def run(statement):
        async with db.begin(database) as tx:
            return await tx.connection.execute(statement)

    return run


@pytest.fixture
def rows(database):
    async def run(table, *where):
        async with db.read(database) as tx:
            return (await tx.connection.execute(select(*table.c).where(*where))).all()

    return run


@pytest.fixture
def write(database, keyring):
    async def run(record, value, *, by=None):
        async with db.begin(database) as tx:
            await attributes.store(tx, keyring, record, "identity", {"given_name": value})
            written = await attributes.written(tx, [record])
            await access_log.record(tx, keyring, [about(by or record, written=written[record])])

    return run


@pytest.fixture
def audit(database, keyring):
    async def run(subject):
        async with db.read(database) as tx:
            chain = await log_chain.read(tx, keyring, subject)
            return await log_chain.put_back(tx, keyring, chain)

    return run


@pytest.fixture
def read(database, keyring, permit):
    async def run(subject, record, *, high_risk):
        async with db.begin(database) as tx:
            opening = [(record, "identity", ("given_name",))]
            (answer,) = await attributes.reveal(
                tx, keyring, [permit(tx, subject, opening)], high_risk=high_risk
            )
            return answer if isinstance(answer, dict) else answer.fault

    return run


@pytest.fixture
async def older(write, person, rows, tamper):
    """A function that puts a person's old row and head back."""
    await write(person, "old")
    (blob,) = await rows(sealed_attributes)
    (head,) = await rows(attribute_heads)
    await write(person, "new")

    async def put_back():
        await tamper(update(sealed_attributes).values(**blob._asdict()))
        await tamper(update(attribute_heads).values(**head._asdict()))

    return put_back


async def test_threat_05_an_old_row_and_head_put_back(older, person, audit, read):
    assert await audit(person) == []
    assert await read(person, person, high_risk=True) == {"given_name": "new"}
    await older()
    assert await read(person, person, high_risk=False) == {"given_name": "old"}
    assert await read(person, person, high_risk=True) == "rolled-back"
    assert await audit(person) == [Fault(Kinds.PUT_BACK, 2)]


async def test_threat_05_the_whole_log_is_audited(older, database, keyring):
    async def verified():
        async with db.read(database) as tx:
            return (await transparency.verify(tx, keyring)).fault

    assert await verified() is None
    await older()
    assert "put back to an older state" in await verified()


async def test_threat_05_of_a_record_that_another_entry_wrote(
    *, write, person, new_record, rows, tamper, audit, read
):
    household = await new_record()
    await write(household, "old", by=person)
    (head,) = await rows(attribute_heads)
    (blob,) = await rows(sealed_attributes)
    await write(household, "new", by=person)
    assert await read(person, household, high_risk=True) == {"given_name": "new"}
    await tamper(update(sealed_attributes).values(**blob._asdict()))
    await tamper(update(attribute_heads).values(**head._asdict()))
    assert await read(person, household, high_risk=True) == "rolled-back"
    assert await audit(person) == [Fault(Kinds.PUT_BACK, 2)]


async def test_threat_06_a_record_whose_rows_are_all_deleted(write, person, tamper, audit, read):
    await write(person, "old")
    await tamper(delete(sealed_attributes))
    await tamper(delete(attribute_heads))
    assert await read(person, person, high_risk=False) == {}
    assert await read(person, person, high_risk=True) == "rolled-back"
    assert await audit(person) == [Fault(Kinds.PUT_BACK, 1)]


async def test_an_erased_record_is_not_one_put_back(write, person, tamper, database, keys):
    await write(person, "old")
    await tamper(delete(attribute_heads))
    await tamper(
        delete(subject_keys.subject_keys).where(subject_keys.subject_keys.c.kind == "data")
    )
    async with db.begin(database) as tx:
        fresh = await open_keyring(tx, keys)
        chain = await log_chain.read(tx, fresh, person)
        assert await log_chain.put_back(tx, fresh, chain) == []
        assert await log_chain.first_fault(tx, fresh) == ""
        await tx.connection.execute(delete(subject_keys.subject_keys))
