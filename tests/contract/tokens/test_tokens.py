"""Tokens are kept as hashes, read anew at each use, and end with all that they rest on."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import msgspec
import pytest
from sqlalchemy import func, select

from consent import grants
from identity import programmes, tokens
from identity.tokens import NewAccess
from vault import database as db


@pytest.fixture
async def tx(database, authorized):  # `authorized` first: the embedded store has one writer
    async with db.begin(database) as opened:
        yield opened


def later(tx, **step):
    return msgspec.structs.replace(tx, now=tx.now + timedelta(**step))


async def access(tx, authorized, jti="jti-1", **more):
    wanted = NewAccess(authorized=authorized, jti=jti, jkt="thumb", **more)
    (token,) = await tokens.issue_access(tx, [wanted])
    return token


async def valid(tx, jti="jti-1"):
    return jti in await tokens.read(tx, [jti])


async def test_a_token_stands_for_what_was_authorized(tx, authorized):
    family = await tokens.open_family(tx, authorized)
    token = await access(tx, authorized, family=family)

    assert await tokens.read(tx, ["jti-1"]) == {"jti-1": token}
    assert token.authorized == authorized
    assert (token.family, token.jkt) == (family, "thumb")
    assert token.expires_at == tx.now + tokens.ACCESS_LIFE


async def test_many_tokens_are_read_at_once_and_the_others_are_left_out(tx, authorized):
    made = {jti: await access(tx, authorized, jti) for jti in ("a", "b", "c")}
    await tokens.revoke_access(tx, "minhaty", "b")

    assert await tokens.read(tx, ["a", "b", "c", "d", "a"]) == {"a": made["a"], "c": made["c"]}
    assert await tokens.read(tx, []) == {}


async def test_the_store_holds_no_token(tx, authorized):
    family = await tokens.open_family(tx, authorized)
    refresh = await tokens.issue_refresh(tx, authorized, family=family)
    await access(tx, authorized, "a-jti-of-ours")

    rows = [
        str((await tx.connection.execute(select(table))).all())
        for table in (tokens.access_tokens, tokens.refresh_tokens)
    ]
    assert refresh not in "".join(rows)
    assert "a-jti-of-ours" not in "".join(rows)


async def test_a_token_expires_on_the_instant(tx, authorized):
    token = await access(tx, authorized)

    assert await valid(later(tx, minutes=5, microseconds=-1))
    assert not await valid(later(tx, minutes=5))
    assert token.expires_at == later(tx, minutes=5).now


async def test_a_token_is_revoked_by_its_own_programme_and_once(tx, authorized):
    await access(tx, authorized)

    assert not await tokens.revoke_access(tx, "asd", "jti-1")
    assert await valid(tx)
    assert await tokens.revoke_access(tx, "minhaty", "jti-1")
    assert not await tokens.revoke_access(tx, "minhaty", "jti-1")
    assert not await valid(tx)


async def test_a_suspended_programme_s_tokens_open_nothing_until_it_goes_on(tx, authorized):
    family = await tokens.open_family(tx, authorized)
    refresh = await tokens.issue_refresh(tx, authorized, family=family)
    await access(tx, authorized)
    await access(tx, authorized, "in-family", family=family)

    await programmes.suspend(tx, "minhaty")
    assert not await valid(tx)
    assert not await valid(tx, "in-family")
    assert await tokens.refresh(tx, "minhaty", refresh) is None

    await programmes.resume(tx, "minhaty")
    assert await valid(tx)
    assert await tokens.refresh(tx, "minhaty", refresh)


async def test_a_revoked_family_takes_along_what_is_issued_in_it_a_moment_later(tx, authorized):
    family = await tokens.open_family(tx, authorized)
    await access(tx, authorized, "before", family=family)
    await access(tx, authorized, "outside")

    assert await tokens.revoke_family(tx, family)
    assert not await tokens.revoke_family(tx, family)

    await access(tx, authorized, "after", family=family)
    refresh = await tokens.issue_refresh(tx, authorized, family=family)
    assert set(await tokens.read(tx, ["before", "after", "outside"])) == {"outside"}
    assert await tokens.refresh(tx, "minhaty", refresh) is None


async def test_a_refresh_token_stands_for_the_same_again_and_again(tx, authorized):
    family = await tokens.open_family(tx, authorized)
    refresh = await tokens.issue_refresh(tx, authorized, family=family)

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
    refresh = await tokens.issue_refresh(tx, authorized, family=family)

    assert await tokens.refresh(tx, "asd", refresh) is None
    assert not await tokens.revoke_refresh(tx, "asd", refresh)
    assert await tokens.refresh(tx, "minhaty", refresh)


async def test_a_refresh_token_expires(tx, authorized):
    family = await tokens.open_family(tx, authorized)
    refresh = await tokens.issue_refresh(tx, authorized, family=family, life=timedelta(days=2))

    assert await tokens.read_refresh(later(tx, hours=47), [refresh])
    assert not await tokens.read_refresh(later(tx, days=2), [refresh])


async def test_to_revoke_a_refresh_token_is_to_revoke_what_came_of_it(tx, authorized):
    family = await tokens.open_family(tx, authorized)
    refresh = await tokens.issue_refresh(tx, authorized, family=family)
    await access(tx, authorized, family=family)

    assert await tokens.revoke_refresh(tx, "minhaty", refresh)

    assert not await valid(tx)
    assert not await tokens.read_refresh(tx, [refresh])


async def test_after_a_withdrawal_nothing_is_refreshed(tx, keyring, grant, authorized):
    family = await tokens.open_family(tx, authorized)
    refresh = await tokens.issue_refresh(tx, authorized, family=family)

    await grants.withdraw(tx, keyring, grant.subject, grant.id)

    assert await tokens.refresh(tx, "minhaty", refresh) is None


async def test_after_a_consent_expired_nothing_is_refreshed(tx, authorized, grant):
    family = await tokens.open_family(tx, authorized)
    refresh = await tokens.issue_refresh(tx, authorized, family=family, life=timedelta(days=900))

    at_the_end = msgspec.structs.replace(tx, now=grant.expires_at)
    assert await tokens.refresh(at_the_end, "minhaty", refresh) is None


async def test_a_consent_that_is_not_there_refreshes_nothing(tx, authorized):
    astray = msgspec.structs.replace(authorized, grant_id=uuid4())
    family = await tokens.open_family(tx, astray)
    refresh = await tokens.issue_refresh(tx, astray, family=family)

    assert await tokens.refresh(tx, "minhaty", refresh) is None


async def test_what_rests_on_a_law_needs_no_consent(tx, authorized):
    by_law = msgspec.structs.replace(authorized, grant_id=None, subject=None)
    family = await tokens.open_family(tx, by_law)
    refresh = await tokens.issue_refresh(tx, by_law, family=family)
    token = await access(tx, by_law, "by-law")

    assert (await tokens.refresh(tx, "minhaty", refresh)).authorized == by_law
    assert (await tokens.read(tx, ["by-law"]))["by-law"] == token


async def test_what_expired_is_forgotten_and_what_is_valid_stays(tx, authorized):
    family = await tokens.open_family(tx, authorized)
    refresh = await tokens.issue_refresh(tx, authorized, family=family)
    await access(tx, authorized, "old")
    after = later(tx, days=1, minutes=10)
    await access(after, authorized, "new")

    assert await tokens.forget_expired(tx, limit=9) == 0
    assert await tokens.forget_expired(after, limit=9) == 1

    assert await tokens.read_refresh(after, [refresh])
    assert await valid(after, "new")
    assert await tx.connection.scalar(select(func.count(tokens.access_tokens.c.id))) == 1


async def test_an_authorization_that_no_token_is_left_of_is_forgotten(tx, authorized):
    for number in range(3):
        family = await tokens.open_family(tx, authorized)
        await tokens.issue_refresh(tx, authorized, family=family)
        await access(tx, authorized, f"of-{number}", family=family)
    much = later(tx, days=95)
    young = await tokens.open_family(much, authorized)
    kept = await tokens.issue_refresh(much, authorized, family=young)

    # Two of each table at a time: access and refresh tokens go, then what they came of.
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
