import pytest
from sqlalchemy import update

from consent import grants, oppositions
from identity.doors import disclosure
from identity.doors.disclosure import Disclosed, Question
from identity.registry import people
from identity.registry.people import Status
from policies.disclosure import NOT_PERMITTED, Reason, Refusal
from policies.vocabulary import (
    Action,
    AgreementId,
    LegalBasis,
    Outcome,
    ProgrammeId,
    PurposeId,
)
from vault import access_log
from vault.attributes import Unreadable
from vault.log_leaf import month
from vault.sealed_groups import sealed_attributes


@pytest.fixture
def question():
    def make(subject, **changes):
        fields = {
            "programme": ProgrammeId("amo-tadamon"),
            "subject": subject,
            "agreement": AgreementId("amo-tadamon/enrolment"),
            "purpose": PurposeId("social-support/health-cover"),
            "basis": LegalBasis.CONSENT,
            "attributes": (("phone", "raw"), ("address", "commune")),
        } | changes
        return Question(**fields)

    return make


async def test_what_was_agreed_is_given_in_the_form_agreed(
    ask_attributes, question, person, consent
):
    await consent(person.subject)

    (answer,) = await ask_attributes(question(person.subject))

    assert isinstance(answer, Disclosed)
    assert answer.values == {"phone": "+212612345678", "address": "Fès"}
    assert answer.hold_until is not None


async def test_what_the_register_does_not_hold_is_none(ask_attributes, question, register, consent):
    person = await register(phone="")
    await consent(person.subject)

    (answer,) = await ask_attributes(question(person.subject))

    assert answer.values == {"phone": None, "address": "Fès"}


async def test_a_refusal_is_logged_and_touches_no_other_question(
    house, ask_attributes, question, register, consent
):
    one, two, three = [await register(birth_date=f"199{at}-01-01") for at in range(3)]
    for each in (one, three):
        await consent(each.subject)

    first, refused, third = await ask_attributes(
        *(question(each.subject) for each in (one, two, three))
    )

    assert isinstance(first, Disclosed)
    assert isinstance(third, Disclosed)
    assert isinstance(refused, Refusal)
    assert refused.reasons == (Reason.NO_CONSENT,)
    async with house.begin() as tx:
        newest = (await access_log.of_subject(tx, house.keyring, two.subject, [month(tx.now)]))[0]
    assert (newest.action, newest.outcome) == (Action.READ, Outcome.REFUSED)
    assert newest.reasons == ("no-consent",)


@pytest.mark.parametrize("why", ["unknown", "locked", "opposed", "dead", "never registered"])
async def test_what_stands_against_a_person_is_not_told(
    begin, ask_attributes, question, person, why
):
    subject = person.subject
    async with begin() as tx:
        match why:
            case "locked":
                await oppositions.lock(tx, subject)
            case "opposed":
                await oppositions.oppose(tx, subject, AgreementId("amo-tadamon/enrolment"))
            case "dead":
                await people.set_status(tx, subject, Status.DECEASED)
    asked = None if why == "unknown" else subject
    by_law = {
        "basis": LegalBasis.PUBLIC_TASK,
        "programme": ProgrammeId("daam-sakane"),
        "agreement": AgreementId("daam-sakane/first-home"),
        "purpose": PurposeId("housing/first-home"),
        "attributes": (("nationality", "raw"),),
        "case_reference": "D-1",
    }
    async with begin() as tx:
        if why == "opposed":
            await oppositions.oppose(tx, subject, by_law["agreement"])
        if why == "never registered":
            await tx.connection.execute(
                people.people.delete().where(people.people.c.subject == subject)
            )

    (answer,) = await ask_attributes(question(asked, **by_law))

    assert isinstance(answer, Refusal)
    assert answer.public == NOT_PERMITTED


async def test_a_withdrawn_consent_opens_nothing_more(
    house, ask_attributes, question, person, consent
):
    grant = await consent(person.subject)
    async with house.begin() as tx:
        assert await grants.withdraw(tx, house.keyring, person.subject, grant.id)

    (answer,) = await ask_attributes(question(person.subject))

    assert answer.reasons == (Reason.CONSENT_WITHDRAWN,)


async def test_a_record_that_was_tampered_with_harms_itself_alone(
    begin, ask_attributes, question, register, consent
):
    one, two = await register(), await register(birth_date="1991-01-01")
    for each in (one, two):
        await consent(each.subject)
    async with begin() as tx:
        await tx.connection.execute(
            update(sealed_attributes)
            .where(
                sealed_attributes.c.record == one.subject, sealed_attributes.c.group == "contact"
            )
            .values(row_version=sealed_attributes.c.row_version + 1)
        )

    broken, whole = await ask_attributes(question(one.subject), question(two.subject))

    assert isinstance(broken, Unreadable)
    assert isinstance(whole, Disclosed)


async def test_many_are_answered_in_a_constant_number_of_statements(
    ask_attributes, question, register, consent, count_statements
):
    counted = []
    for several in (2, 10):
        subjects = [
            (await register(birth_date=f"19{several:02d}-02-{at + 1:02d}")).subject
            for at in range(several)
        ]
        for subject in subjects:
            await consent(subject)
        everyone = [*subjects, None]
        await ask_attributes(*map(question, subjects))  # so that the keys are at hand
        counted.append(await count_statements(*map(question, everyone)))

    assert counted[0] == counted[1] < 12


async def test_nothing_asked_is_nothing_answered(ask_attributes):
    assert await ask_attributes() == []


@pytest.fixture
def count_statements(house, statements):
    async def do(*questions):
        async with house.begin() as tx:
            seen = statements(tx)
            await disclosure.disclose(tx, house.keyring, house.catalogue, questions)
            return len(seen)

    return do
