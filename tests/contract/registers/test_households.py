from decimal import Decimal
from uuid import uuid4

import pytest

from identity.doors import own_data
from identity.registry import household_number, households, people
from identity.registry.household_states import RequestKind
from identity.registry.households import Household, HouseholdRegistered
from identity.registry.people import Status
from identity.registry.person import Invalid, Problem
from policies import household_index
from policies.household_index import Index, IndexReason, IndexUnknown, Milieu
from policies.vocabulary import Actor, ActorKind, SubjectId

DESK = Actor(kind=ActorKind.STAFF, id="desk-1")


async def test_a_household_has_a_number_of_its_own_kind_and_an_index(
    begin, keyring, settle, person, poor
):
    done = await settle(poor(), person.subject)

    assert isinstance(done, HouseholdRegistered)
    assert household_number.valid(done.number)
    assert isinstance(done.index, Index)
    async with begin() as tx:
        assert await households.by_number(tx, keyring, [done.number, "1"]) == {
            done.number: done.household
        }
        assert await households.by_number(tx, keyring, []) == {}
        assert await households.household_of(tx, [person.subject, uuid4()]) == {
            person.subject: done.household
        }
        assert await households.household_of(tx, []) == {}
        assert await households.members(tx, done.household) == [person.subject]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"members": ()}, ("members", "missing")),
        ({"declarant": SubjectId(uuid4())}, ("declarant", "not-a-member")),
        ({"stranger": True}, ("members", "not-on-register")),
        ({"twice": True}, ("members", "twice")),
        ({"size": 1}, ("facts.size", "fewer-than-members")),
    ],
)
async def test_a_household_that_cannot_be_says_why(house, register, poor, change, problem):
    one, two = (await register()).subject, (await register(birth_date="1991")).subject
    members = change.get("members", (one, two))
    members += (SubjectId(uuid4()),) * change.get("stranger", 0) + (one,) * change.get("twice", 0)
    household = Household(
        members=members,
        declarant=change.get("declarant", one),
        facts=poor(size=change.get("size", 6)),
    )
    async with house.begin() as tx:
        done = await households.register(tx, house.keyring, house.catalogue, household, by=DESK)

    assert isinstance(done, Invalid)
    assert Problem(field=problem[0], reason=problem[1]) in done.problems


async def test_nobody_lives_in_two_households(settle, register, poor):
    one, two = (await register()).subject, (await register(birth_date="1991")).subject
    await settle(poor(), one)

    again = await settle(poor(), one, two)

    assert again == Invalid(problems=(Problem(field="members", reason="in-another-household"),))


async def test_nor_in_two_of_one_batch(begin, keyring, catalogue, person, poor):
    household = Household(members=(person.subject,), declarant=person.subject, facts=poor())
    async with begin() as tx:
        first, second = await households.register_all(
            tx, keyring, catalogue, [household, household], by=DESK
        )

    assert isinstance(first, HouseholdRegistered)
    assert isinstance(second, Invalid)


async def test_the_dead_are_not_settled(begin, settle, person, poor):
    async with begin() as tx:
        await people.set_status(tx, person.subject, Status.DECEASED)

    done = await settle(poor(), person.subject)

    assert done == Invalid(problems=(Problem(field="members", reason="inactive"),))


async def test_an_index_that_cannot_be_computed_is_kept_as_such(settle, person, poor):
    done = await settle(poor(cars=1), person.subject)

    assert done.index == IndexUnknown(
        reason=IndexReason.COEFFICIENT_UNKNOWN, variables=("owns_car",)
    )


async def test_every_index_is_kept_with_its_facts_and_can_be_replayed(
    house, settle, person, poor, rich
):
    done = await settle(poor(butane=Decimal("480.50")), person.subject)
    async with house.begin() as tx:
        second = await households.declare(
            tx,
            house.keyring,
            house.catalogue,
            done.household,
            rich(),
            by=DESK,
            request=RequestKind.REVIEW,
        )
    async with house.begin() as tx:
        unknown = await households.declare(
            tx, house.keyring, house.catalogue, done.household, poor(cars=1), by=DESK
        )
        past = await own_data.past_indexes(tx, house.keyring, house.catalogue, person.subject)

    assert [each.index for each in past] == [done.index, second, unknown]
    assert [each.request for each in past] == ["registration", "review", "declaration"]
    for each in past:
        formula = house.catalogue.formulas[f"rsu-{each.facts.milieu}-1"]
        assert household_index.compute(formula, each.facts) == each.index
        assert each.catalogue == house.catalogue.hash


async def test_who_lives_alone_in_no_household_has_no_past_index(begin, keyring, catalogue, person):
    async with begin() as tx:
        assert await own_data.past_indexes(tx, keyring, catalogue, person.subject) == []


async def test_new_facts_must_fit_who_lives_there(house, settle, register, poor):
    one, two = (await register()).subject, (await register(birth_date="1991")).subject
    done = await settle(poor(), one, two)
    async with house.begin() as tx:
        fewer = await households.declare(
            tx, house.keyring, house.catalogue, done.household, poor(size=1), by=DESK
        )
        nowhere = await households.declare(
            tx, house.keyring, house.catalogue, SubjectId(uuid4()), poor(), by=DESK
        )

    assert fewer == Invalid(problems=(Problem(field="facts.size", reason="fewer-than-members"),))
    assert nowhere == Invalid(problems=(Problem(field="household", reason="not-on-register"),))


async def test_many_are_entered_in_a_constant_number_of_statements(
    house, register, poor, statements
):
    counted = []
    for several in (2, 8):
        members = [
            (await register(birth_date=f"19{10 * several + at}")).subject for at in range(several)
        ]
        async with house.begin() as tx:
            seen = statements(tx)
            await households.register_all(
                tx,
                house.keyring,
                house.catalogue,
                [Household(members=(it,), declarant=it, facts=poor()) for it in members],
                by=DESK,
            )
            counted.append(len(seen))

    # Where the records need new nodes in either tree, a few statements more.
    assert abs(counted[0] - counted[1]) <= 12
    assert max(counted) < 48


def test_the_milieus_have_formulas(catalogue):
    assert {formula.milieu for formula in catalogue.formulas.values()} == set(Milieu)
