"""Roots that are late for what a certificate of erasure promised."""

from datetime import timedelta

import msgspec
import pytest

from policies.retention import ROOT_ROTATION, SHRED_HORIZON
from vault import database as db
from vault import root_keys, root_promises

MINUTE = timedelta(minutes=1)


@pytest.fixture
def late(database):
    """By how much the roots are late, so long from now."""

    async def asking(after):
        async with db.read(database) as tx:
            later = msgspec.structs.replace(tx, now=tx.now + after)
            return await root_promises.overdue(later)

    return asking


async def rotated(database, keyring, after=timedelta(0)):
    async with db.begin(database) as tx:
        later = msgspec.structs.replace(tx, now=tx.now + after)
        before = keyring.keys.active
        await root_keys.rotate(later, keyring)
        assert await root_keys.retire(later, keyring, before)


async def test_without_an_erasure_no_root_is_late(database, keyring, people, late):
    assert await late(timedelta(days=400)) == timedelta(0)
    await rotated(database, keyring)
    assert await late(timedelta(days=400)) == timedelta(0)


async def test_a_root_that_is_not_rotated_within_a_day_of_an_erasure_is_late(
    database, keyring, people, erase, late
):
    await erase(people[0])
    assert await late(ROOT_ROTATION - MINUTE) == timedelta(0)
    assert timedelta(0) < await late(ROOT_ROTATION + MINUTE) <= 2 * MINUTE
    await rotated(database, keyring)
    assert await late(ROOT_ROTATION + MINUTE) == timedelta(0)


async def test_a_root_that_is_not_destroyed_by_the_day_on_the_certificate_is_late(
    database, keyring, people, erase, late
):
    await erase(people[0])
    await rotated(database, keyring)
    promised = ROOT_ROTATION + SHRED_HORIZON
    assert await late(promised - MINUTE) == timedelta(0)
    assert timedelta(0) < await late(promised + MINUTE) <= 2 * MINUTE
    async with db.begin(database) as tx:
        assert await root_keys.destroy(tx, keyring, 1, early=True)
    assert await late(promised + MINUTE) == timedelta(0)


async def test_a_root_is_to_be_rotated_once_anything_was_erased_under_it(
    database, keyring, people, erase
):
    async def wanted():
        async with db.read(database) as tx:
            return await root_promises.to_rotate(tx)

    for person in people[:2]:
        assert not await wanted()
        await erase(person)
        assert await wanted()
        await rotated(database, keyring)
