"""One password an account, replaced whole, renewed only if it is still the one that was checked."""

from identity.login import accounts, credentials
from policies.vocabulary import StaffId
from vault import database as db

ACCOUNT = accounts.of_staff(StaffId("dpo-1"))


async def test_an_account_has_the_password_it_was_given_last(database, hashing):
    first = await hashing.hash("first password")
    second = await hashing.hash("second password")

    async with db.begin(database) as tx:
        await credentials.keep(tx, ACCOUNT, first)
        await credentials.keep(tx, ACCOUNT, second)
        assert await credentials.stored(tx, ACCOUNT) == second


async def test_nobody_has_none(database):
    async with db.read(database) as tx:
        assert await credentials.stored(tx, ACCOUNT) is None
        assert await credentials.stored(tx, None) is None


async def test_a_password_that_was_changed_meanwhile_is_not_renewed(database, hashing):
    old, changed, renewed = [await hashing.hash(word) for word in ("old", "changed", "old")]

    async with db.begin(database) as tx:
        await credentials.keep(tx, ACCOUNT, changed)
        assert not await credentials.renew(tx, ACCOUNT, old, renewed)
        assert await credentials.stored(tx, ACCOUNT) == changed
        assert await credentials.renew(tx, ACCOUNT, changed, renewed)
        assert await credentials.stored(tx, ACCOUNT) == renewed
