"""A person stops or narrows their own consent, once, at once, whoever else is at it."""

import asyncio
from uuid import uuid4

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from consent import grant_events, grant_rows, grants, refolding
from consent.grant_events import EventKind
from policies.vocabulary import Action, GrantState
from tests.conftest import POSTGRES
from vault import access_log
from vault import database as db

LESS = {"eligibility": "decision", "phone": "masked"}


def pair(grant):
    return (grant.subject, grant.programme, grant.agreement)


async def withdrawn(database, keyring, person, grant_id):
    async with db.begin(database) as tx:
        return await grants.withdraw(tx, keyring, person, grant_id)


async def narrowed(database, keyring, catalogue, grant, items):
    async with db.begin(database) as tx:
        return await grants.narrow(tx, keyring, catalogue, grant.subject, grant.id, items=items)


async def test_a_withdrawn_consent_discloses_nothing_from_its_commit_on(
    database, keyring, give, person
):
    grant = await give()

    assert await withdrawn(database, keyring, person, grant.id)

    async with db.read(database) as tx:
        found = (await grants.latest(tx, [pair(grant)]))[pair(grant)]
        assert found.state is GrantState.WITHDRAWN
        assert not found.discloses
        assert found.changed_at > grant.changed_at


async def test_a_withdrawal_is_in_the_history(database, keyring, give, person):
    grant = await give()
    await withdrawn(database, keyring, person, grant.id)

    async with db.read(database) as tx:
        newest, _ = await access_log.of_subject(tx, keyring, person, [tx.now.strftime("%Y-%m")])
        events = await grants.events(tx, grant.id)
    assert newest.action is Action.WITHDRAW
    assert newest.detail == f"grant-event:{events[-1].hash.hex()}"
    assert [event.kind for event in events] == [EventKind.GIVEN, EventKind.WITHDRAWN]


async def test_a_consent_is_withdrawn_once(database, keyring, give, person):
    grant = await give()

    assert await withdrawn(database, keyring, person, grant.id)
    assert not await withdrawn(database, keyring, person, grant.id)


async def test_nobody_withdraws_for_another(database, keyring, give, new_person):
    grant = await give()

    assert not await withdrawn(database, keyring, await new_person(), grant.id)

    async with db.read(database) as tx:
        assert (await grants.by_id(tx, [grant.id]))[grant.id] == grant


async def test_what_is_not_there_is_not_withdrawn(database, keyring, person):
    assert not await withdrawn(database, keyring, person, uuid4())


async def test_an_expired_consent_is_not_withdrawn(database, keyring, give, person, later):
    grant = await give()

    async with db.begin(database) as tx:
        assert not await grants.withdraw(later(tx, days=400), keyring, person, grant.id)


async def test_of_ten_withdrawals_at_once_one_is_it(database, keyring, give, person):
    grant = await give()

    done = await asyncio.gather(
        *(withdrawn(database, keyring, person, grant.id) for _ in range(10))
    )

    assert sum(done) == 1
    async with db.read(database) as tx:
        assert len(await grants.events(tx, grant.id)) == 2
        assert (await refolding.refold(tx)).differing == ()


async def test_a_narrowed_consent_keeps_its_name_and_lets_go_of_the_rest(
    database, keyring, catalogue, give
):
    grant = await give()

    assert await narrowed(database, keyring, catalogue, grant, LESS)

    async with db.read(database) as tx:
        found = (await grants.latest(tx, [pair(grant)]))[pair(grant)]
    assert (found.id, found.items, found.state) == (grant.id, LESS, GrantState.GIVEN)
    assert found.expires_at == grant.expires_at


@pytest.mark.parametrize(
    "items",
    [
        {},
        {"eligibility": "decision", "phone": "masked", "address": "commune"},
        {"eligibility": "decision", "phone": "raw"},
        {"eligibility": "decision", "email": "masked"},
        {"eligibility": "raw"},
        {"nothing": "raw"},
    ],
    ids=["nothing", "the same", "finer", "another item", "another form", "unknown item"],
)
async def test_what_is_not_less_is_no_narrowing(database, keyring, catalogue, give, items):
    grant = await give()

    assert not await narrowed(database, keyring, catalogue, grant, items)

    async with db.read(database) as tx:
        assert (await grants.by_id(tx, [grant.id]))[grant.id] == grant


async def test_a_coarser_form_is_less(database, keyring, catalogue, give):
    grant = await give()
    coarser = grant.items | {"address": "province"}

    assert await narrowed(database, keyring, catalogue, grant, coarser)
    assert not await narrowed(database, keyring, catalogue, grant, grant.items)


async def test_nobody_narrows_for_another(database, keyring, catalogue, give, new_person):
    grant = await give()
    stranger = await new_person()

    async with db.begin(database) as tx:
        assert not await grants.narrow(tx, keyring, catalogue, stranger, grant.id, items=LESS)


async def test_a_narrowing_and_a_withdrawal_at_once_end_withdrawn_in_a_sound_chain(
    database, keyring, catalogue, give, person
):
    grant = await give()

    await asyncio.gather(
        *(narrowed(database, keyring, catalogue, grant, LESS) for _ in range(5)),
        withdrawn(database, keyring, person, grant.id),
        *(narrowed(database, keyring, catalogue, grant, LESS) for _ in range(5)),
    )

    async with db.read(database) as tx:
        events = await grants.events(tx, grant.id)
        assert grant_events.fold(events, tx.now).state is GrantState.WITHDRAWN
        assert (await refolding.refold(tx)).differing == ()
    assert [event.kind for event in events].count(EventKind.NARROWED) <= 1


async def test_two_events_cannot_have_the_same_place(database, give):
    grant = await give()

    with pytest.raises(IntegrityError):
        async with db.begin(database) as tx:
            [event] = await grants.events(tx, grant.id)
            await grant_rows.move(tx, grant, event)


# SQLite has one writer: there is nothing in flight beside it.
@pytest.mark.parametrize("store_url", [POSTGRES], indirect=True)
async def test_a_disclosure_in_flight_makes_a_withdrawal_wait(database, keyring, give, person):
    grant = await give()

    async with db.begin(database) as tx:
        await grants.latest(tx, [pair(grant)])
        waiting = asyncio.create_task(withdrawn(database, keyring, person, grant.id))
        await asyncio.sleep(0.2)
        assert not waiting.done()
    assert await waiting


async def test_the_latest_of_many_pairs_comes_at_once_and_strangers_are_left_out(
    database, give, new_person
):
    mine = await give()
    theirs = await give(subject=await new_person())
    nobody = (await new_person(), mine.programme, mine.agreement)
    elsewhere = (mine.subject, "asd", mine.agreement)

    async with db.begin(database) as tx:
        found = await grants.latest(tx, [pair(mine), pair(theirs), nobody, elsewhere, pair(mine)])
        assert await grants.latest(tx, []) == {}

    assert found == {pair(mine): mine, pair(theirs): theirs}


async def test_a_person_sees_their_own_consents_and_no_others(database, give, person, new_person):
    first = await give()
    second = await give()
    other = await new_person()

    async with db.read(database) as tx:
        mine = await grants.of_subject(tx, person)
        assert [grant.id for grant in mine] == [second.id, first.id]
        assert await grants.one(tx, person, second.id) == second
        assert await grants.one(tx, other, second.id) is None
        assert await grants.by_id(tx, [uuid4()]) == {}


async def test_a_head_that_says_more_than_its_events_is_found(database, give, person):
    grant = await give()
    await give(subject=person, items={"eligibility": "decision"})
    async with db.begin(database) as tx:
        await tx.connection.execute(
            update(grant_rows.grants)
            .where(grant_rows.grants.c.id == grant.id)
            .values(state="given")
        )

    async with db.read(database) as tx:
        found = await refolding.refold(tx)

    assert found == refolding.Refolded(checked=2, differing=(grant.id,), last=None)


async def test_a_re_reading_goes_on_where_it_stopped(database, give):
    ids = sorted([(await give()).id for _ in range(3)], key=lambda id_: id_.bytes)

    async with db.read(database) as tx:
        first = await refolding.refold(tx, limit=2)
        rest = await refolding.refold(tx, after=first.last, limit=2)

    assert (first.checked, first.last) == (2, ids[1])
    assert (rest.checked, rest.last) == (1, None)
