"""A code is redeemed once; whoever comes second is a thief, and so may the first have been."""

import asyncio
from uuid import uuid4

import pytest

from identity import codes
from identity.codes import AuthorizationCode, CodeReused
from identity.tokens import Authorized
from vault.short_lived import open_short_lived
from vault.short_lived_memory import MemoryShortLived


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.redis)])
async def short_lived(request):
    """Each store in turn: one contract, two implementations."""
    url = request.getfixturevalue("redis_server") if request.param == "redis" else None
    async with open_short_lived(url) as opened:
        yield opened


@pytest.fixture
def facts():
    return AuthorizationCode(
        family=uuid4(),
        authorized=Authorized(
            client_id="minhaty",
            agreement="minhaty/scholarship",
            purpose="education/scholarship",
            attributes={"phone": "masked"},
            grant_id=uuid4(),
            subject=uuid4(),
        ),
        redirect_uri="https://programme.example/back",
        code_challenge="E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        dpop_jkt="thumb",
    )


async def test_a_code_stands_for_what_was_authorized(short_lived, facts):
    assert await codes.take(short_lived, await codes.put(short_lived, facts)) == facts


async def test_a_second_use_names_the_family_to_revoke(short_lived, facts):
    code = await codes.put(short_lived, facts)
    await codes.take(short_lived, code)

    for _ in range(2):
        assert await codes.take(short_lived, code) == CodeReused(family=facts.family)


async def test_of_twenty_redemptions_at_once_one_wins_and_the_others_are_thefts(short_lived, facts):
    code = await codes.put(short_lived, facts)

    answers = await asyncio.gather(*(codes.take(short_lived, code) for _ in range(20)))

    assert answers.count(facts) == 1
    assert answers.count(CodeReused(family=facts.family)) == 19


@pytest.mark.parametrize("rubbish", ["", "rubbish", "é"])
async def test_a_code_that_was_never_issued_stands_for_nothing(short_lived, facts, rubbish):
    await codes.put(short_lived, facts)

    assert await codes.take(short_lived, rubbish) is None


async def test_a_code_lives_a_minute_and_is_remembered_for_ten(facts):
    now = 0.0
    short_lived = MemoryShortLived(lambda: now)
    first, second = [await codes.put(short_lived, facts) for _ in range(2)]

    now = 59.9
    assert await codes.take(short_lived, first) == facts
    now = 60.0
    assert await codes.take(short_lived, second) == CodeReused(family=facts.family)
    now = 600.0
    assert await codes.take(short_lived, second) is None


async def test_the_store_holds_no_code(facts):
    short_lived = MemoryShortLived()
    code = await codes.put(short_lived, facts)

    assert code not in str(vars(short_lived))
    assert len(code) >= 43
