from uuid import uuid4

import msgspec
import pytest
from sqlalchemy import func, select, text

from policies.vocabulary import Outcome, SubjectId
from vault import access_log, attributes
from vault import database as db
from vault.access_log import Criteria
from vault.attributes import Group, Unreadable
from vault.envelope_errors import KeyLostError, StalePermitError
from vault.log_tables import access_log as lines
from vault.sealed_groups import sealed_attributes

AMINA = {"given_name": "Amina", "family_name": "العلمي", "birth_date": "1990-05-01"}


@pytest.fixture
async def amina(database, keyring, person):
    async with db.begin(database) as tx:
        await attributes.store(tx, keyring, person, "identity", AMINA)
    return person


@pytest.fixture
def reveal(database, keyring, permit):
    """Reveals one group of each record in a transaction of its own."""

    async def revealed(*records, group="identity", names=("given_name", "family_name")):
        async with db.begin(database) as tx:
            permits = [permit(tx, record, [(record, group, names)]) for record in records]
            return await attributes.reveal(tx, keyring, permits)

    return revealed


async def test_what_was_stored_is_revealed_as_far_as_the_permit_goes(amina, reveal):
    assert await reveal(amina) == [{"given_name": "Amina", "family_name": "العلمي"}]


async def test_an_attribute_or_group_never_recorded_is_absent(amina, reveal, new_record):
    assert await reveal(amina, names=("given_name", "sex")) == [{"given_name": "Amina"}]
    assert await reveal(amina, group="contact", names=("phone",)) == [{}]
    assert await reveal(await new_record()) == [{}]


async def test_one_permit_may_open_groups_of_two_records(
    database, keyring, amina, new_record, permit
):
    household = await new_record()
    async with db.begin(database) as tx:
        await attributes.store(tx, keyring, household, "household", {"household_size": 5})
    async with db.begin(database) as tx:
        openings = [
            (amina, "identity", ("birth_date",)),
            (household, "household", ("household_size",)),
        ]
        answers = await attributes.reveal(tx, keyring, [permit(tx, amina, openings)])
    assert answers == [{"birth_date": "1990-05-01", "household_size": 5}]


async def test_a_permit_that_opens_nothing_reveals_nothing_and_is_logged(
    database, keyring, amina, permit
):
    async with db.begin(database) as tx:
        empty = msgspec.structs.replace(permit(tx, amina), openings=())
        assert await attributes.reveal(tx, keyring, [empty]) == [{}]
        assert await attributes.reveal(tx, keyring, []) == []
        assert len(await access_log.search(tx, Criteria())) == 1


async def test_storing_replaces_a_group_and_leaves_the_others(database, keyring, amina, reveal):
    async with db.begin(database) as tx:
        await attributes.store_all(
            tx,
            keyring,
            [
                Group(record=amina, group="identity", values={"given_name": "lost"}),
                Group(record=amina, group="identity", values={"given_name": "Amina Zahra"}),
                Group(record=amina, group="contact", values={"phone": "+212612345678"}),
            ],
        )
    assert await reveal(amina) == [{"given_name": "Amina Zahra"}]
    assert await reveal(amina, group="contact", names=("phone",)) == [{"phone": "+212612345678"}]


async def test_storing_nothing_writes_nothing(database, keyring):
    async with db.begin(database) as tx:
        await attributes.store_all(tx, keyring, [])
        assert await tx.connection.scalar(select(func.count()).select_from(sealed_attributes)) == 0


async def test_values_of_every_plain_kind_come_back(database, keyring, person, reveal):
    values = {"text": "ⵣ", "number": -7, "share": 0.5, "yes": True, "none": None, "list": [1, "a"]}
    async with db.begin(database) as tx:
        await attributes.store(tx, keyring, person, "identity", values)
    assert await reveal(person, names=tuple(values)) == [values]


async def test_a_record_without_a_key_keeps_nothing(database, keyring):
    with pytest.raises(KeyLostError):
        async with db.begin(database) as tx:
            await attributes.store(tx, keyring, SubjectId(uuid4()), "identity", AMINA)


async def test_every_access_is_logged_with_its_evidence(database, keyring, amina, reveal):
    await reveal(amina)
    async with db.read(database) as tx:
        [entry] = await access_log.search(tx, Criteria())
    assert (entry.actor.id, entry.purpose, entry.basis) == ("asd", "social/aid", "public-task")
    assert entry.attributes == (("given_name", "raw"), ("family_name", "raw"))
    assert (entry.outcome, entry.catalogue) == (Outcome.GIVEN, "c0ffee")


async def test_a_permit_of_another_transaction_opens_nothing(database, keyring, amina, permit):
    async with db.begin(database) as tx:
        stale = permit(tx, amina)
    with pytest.raises(StalePermitError):
        async with db.begin(database) as tx:
            await attributes.reveal(tx, keyring, [permit(tx, amina), stale])
    async with db.read(database) as tx:
        assert await access_log.search(tx, Criteria()) == []


async def test_threat_34_a_transaction_that_fails_leaves_neither_data_nor_line(
    database, keyring, amina, permit
):
    with pytest.raises(RuntimeError):
        async with db.begin(database) as tx:
            await attributes.store(tx, keyring, amina, "contact", {"phone": "1"})
            await attributes.reveal(tx, keyring, [permit(tx, amina)])
            raise RuntimeError
    async with db.read(database) as tx:
        assert await tx.connection.scalar(select(func.count()).select_from(lines)) == 0
        assert await tx.connection.scalar(select(func.count()).select_from(sealed_attributes)) == 1


async def test_threat_35_the_line_is_written_before_anything_is_opened(
    database, keyring, amina, permit, monkeypatch
):
    async def logged_by_now(tx, *_):
        raise RuntimeError(await tx.connection.scalar(select(func.count()).select_from(lines)))

    monkeypatch.setattr(attributes.sealed_groups, "open_all", logged_by_now)
    with pytest.raises(RuntimeError, match="1"):
        async with db.begin(database) as tx:
            await attributes.reveal(tx, keyring, [permit(tx, amina)])


async def test_a_batch_needs_as_many_statements_as_one(
    database, keyring, new_record, permit, statements
):
    people = [await new_record() for _ in range(5)]
    async with db.begin(database) as tx:
        await attributes.store_all(
            tx,
            keyring,
            [Group(record=person, group="identity", values=AMINA) for person in people],
        )
    counted = []
    async with db.read(database) as tx:
        await keyring.subject(tx, people, "log")
    for batch in (people[:1], people):
        async with db.begin(database) as tx:
            await keyring.refresh(tx)  # asked for by the clock, whatever is revealed
            with statements(tx) as seen:
                await attributes.reveal(tx, keyring, [permit(tx, person) for person in batch])
            counted.append(len(seen))
    # chains held, lines, their outbox, chains kept, blobs with their heads
    assert counted == [5, 5]


async def test_threat_13_a_dump_of_the_database_says_nothing_of_a_person(
    database, keyring, amina, reveal
):
    await reveal(amina)
    async with db.read(database) as tx:
        dump = ""
        for table in db.metadata.sorted_tables:
            rows = await tx.connection.execute(text(f'SELECT * FROM "{table.name}"'))
            dump += "".join(str(tuple(row)) for row in rows)
    secrets = [*AMINA.values(), b"Amina".hex(), repr("العلمي".encode())[2:-1], "D-1'"]
    assert not [secret for secret in secrets if secret in dump]


async def test_who_cannot_be_read_is_reported_and_the_others_are_answered(
    database, keyring, new_record, reveal
):
    people = [await new_record() for _ in range(3)]
    async with db.begin(database) as tx:
        for person in people:
            await attributes.store(tx, keyring, person, "identity", AMINA)
        await tx.connection.execute(
            sealed_attributes.update()
            .where(sealed_attributes.c.record == people[1])
            .values(blob=b"spoilt")
        )
    answers = await reveal(*people)
    named = {"given_name": "Amina", "family_name": "العلمي"}
    broken = Unreadable(record=people[1], group="identity", fault="tampered")
    assert answers == [named, broken, named]
    async with db.read(database) as tx:
        [fault] = await access_log.search(tx, Criteria(outcome=Outcome.FAULT))
        assert fault.reasons == ("tampered",)
        assert await access_log.subject_of(tx, keyring, fault.id) == people[1]
