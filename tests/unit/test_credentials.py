"""Passwords are hashed under a named profile, refused when weak, and checked in bounded threads."""

import asyncio

import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import InvalidHashError
from argon2.profiles import CHEAPEST

from identity.login import credentials
from identity.login.credentials import (
    OWASP,
    RFC_9106_LOW_MEMORY,
    Busy,
    Hashing,
    Profile,
    WeakPassword,
)

CHEAP = Profile(name="cheap", memory_kib=8, passes=1, lanes=1, source="for tests")
PHRASE = "tagine-aux-citrons"


@pytest.fixture
def hashing():
    made = Hashing(CHEAP)
    yield made
    made.close()


async def test_a_password_matches_itself_and_nothing_else(hashing):
    hashed = await hashing.hash(PHRASE)

    assert await hashing.matches(hashed, PHRASE) is True
    assert await hashing.matches(hashed, PHRASE + "!") is False
    assert PHRASE not in hashed


async def test_the_same_password_from_another_keyboard_matches(hashing):
    composed, decomposed = "cafe\u0301-crème-brûlée", "café-crème-brûlée"

    assert await hashing.matches(await hashing.hash(composed), decomposed) is True


async def test_nobody_has_no_password(hashing):
    assert await hashing.matches(None, PHRASE) is False


async def test_a_password_of_nobody_is_checked_under_the_same_parameters_as_any(hashing):
    assert extract_parameters(hashing._nobody) == extract_parameters(await hashing.hash(PHRASE))


@pytest.mark.parametrize("profile", [OWASP, RFC_9106_LOW_MEMORY])
async def test_a_hash_is_made_with_the_parameters_of_its_profile(profile):
    hashing = Hashing(profile)
    try:
        made = extract_parameters(await hashing.hash(PHRASE))
    finally:
        hashing.close()

    assert (made.memory_cost, made.time_cost, made.parallelism) == (
        profile.memory_kib,
        profile.passes,
        profile.lanes,
    )
    assert made.type.name == "ID"
    assert (made.hash_len, made.salt_len) == (32, 16)


async def test_a_hash_of_another_profile_is_outdated(hashing):
    assert hashing.outdated(PasswordHasher.from_parameters(CHEAPEST).hash(PHRASE))
    assert not hashing.outdated(await hashing.hash(PHRASE))


async def test_a_hash_that_is_none_is_a_fault(hashing):
    with pytest.raises(InvalidHashError):
        await hashing.matches("$rubbish", PHRASE)


async def test_who_comes_when_all_places_are_taken_is_told_so():
    hashing = Hashing(CHEAP, threads=1, waiting=2)
    try:
        answers = await asyncio.gather(*(hashing.matches(None, PHRASE) for _ in range(10)))
    finally:
        hashing.close()

    assert answers.count(False) == 3
    assert answers.count(Busy()) == 7


async def test_a_place_is_free_again_afterwards():
    hashing = Hashing(CHEAP, threads=1, waiting=0)
    try:
        assert [await hashing.matches(None, PHRASE) for _ in range(3)] == [False] * 3
        with pytest.raises(InvalidHashError):
            await hashing.matches("$rubbish", PHRASE)
        assert await hashing.matches(None, PHRASE) is False
    finally:
        hashing.close()


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("eleven-char", "too-short"),
        ("x" * 257, "too-long"),
        ("2345678903-ab", "like-identifier"),
        ("23456789032345678903", "like-identifier"),
        ("motdepasse2026", "guessable"),
        ("x" * 256, "guessable"),
    ],
)
async def test_a_weak_password_is_not_hashed(hashing, password, reason):
    answer = await credentials.prepare(hashing, password, identifiers=["2345678903"])

    assert answer == WeakPassword(reason=reason)


@pytest.mark.parametrize(
    "password",
    [
        "lune-et-chat",
        "0f1e2d3c4b5a6978" * 16,
        "2345678903-et-un-caillou",
        "قطتي تحب البرتقال الحلو",
    ],
)
async def test_a_good_password_is(hashing, password):
    answer = await credentials.prepare(hashing, password, identifiers=["2345678903"])

    assert await hashing.matches(answer, password) is True


async def test_the_identifier_is_recognised_in_capitals(hashing):
    assert credentials.weakness("OPERATOR-CASA", ["operator-casa"]) == WeakPassword(
        reason="like-identifier"
    )
