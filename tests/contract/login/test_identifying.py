"""One's number, or one made to stand in for it, signs in; who takes part in nothing does not."""

import pytest

from identity.login import identifying, sessions, sign_in
from identity.login.sign_in import NotSignedIn, Pending
from identity.registry import people, virtual_identifiers
from identity.registry.people import Status
from policies.vocabulary import Audience
from vault import database as db


@pytest.fixture
def stand_in(desk, citizen, catalogue):
    async def make(kind, audience=None):
        async with db.begin(desk.database) as tx:
            kinds = catalogue.numbers
            return await virtual_identifiers.make(
                tx, desk.keyring, kinds[kind], citizen.subject, audience
            )

    return make


@pytest.fixture
def enter(desk, citizen):
    async def first_step(identifier):
        return await sign_in.citizen_password(
            desk, identifier=identifier, password=citizen.password, address="196.200.1.1"
        )

    return first_step


async def test_a_number_that_lasts_signs_in_and_is_not_used_up(enter, stand_in):
    made = await stand_in("timed")
    for _ in range(3):
        assert isinstance(await enter(f"{made.number[:4]} {made.number[4:]}"), Pending)


async def test_a_number_for_one_use_signs_nobody_in_and_stays_as_it_was(
    desk, citizen, enter, stand_in
):
    made = await stand_in("one-use")
    assert await enter(made.number) == NotSignedIn()
    async with db.read(desk.database) as tx:
        assert await virtual_identifiers.mine(tx, desk.keyring, citizen.subject) == [made]


async def test_a_number_for_one_programme_or_that_ended_signs_nobody_in(
    desk, citizen, catalogue, enter, stand_in
):
    bound, ended = await stand_in("programme", Audience("asd")), await stand_in("timed")
    async with db.begin(desk.database) as tx:
        kind = catalogue.numbers[ended.kind]
        stopped = (tx, desk.keyring, kind, citizen.subject, ended.id)
        assert await virtual_identifiers.stop(*stopped)
    for number in (bound.number, ended.number):
        assert await enter(number) == NotSignedIn()


async def test_every_identifier_is_looked_for_with_the_same_statements(
    desk, citizen, enter, stand_in, statements
):
    made = await stand_in("timed")
    seen = []
    for identifier in (citizen.idcs, made.number, "9876543210", "not a number"):
        async with db.read(desk.database) as tx:
            said = statements(tx)
            await identifying.citizen(tx, desk.keyring, identifier)
        seen.append(said)
    assert seen[0] == seen[1] == seen[2] == seen[3]


@pytest.mark.parametrize("status", [Status.SUSPENDED, Status.DECEASED])
async def test_who_takes_part_in_nothing_is_unknown_and_an_open_session_ends(
    desk, citizen, enter, status
):
    async with db.begin(desk.database) as tx:
        token = await sessions.start_citizen(tx, citizen.subject)
        assert await sessions.citizen(tx, token)
        assert await people.set_status(tx, citizen.subject, status)
        assert await sessions.citizen(tx, token) is None
    assert await enter(citizen.idcs) == NotSignedIn()
    async with db.begin(desk.database) as tx:
        await people.set_status(tx, citizen.subject, Status.ACTIVE)
    assert isinstance(await enter(citizen.idcs), Pending)
