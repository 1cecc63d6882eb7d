"""Tokens are introspected many at a time; what one is told never depends on another."""

import asyncio
from uuid import uuid4

import msgspec
import pytest
from sqlalchemy import insert

from consent import grants
from identity import programmes, subjects, tokens
from identity.doors import introspection
from identity.doors.gathering import ByProgramme, Doors, Outdated
from identity.doors.introspection import Question
from identity.registry.people import people
from policies.vocabulary import ProgrammeId
from vault import database as db

MINHATY, ASD = ProgrammeId("minhaty"), ProgrammeId("asd")


@pytest.fixture
async def authorized(authorized, database):
    """The same, of a person of the register: only such are given identifiers."""
    async with db.begin(database) as tx:
        row = {"status": "active", "synthetic": True, "registered_at": tx.now}
        await tx.connection.execute(insert(people), [{"subject": authorized.subject, **row}])
    return authorized


@pytest.fixture
async def doors(database, keyring, catalogue, clients):
    async with Doors.open(database, keyring, catalogue) as opened:
        yield opened


@pytest.fixture
def of(doors):
    """A question of a programme, as it is known now."""

    async def of(question, programme=MINHATY):
        client = doors.known(programme) or await doors.programme(programme)
        return ByProgramme(client=client, question=question)

    return of


def by_law(authorized):
    return msgspec.structs.replace(authorized, grant_id=None, subject=None)


def about(access, programme=MINHATY):
    return Question(programme=programme, token="as it was sent", access=access)


@pytest.fixture
async def issued(database, authorized):
    """Two access tokens: one that a person authorized, and one under a law."""
    async with db.begin(database) as tx:
        family = await tokens.open_family(tx, authorized)
        return (
            tokens.new_access(authorized, tx.now, family=family),
            tokens.new_access(by_law(authorized), tx.now),
        )


async def test_tokens_are_about_whom_their_programme_knows(
    database, keyring, catalogue, authorized
):
    async with db.begin(database) as tx:
        both = [authorized, by_law(authorized), authorized]
        one, other, again = await subjects.of(tx, keyring, catalogue, both)
    assert one.startswith("pt1_")
    assert other == "minhaty"
    assert again == one


async def test_each_is_told_of_its_own_tokens_alone(doors, database, authorized, of, issued):
    hers, _ = issued
    async with db.begin(database) as tx:
        refresh = await tokens.issue_refresh(tx, MINHATY, family=hers.family)
        unknown = tokens.new_access(authorized, tx.now, family=uuid4())

    of_refresh = Question(programme=MINHATY, token=refresh, access=None)
    asked = [
        about(hers),
        about(hers, ASD),
        of_refresh,
        msgspec.structs.replace(of_refresh, programme=ASD),
        about(unknown),
        Question(programme=MINHATY, token="never-issued", access=None),
        about(hers),
    ]
    asked = [await of(each, each.programme) for each in asked]
    access, others, lasting, others_lasting, unknown, rubbish, again = await asyncio.gather(
        *map(doors.introspect, asked)
    )

    assert access.token == hers
    assert access.subject.startswith("pt1_")
    assert again == access
    assert lasting.token.family == hers.family
    assert lasting.subject == access.subject
    assert [others, others_lasting, unknown, rubbish] == [None] * 4


async def test_a_token_under_a_law_is_its_programme_s_until_it_ends_or_is_given_back(
    doors, database, of, issued
):
    _, of_a_law = issued
    over = msgspec.structs.replace(of_a_law, jti="over", expires_at=of_a_law.issued_at)
    back = msgspec.structs.replace(of_a_law, jti="back")
    others = msgspec.structs.replace(of_a_law, jti="others")
    async with db.begin(database) as tx:
        await tokens.revoke_access(tx, MINHATY, back)

    asked = [about(each) for each in (of_a_law, over, back, of_a_law)] + [about(others, ASD)]
    told = await asyncio.gather(
        *[doors.introspect(await of(each, each.programme)) for each in asked]
    )

    assert [each and (each.token, each.subject) for each in told] == [
        (of_a_law, "minhaty"),
        None,
        None,
        (of_a_law, "minhaty"),
        None,
    ]


async def test_a_token_is_worth_nothing_once_its_consent_ended_and_the_others_stay(
    doors, database, keyring, of, issued
):
    hers, of_a_law = issued
    whose = hers.authorized
    async with db.begin(database) as tx:
        await grants.withdraw(tx, keyring, whose.subject, whose.grant_id)

    asked = [await of(about(hers)), await of(about(of_a_law))]
    ended, stands = await asyncio.gather(*map(doors.introspect, asked))

    assert ended is None
    assert stands.subject == "minhaty"


async def test_who_asks_is_read_at_once_and_known_from_then_on(doors):
    names = ("minhaty", "asd", "nobody", "minhaty")
    assert [doors.known(name) for name in names] == [None] * 4
    found = await asyncio.gather(*map(doors.programme, names))

    assert [each and each.client_id for each in found] == ["minhaty", "asd", None, "minhaty"]
    assert [doors.known(name) for name in names] == found


async def test_who_is_not_as_they_were_known_is_answered_nothing_and_the_others_are(
    doors, database, of, issued
):
    hers, of_a_law = issued
    asked = [await of(about(hers)), await of(about(of_a_law, ASD), ASD)]
    known = [each.client for each in asked]
    assert [await doors.is_still(each) for each in known] == [True, True]
    async with db.begin(database) as tx:
        await programmes.suspend(tx, ASD)

    told, outdated = await asyncio.gather(*map(doors.introspect, asked))

    assert told.token == hers
    assert outdated == Outdated()
    assert [await doors.is_still(each) for each in known] == [True, False]
    assert not (await doors.programme(ASD)).active
    async with db.begin(database) as tx:
        assert [await programmes.is_still(tx, each) for each in known] == [True, False]


async def test_many_cost_as_many_statements_as_one(
    database, keyring, catalogue, authorized, statements
):
    async def counted(number):
        async with db.begin(database) as tx:
            families = [await tokens.open_family(tx, authorized) for _ in range(number)]
            asked = [tokens.new_access(authorized, tx.now, family=each) for each in families]
            seen = statements(tx)
            questions = [about(each) for each in asked]
            told = await introspection.introspect(tx, keyring, catalogue, questions)
            assert None not in told
            return len(seen)

    await counted(1)  # an identifier is issued on first use
    assert await counted(1) == await counted(40)
