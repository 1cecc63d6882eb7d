"""What a person opposes and locks, they alone decide, and it stays on record."""

import asyncio

import pytest

from consent import oppositions
from consent.oppositions import PersonState
from policies.disclosure import PersonFacts
from policies.vocabulary import Action, ActorKind, AgreementId
from vault import access_log
from vault import database as db

LAW = AgreementId("asd/eligibility")
OTHER = AgreementId("minhaty/scholarship")


async def state(database, person):
    async with db.read(database) as tx:
        return (await oppositions.facts(tx, [person]))[person]


async def do(database, act, *arguments):
    async with db.begin(database) as tx:
        return await act(tx, *arguments)


async def test_who_opposes_nothing_is_open(database, person):
    assert await state(database, person) == PersonState()


async def test_an_opposition_is_to_one_agreement(database, person):
    assert await do(database, oppositions.oppose, person, LAW)

    found = await state(database, person)
    assert found.facts(LAW) == PersonFacts(opposed=True)
    assert found.facts(OTHER) == PersonFacts()
    assert found.facts(OTHER, active=False) == PersonFacts(active=False)


async def test_a_lock_is_on_everything_and_opposes_no_agreement(database, person):
    assert await do(database, oppositions.lock, person)

    found = await state(database, person)
    assert found.facts(LAW) == PersonFacts(locked=True)
    assert found.facts(OTHER) == PersonFacts(locked=True)


@pytest.mark.parametrize(
    ("make", "undo", "about"),
    [
        (oppositions.oppose, oppositions.lift, (LAW,)),
        (oppositions.lock, oppositions.unlock, ()),
    ],
)
async def test_what_stands_is_not_made_twice_and_what_is_gone_is_not_undone(
    database, person, make, undo, about
):
    assert not await do(database, undo, person, *about)
    assert await do(database, make, person, *about)
    assert not await do(database, make, person, *about)
    assert await do(database, undo, person, *about)
    assert not await do(database, undo, person, *about)
    assert await state(database, person) == PersonState()


async def test_of_ten_locks_at_once_one_stands(database, person):
    made = await asyncio.gather(*(do(database, oppositions.lock, person) for _ in range(10)))

    assert sum(made) == 1
    assert (await state(database, person)).locked


async def test_what_was_lifted_stays_on_record(database, person):
    await do(database, oppositions.oppose, person, LAW)
    await do(database, oppositions.lift, person, LAW)
    await do(database, oppositions.lock, person)

    async with db.read(database) as tx:
        lock, opposed = await oppositions.of_subject(tx, person)
    assert (lock.agreement, lock.until) == (oppositions.EVERYTHING, None)
    assert opposed.agreement == LAW
    assert opposed.since < opposed.until


async def test_the_facts_of_many_come_at_once_and_each_has_their_own(database, person, new_person):
    other, third = await new_person(), await new_person()
    await do(database, oppositions.lock, person)
    await do(database, oppositions.oppose, other, LAW)

    async with db.read(database) as tx:
        found = await oppositions.facts(tx, [person, other, third, person])
        assert await oppositions.facts(tx, []) == {}

    assert found == {
        person: PersonState(locked=True),
        other: PersonState(opposed=frozenset({LAW})),
        third: PersonState(),
    }


@pytest.mark.parametrize("agreement", [LAW, oppositions.EVERYTHING])
async def test_what_a_person_opposes_is_a_line_in_their_history(
    database, keyring, person, agreement
):
    async with db.begin(database) as tx:
        await oppositions.record(tx, keyring, person, Action.LIFT, agreement)
    async with db.read(database) as tx:
        [entry] = await access_log.of_subject(tx, keyring, person, [f"{tx.now:%Y-%m}"])

    assert (entry.action, entry.actor.kind) == (Action.LIFT, ActorKind.CITIZEN)
    assert (entry.agreement, entry.detail) == ((LAW, None) if agreement == LAW else (None, "lock"))
