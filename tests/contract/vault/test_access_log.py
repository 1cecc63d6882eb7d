from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import msgspec
import pytest
from sqlalchemy import delete, func, select, update

from policies.disclosure import Reason, Refusal
from policies.vocabulary import Action, Actor, ActorKind, LegalBasis, Outcome, SubjectId
from vault import access_log, log_leaf, subject_keys, transparency
from vault import database as db
from vault.access_log import Criteria, Line
from vault.envelope_errors import KeyLostError, TamperedError
from vault.keyring import open_keyring
from vault.log_tables import access_log as lines
from vault.log_tables import log_pending

ASD = Actor(kind=ActorKind.PROGRAMME, id="asd")
DPO = Actor(kind=ActorKind.STAFF, id="dpo-1")


def line(**changes):
    plain = Line(actor=ASD, action=Action.VERIFY, outcome=Outcome.GIVEN)
    return msgspec.structs.replace(plain, **changes)


@pytest.fixture
def record(database, keyring):
    """Logs lines at an instant of our choosing."""

    async def run(*given, at=None):
        async with db.begin(database) as tx:
            then = msgspec.structs.replace(tx, now=at or tx.now)
            return await access_log.record(then, keyring, given)

    return run


@pytest.fixture
def ask(database):
    async def run(function, *arguments, **named):
        async with db.read(database) as tx:
            return await function(tx, *arguments, **named)

    return run


@pytest.fixture
def history(ask, keyring):
    async def run(subject, *months, **named):
        return await ask(access_log.of_subject, keyring, subject, months, **named)

    return run


def this_month():
    return log_leaf.month(datetime.now(UTC))


async def test_all_that_was_said_is_read_back(record, history, person):
    said = line(
        subject=person,
        purpose="social/aid",
        basis=LegalBasis.PUBLIC_TASK,
        agreement="asd/eligibility",
        attributes=(("given_name", "match"), ("eligibility", "decision")),
        reasons=("person-locked", "no-consent"),
        outcome=Outcome.REFUSED,
        case_reference="DOSSIER-é-1",
        detail="batch",
        catalogue="c0ffee",
    )
    [entry_id] = await record(said)
    [entry] = await history(person, this_month())
    assert entry.id == entry_id
    assert entry.sequence is None
    for field in ("actor", "action", "outcome", "purpose", "basis", "agreement", "attributes",
                  "reasons", "case_reference", "detail", "catalogue"):  # fmt: skip
        assert getattr(entry, field) == getattr(said, field)
    assert abs(entry.at - datetime.now(UTC)) < timedelta(minutes=1)


async def test_nothing_to_log_sends_nothing(database, keyring, statements):
    async with db.begin(database) as tx:
        with statements(tx) as seen:
            assert await access_log.record(tx, keyring, []) == []
        assert seen == []


async def test_many_lines_take_as_many_statements_as_one(database, keyring, new_record, statements):
    people = [await new_record() for _ in range(4)]
    async with db.begin(database) as tx:
        await keyring.subject(tx, people, "log")
        with statements(tx) as seen:
            ids = await access_log.record(
                tx, keyring, [line(subject=person) for person in people] * 50
            )
        assert len(seen) == 4  # chains held, lines, outbox, chains kept
    assert len(set(ids)) == 200


async def test_every_line_waits_to_be_sealed(record, ask, database):
    ids = await record(line(), line())
    async with db.read(database) as tx:
        waiting = set(await tx.connection.scalars(select(log_pending.c.id)))
    assert waiting == set(ids)


async def test_what_cannot_be_logged_is_not_done(record, ask, person):
    with pytest.raises(KeyLostError):
        await record(line(subject=person), line(subject=SubjectId(uuid4())))
    assert await ask(access_log.search, Criteria()) == []


async def test_a_history_is_ones_own_and_of_the_months_asked(record, history, new_record):
    amina, other = await new_record(), await new_record()
    october = datetime(2026, 10, 31, 23, 59, 59, tzinfo=UTC)
    november = datetime(2026, 11, 1, 0, 0, 0, tzinfo=UTC)
    [first] = await record(line(subject=amina), at=october)
    [second] = await record(line(subject=amina), at=november)
    await record(line(subject=other), line(), at=november)
    assert [entry.id for entry in await history(amina, "2026-10", "2026-11")] == [second, first]
    assert [entry.id for entry in await history(amina, "2026-10")] == [first]
    assert await history(amina, "2026-09") == []
    assert await history(amina) == []


async def test_a_history_is_read_page_by_page(record, history, person):
    start = datetime(2026, 11, 1, tzinfo=UTC)
    ids = [
        (await record(line(subject=person), at=start + timedelta(minutes=n)))[0] for n in range(5)
    ]
    first = await history(person, "2026-11", limit=2)
    second = await history(person, "2026-11", limit=2, before=first[-1].id)
    assert [entry.id for entry in (*first, *second)] == ids[:0:-1]


async def test_one_entry_is_shown_to_whom_it_is_about_alone(record, ask, keyring, new_record):
    amina, other = await new_record(), await new_record()
    [entry_id, house] = await record(line(subject=amina, case_reference="D-1"), line())
    entry = await ask(access_log.about, keyring, amina, entry_id)
    assert (entry.id, entry.case_reference) == (entry_id, "D-1")
    assert await ask(access_log.about, keyring, other, entry_id) is None
    assert await ask(access_log.about, keyring, amina, house) is None
    assert await ask(access_log.about, keyring, amina, uuid4()) is None


async def test_the_dpo_sees_an_entry_without_whom_it_is_about(record, ask, person):
    [entry_id] = await record(line(subject=person, case_reference="D-1"))
    entry = await ask(access_log.one, entry_id)
    assert (entry.id, entry.case_reference) == (entry_id, None)
    assert str(person) not in repr(entry)
    assert await ask(access_log.one, uuid4()) is None


async def test_whom_an_entry_is_about_can_be_asked(record, ask, keyring, person):
    about, house, plain = await record(line(subject=person), line(case_reference="D-1"), line())
    assert await ask(access_log.subject_of, keyring, about) == person
    for entry_id in (house, plain, uuid4()):
        assert await ask(access_log.subject_of, keyring, entry_id) is None


@pytest.mark.parametrize(
    ("criteria", "found"),
    [
        (Criteria(), [2, 1, 0]),
        (Criteria(since=datetime(2026, 11, 2, tzinfo=UTC)), [2, 1]),
        (Criteria(until=datetime(2026, 11, 2, tzinfo=UTC)), [0]),
        (Criteria(actor=DPO), [2]),
        (Criteria(actor=Actor(kind=ActorKind.CITIZEN, id="dpo-1")), []),
        (Criteria(action=Action.READ), [1]),
        (Criteria(outcome=Outcome.REFUSED), [1]),
        (Criteria(purpose="social/aid"), [0]),
        (Criteria(reason="no-consent"), [1]),
        (Criteria(reason="consent"), []),
        (Criteria(reason="%"), []),
        (Criteria(actor=ASD, outcome=Outcome.GIVEN), [0]),
    ],
)
async def test_the_dpo_finds_what_meets_every_criterion(record, ask, criteria, found):
    given = [
        line(purpose="social/aid"),
        line(action=Action.READ, outcome=Outcome.REFUSED, reasons=("person-locked", "no-consent")),
        line(actor=DPO, action=Action.REVIEW),
    ]
    ids = [
        (await record(one, at=datetime(2026, 11, day, tzinfo=UTC)))[0]
        for day, one in enumerate(given, start=1)
    ]
    entries = await ask(access_log.search, criteria)
    assert [entry.id for entry in entries] == [ids[number] for number in found]


async def test_a_search_is_read_page_by_page(record, ask):
    ids = sorted(await record(*[line()] * 3), reverse=True)
    first = await ask(access_log.search, Criteria(), limit=2)
    rest = await ask(access_log.search, Criteria(), limit=2, before=first[-1].id)
    assert [entry.id for entry in (*first, *rest)] == ids


async def test_an_entry_tells_its_place_in_the_tree_once_sealed(database, keyring, record, ask):
    [entry_id] = await record(line())
    async with db.begin(database) as tx:
        await transparency.sequence(tx, keyring)
    assert (await ask(access_log.one, entry_id)).sequence == 0


async def test_a_refusal_is_logged_with_every_reason(database, keyring, person, permit):
    async with db.begin(database) as tx:
        ask = permit(tx, person).ask
        refusal = Refusal(
            ask=ask,
            decided_at=tx.now,
            catalogue_hash="c0ffee",
            reasons=(Reason.PERSON_LOCKED, Reason.NO_CONSENT),
        )
    said = access_log.for_refusal(refusal)
    assert (said.outcome, said.reasons) == (Outcome.REFUSED, ("person-locked", "no-consent"))
    assert (said.subject, said.case_reference, said.catalogue) == (person, "D-1", "c0ffee")


async def test_a_history_with_an_altered_entry_is_not_shown(database, record, history, person):
    await record(line(subject=person))
    async with db.begin(database) as tx:
        leaf = await tx.connection.scalar(select(lines.c.leaf))
        await tx.connection.execute(update(lines).values(leaf=leaf[:-1] + bytes([leaf[-1] ^ 1])))
    with pytest.raises(TamperedError):
        await history(person, this_month())


async def test_a_history_without_its_log_key_is_a_lost_key(database, record, ask, keys, person):
    [entry_id] = await record(line(subject=person))
    table = subject_keys.subject_keys
    async with db.begin(database) as tx:
        await tx.connection.execute(update(table).values(wrapped=b"spoilt"))
        fresh = await open_keyring(tx, keys)
        for lost in (
            access_log.of_subject(tx, fresh, person, [this_month()]),
            access_log.about(tx, fresh, person, entry_id),
            access_log.subject_of(tx, fresh, entry_id),
        ):
            with pytest.raises(KeyLostError):
                await lost
        await tx.connection.execute(delete(table))
        assert await access_log.subject_of(tx, fresh, entry_id) is None


async def test_threat_49_what_waits_holds_no_person_and_no_case(record, database, person):
    await record(line(subject=person, case_reference="DOSSIER-1"))
    async with db.read(database) as tx:
        row = (await tx.connection.execute(select(*lines.c))).one()
    assert b"DOSSIER" not in row.leaf
    assert person.bytes not in row.leaf
    assert person.bytes not in row.subject_tag


async def test_the_tag_of_a_person_changes_each_month(record, database, person):
    for month in (10, 11, 12):
        await record(line(subject=person), at=datetime(2026, month, 5, tzinfo=UTC))
    async with db.read(database) as tx:
        tags = select(func.count(lines.c.subject_tag.distinct()))
        assert await tx.connection.scalar(tags) == 3


async def test_entry_ids_begin_with_their_instant(record):
    noon = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
    [entry_id] = await record(line(), at=noon)
    assert log_leaf.first_id(noon) <= entry_id < log_leaf.first_id(noon + timedelta(seconds=1))
    assert isinstance(entry_id, UUID)


async def test_the_octets_of_an_entry_are_what_the_tree_commits_to(record, ask, person):
    [entry_id] = await record(line(subject=person))
    octets = await ask(access_log.octets, entry_id)
    assert log_leaf.decode(octets).id == entry_id.bytes
    assert await ask(access_log.octets, uuid4()) is None
