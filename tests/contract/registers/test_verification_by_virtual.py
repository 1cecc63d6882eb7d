"""The verification door takes a number that the person made in place of their own."""

import asyncio
from types import SimpleNamespace

import msgspec
import pytest

from consent import oppositions
from identity.doors.verification import NUMBER_USED, Malformed
from identity.registry import virtual_identifiers, virtual_numbers
from identity.registry.names import Verdict
from identity.registry.virtual_identifiers import State
from policies.disclosure import Refusal
from policies.vocabulary import Audience
from vault import access_log

RIGHT = {"given_name": "Mohammed", "family_name": "العمراني", "birth_date": "1990-05-01"}
WRONG = RIGHT | {"birth_date": "1990-05-02"}
ELSEWHERE = {
    "programme": "asd",
    "agreement": "asd/eligibility",
    "purpose": "social-support/direct-aid",
}


@pytest.fixture
def owner(house, person):
    """Somebody who makes and stops numbers."""
    kinds = house.catalogue.numbers

    async def make(kind, audience=None):
        async with house.begin() as tx:
            return await virtual_identifiers.make(
                tx, house.keyring, kinds[kind], person.subject, audience
            )

    async def stop(made):
        async with house.begin() as tx:
            await virtual_identifiers.stop(
                tx, house.keyring, kinds[made.kind], person.subject, made.id
            )

    async def states():
        async with house.begin() as tx:
            mine = await virtual_identifiers.mine(tx, house.keyring, person.subject)
        return [each.state for each in mine]

    async def history():
        async with house.begin() as tx:
            now = tx.now.strftime("%Y-%m")
            return await access_log.of_subject(tx, house.keyring, person.subject, [now])

    return SimpleNamespace(make=make, stop=stop, states=states, history=history, idcs=person.idcs)


async def test_a_number_the_person_made_verifies_them_like_their_own(verify, compared, owner):
    made = await owner.make("timed")
    (by_own,) = await verify(compared(RIGHT, idcs=owner.idcs))
    (answer,) = await verify(compared(RIGHT, virtual=virtual_numbers.spaced(made.number)))

    assert answer == by_own
    assert answer.result is Verdict.YES


async def test_a_number_for_one_use_verifies_once_whatever_the_answer(verify, compared, owner):
    for claims in (RIGHT, WRONG):
        made = await owner.make("one-use")
        (first,) = await verify(compared(claims, virtual=made.number))
        (second,) = await verify(compared(RIGHT, virtual=made.number))

        assert (first.result is Verdict.YES) is (claims is RIGHT)
        assert second.result is Verdict.NO
    assert set(await owner.states()) == {State.USED}


async def test_of_twenty_who_verify_by_a_number_for_one_use_at_once_one_is_answered(
    verify, compared, owner
):
    made = await owner.make("one-use")
    apart = await asyncio.gather(*(verify(compared(RIGHT, virtual=made.number)) for _ in range(20)))
    assert [each.result for (each,) in apart].count(Verdict.YES) == 1

    made = await owner.make("one-use")
    together = await verify(*[compared(RIGHT, virtual=made.number)] * 3)
    assert [each.result for each in together].count(Verdict.YES) == 1
    reasons = [line.reasons for line in await owner.history()]
    assert reasons.count((NUMBER_USED,)) >= 2


async def test_unknown_stopped_used_expired_and_elsewhere_answer_byte_for_byte_alike(
    house, verify, compared, owner
):
    stopped, used, bound = [
        await owner.make("timed"),
        await owner.make("one-use"),
        await owner.make("programme", Audience("asd")),
    ]
    await owner.stop(stopped)
    await verify(compared(RIGHT, virtual=used.number))
    answers = [
        msgspec.json.encode((await verify(compared(RIGHT, virtual=number)))[0])
        for number in (
            virtual_numbers.new(), "not a number", stopped.number, used.number, bound.number
        )
    ]  # fmt: skip
    (wrong,) = await verify(compared(WRONG, idcs=owner.idcs))

    assert len(set(answers)) == 1
    assert b"yes" not in answers[0]
    assert wrong.subject is None


async def test_a_bound_number_is_good_at_its_own_programme(verify, compared, owner):
    made = await owner.make("programme", Audience("amo-tadamon"))
    (there,) = await verify(compared(RIGHT, virtual=made.number))
    (elsewhere,) = await verify(compared(RIGHT, virtual=made.number, **ELSEWHERE))

    assert there.result is Verdict.YES
    assert elsewhere.result is Verdict.NO


async def test_known_and_unknown_numbers_take_the_same_statements(
    house, compared, owner, statements
):
    from identity.doors import verification

    made = await owner.make("timed")
    counted = []
    for _ in range(2):
        for number in (made.number, virtual_numbers.new()):
            async with house.begin() as tx:
                seen = statements(tx)
                question = compared(WRONG, virtual=number)
                await verification.verify(tx, house.keyring, house.catalogue, [question])
            counted.append(len([each for each in seen if "virtual_identifiers" in each]))

    assert len(set(counted)) == 1


async def test_a_question_at_fault_or_a_locked_record_uses_no_number_up(
    house, verify, compared, owner, person
):
    made = await owner.make("one-use")
    (refused,) = await verify(compared(RIGHT, virtual=made.number, case_reference=None))
    assert isinstance(refused, Refusal)
    async with house.begin() as tx:
        await oppositions.lock(tx, person.subject)
    (locked,) = await verify(compared(RIGHT, virtual=made.number))
    assert locked.result is Verdict.NO
    assert await owner.states() == [State.ACTIVE]
    async with house.begin() as tx:
        await oppositions.unlock(tx, person.subject)
    (answer,) = await verify(compared(RIGHT, virtual=made.number))
    assert answer.result is Verdict.YES


async def test_wrong_answers_are_counted_for_the_owner_whichever_number_is_named(
    verify, compared, owner
):
    for _ in range(5):
        made = await owner.make("one-use")
        await verify(compared(WRONG, virtual=made.number))
    (own,) = await verify(compared(RIGHT, idcs=owner.idcs))

    assert own.result is Verdict.NO


async def test_a_number_beside_another_name_is_not_well_formed(verify, compared, owner):
    (answer,) = await verify(compared(RIGHT, virtual="1", idcs="2"))

    assert answer == Malformed(reason="subject-missing")
