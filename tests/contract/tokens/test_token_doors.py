"""Tokens are issued and introspected many at a time; what one is told never depends on another."""

import asyncio
from uuid import uuid4

import msgspec
import pytest
from sqlalchemy import insert, select

from consent import grants
from identity import programmes, tokens
from identity.doors import introspection, issuing
from identity.doors.gathering import ByProgramme, Doors, Outdated
from identity.doors.introspection import Question
from identity.registry.people import people
from identity.tokens import NewAccess
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


def wanted(authorized, jti):
    return NewAccess(authorized=authorized, jti=jti, jkt="thumb")


def about(jti, programme=MINHATY):
    return Question(programme=programme, token="as it was sent", jti=jti)


async def test_what_is_issued_together_is_each_ones_own(doors, database, authorized, of):
    asked = [
        await of(wanted(authorized, "hers")),
        await of(wanted(by_law(authorized), "of-a-law")),
    ]
    hers, of_a_law = await asyncio.gather(*map(doors.issue, asked))

    async with db.begin(database) as tx:
        kept = await tokens.read(tx, ["hers", "of-a-law"])
    assert hers.subject.startswith("pt1_")
    assert of_a_law.subject == "minhaty"
    assert kept == {"hers": hers.row, "of-a-law": of_a_law.row}


async def test_each_is_told_of_its_own_tokens_alone(doors, database, authorized, of):
    issued = await doors.issue(await of(wanted(authorized, "hers")))
    async with db.begin(database) as tx:
        family = await tokens.open_family(tx, authorized)
        refresh = await tokens.issue_refresh(tx, authorized, family=family)

    of_refresh = Question(programme=MINHATY, token=refresh, jti=None)
    asked = [
        about("hers"),
        about("hers", ASD),
        of_refresh,
        msgspec.structs.replace(of_refresh, programme=ASD),
        about("never-issued"),
        Question(programme=MINHATY, token="never-issued", jti=None),
        about("hers"),
    ]
    asked = [await of(each, each.programme) for each in asked]
    access, others, lasting, others_lasting, unknown, rubbish, again = await asyncio.gather(
        *map(doors.introspect, asked)
    )

    assert (access.token, access.subject) == (issued.row, issued.subject)
    assert again == access
    assert lasting.token.family == family
    assert lasting.subject == access.subject
    assert [others, others_lasting, unknown, rubbish] == [None] * 4


async def test_a_token_is_worth_nothing_once_its_consent_ended_and_the_others_stay(
    doors, database, keyring, authorized, of
):
    for each in (wanted(authorized, "hers"), wanted(by_law(authorized), "of-a-law")):
        await doors.issue(await of(each))
    async with db.begin(database) as tx:
        await grants.withdraw(tx, keyring, authorized.subject, authorized.grant_id)

    asked = [await of(about("hers")), await of(about("of-a-law"))]
    hers, of_a_law = await asyncio.gather(*map(doors.introspect, asked))

    assert hers is None
    assert of_a_law.subject == "minhaty"


async def test_who_asks_is_read_at_once_and_known_from_then_on(doors):
    names = ("minhaty", "asd", "nobody", "minhaty")
    assert [doors.known(name) for name in names] == [None] * 4
    found = await asyncio.gather(*map(doors.programme, names))

    assert [each and each.client_id for each in found] == ["minhaty", "asd", None, "minhaty"]
    assert [doors.known(name) for name in names] == found


async def test_who_is_not_as_they_were_known_is_answered_nothing_and_the_others_are(
    doors, database, authorized, of
):
    of_asd = msgspec.structs.replace(by_law(authorized), client_id=ASD)
    hers, others = await of(wanted(authorized, "hers")), await of(wanted(of_asd, "others"), ASD)
    async with db.begin(database) as tx:
        await programmes.suspend(tx, ASD)

    issued, outdated = await asyncio.gather(doors.issue(hers), doors.issue(others))
    told = await doors.introspect(await of(about("others", ASD), ASD))

    assert issued.row.authorized == authorized
    assert outdated == told == Outdated()
    assert not (await doors.programme(ASD)).active
    async with db.begin(database) as tx:
        kept = select(tokens.access_tokens.c.client_id)
        assert list(await tx.connection.scalars(kept)) == [MINHATY]
        assert not await programmes.is_still(tx, others.client)
        assert await programmes.is_still(tx, hers.client)


async def test_many_cost_as_many_statements_as_one(
    database, keyring, catalogue, authorized, statements
):
    async def counted(number):
        async with db.begin(database) as tx:
            seen = statements(tx)
            asked = [wanted(authorized, uuid4().hex) for _ in range(number)]
            await issuing.issue(tx, keyring, catalogue, asked)
            issued = len(seen)
            questions = [about(each.jti) for each in asked]
            told = await introspection.introspect(tx, keyring, catalogue, questions)
            assert None not in told
            return issued, len(seen) - issued

    await counted(1)  # an identifier is issued on first use
    assert await counted(1) == await counted(40)
