"""Access tokens say what they are for; what ends them is read anew at each use."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import msgspec
import pytest
from sqlalchemy import select, update

from consent import grants
from identity import programmes, tokens
from vault import database as db


@pytest.fixture
async def tx(database, authorized):  # `authorized` first: the embedded store has one writer
    async with db.begin(database) as opened:
        yield opened


def later(tx, **step):
    return msgspec.structs.replace(tx, now=tx.now + timedelta(**step))


@pytest.fixture
def by_law(authorized):
    return msgspec.structs.replace(
        authorized, grant_id=None, subject=None, acr=None, auth_time=None
    )


def said(token):
    """A token as it comes back: it says nothing of whose it is."""
    own = msgspec.structs.replace(
        token.authorized, grant_id=None, subject=None, acr=None, auth_time=None
    )
    return msgspec.structs.replace(token, authorized=own)


async def valid(tx, token):
    return await tokens.still(tx, said(token)) is not None


async def test_a_token_stands_for_what_was_authorized(tx, authorized):
    family = await tokens.open_family(tx, authorized)
    token = tokens.new_access(authorized, tx.now, family=family)

    assert said(token) != token
    assert await tokens.read(tx, [said(token)]) == {token.jti: token}
    assert (token.authorized, token.family) == (authorized, family)
    assert token.expires_at == tx.now + tokens.ACCESS_LIFE


async def test_a_token_stands_for_the_part_it_was_made_for(tx, authorized):
    family = await tokens.open_family(tx, authorized)
    part = msgspec.structs.replace(authorized, attributes={"given_name": "initials"})
    token = tokens.new_access(part, tx.now, family=family)

    assert (await tokens.still(tx, said(token))).authorized == part != authorized


async def test_no_token_of_a_person_is_without_what_they_authorized(tx, authorized, by_law):
    with pytest.raises(ValueError, match="family"):
        tokens.new_access(authorized, tx.now)
    unknown = tokens.new_access(authorized, tx.now, family=uuid4())
    assert not await valid(tx, unknown)

    family = await tokens.open_family(tx, authorized)
    others = msgspec.structs.replace(by_law, client_id="asd")
    astray = tokens.new_access(others, tx.now, family=family)
    own = tokens.new_access(authorized, tx.now, family=family)
    assert set(await tokens.read(tx, [said(astray), said(own)])) == {own.jti}


async def test_many_tokens_are_read_at_once_and_the_others_are_left_out(tx, authorized, by_law):
    one, two = [await tokens.open_family(tx, authorized) for _ in range(2)]
    a, b, c, d = (
        tokens.new_access(authorized, tx.now, family=each) for each in (one, one, two, two)
    )
    e, f = (tokens.new_access(by_law, tx.now) for _ in range(2))
    of_asd = tokens.new_access(msgspec.structs.replace(by_law, client_id="asd"), tx.now)
    await tokens.revoke_access(tx, "minhaty", said(b))
    await tokens.revoke_access(tx, "minhaty", e)

    shown = [said(each) for each in (a, b, c, d, e, f, of_asd, a)]
    assert await tokens.read(tx, shown) == {each.jti: each for each in (a, c, d, f, of_asd)}
    assert await tokens.read(tx, []) == {}


async def test_the_store_holds_no_token(tx, authorized):
    family = await tokens.open_family(tx, authorized)
    refresh = await tokens.issue_refresh(tx, "minhaty", family=family)
    token = tokens.new_access(authorized, tx.now, family=family)
    await tokens.revoke_access(tx, "minhaty", token)

    rows = [
        str((await tx.connection.execute(select(table))).all())
        for table in (tokens.families, tokens.revoked_tokens, tokens.refresh_tokens)
    ]
    assert token.id in "".join(rows)
    assert refresh not in "".join(rows)
    assert token.jti not in "".join(rows)


async def test_a_token_expires_on_the_instant(tx, by_law):
    token = tokens.new_access(by_law, tx.now)

    assert await valid(later(tx, minutes=5, microseconds=-1), token)
    assert not await valid(later(tx, minutes=5), token)
    assert token.expires_at == later(tx, minutes=5).now


async def test_a_token_is_revoked_by_its_own_programme_and_again_without_harm(tx, by_law):
    token = tokens.new_access(by_law, tx.now)

    await tokens.revoke_access(tx, "asd", token)
    assert await valid(tx, token)
    for _ in range(2):
        await tokens.revoke_access(tx, "minhaty", token)
        assert not await valid(tx, token)


async def test_a_suspended_programme_s_tokens_open_nothing_until_it_goes_on(tx, authorized, by_law):
    family = await tokens.open_family(tx, authorized)
    refresh = await tokens.issue_refresh(tx, "minhaty", family=family)
    own = tokens.new_access(by_law, tx.now)
    hers = tokens.new_access(authorized, tx.now, family=family)

    await programmes.suspend(tx, "minhaty")
    assert not await valid(tx, own)
    assert not await valid(tx, hers)
    assert await tokens.refresh(tx, "minhaty", refresh) is None

    await programmes.resume(tx, "minhaty")
    assert await valid(tx, own)
    assert await valid(tx, hers)
    assert await tokens.refresh(tx, "minhaty", refresh)


async def test_a_revoked_family_takes_along_what_is_issued_in_it_a_moment_later(
    tx, authorized, by_law
):
    family = await tokens.open_family(tx, authorized)
    before = tokens.new_access(authorized, tx.now, family=family)
    outside = tokens.new_access(by_law, tx.now)

    assert await tokens.revoke_family(tx, family)
    assert not await tokens.revoke_family(tx, family)

    after = tokens.new_access(authorized, tx.now, family=family)
    refresh = await tokens.issue_refresh(tx, "minhaty", family=family)
    shown = [said(each) for each in (before, after, outside)]
    assert set(await tokens.read(tx, shown)) == {outside.jti}
    assert await tokens.refresh(tx, "minhaty", refresh) is None


async def test_a_refresh_token_stands_for_the_same_again_and_again(tx, authorized):
    family = await tokens.open_family(tx, authorized)
    refresh = await tokens.issue_refresh(tx, "minhaty", family=family)

    for _ in range(3):
        found = await tokens.refresh(tx, "minhaty", refresh)
        assert (found.authorized, found.family) == (authorized, family)
    assert await tokens.read_refresh(tx, [refresh, "another"]) == {refresh: found}
    assert await tokens.read_refresh(tx, []) == {}


@pytest.mark.parametrize("wrong", ["", "rubbish", "é"])
async def test_what_is_no_refresh_token_stands_for_nothing(tx, authorized, wrong):
    assert await tokens.refresh(tx, "minhaty", wrong) is None
    assert not await tokens.revoke_refresh(tx, "minhaty", wrong)


async def test_a_refresh_token_is_of_no_use_to_another_programme(tx, authorized):
    family = await tokens.open_family(tx, authorized)
    refresh = await tokens.issue_refresh(tx, "minhaty", family=family)

    assert await tokens.refresh(tx, "asd", refresh) is None
    assert not await tokens.revoke_refresh(tx, "asd", refresh)
    assert await tokens.refresh(tx, "minhaty", refresh)


async def test_a_refresh_token_expires(tx, authorized):
    family = await tokens.open_family(tx, authorized)
    refresh = await tokens.issue_refresh(tx, "minhaty", family=family, life=timedelta(days=2))

    assert await tokens.read_refresh(later(tx, hours=47), [refresh])
    assert not await tokens.read_refresh(later(tx, days=2), [refresh])


async def test_to_revoke_a_refresh_token_is_to_revoke_what_came_of_it(tx, authorized):
    family = await tokens.open_family(tx, authorized)
    refresh = await tokens.issue_refresh(tx, "minhaty", family=family)
    token = tokens.new_access(authorized, tx.now, family=family)

    assert await tokens.revoke_refresh(tx, "minhaty", refresh)

    assert not await valid(tx, token)
    assert not await tokens.read_refresh(tx, [refresh])


async def test_after_a_withdrawal_nothing_is_refreshed(tx, keyring, grant, authorized):
    family = await tokens.open_family(tx, authorized)
    refresh = await tokens.issue_refresh(tx, "minhaty", family=family)

    await grants.withdraw(tx, keyring, grant.subject, grant.id)

    assert await tokens.refresh(tx, "minhaty", refresh) is None


async def test_after_a_consent_expired_nothing_is_refreshed(tx, authorized, grant):
    family = await tokens.open_family(tx, authorized)
    refresh = await tokens.issue_refresh(tx, "minhaty", family=family, life=timedelta(days=900))

    at_the_end = msgspec.structs.replace(tx, now=grant.expires_at)
    assert await tokens.refresh(at_the_end, "minhaty", refresh) is None


async def test_a_consent_that_is_not_there_refreshes_nothing(tx, authorized):
    astray = msgspec.structs.replace(authorized, grant_id=uuid4())
    family = await tokens.open_family(tx, astray)
    refresh = await tokens.issue_refresh(tx, "minhaty", family=family)

    assert await tokens.refresh(tx, "minhaty", refresh) is None


async def test_what_rests_on_a_law_needs_no_consent(tx, by_law):
    family = await tokens.open_family(tx, by_law)
    refresh = await tokens.issue_refresh(tx, "minhaty", family=family)
    token = tokens.new_access(by_law, tx.now)

    assert (await tokens.refresh(tx, "minhaty", refresh)).authorized == by_law
    assert await tokens.still(tx, said(token)) == token


async def test_whose_it_was_is_gone_and_its_tokens_with_it(tx, authorized):
    family = await tokens.open_family(tx, authorized)
    refresh = await tokens.issue_refresh(tx, "minhaty", family=family)
    token = tokens.new_access(authorized, tx.now, family=family)

    await tx.connection.execute(update(tokens.families).values(authorized=None))

    assert not await valid(tx, token)
    assert not await tokens.read_refresh(tx, [refresh])


async def test_what_expired_is_forgotten_and_what_is_valid_stays(tx, authorized, by_law):
    family = await tokens.open_family(tx, authorized)
    refresh = await tokens.issue_refresh(tx, "minhaty", family=family)
    after = later(tx, days=1, minutes=10)
    old, new = (tokens.new_access(by_law, each.now) for each in (tx, after))
    for each in (old, new):
        await tokens.revoke_access(tx, "minhaty", each)

    assert await tokens.forget_expired(tx, limit=9) == 0
    assert await tokens.forget_expired(after, limit=9) == 1

    assert await tokens.read_refresh(after, [refresh])
    assert list(await tx.connection.scalars(select(tokens.revoked_tokens.c.id))) == [new.id]


async def test_an_authorization_that_no_token_is_left_of_is_forgotten(tx, authorized):
    for _ in range(3):
        family = await tokens.open_family(tx, authorized)
        await tokens.issue_refresh(tx, "minhaty", family=family)
        token = tokens.new_access(authorized, tx.now, family=family)
        await tokens.revoke_access(tx, "minhaty", token)
    much = later(tx, days=95)
    young = await tokens.open_family(much, authorized)
    kept = await tokens.issue_refresh(much, "minhaty", family=young)

    # Two of each table at a time: tokens go, then what they came of.
    assert [await tokens.forget_expired(much, limit=2) for _ in range(3)] == [6, 3, 0]

    assert await tokens.read_refresh(much, [kept])
    assert list(await tx.connection.scalars(select(tokens.families.c.id))) == [young]


async def test_of_ten_revocations_at_once_one_is_it(database, authorized):
    async with db.begin(database) as tx:
        family = await tokens.open_family(tx, authorized)

    async def revoke():
        async with db.begin(database) as tx:
            return await tokens.revoke_family(tx, family)

    assert sum(await asyncio.gather(*(revoke() for _ in range(10)))) == 1
