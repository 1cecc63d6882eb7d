from datetime import timedelta

import msgspec
import pytest
from sqlalchemy import update

from consent import oppositions
from identity.doors import verification, wrong_answers
from identity.doors.verification import Malformed, Named, Verified
from identity.registry import idcs, pseudonyms
from identity.registry.names import Verdict
from policies.disclosure import Reason, Refusal
from policies.vocabulary import Action, Outcome, ProgrammeId
from vault import access_log
from vault.attributes import Unreadable
from vault.database import EPOCH
from vault.log_leaf import month
from vault.sealed_groups import sealed_attributes

RIGHT = {"given_name": "Mohammed", "family_name": "العمراني", "birth_date": "1990-05-01"}
WRONG = RIGHT | {"birth_date": "1990-05-02"}
AMO = ProgrammeId("amo-tadamon")


async def test_who_is_who_they_say_is_named_to_the_programme(house, verify, compared, person):
    (answer,) = await verify(compared(RIGHT, idcs=person.idcs))

    assert answer.result is Verdict.YES
    assert set(answer.attributes.values()) == {Verdict.YES}
    async with house.begin() as tx:
        found = await pseudonyms.resolve(tx, house.keyring, AMO, [answer.subject])
    assert found == {answer.subject: person.subject}


async def test_the_programmes_own_identifier_names_the_person_again(verify, compared, person):
    (first,) = await verify(compared(RIGHT, idcs=person.idcs))
    (again,) = await verify(compared(RIGHT | {"sex": "f"}, pairwise=first.subject))
    (own,) = await verify(compared(RIGHT | {"sex": "m"}, subject=person.subject))
    (other,) = await verify(
        compared(
            RIGHT,
            pairwise=first.subject,
            programme=ProgrammeId("asd"),
            agreement="asd/eligibility",
            purpose="social-support/direct-aid",
        )
    )

    assert again.result is Verdict.PARTIAL
    assert again.attributes["sex"] is Verdict.NO
    assert own == Verified(
        result=Verdict.YES,
        attributes=dict.fromkeys([*RIGHT, "sex"], Verdict.YES),
        subject=first.subject,
    )
    assert other.result is Verdict.NO


async def test_a_partial_birth_date_on_record_confirms_in_part(verify, compared, register):
    person = await register(birth_date="1990")

    (answer,) = await verify(compared(RIGHT, idcs=person.idcs))
    (exact,) = await verify(compared(RIGHT | {"birth_date": "1990"}, idcs=person.idcs))

    assert (answer.result, answer.subject) == (Verdict.PARTIAL, None)
    assert answer.attributes["birth_date"] is Verdict.PARTIAL
    assert exact.result is Verdict.YES


async def test_unknown_locked_spent_and_wrong_answer_byte_for_byte_alike(
    house, verify, compared, register
):
    locked, spent, wrong = [await register(birth_date="1990-05-01", phone="") for _ in range(3)]
    async with house.begin() as tx:
        await oppositions.lock(tx, locked.subject)
    for _ in range(5):
        await verify(compared(WRONG, idcs=spent.idcs))
    unknown = idcs.checked("999999999")

    asked = [
        compared(RIGHT, idcs=unknown),
        compared(RIGHT, idcs="not a number"),
        compared(RIGHT, idcs=locked.idcs),
        compared(RIGHT, idcs=spent.idcs),
        compared(WRONG, idcs=wrong.idcs),
        compared(RIGHT, pairwise="pt1_" + "0" * 32),
    ]
    alone = [msgspec.json.encode((await verify(each))[0]) for each in asked]
    together = [msgspec.json.encode(each) for each in await verify(*asked)]

    assert len({*alone, *together}) == 1
    assert b"yes" not in alone[0]


async def test_they_take_the_same_statements(house, verify, compared, register, statements):
    locked, spent, wrong = [await register(birth_date="1990-05-01", phone="") for _ in range(3)]
    async with house.begin() as tx:
        await oppositions.lock(tx, locked.subject)
    for _ in range(5):
        await verify(compared(WRONG, idcs=spent.idcs))
    await verify(compared(WRONG, idcs=wrong.idcs))  # so that the keys are at hand

    counted = {}
    for name, number, claims in (
        ("unknown", idcs.checked("999999999"), RIGHT),
        ("locked", locked.idcs, RIGHT),
        ("wrong", wrong.idcs, WRONG),
    ):
        async with house.begin() as tx:
            await house.keyring.refresh(tx)  # asked for by the clock, whatever is verified
            seen = statements(tx)
            await verification.verify(
                tx, house.keyring, house.catalogue, [compared(claims, idcs=number)]
            )
            counted[name] = [each.split(" FROM")[0].split(" VALUES")[0] for each in seen]

    assert counted["unknown"] == counted["locked"]
    assert sorted(counted["wrong"]) == sorted(counted["unknown"])


async def test_a_right_name_alone_tells_nothing(verify, compared, person):
    """Else a number and a frequent name would be enough to learn who is on record."""
    (answer,) = await verify(compared(WRONG, idcs=person.idcs))
    (guessed,) = await verify(
        compared({"given_name": "Mohamed", "family_name": "Tazi", "sex": "M"}, idcs=person.idcs)
    )

    assert set(answer.attributes.values()) == {Verdict.NO}
    assert set(guessed.attributes.values()) == {Verdict.NO}


async def test_the_budget_closes_after_five_wrong_answers_and_opens_again(
    begin, verify, compared, person
):
    for _ in range(5):
        (wrong,) = await verify(compared(WRONG, idcs=person.idcs))
    (closed,) = await verify(compared(RIGHT, idcs=person.idcs))
    other = compared(
        RIGHT,
        idcs=person.idcs,
        programme=ProgrammeId("asd"),
        agreement="asd/eligibility",
        purpose="social-support/direct-aid",
    )
    (elsewhere,) = await verify(other)
    async with begin() as tx:
        a_day_ago = (tx.now - timedelta(days=1, seconds=1) - EPOCH) // timedelta(microseconds=1)
        await tx.connection.execute(
            update(wrong_answers.wrong_answers).values(told=[a_day_ago] * 5)
        )
    (again,) = await verify(compared(RIGHT, idcs=person.idcs))

    assert closed == wrong
    assert elsewhere.result is Verdict.YES
    assert again.result is Verdict.YES


async def test_a_batch_spends_the_budget_as_single_questions_do(verify, compared, person):
    answers = await verify(
        *[compared(WRONG, idcs=person.idcs)] * 5, compared(RIGHT, idcs=person.idcs)
    )

    assert answers[-1].result is Verdict.NO


async def test_right_answers_spend_nothing(verify, compared, person):
    for _ in range(8):
        (answer,) = await verify(compared(RIGHT, idcs=person.idcs))

    assert answer.result is Verdict.YES


async def test_every_attempt_is_in_the_history(house, verify, compared, person):
    await verify(compared(RIGHT, idcs=person.idcs, case_reference="A-1"))
    for _ in range(5):
        await verify(compared(WRONG, idcs=person.idcs))
    await verify(compared(RIGHT, idcs=person.idcs))
    async with house.begin() as tx:
        await oppositions.lock(tx, person.subject)
    await verify(compared(RIGHT, idcs=person.idcs))

    async with house.begin() as tx:
        entries = await access_log.of_subject(tx, house.keyring, person.subject, [month(tx.now)])
    attempts = [each for each in reversed(entries) if each.action is Action.VERIFY]
    assert [each.outcome for each in attempts] == [Outcome.GIVEN] * 6 + [Outcome.REFUSED] * 2
    assert attempts[0].case_reference == "A-1"
    assert attempts[6].reasons == (verification.BUDGET_SPENT,)
    assert attempts[7].reasons == ("person-locked",)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"named": Named()}, "subject-missing"),
        ({"named": Named(idcs="1", pairwise="2")}, "subject-missing"),
        ({"claims": {"birth_date": "1990-05-01"}}, "too-few-claims"),
        ({"claims": {"given_name": "Ali", "family_name": "Tazi"}}, "only-names"),
        ({"claims": RIGHT | {"birth_date": "01/05/1990"}}, "claim-unreadable"),
        ({"claims": RIGHT | {"birth_date": "1990-02-31"}}, "claim-unreadable"),
        ({"claims": RIGHT | {"sex": "x"}}, "claim-unreadable"),
        ({"claims": RIGHT | {"phone": "12"}}, "claim-unreadable"),
        ({"claims": RIGHT | {"given_name": "…"}}, "claim-unreadable"),
        ({"claims": RIGHT | {"given_name": "a" * 121}}, "claim-unreadable"),
        ({"claims": RIGHT | {"given_name": "a\x00b"}}, "claim-unreadable"),
    ],
)
async def test_a_question_that_fits_nobody_is_said_to_be_wrong(verify, compared, change, reason):
    asked = msgspec.structs.replace(compared(RIGHT, idcs="1"), **change)

    assert await verify(asked) == [Malformed(reason=reason)]


async def test_the_programmes_own_fault_is_told_whoever_it_is_about(verify, compared, person):
    fault = {"case_reference": None}

    known, unknown = await verify(
        compared(RIGHT, idcs=person.idcs, **fault), compared(RIGHT, idcs="1", **fault)
    )

    assert isinstance(known, Refusal)
    assert isinstance(unknown, Refusal)
    assert known.public == unknown.public == Reason.CASE_REFERENCE_MISSING


async def test_what_cannot_be_compared_is_refused(verify, compared, person):
    (answer,) = await verify(compared(RIGHT | {"nationality": "MAR"}, idcs=person.idcs))

    assert isinstance(answer, Refusal)


async def test_a_record_that_does_not_open_is_a_fault_of_its_own(begin, verify, compared, person):
    async with begin() as tx:
        await tx.connection.execute(
            update(sealed_attributes)
            .where(sealed_attributes.c.record == person.subject)
            .values(row_version=sealed_attributes.c.row_version + 1)
        )

    (answer,) = await verify(compared(RIGHT, idcs=person.idcs))

    assert isinstance(answer, Unreadable)


async def test_only_malformed_questions_need_no_statement(house, compared, statements):
    async with house.begin() as tx:
        seen = statements(tx)
        await verification.verify(tx, house.keyring, house.catalogue, [compared({}, idcs="1")])

    assert seen == []


async def test_programmes_of_one_sector_share_an_identifier_and_others_do_not(
    house, compared, person
):
    shared = {
        id_: msgspec.structs.replace(each, sector="aid") if id_ != "daam-sakane" else each
        for id_, each in house.catalogue.programmes.items()
    }
    sectors = msgspec.structs.replace(house.catalogue, programmes=shared)
    asd = {
        "programme": ProgrammeId("asd"),
        "agreement": "asd/eligibility",
        "purpose": "social-support/direct-aid",
    }

    async def told(catalogue, **named):
        async with house.begin() as tx:
            asked = [compared(RIGHT, **named), compared(RIGHT, **named, **asd)]
            return await verification.verify(tx, house.keyring, catalogue, asked)

    alone = [each.subject for each in await told(house.catalogue, idcs=person.idcs)]
    together = [each.subject for each in await told(sectors, idcs=person.idcs)]
    again = await told(sectors, pairwise=together[0])

    assert len({*alone, *together}) == 3
    assert together[0] == together[1]
    assert [each.subject for each in again] == together
    # Who joined starts anew: what named the person before names nobody.
    assert (await told(sectors, pairwise=alone[0]))[0].result is Verdict.NO
