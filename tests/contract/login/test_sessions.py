"""A session is known by a hash, opens one front, ends when left idle, and at the latest on time."""

from datetime import timedelta
from uuid import uuid4

import msgspec
import pytest
from sqlalchemy import insert, select

from identity.login import sessions, staff
from identity.registry.people import people
from policies.staff import Role
from policies.stepping_up import TWO_FACTORS
from policies.vocabulary import StaffId, SubjectId
from vault import database as db

DPO = StaffId("dpo-1")


@pytest.fixture
async def tx(database):
    async with db.begin(database) as opened:
        yield opened


@pytest.fixture
def registered(tx):
    async def enter():
        subject = SubjectId(uuid4())
        row = {"subject": subject, "status": "active", "synthetic": True, "registered_at": tx.now}
        await tx.connection.execute(insert(people), row)
        return subject

    return enter


@pytest.fixture
async def person(registered):
    return await registered()


def later(tx, **step):
    return msgspec.structs.replace(tx, now=tx.now + timedelta(**step))


async def test_a_token_finds_whom_it_was_given_to(tx, person):
    token = await sessions.start_citizen(tx, person)

    session = await sessions.citizen(tx, token)

    assert (session.subject, session.auth_time, session.acr) == (person, tx.now, TWO_FACTORS)


async def test_the_store_holds_no_token(tx, person):
    token = await sessions.start_citizen(tx, person)

    row = (await tx.connection.execute(select(sessions.sessions))).one()

    assert token not in str(row)
    assert len(token) >= 43


@pytest.mark.parametrize("token", ["", "rubbish", "é"])
async def test_another_token_finds_nobody(tx, person, token):
    await sessions.start_citizen(tx, person)

    assert await sessions.citizen(tx, token) is None


async def test_a_session_opens_its_own_front_alone(tx, person):
    await staff.add(tx, DPO, Role.DPO)
    citizens, staffs = await sessions.start_citizen(tx, person), await sessions.start_staff(tx, DPO)

    assert await sessions.staff(tx, citizens) is None
    assert await sessions.citizen(tx, staffs) is None
    assert (await sessions.staff(tx, staffs)).role is Role.DPO


async def test_a_session_left_idle_has_ended(tx, person):
    token = await sessions.start_citizen(tx, person)

    assert await sessions.citizen(later(tx, minutes=14, seconds=59), token)
    other = await sessions.start_citizen(tx, person)
    assert await sessions.citizen(later(tx, minutes=15), other) is None


async def test_use_keeps_a_session_open_to_its_latest_end_and_no_longer(tx, person):
    token = await sessions.start_citizen(tx, person)

    for minutes in range(0, 12 * 60, 10):
        assert await sessions.citizen(later(tx, minutes=minutes), token), minutes

    assert await sessions.citizen(later(tx, hours=12), token) is None


async def test_staff_sign_in_again_after_a_working_day(tx):
    await staff.add(tx, DPO, Role.DPO)
    token = await sessions.start_staff(tx, DPO)

    for minutes in range(0, 8 * 60, 10):
        assert await sessions.staff(later(tx, minutes=minutes), token), minutes

    assert await sessions.staff(later(tx, hours=8), token) is None


async def test_who_signs_out_is_out(tx, person):
    token = await sessions.start_citizen(tx, person)
    session = await sessions.citizen(tx, token)

    assert await sessions.end(tx, session.id)
    assert not await sessions.end(tx, session.id)
    assert await sessions.citizen(tx, token) is None


async def test_to_sign_out_everywhere_ends_ones_own_sessions_and_no_others(tx, person, registered):
    mine = [await sessions.start_citizen(tx, person) for _ in range(2)]
    other = await sessions.start_citizen(tx, await registered())

    assert await sessions.end_of_citizen(tx, person) == 2
    assert [await sessions.citizen(tx, token) for token in mine] == [None, None]
    assert await sessions.citizen(tx, other)


async def test_staff_may_be_signed_out_everywhere(tx):
    await staff.add(tx, DPO, Role.DPO)
    token = await sessions.start_staff(tx, DPO)

    assert await sessions.end_of_staff(tx, DPO) == 1
    assert await sessions.staff(tx, token) is None


async def test_whose_account_was_closed_is_out(tx):
    await staff.add(tx, DPO, Role.DPO)
    token = await sessions.start_staff(tx, DPO)

    assert await staff.close(tx, DPO)

    assert await sessions.staff(tx, token) is None


async def test_an_account_is_opened_and_closed_once_and_its_identifier_never_again(tx):
    opened = await staff.add(tx, DPO, Role.OPERATOR)

    assert await staff.one(tx, DPO) == opened
    assert await staff.add(tx, DPO, Role.DPO) is None
    assert await staff.close(tx, DPO)
    assert not await staff.close(tx, DPO)
    assert await staff.add(tx, DPO, Role.DPO) is None
    assert not (await staff.one(tx, DPO)).active
    assert await staff.one(tx, StaffId("nobody")) is None


async def test_a_session_that_is_long_over_is_forgotten(tx, person):
    old = await sessions.start_citizen(tx, person)
    await sessions.start_staff(tx, DPO)
    after = later(tx, days=30, hours=10)
    new = await sessions.start_citizen(after, person)

    assert await sessions.forget_ended(tx, limit=9) == 0
    assert await sessions.forget_ended(after, limit=9) == 1  # staff's: half a day at most
    assert await sessions.forget_ended(later(after, hours=3), limit=9) == 1

    assert await sessions.citizen(after, new)
    assert await sessions.citizen(tx, old) is None
