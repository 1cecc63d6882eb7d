from datetime import timedelta

import msgspec
import pytest
from sqlalchemy import update

from consent import oppositions
from identity.doors import eligibility
from identity.doors.eligibility import Assessed, Question
from policies.disclosure import NOT_PERMITTED, Refusal
from policies.eligibility import EligibilityReason
from policies.household_index import HouseholdFacts, Milieu, Region
from policies.legal_time import legal_day
from policies.vocabulary import AgreementId, LegalBasis, Outcome, ProgrammeId, PurposeId
from vault import access_log
from vault.attributes import Unreadable
from vault.log_leaf import month
from vault.sealed_groups import sealed_attributes

FACTS = HouseholdFacts(
    milieu=Milieu.RURAL, region=Region.DRAA_TAFILALET, size=6, rooms=1, head_age=50
)


@pytest.fixture
def question():
    def make(subject, **changes):
        fields = {
            "programme": ProgrammeId("asd"),
            "subject": subject,
            "agreement": AgreementId("asd/eligibility"),
            "purpose": PurposeId("social-support/direct-aid"),
            "basis": LegalBasis.LEGAL_OBLIGATION,
            "case_reference": "D-1",
        } | changes
        return Question(**fields)

    return make


async def test_a_poor_household_is_eligible_until_a_day(
    begin, ask_eligibility, question, settle, person
):
    await settle(FACTS, person.subject)
    async with begin() as tx:
        day = legal_day(tx.now)

    (answer,) = await ask_eligibility(question(person.subject))

    assert answer == Assessed(eligible=True, until=day + timedelta(days=30))


async def test_a_rich_one_is_not_and_no_figure_leaves(
    ask_eligibility, question, settle, person, rich
):
    done = await settle(rich(), person.subject)

    (answer,) = await ask_eligibility(question(person.subject))

    assert answer == Assessed(eligible=False, reasons=(EligibilityReason.INDEX_ABOVE_THRESHOLD,))
    assert str(done.index.score)[:4] not in msgspec.json.encode(answer).decode()


async def test_without_an_index_it_cannot_be_said(ask_eligibility, question, settle, person, poor):
    await settle(poor(cars=1), person.subject)

    (answer,) = await ask_eligibility(question(person.subject))

    assert answer == Assessed(eligible=None, reasons=(EligibilityReason.INDEX_UNKNOWN,))


async def test_without_a_household_it_is_not_open(ask_eligibility, question, person):
    (answer,) = await ask_eligibility(question(person.subject))

    assert answer == Assessed(eligible=False, reasons=(EligibilityReason.HOUSEHOLD_NOT_REGISTERED,))


async def test_each_member_is_answered_and_logged_for_themselves(
    house, ask_eligibility, question, settle, register
):
    one, two = (await register()).subject, (await register(birth_date="1991")).subject
    await settle(FACTS, one, two)

    first, second = await ask_eligibility(question(one), question(two))

    assert first == second
    async with house.begin() as tx:
        for subject in (one, two):
            entries = await access_log.of_subject(tx, house.keyring, subject, [month(tx.now)])
            assert [each.outcome for each in entries if each.action == "eligibility"] == [
                Outcome.GIVEN
            ]


async def test_a_refusal_is_a_value_beside_the_answers(
    begin, ask_eligibility, question, settle, person
):
    await settle(FACTS, person.subject)
    consent = {
        "programme": ProgrammeId("minhaty"),
        "agreement": AgreementId("minhaty/scholarship"),
        "purpose": PurposeId("education/scholarship"),
        "basis": LegalBasis.CONSENT,
    }
    async with begin() as tx:
        await oppositions.lock(tx, person.subject)

    refused, nobody, answered = await ask_eligibility(
        question(person.subject, **consent), question(None), question(person.subject)
    )

    assert isinstance(refused, Refusal)
    assert isinstance(nobody, Refusal)
    assert refused.public == nobody.public == NOT_PERMITTED
    # A legal obligation outweighs the lock.
    assert isinstance(answered, Assessed)


async def test_many_are_answered_in_a_constant_number_of_statements(
    house, question, settle, register, statements
):
    counted = []
    for several in (2, 8):
        subjects = []
        for at in range(several):
            subjects.append((await register(birth_date=f"19{several}{at}")).subject)
            await settle(FACTS, subjects[-1])
        for _ in range(2):  # the second time the keys are at hand
            async with house.begin() as tx:
                seen = statements(tx)
                await eligibility.assess(
                    tx, house.keyring, house.catalogue, [question(each) for each in subjects]
                )
        counted.append(len(seen))

    assert counted[0] == counted[1] < 10


async def test_a_record_that_does_not_open_is_a_fault_of_its_own(
    begin, ask_eligibility, question, settle, register
):
    one, two = (await register()).subject, (await register(birth_date="1991")).subject
    home = await settle(FACTS, one)
    await settle(FACTS, two)
    async with begin() as tx:
        await tx.connection.execute(
            update(sealed_attributes)
            .where(sealed_attributes.c.record == home.household)
            .values(row_version=sealed_attributes.c.row_version + 1)
        )

    broken, whole = await ask_eligibility(question(one), question(two))

    assert isinstance(broken, Unreadable)
    assert isinstance(whole, Assessed)
