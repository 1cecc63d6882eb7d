"""Killed between any two steps: what was written has its line, and what was seen too."""

from datetime import timedelta

import msgspec
import pytest
from sqlalchemy import func, select

from consent import grants, notices
from identity.registry import people
from identity.registry.people import Registered
from policies.vocabulary import Action, Actor, ActorKind, Language, LegalBasis, SubjectId
from vault import access_log, attributes, log_chain, transparency
from vault import database as db
from vault.blind_index import blind_index
from vault.log_leaf import month
from vault.log_tables import access_log as lines
from vault.log_tables import log_pending
from vault.sealed_groups import sealed_attributes
from vault.subject_keys import subject_keys

DESK = Actor(kind=ActorKind.STAFF, id="desk-1")
BEFORE, AFTER = "+212612345678", "+212687654321"
QUESTION = {
    "programme": "amo-tadamon",
    "agreement": "amo-tadamon/enrolment",
    "purpose": "social-support/health-cover",
    "basis": LegalBasis.CONSENT.value,
    "attributes": [["phone", "raw"]],
}


@pytest.fixture
async def agreed(world, registered, catalogue):
    """Somebody lets a programme have their telephone."""
    subject = await registered()
    async with world.open() as (database, keyring), db.begin(database) as tx:
        agreement = catalogue.agreements["amo-tadamon/enrolment"]
        notice = await notices.publish(tx, catalogue, agreement.id, Language.FR)
        answer = grants.Answer(
            subject=subject,
            programme=agreement.programme,
            agreement=agreement.id,
            notice_hash=notice.hash,
            language=Language.FR,
            evidence=grants.Evidence(),
            items=agreement.items,
        )
        await grants.give(tx, keyring, catalogue, answer, birth_date="1990-05-01")
    return subject


async def count(tx, table):
    return await tx.connection.scalar(select(func.count()).select_from(table))


async def sound(tx, keyring, *subjects):
    """The log is whole, for everyone and for each of these."""
    report = await transparency.verify(tx, keyring)
    assert report.fault is None
    for subject in subjects:
        chain = await log_chain.read(tx, keyring, subject)
        assert log_chain.faults(chain) == []
        assert await log_chain.put_back(tx, keyring, chain) == []


async def history(tx, keyring, subject):
    """The actions of a person's lines, newest first."""
    months = {month(tx.now), month(tx.now - timedelta(minutes=5))}
    found = await access_log.of_subject(tx, keyring, subject, sorted(months))
    return [entry.action for entry in found]


async def phone(tx, keyring, subject):
    spot = (subject, "contact")
    return (await attributes.opened(tx, keyring, [spot]))[spot]["phone"]


async def test_threat_34_killed_at_any_step_a_registration_is_whole_or_not_there(world, person):
    tables = (people.people, subject_keys, sealed_attributes, blind_index, lines, log_pending)
    for killed in world.killed_at_each_step("register", person=msgspec.to_builtins(person)):
        async with world.open() as (database, keyring):
            async with db.read(database) as tx:
                counts = [await count(tx, table) for table in tables]
                whole = counts[0] == 1
                assert all(counts) if whole else not any(counts), killed
                found = [SubjectId(each) for each in await tx.connection.scalars(_everyone)]
                await sound(tx, keyring, *found)
            committed = "after COMMIT" in killed.steps
            assert whole == committed, killed.steps[-1]
            # The desk tries again: entered once, whatever became of the first attempt.
            async with db.begin(database) as tx:
                again = await people.register(tx, keyring, person, by=DESK)
                assert isinstance(again, people.Duplicate if whole else Registered)
                assert await count(tx, people.people) == 1


async def test_threat_34_killed_at_any_step_a_change_and_its_line_are_both_there_or_neither(
    world, registered
):
    somebody = await registered()
    for killed in world.killed_at_each_step("change", subject=somebody, phone=AFTER):
        async with world.open() as (database, keyring), db.read(database) as tx:
            told = await history(tx, keyring, somebody), await phone(tx, keyring, somebody)
            assert told in (
                ([Action.REGISTER], BEFORE),
                ([Action.REGISTER, Action.REGISTER], AFTER),
            )
            assert (told[1] == AFTER) == ("after COMMIT" in killed.steps)
            await sound(tx, keyring, somebody)


async def test_threat_35_killed_at_any_step_nobody_saw_what_the_log_does_not_tell(world, agreed):
    question = QUESTION | {"subject": agreed}
    async with world.open() as (database, keyring), db.read(database) as tx:
        before = (await history(tx, keyring, agreed)).count(Action.READ)
    assert before == 0
    told_too_much = 0
    for killed in world.killed_at_each_step("disclose", question=question):
        async with world.open() as (database, keyring), db.read(database) as tx:
            logged = (await history(tx, keyring, agreed)).count(Action.READ)
            await sound(tx, keyring, agreed)
        if killed.words:
            assert killed.words == [{"phone": BEFORE}]
            assert logged == 1
        told_too_much += logged - len(killed.words)
        # To ask again is to be logged again: no answer is ever given on the line of another.
        assert world.do("disclose", question=question).words == [{"phone": BEFORE}]
        async with world.open() as (database, keyring), db.read(database) as tx:
            assert (await history(tx, keyring, agreed)).count(Action.READ) == logged + 1
            await sound(tx, keyring, agreed)
    assert told_too_much == 2  # killed right after the commit, and with the answer in hand


_everyone = select(subject_keys.c.subject).distinct()
