"""A recovery code opens its own account, once, whoever brings it first."""

import asyncio

import pytest
from sqlalchemy import select

from identity.login import accounts, recovery_codes, sign_in
from identity.login.recovery_codes import COUNT
from identity.login.sign_in import NotSignedIn, SignedIn
from policies.vocabulary import Action
from vault import access_log
from vault import database as db
from vault.access_log import Criteria


@pytest.fixture
async def codes(desk, citizen):
    async with db.begin(desk.database) as tx:
        return await recovery_codes.make(tx, accounts.of_citizen(citizen.subject))


@pytest.fixture
def enter(desk, citizen):
    async def both_steps(code):
        first = await sign_in.citizen_password(
            desk, identifier=citizen.idcs, password=citizen.password, address="196.200.1.1"
        )
        return await sign_in.citizen_code(desk, ticket=first.ticket, code=code)

    return both_steps


@pytest.fixture
def left(desk, citizen):
    async def count():
        async with db.read(desk.database) as tx:
            return await recovery_codes.left(tx, accounts.of_citizen(citizen.subject))

    return count


async def test_a_code_opens_once_and_the_history_says_by_what(desk, codes, enter, left):
    assert len(set(codes)) == COUNT
    assert isinstance(await enter(codes[0]), SignedIn)
    assert await enter(codes[0]) == NotSignedIn()
    assert await left() == COUNT - 1
    async with db.read(desk.database) as tx:
        (line,) = await access_log.search(tx, Criteria(action=Action.SIGN_IN_RECOVERED))
    assert line.outcome == "given"


async def test_a_code_may_be_typed_as_it_is_read(codes, enter):
    typed = codes[0].lower().replace("-", " ").replace("0", "o").replace("1", "l")
    assert isinstance(await enter(f" {typed} "), SignedIn)


async def test_of_twenty_who_bring_it_at_once_one_is_let_in(desk, citizen, codes):
    async def bring():
        async with db.begin(desk.database) as tx:
            return await recovery_codes.use(tx, accounts.of_citizen(citizen.subject), codes[0])

    assert sum(await asyncio.gather(*(bring() for _ in range(20)))) == 1


async def test_new_codes_end_the_older(desk, citizen, codes, enter, left):
    async with db.begin(desk.database) as tx:
        await recovery_codes.make(tx, accounts.of_citizen(citizen.subject))
    assert await enter(codes[0]) == NotSignedIn()
    assert await left() == COUNT


async def test_a_code_opens_no_other_account(desk, codes, dpo):
    assert dpo
    async with db.begin(desk.database) as tx:
        assert not await recovery_codes.use(tx, accounts.of_staff("dpo-1"), codes[0])


async def test_the_store_holds_no_code(desk, codes):
    async with db.read(desk.database) as tx:
        rows = (await tx.connection.execute(select(recovery_codes.recovery_codes))).all()
    kept = repr(rows)
    assert not any(code in kept or code.replace("-", "") in kept for code in codes)
