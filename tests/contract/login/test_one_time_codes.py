"""A code is taken once, near its time, from the account whose secret it is."""

import asyncio
from datetime import timedelta

import msgspec
import pyotp
import pytest
from sqlalchemy import select, update

from identity.login import accounts, one_time_codes
from identity.login.one_time_codes import one_time_secrets
from policies.vocabulary import StaffId
from vault import database as db
from vault.envelope_errors import TamperedError

ACCOUNT = accounts.of_staff(StaffId("dpo-1"))
OTHER = accounts.of_staff(StaffId("dpo-2"))


@pytest.fixture
async def secret(database, keyring):
    async with db.begin(database) as tx:
        return (await one_time_codes.enrol(tx, keyring, ACCOUNT, label="dpo-1")).secret


async def verify(database, keyring, code, account=ACCOUNT):
    async with db.begin(database) as tx:
        return await one_time_codes.verify(tx, keyring, account, code)


@pytest.mark.parametrize("steps", [-1, 0, 1])
async def test_a_code_near_its_time_is_taken(database, keyring, secret, steps):
    async with db.begin(database) as tx:
        shown = pyotp.TOTP(secret).at(tx.now, counter_offset=steps)

        assert await one_time_codes.verify(tx, keyring, ACCOUNT, shown)


@pytest.mark.parametrize("steps", [-3, 3])
async def test_a_code_far_from_its_time_is_not(database, keyring, secret, code, steps):
    assert not await verify(database, keyring, await code(secret, steps))


async def test_a_code_is_taken_once(database, keyring, secret, code):
    shown = await code(secret)

    assert await verify(database, keyring, shown)
    assert not await verify(database, keyring, shown)


async def test_an_older_code_is_not_taken_after_a_newer_one(database, keyring, secret, code):
    older, newer = await code(secret, 0), await code(secret, 1)

    assert await verify(database, keyring, newer)
    assert not await verify(database, keyring, older)


async def test_of_twenty_who_bring_the_same_code_at_once_one_is_let_in(
    database, keyring, secret, code
):
    shown = await code(secret)

    answers = await asyncio.gather(*(verify(database, keyring, shown) for _ in range(20)))

    assert sum(answers) == 1


async def test_a_code_may_be_typed_with_spaces_or_in_arabic_digits(database, keyring, secret, code):
    first, second = await code(secret, 0), await code(secret, 1)
    arabic = second.translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"))

    assert await verify(database, keyring, f" {first[:3]} {first[3:]} ")
    assert await verify(database, keyring, arabic)


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "abcdef", "x" * 10_000])
async def test_rubbish_is_no_code(database, keyring, secret, typed):
    assert not await verify(database, keyring, typed)


async def test_a_code_of_one_account_is_not_anothers(database, keyring, secret, code):
    async with db.begin(database) as tx:
        await one_time_codes.enrol(tx, keyring, OTHER, label="dpo-2")

    assert not await verify(database, keyring, await code(secret), OTHER)


async def test_who_is_not_enrolled_has_no_code(database, keyring):
    assert not await verify(database, keyring, "123456")


async def test_a_new_secret_takes_the_place_of_the_old(database, keyring, secret, code):
    async with db.begin(database) as tx:
        new = await one_time_codes.enrol(tx, keyring, ACCOUNT, label="dpo-1")

    assert not await verify(database, keyring, await code(secret))
    assert await verify(database, keyring, await code(new.secret))


async def test_a_secret_made_elsewhere_is_taken_as_it_is(database, keyring):
    made = pyotp.random_base32()

    async with db.begin(database) as tx:
        kept = await one_time_codes.enrol(tx, keyring, ACCOUNT, label="dpo-1", secret=made)
    assert kept.secret == made
    assert kept.uri == f"otpauth://totp/Amana:dpo-1?secret={made}&issuer=Amana"


async def test_the_store_does_not_hold_the_secret(database, keyring, secret):
    async with db.read(database) as tx:
        sealed = await tx.connection.scalar(select(one_time_secrets.c.sealed))

    assert secret.encode() not in sealed


async def test_a_secret_moved_to_another_account_is_a_fault(database, keyring, secret, code):
    async with db.begin(database) as tx:
        await tx.connection.execute(update(one_time_secrets).values(account=OTHER))

    with pytest.raises(TamperedError):
        await verify(database, keyring, await code(secret), OTHER)


async def test_a_code_lives_ninety_seconds_at_most(database, keyring, secret):
    async with db.begin(database) as tx:
        shown = pyotp.TOTP(secret).at(tx.now)
        late = msgspec.structs.replace(tx, now=tx.now + timedelta(seconds=61))

        assert not await one_time_codes.verify(late, keyring, ACCOUNT, shown)
