"""What has served its term is deleted: all of it, a few rows at a time, and nothing younger."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import func, insert, select

from api import forgetting
from identity.login.sessions import sessions
from vault import database as db


@pytest.fixture
async def signed_in(database):
    async def do(number, days):
        async with db.begin(database) as tx:
            then = tx.now - timedelta(days=days)
            common = {"audience": "citizen", "acr": "two", "auth_time": then, "seen_at": then}
            rows = [common | {"id": f"{days}-{at}", "expires_at": then} for at in range(number)]
            await tx.connection.execute(insert(sessions), rows)

    return do


async def left(database):
    async with db.read(database) as tx:
        return await tx.connection.scalar(select(func.count()).select_from(sessions))


async def test_all_that_is_over_goes_however_much_and_the_rest_stays(
    database, signed_in, monkeypatch
):
    monkeypatch.setattr(forgetting, "AT_ONCE", 10)
    await signed_in(25, days=31)
    await signed_in(3, days=29)

    gone = dict.fromkeys(forgetting.DUE, 0) | {"sessions": 25}
    assert await forgetting.forget(database) == gone
    assert await left(database) == 3
    assert not any((await forgetting.forget(database)).values())


async def test_a_front_that_starts_forgets_at_once(database, signed_in):
    await signed_in(1, days=31)
    async with forgetting.forgetting(database):
        await asyncio.sleep(0)  # the end waits for the round that began

    assert await left(database) == 0
