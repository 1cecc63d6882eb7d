import asyncio
from datetime import timedelta
from uuid import uuid4

import msgspec
import pytest
from sqlalchemy import select

from policies.retention import SHRED_HORIZON
from policies.vocabulary import SubjectId
from vault import database as db
from vault import domain_keys, domain_rotation, root_keys, root_wraps, signing, subject_keys
from vault.envelope_errors import KeyLostError, KeysUnavailableError
from vault.key_states import State
from vault.keyring import open_keyring
from vault.keys import FileKeys
from vault.subject_keys import Kind


@pytest.fixture
async def people(database, keyring):
    subjects = [SubjectId(uuid4()) for _ in range(3)]
    async with db.begin(database) as tx:
        await keyring.create_subject(tx, *subjects)
    return subjects


@pytest.fixture
def states(database, keyring):
    async def reading():
        async with db.begin(database) as tx:
            return {each.version: each for each in await root_keys.versions(tx, keyring)}

    return reading


async def test_a_new_root_wraps_everything_that_the_older_did(
    database, keyring, people, states, tmp_path
):
    assert {version: each.state for version, each in (await states()).items()} == {1: State.ACTIVE}
    before = await states()
    async with db.begin(database) as tx:
        assert await root_keys.rotate(tx, keyring) == 2
    after = await states()
    assert {version: (each.state, each.uses) for version, each in after.items()} == {
        1: (State.DECRYPT_ONLY, 0),
        2: (State.ACTIVE, before[1].uses),
    }
    async with db.begin(database) as tx:  # as after a restart
        again = await open_keyring(tx, FileKeys(tmp_path / "keys"))
        assert (await again.subject(tx, people, "data")).keys() == set(people)
        await signing.active(tx, again, "token")


async def test_threat_42_a_version_in_use_is_not_retired(database, keyring, people, states):
    async with db.begin(database) as tx:
        assert not await root_keys.retire(tx, keyring, 1)
        await root_keys.rotate(tx, keyring)
        assert not await root_keys.retire(tx, keyring, 2)
        assert not await root_keys.retire(tx, keyring, 9)
        assert await root_keys.retire(tx, keyring, 1)
    assert (await states())[1].state is State.RETIRED


async def test_a_retired_root_is_destroyed_after_the_horizon_alone(
    database, keyring, people, states
):
    async with db.begin(database) as tx:
        await root_keys.rotate(tx, keyring)
        assert not await root_keys.destroy(tx, keyring, 1, early=True)  # not retired yet
        await root_keys.retire(tx, keyring, 1)
        assert await root_keys.due(tx) == []
        assert not await root_keys.destroy(tx, keyring, 1)
        later = msgspec.structs.replace(tx, now=tx.now + SHRED_HORIZON + timedelta(seconds=1))
        assert await root_keys.due(later) == [1]
        assert await root_keys.destroy(later, keyring, 1)
        assert not await root_keys.destroy(later, keyring, 1)
        assert not await root_keys.destroy(later, keyring, 9)
    ended = (await states())[1]
    assert (ended.state, ended.here) == (State.DESTROYED, False)


async def test_threat_15_what_the_older_root_wrapped_is_lost_with_it(
    database, keyring, people, tmp_path
):
    table = domain_keys.domain_keys
    async with db.begin(database) as tx:
        kept = [row._asdict() for row in await tx.connection.execute(table.select())]
        await root_keys.rotate(tx, keyring)
        await root_keys.retire(tx, keyring, 1)
        await root_keys.destroy(tx, keyring, 1, early=True)
    async with db.begin(database) as tx:  # the backup of before is put back
        await tx.connection.execute(table.delete())
        await tx.connection.execute(table.insert(), kept)
    with pytest.raises(KeyLostError):
        async with db.begin(database) as tx:
            await open_keyring(tx, FileKeys(tmp_path / "keys"))


async def test_a_destruction_that_the_store_missed_is_made_good(database, keyring, people, states):
    async with db.begin(database) as tx:
        await root_keys.rotate(tx, keyring)
        await root_keys.retire(tx, keyring, 1)
    with pytest.raises(RuntimeError):
        async with db.begin(database) as tx:
            await root_keys.destroy(tx, keyring, 1, early=True)
            raise RuntimeError
    told = (await states())[1]
    assert (told.state, told.here) == (State.RETIRED, False)
    async with db.begin(database) as tx:
        assert await root_keys.destroy(tx, keyring, 1, early=True)


async def test_a_root_made_before_a_rotation_that_failed_is_taken_by_the_next(
    database, keyring, people, states
):
    with pytest.raises(RuntimeError):
        async with db.begin(database) as tx:
            await root_keys.rotate(tx, keyring)
            raise RuntimeError
    told = await states()
    assert told[2].uses == 0 < told[1].uses
    async with db.begin(database) as tx:
        assert await root_keys.rotate(tx, keyring) == 3
    told = await states()
    assert (told[1].uses, told[2].uses) == (0, 0)
    assert told[3].state is State.ACTIVE


@pytest.fixture
async def behind(database, keyring, tmp_path):
    """A process that was opened before the root was rotated, and the older root retired."""
    async with db.begin(database) as tx:
        opened = await open_keyring(tx, FileKeys(tmp_path / "keys"))
    async with db.begin(database) as tx:
        await root_keys.rotate(tx, keyring)
        assert await root_keys.retire(tx, keyring, 1)
    assert opened.keys.active == 1
    return opened


async def destroyed(database, keyring):
    async with db.begin(database) as tx:
        return await root_keys.destroy(tx, keyring, 1, early=True)


async def test_threat_42_who_was_opened_before_a_rotation_wraps_under_the_newest_root(
    database, keyring, people, behind, tmp_path
):
    async with db.begin(database) as tx:
        await domain_rotation.rotate(tx, behind, "secrets")
    async with db.begin(database) as tx:  # an erasure: the top of the tree is wrapped anew
        assert await subject_keys.destroy(tx, behind.trees[Kind.DATA], people[:1]) == 1
    assert await destroyed(database, keyring)
    async with db.begin(database) as tx:  # as after a restart
        again = await open_keyring(tx, FileKeys(tmp_path / "keys"))
        assert again.versions("secrets").active == 2
        assert (await again.subject(tx, people, "data")).keys() == set(people[1:])


async def wrap_under_the_older(tx, keyring, behind):
    """A key of a domain as it is wrapped by who knows of no newer root."""
    table, place = domain_keys.domain_keys, domain_keys._place("secrets", 1)
    secrets = table.c.name == "secrets"
    wrapped = await tx.connection.scalar(select(table.c.wrapped).where(secrets))
    again = behind.keys.wrap(keyring.keys.unwrap(wrapped, place), place)
    await tx.connection.execute(table.update().where(secrets).values(wrapped=again))


async def test_threat_42_a_retired_root_that_wraps_something_after_all_is_not_destroyed(
    database, keyring, behind, states
):
    async with db.begin(database) as tx:
        await wrap_under_the_older(tx, keyring, behind)
    assert not await destroyed(database, keyring)
    told = (await states())[1]
    assert (told.state, told.uses, told.here) == (State.RETIRED, 1, True)
    async with db.begin(database) as tx:
        await root_keys.rotate(tx, keyring)
    assert await destroyed(database, keyring)


async def test_threat_42_a_root_is_not_destroyed_while_somebody_wraps_a_key(
    database, keyring, people, behind
):
    async with db.begin(database) as tx:
        await root_wraps.hold(tx)
        destroying = asyncio.create_task(destroyed(database, keyring))
        _, waiting = await asyncio.wait([destroying], timeout=0.3)
        assert waiting
        await wrap_under_the_older(tx, keyring, behind)
    assert not await destroying


async def test_a_key_is_wrapped_by_no_provider_that_is_away(database, keyring, tmp_path):
    for path in (tmp_path / "keys").iterdir():
        path.unlink()
    with pytest.raises(KeysUnavailableError):
        async with db.begin(database) as tx:
            await domain_rotation.rotate(tx, keyring, "secrets")
