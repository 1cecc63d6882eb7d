"""Who writes of a person while they are erased: one waits for the other, and nothing is left."""

import asyncio

import msgspec
import pytest
from sqlalchemy import func, select

from identity.login import sessions
from identity.registry import erasing, pseudonyms, virtual_identifiers, virtual_rows
from identity.registry.erasing import Done
from identity.registry.pseudonym_rows import pairwise_identifiers
from policies.vocabulary import Actor, ActorKind, Audience
from vault import domain_rotation
from vault.envelope_errors import KeyLostError
from vault.keyring import open_keyring

SYSTEM = Actor(kind=ActorKind.SYSTEM, id="erasure")
A_WHILE_SECONDS = 0.3
"""Long enough for whoever does not wait to be done."""
TABLES = (pairwise_identifiers, virtual_identifiers.virtual_identifiers, sessions.sessions)


@pytest.fixture
def erase(house, person):
    async def do(tx):
        answer = await erasing.erase(
            tx, house.keyring, person.subject, subject_hash="0" * 64, by=SYSTEM
        )
        assert isinstance(answer, Done)

    return do


@pytest.fixture
async def token(begin, person):
    async with begin() as tx:
        return await sessions.start_citizen(tx, person.subject)


@pytest.fixture
def name(house, person):
    """A programme comes to know the person."""

    async def do(tx):
        try:
            await pseudonyms.pairwise(tx, house.keyring, Audience("asd"), [person.subject])
        except KeyLostError:
            return False
        return True

    return do


@pytest.fixture
def number(house, token):
    """The person, who is signed in, makes a number."""

    async def do(tx):
        citizen = await sessions.citizen(tx, token)
        if citizen is None:
            return False
        kind = house.catalogue.numbers["timed"]
        await virtual_identifiers.make(tx, house.keyring, kind, citizen.subject)
        return True

    return do


@pytest.fixture(params=["name", "number"])
def write(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def left(begin):
    async def count():
        async with begin() as tx:
            return [
                await tx.connection.scalar(select(func.count()).select_from(table))
                for table in TABLES
            ]

    return count


@pytest.fixture
def alone(begin):
    async def run(work):
        async with begin() as tx:
            return await work(tx)

    return run


async def test_an_erasure_waits_for_who_is_writing_and_takes_that_too(
    begin, write, erase, alone, left
):
    async with begin() as tx:
        assert await write(tx)
        beside = asyncio.create_task(alone(erase))
        await asyncio.sleep(A_WHILE_SECONDS)
        assert not beside.done()
    await beside
    assert await left() == [0, 0, 0]


async def test_who_comes_after_an_erasure_waits_for_it_and_writes_nothing(
    begin, write, erase, alone, left
):
    async with begin() as tx:
        await erase(tx)
        beside = asyncio.create_task(alone(write))
        await asyncio.sleep(A_WHILE_SECONDS)
        assert not beside.done()
    assert not await beside
    assert await left() == [0, 0, 0]


async def test_an_erasure_takes_what_was_named_elsewhere_under_keys_that_are_newer_than_its_own(  # noqa: PLR0917  (fixtures)
    begin, house, person, name, number, erase, left
):
    async with begin() as tx:
        assert await name(tx)
        assert await number(tx)
        elsewhere = await open_keyring(tx, house.keyring.keys)
    async with begin() as tx:
        await house.keyring.refresh(tx)
        looked = tx.now
    for domain in ("blind-index", "pairwise"):
        async with begin() as tx:
            await domain_rotation.rotate(tx, elsewhere, domain)
            await elsewhere.look(tx)
    async with begin() as tx:
        assert await virtual_rows.move(tx, elsewhere) == 1
        await pseudonyms.pairwise(tx, elsewhere, Audience("asd"), [person.subject])
    assert (await left())[:2] == [2, 1]
    async with begin() as tx:  # within the half second in which what is held is believed
        await erase(msgspec.structs.replace(tx, now=looked))
    assert await left() == [0, 0, 0]
