import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import LargeBinary, select

from identity.registry import claiming, idcs, people, twins
from identity.registry.people import Duplicate, Registered, Status
from identity.registry.person import Invalid, Problem
from policies.vocabulary import Action, Actor, ActorKind, SubjectId
from vault import access_log, blind_index
from vault import database as db
from vault.log_leaf import month

DESK = Actor(kind=ActorKind.STAFF, id="desk-1")


async def test_a_registered_person_is_found_by_their_number_as_typed(begin, keyring, person):
    spaced = f" {person.idcs[:4]} {person.idcs[4:]} "
    async with begin() as tx:
        found = await people.by_idcs(tx, keyring, [spaced, "4000000000"])

    assert found == {spaced: person.subject}
    assert idcs.valid(person.idcs)


async def test_nothing_of_a_person_is_in_the_clear(database, person):
    kept = b""
    async with db.read(database) as tx:
        for table in db.metadata.sorted_tables:
            for row in await tx.connection.execute(select(table)):
                kept += repr(tuple(row)).encode()
                kept += b"".join(
                    value
                    for column, value in zip(table.columns, row, strict=True)
                    if isinstance(column.type, LargeBinary) and value
                )

    for secret in ("Mohamed", "محمد", "1990-05-01", "612345678", person.idcs, "AB1000"):
        assert secret.encode() not in kept
        assert secret.encode("unicode_escape") not in kept


async def test_registration_is_in_the_persons_own_history(begin, keyring, written):
    async with begin() as tx:
        done = await people.register(tx, keyring, written(), by=DESK, case_reference="R-7")
        (entry,) = await access_log.of_subject(tx, keyring, done.subject, [month(tx.now)])

    assert (entry.action, entry.actor, entry.case_reference) == (Action.REGISTER, DESK, "R-7")


async def test_the_same_document_is_certainly_the_same_person(begin, keyring, written):
    other = {"given_name_ar": "سعيد", "given_name_latin": "Said", "birth_date": "1970"}
    async with begin() as tx:
        first = await people.register(
            tx, keyring, written(document_number="ZZ9"[:3] + "123"), by=DESK
        )
        again = await people.register(
            tx, keyring, written(document_number="zz9 123", **other), by=DESK
        )

    assert again == Duplicate(candidates=(first.subject,), certain=True)


@pytest.mark.parametrize(
    "spelling",
    [
        {},
        {"given_name_latin": "Mohammed", "family_name_latin": "Elamrani"},
        {"given_name_ar": "محمّد", "given_name_latin": "Ali", "family_name_latin": "Tazi"},
    ],
)
async def test_the_same_names_and_birth_date_may_be_the_same_person(
    begin, keyring, written, person, spelling
):
    async with begin() as tx:
        found = await people.register(tx, keyring, written(**spelling), by=DESK)

        assert found == Duplicate(candidates=(person.subject,), certain=False)
        assert await people.count(tx) == 1


async def test_a_namesake_who_was_compared_is_entered(begin, keyring, written, person):
    async with begin() as tx:
        done = await people.register(
            tx, keyring, written(), by=DESK, distinct_from=[person.subject]
        )

    assert isinstance(done, Registered)


async def test_the_same_names_born_on_another_day_are_another_person(
    begin, keyring, written, person
):
    async with begin() as tx:
        done = await people.register(tx, keyring, written(birth_date="1990-05-02"), by=DESK)

    assert isinstance(done, Registered)


async def test_duplicates_within_one_batch_are_found(begin, keyring, written):
    twice = written()
    namesake = written(document_number="QQ777777")
    async with begin() as tx:
        first, second, third = await people.register_all(
            tx, keyring, [twice, twice, namesake], by=DESK
        )

    assert second == Duplicate(candidates=(first.subject,), certain=True)
    assert third == Duplicate(candidates=(first.subject,), certain=False)


async def test_one_wrong_person_does_not_stop_the_others(begin, keyring, written):
    async with begin() as tx:
        wrong, right = await people.register_all(
            tx, keyring, [written(given_name_ar="Mohamed"), written()], by=DESK
        )

    assert wrong == Invalid(problems=(Problem(field="given_name_ar", reason="not-arabic"),))
    assert isinstance(right, Registered)


async def test_nobody_is_born_tomorrow(begin, keyring, written):
    async with begin() as tx:
        tomorrow = (tx.now + timedelta(days=2)).date().isoformat()
        done = await people.register(tx, keyring, written(birth_date=tomorrow), by=DESK)

    assert done == Invalid(problems=(Problem(field="birth_date", reason="in-the-future"),))


async def test_witnesses_and_representatives_are_on_the_register(begin, keyring, written, register):
    one = await register()
    two = await register(given_name_ar="سعيد", given_name_latin="Said")
    stranger = next(number for _ in iter(int, 1) if (number := idcs.new()) != one.idcs)
    child = {
        "document_kind": None,
        "document_number": "",
        "given_name_ar": "آية",
        "given_name_latin": "Aya",
    }
    async with begin() as tx:
        vouched, unknown, represented = await people.register_all(
            tx,
            keyring,
            [
                written(witnesses=(one.idcs, two.idcs), **child),
                written(witnesses=(one.idcs, stranger), birth_date="2001", **child),
                written(legal_representative=stranger, birth_date="2002", **child),
            ],
            by=DESK,
        )

    assert isinstance(vouched, Registered)
    assert unknown == Invalid(problems=(Problem(field="witnesses", reason="not-on-register"),))
    assert represented == Invalid(
        problems=(Problem(field="legal_representative", reason="not-on-register"),)
    )


async def test_many_are_entered_in_a_constant_number_of_statements(
    begin, keyring, written, statements
):
    async with begin() as tx:  # the first of all grows the key trees
        await people.register_all(tx, keyring, [written(birth_date="1950-01-01")], by=DESK)
    counted = []
    for several in (2, 20):
        new = [
            written(birth_date=f"19{several + at:02d}-01-{1 + several:02d}")
            for at in range(several)
        ]
        async with begin() as tx:
            seen = statements(tx)
            done = await people.register_all(tx, keyring, new, by=DESK)
            counted.append(len(seen))
        assert all(isinstance(each, Registered) for each in done)

    # Where the twenty need new nodes in either tree, a few statements more.
    assert abs(counted[0] - counted[1]) <= 12
    assert max(counted) < 48


async def test_nothing_is_entered_of_nobody(begin, keyring, statements):
    async with begin() as tx:
        assert await people.register_all(tx, keyring, [], by=DESK) == []
        assert await people.by_idcs(tx, keyring, []) == {}
        assert await people.statuses(tx, []) == {}


async def test_a_status_changes_once(begin, person):
    async with begin() as tx:
        assert await people.statuses(tx, [person.subject, uuid4()]) == {
            person.subject: Status.ACTIVE
        }
        assert await people.set_status(tx, person.subject, Status.DECEASED)
        assert not await people.set_status(tx, person.subject, Status.DECEASED)
        assert not await people.set_status(tx, SubjectId(uuid4()), Status.SUSPENDED)
        assert await people.statuses(tx, [person.subject]) == {person.subject: Status.DECEASED}


async def test_a_number_that_is_somebodys_is_drawn_again(begin, keyring, new_records):
    one, two, three = await new_records(3)
    free = idcs.new()
    other = next(it for _ in iter(int, 1) if (it := idcs.new()) != free)
    third = next(it for _ in iter(int, 1) if (it := idcs.new()) not in {free, other})
    draws = iter([free, free, other, other, third])
    async with begin() as tx:
        first = await claiming.claim(tx, keyring, "idcs", lambda: next(draws), [one])
        rest = await claiming.claim(tx, keyring, "idcs", lambda: next(draws), [two, three])

    assert first == {one: free}
    assert rest == {two: third, three: other}


async def test_of_two_who_bring_one_document_at_once_one_is_entered(database, keyring, written):
    async def enter(given_ar, given):
        async with db.begin(database) as tx:
            return await people.register(
                tx,
                keyring,
                written(document_number="ONE1234", given_name_ar=given_ar, given_name_latin=given),
                by=DESK,
            )

    done = await asyncio.gather(enter("سعيد", "Said"), enter("كريم", "Karim"))

    assert sorted(type(each).__name__ for each in done) == ["Duplicate", "Registered"]


@pytest.fixture
def new_records(begin, keyring):
    async def make(many):
        records = [SubjectId(uuid4()) for _ in range(many)]
        async with begin() as tx:
            await keyring.create_subject(tx, *records)
        return records

    return make


async def test_threat_26_of_more_than_an_index_names_nobody_is_entered_as_distinct(
    begin, keyring, register, written, monkeypatch
):
    monkeypatch.setattr(blind_index, "CANDIDATES", 1)
    for _ in range(2):
        await register()
    async with begin() as tx:
        known = await people.register(tx, keyring, written(), by=DESK)
        again = await people.register(
            tx, keyring, written(), by=DESK, distinct_from=known.candidates
        )
    assert isinstance(known, Duplicate)
    assert known.more
    assert again == Duplicate(candidates=(), certain=False, more=True)


def test_threat_26_a_candidate_by_collision_is_not_alike(written):
    person = written()
    recorded = {"family_name_latin": "Amrani", "birth_date": "1990-05-01"}
    assert twins.alike(person, recorded | {"given_name_latin": "Mouhammed"})
    assert not twins.alike(person, recorded | {"given_name_latin": "Kenza"})
    assert not twins.alike(
        person, recorded | {"given_name_latin": "Mohamed", "birth_date": "1990-05-02"}
    )
    assert twins.alike(person, {}), "what does not open rules nobody out"
