"""The keys a process verifies tokens with: a minute old at most, and read at nobody's wish."""

import msgspec
import pytest
from sqlalchemy import update

from api.oauth import access_tokens, keys
from api.oauth.keys import REREAD_SECONDS, TYP, TokenKeys
from vault import database as db
from vault import signing


class Clock:
    now = 1_000.0

    def __call__(self):
        return self.now


class Said(msgspec.Struct):
    sub: str = "somebody"


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def held(database, keyring, clock):
    return TokenKeys(database, keyring, clock)


@pytest.fixture
def rotated(database, keyring):
    """A token signed with a key that is new."""

    async def rotated():
        async with db.begin(database) as tx:
            key = await signing.rotate(tx, keyring, "token")
        return access_tokens.signed(key, Said(), TYP), key.kid

    return rotated


def known(found):
    return {key.kid for key in found}


async def test_a_new_key_is_found_when_a_token_names_it(held, clock, rotated):
    token, kid = await rotated()
    assert kid in known(await held.of(token))

    later, new = await rotated()
    clock.now += REREAD_SECONDS
    assert {kid, new} <= known(await held.of(later))


async def test_tokens_that_name_no_key_of_ours_read_the_store_once_a_second(held, clock, rotated):
    token, _ = await rotated()
    await held.of(token)
    rubbish = "rubbish", "e30.e30.e30"
    later, new = await rotated()

    for each in (*rubbish, later):
        assert new not in known(await held.of(each))
    clock.now += REREAD_SECONDS
    assert new in known(await held.of(rubbish[0]))


async def test_a_key_that_was_retired_is_forgotten_within_a_minute(held, clock, rotated):
    token, kid = await rotated()
    assert kid in known(await held.of(token))
    await rotated()
    await rotated()

    clock.now += signing.CACHED_SECONDS - 1
    assert kid in known(await held.of(token)), "nothing else was asked for meanwhile"
    clock.now += 1
    assert kid not in known(await held.of(token))


async def test_the_key_that_signs_is_asked_for_once_a_minute(database, keyring, rotated):
    _, kid = await rotated()
    assert (await keys.signing_with(database, keyring)).kid == kid
    async with db.begin(database) as tx:
        await tx.connection.execute(update(signing.signing_keys).values(state="retired"))
    assert (await keys.signing_with(database, keyring)).kid == kid


async def test_a_signature_is_verified_once_as_long_as_the_keys_stand(
    held, clock, rotated, monkeypatch
):
    token, _ = await rotated()
    found = await held.verified(token)
    assert found.claims(Said) == Said()

    monkeypatch.setattr(keys, "signed_by", None)
    assert await held.verified(token) is found, "it is not verified again"
    monkeypatch.undo()
    bent = token[:-1] + ("A" if token[-1] != "A" else "B")
    assert await held.verified(bent) is None

    await rotated()
    await rotated()
    clock.now += signing.CACHED_SECONDS
    assert await held.verified(token) is None, "its key is retired"


async def test_only_so_many_tokens_are_remembered(database, keyring, held, rotated, monkeypatch):
    monkeypatch.setattr(keys, "REMEMBERED", 2)
    await rotated()
    key = await keys.signing_with(database, keyring)
    counts = []
    for name in ("one", "two", "three"):
        assert await held.verified(access_tokens.signed(key, Said(sub=name), TYP))
        assert await held.verified("e30.e30.e30") is None, "what does not hold takes no place"
        counts.append(len(held._verified))
    assert counts == [1, 2, 1]
