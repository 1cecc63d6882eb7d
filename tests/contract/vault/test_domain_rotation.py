import pytest
from sqlalchemy import select, update

from identity.login import one_time_codes
from vault import box, boxed_rows, domain_rotation, signing
from vault import database as db
from vault.envelope_errors import KeyLostError, TamperedError
from vault.keyring import open_keyring
from vault.signing import signing_keys

BOXED = (signing.SEALED, one_time_codes.SEALED)
COUNTS = domain_rotation.counts_of(BOXED)


def silent(_done, _total):
    """Report no progress."""


@pytest.fixture
async def rotate(database, keyring):
    async def rotating(name):
        async with db.begin(database) as tx:
            version = await domain_rotation.rotate(tx, keyring, name)
        async with db.begin(database) as tx:
            await keyring.reload(tx)
        return version

    return rotating


@pytest.fixture
def uses(database, keyring):
    async def counting(name, version):
        async with db.begin(database) as tx:
            return await domain_rotation.uses(tx, keyring, name, version, COUNTS)

    return counting


async def test_boxed_secrets_are_sealed_anew_and_the_older_version_ends(  # noqa: PLR0917  (fixtures)
    database, keys, keyring, rotate, uses, monkeypatch
):
    async with db.begin(database) as tx:
        await one_time_codes.enrol(tx, keyring, "staff:dpo", label="dpo")
        sealed = await tx.connection.scalar(select(one_time_codes.one_time_secrets.c.sealed))
    assert await rotate("boxes") == 2
    before = await uses("boxes", 1)
    assert before == 1 + len(signing.USES)
    async with db.begin(database) as tx:
        assert not await domain_rotation.retire(tx, keyring, "boxes", 1, COUNTS)
    monkeypatch.setattr(boxed_rows, "PAGE", 2)
    done = await boxed_rows.reseal(database, keyring, BOXED, silent)
    assert (done.done, done.faults) == (before, 0)
    assert await boxed_rows.reseal(database, keyring, BOXED, silent) == done  # nothing to do
    assert await uses("boxes", 1) == 0
    async with db.begin(database) as tx:
        again = await tx.connection.scalar(select(one_time_codes.one_time_secrets.c.sealed))
        opened = keyring.box("totp").open(sealed, b"staff:dpo")
        assert keyring.box("totp").open(again, b"staff:dpo") == opened
        assert box.version(again) == 2
        assert await domain_rotation.retire(tx, keyring, "boxes", 1, COUNTS)
    async with db.begin(database) as tx:
        fresh = await open_keyring(tx, keys)
        assert (await signing.active(tx, fresh, "token")).alg == "ES256"
        with pytest.raises(KeyLostError):
            fresh.box("totp").open(sealed, b"staff:dpo")


async def test_a_secret_that_does_not_open_is_counted_and_left(database, keyring, rotate, uses):
    await rotate("boxes")
    async with db.begin(database) as tx:
        of_token = signing_keys.c.use == "token"
        sealed = await tx.connection.scalar(select(signing_keys.c.sealed).where(of_token))
        await tx.connection.execute(
            update(signing_keys).where(of_token).values(sealed=sealed[:-1] + b"\0")
        )
    done = await boxed_rows.reseal(database, keyring, BOXED, silent)
    assert (done.done, done.faults) == (len(signing.USES) - 1, 1)
    assert await uses("boxes", 1) == 1


async def test_public_keys_are_vouched_for_by_either_secret_until_the_older_ends(
    database, keyring, rotate, uses
):
    await rotate("secrets")
    async with db.begin(database) as tx:
        assert len(await signing.published(tx, keyring, "token")) == 1
        await signing.rotate(tx, keyring, "receipt")
    assert await uses("secrets", 1) == len(signing.USES)
    async with db.begin(database) as tx:
        await signing.vouch(tx, keyring)
    assert await uses("secrets", 1) == 0
    async with db.begin(database) as tx:
        assert await domain_rotation.retire(tx, keyring, "secrets", 1, COUNTS)
        await keyring.reload(tx)
        assert len(await signing.published(tx, keyring, "token", "receipt")) == 3
        await tx.connection.execute(update(signing_keys).values(mac=bytes(32)))
        with pytest.raises(TamperedError):
            await signing.vouch(tx, keyring)


async def test_threat_42_an_index_version_that_answers_is_in_use(keyring, rotate, uses):
    assert await uses("blind-index", 1) == 0  # nothing was ever written
    await rotate("blind-index")
    assert await uses("blind-index", 2) == 1


async def test_a_domain_that_nobody_counts_keeps_its_versions(database, keyring, rotate, uses):
    await rotate("pairwise")
    assert await uses("pairwise", 1) == 1
    assert await uses("pairwise", 9) == 0
    async with db.begin(database) as tx:
        assert not await domain_rotation.retire(tx, keyring, "pairwise", 1, COUNTS)
