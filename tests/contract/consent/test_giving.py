"""What a person answers becomes a consent, a refusal, or nothing at all with every reason why."""

import asyncio
from datetime import timedelta

import msgspec
import pytest
from sqlalchemy import func, select

from consent import grants, notices, refolding
from consent.grant_rows import grants as heads
from policies.consent import ConsentReason, MayNot
from policies.disclosure import GrantFacts
from policies.vocabulary import Action, AgreementId, GrantState, Language, Outcome, ProgrammeId
from vault import access_log
from vault import database as db


def pair(grant):
    return (grant.subject, grant.programme, grant.agreement)


async def history(database, keyring, person):
    async with db.begin(database) as tx:
        month = tx.now.strftime("%Y-%m")
        return await access_log.of_subject(tx, keyring, person, [month])


async def test_a_consent_is_all_that_a_decision_may_know_of_it(give, answer, catalogue):
    grant: GrantFacts = await give()

    assert (grant.subject, grant.programme, grant.agreement) == (
        answer.subject,
        answer.programme,
        answer.agreement,
    )
    assert grant.purpose == catalogue.agreements[answer.agreement].purpose
    assert grant.items == answer.items
    assert grant.state is GrantState.GIVEN


async def test_a_consent_lasts_as_long_as_its_agreement_allows(give, answer, catalogue):
    grant = await give()

    days = catalogue.agreements[answer.agreement].consent_days
    assert grant.expires_at == grant.given_at + timedelta(days=days)


async def test_a_person_may_choose_a_shorter_time(database, give):
    async with db.begin(database) as tx:
        soon = tx.now + timedelta(days=3)

    assert (await give(expires_at=soon)).expires_at == soon


async def test_a_person_may_not_choose_a_longer_time(database, give):
    usual = await give()

    longer = await give(expires_at=usual.expires_at + timedelta(days=1000))

    assert longer.expires_at - longer.given_at == usual.expires_at - usual.given_at


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"agreement": AgreementId("minhaty/none")}, ConsentReason.AGREEMENT_NOT_IN_FORCE),
        ({"programme": ProgrammeId("asd")}, ConsentReason.AGREEMENT_NOT_IN_FORCE),
        ({"notice_hash": "0" * 64}, ConsentReason.NOTICE_NOT_CURRENT),
        ({"language": Language.AR}, ConsentReason.NOTICE_NOT_CURRENT),
        ({"items": {"phone": "raw", "eligibility": "decision"}}, ConsentReason.ITEM_NOT_OFFERED),
        ({"items": {"phone": "masked"}}, ConsentReason.REQUIRED_ITEM_MISSING),
    ],
)
async def test_an_answer_with_one_defect_makes_no_consent(database, give, person, change, reason):
    assert await give(**change) == MayNot(reasons=(reason,))

    async with db.read(database) as tx:
        assert await grants.of_subject(tx, person) == []


async def test_words_of_another_agreement_are_not_what_was_read(database, catalogue, give):
    async with db.begin(database) as tx:
        other = await notices.publish(
            tx, catalogue, AgreementId("amo-tadamon/enrolment"), Language.FR
        )

    refused = await give(notice_hash=other.hash)

    assert refused == MayNot(reasons=(ConsentReason.NOTICE_NOT_CURRENT,))


async def test_a_child_gives_no_consent(database, keyring, catalogue, answer):
    async with db.begin(database) as tx:
        refused = await grants.give(tx, keyring, catalogue, answer, birth_date="2015-05-01")

    assert refused == MayNot(reasons=(ConsentReason.NOT_AN_ADULT,))


async def test_what_was_agreed_before_is_superseded(database, give):
    before = await give()

    after = await give(items={"eligibility": "decision"})

    async with db.read(database) as tx:
        assert (await grants.latest(tx, [pair(after)]))[pair(after)] == after
        assert (await grants.by_id(tx, [before.id]))[before.id].state is GrantState.SUPERSEDED


async def test_a_consent_that_had_ended_is_not_superseded_but_followed(
    database, keyring, catalogue, answer, later
):
    async with db.begin(database) as tx:
        first = await grants.give(tx, keyring, catalogue, answer, birth_date="1990")
        after = later(tx, days=400)
        second = await grants.give(after, keyring, catalogue, answer, birth_date="1990")

        assert (await grants.by_id(after, [first.id]))[first.id].state is GrantState.EXPIRED
        assert (await grants.latest(after, [pair(first)]))[pair(first)] == second
        assert (await refolding.refold(after)).differing == ()


async def test_of_twenty_answers_at_once_one_is_the_newest_and_the_others_are_superseded(
    database, give, person
):
    await asyncio.gather(*(give() for _ in range(20)))

    async with db.read(database) as tx:
        states = [grant.state for grant in await grants.of_subject(tx, person)]
        newest = await tx.connection.scalar(
            select(func.count()).where(heads.c.newest.is_(True)).select_from(heads)
        )
        assert (await refolding.refold(tx)).differing == ()
    assert sorted(states) == [GrantState.GIVEN] + [GrantState.SUPERSEDED] * 19
    assert newest == 1


async def test_each_answer_is_in_the_persons_history_with_the_hash_of_its_event(
    database, keyring, give, person
):
    grant = await give()

    [entry] = await history(database, keyring, person)
    assert (entry.action, entry.outcome) == (Action.CONSENT, Outcome.GIVEN)
    assert entry.agreement == grant.agreement
    assert dict(entry.attributes) == grant.items
    assert entry.detail == f"grant-event:{grant.hash.hex()}"


async def test_a_refusal_is_recorded_and_discloses_nothing(
    database, keyring, catalogue, answer, person
):
    async with db.begin(database) as tx:
        no = await grants.refuse(tx, keyring, catalogue, msgspec.structs.replace(answer, items={}))

        assert no.state is GrantState.REFUSED
        assert not no.active
        assert not no.discloses
        assert await grants.latest(tx, [pair(no)]) == {}
    [entry] = await history(database, keyring, person)
    assert (entry.outcome, entry.reasons) == (Outcome.REFUSED, ("consent-refused",))


async def test_a_refusal_leaves_an_earlier_consent_as_it_is(
    database, keyring, catalogue, answer, give
):
    before = await give()

    async with db.begin(database) as tx:
        await grants.refuse(tx, keyring, catalogue, answer)
        assert (await grants.latest(tx, [pair(before)]))[pair(before)] == before


async def test_to_refuse_words_that_were_not_shown_is_nothing(database, keyring, catalogue, answer):
    async with db.begin(database) as tx:
        unseen = msgspec.structs.replace(answer, notice_hash="0" * 64)

        assert await grants.refuse(tx, keyring, catalogue, unseen) == MayNot(
            reasons=(ConsentReason.NOTICE_NOT_CURRENT,)
        )


async def test_after_a_refusal_the_programme_waits_ninety_days(
    database, keyring, catalogue, answer, later
):
    async with db.begin(database) as tx:
        no = await grants.refuse(tx, keyring, catalogue, answer)
        question = (no.subject, no.programme, no.purpose)

        assert await grants.refused_recently(tx, *question)
        assert await grants.refused_recently(later(tx, days=89, hours=23), *question)
        assert not await grants.refused_recently(later(tx, days=90), *question)
        assert no.expires_at == tx.now + timedelta(days=90)


async def test_another_programme_and_another_purpose_may_ask_meanwhile(
    database, keyring, catalogue, answer
):
    async with db.begin(database) as tx:
        no = await grants.refuse(tx, keyring, catalogue, answer)

        assert not await grants.refused_recently(tx, no.subject, ProgrammeId("asd"), no.purpose)
        assert not await grants.refused_recently(tx, no.subject, no.programme, "social-support")


async def test_who_agrees_of_their_own_accord_after_a_refusal_may_be_asked(
    database, keyring, catalogue, answer, later
):
    async with db.begin(database) as tx:
        no = await grants.refuse(tx, keyring, catalogue, answer)
        after = later(tx, days=1)
        await grants.give(after, keyring, catalogue, answer, birth_date="1990")

        assert not await grants.refused_recently(after, no.subject, no.programme, no.purpose)
