"""Killed between any two steps, with files half written: no root is lost, and none outlives."""

import pytest

from vault import attributes, root_keys
from vault import database as db
from vault.key_states import State


@pytest.fixture
async def somebody(registered):
    """Somebody whose keys hang from a root that is about to change."""
    return await registered()


async def told(world, subject):
    """What a service that starts now reads of them."""
    spot = (subject, "identity")
    async with world.open() as (database, keyring), db.read(database) as tx:
        return (await attributes.opened(tx, keyring, [spot]))[spot]


async def lives(world):
    async with world.open() as (database, keyring), db.begin(database) as tx:
        found = await root_keys.versions(tx, keyring)
        assert all(version.uses == 0 or version.here for version in found)
        return {version.version: version for version in found}


async def test_threat_41_killed_at_any_step_a_new_root_is_there_or_can_be_made(world, somebody):
    before = await told(world, somebody)
    for killed in world.killed_at_each_step("rotate_root"):
        committed = "after COMMIT" in killed.steps
        assert await told(world, somebody) == before
        versions = await lives(world)
        # A root that was made and not taken wraps nothing, and what wraps is there.
        wrapping = [version.version for version in versions.values() if version.uses]
        assert wrapping == ([2] if committed else [1])
        (made,) = world.do("rotate_root").words
        assert await told(world, somebody) == before
        versions = await lives(world)
        assert [version.version for version in versions.values() if version.uses] == [made]
        assert versions[made].state is State.ACTIVE
        assert {version.state for version in versions.values() if version.version != made} == {
            State.DECRYPT_ONLY
        }


@pytest.mark.parametrize("at_rest", ["plain", "sealed"])
async def test_threat_41_killed_at_any_step_an_old_root_is_whole_or_gone_and_ends_gone(
    world, registered, at_rest
):
    if at_rest == "sealed":
        world.seal_keys()
    somebody = await registered()
    world.do("rotate_root")
    before = await told(world, somebody)
    old = (world.home / "keys" / "root-1.key").read_bytes()
    for _ in world.killed_at_each_step("destroy_root", version=1):
        assert await told(world, somebody) == before
        await lives(world)
        world.do("destroy_root", version=1)
        assert (await lives(world))[1].state is State.DESTROYED
        assert await told(world, somebody) == before
        left = [path for path in (world.home / "keys").iterdir() if path.is_file()]
        assert [path.name for path in left] == ["root-2.key"]
        assert old not in [path.read_bytes() for path in left]
