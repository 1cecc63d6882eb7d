from datetime import timedelta

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from joserfc import jws
from joserfc.jwk import ECKey
from sqlalchemy import delete, select, update

from vault import database as db
from vault import jwk, signing
from vault.envelope_errors import KeyLostError, TamperedError
from vault.keyring import open_keyring
from vault.signing import CACHED_SECONDS, signing_keys


async def test_each_use_signs_from_the_start(database, keyring):
    async with db.read(database) as tx:
        for use, alg in (("token", "ES256"), ("receipt", "ES256"), ("checkpoint", "EdDSA")):
            key = await signing.active(tx, keyring, use)
            assert key.alg == alg
            assert await signing.published(tx, keyring, use) == [key.public_jwk]


async def test_an_es256_signature_is_what_jose_takes(database, keyring):
    async with db.read(database) as tx:
        key = await signing.active(tx, keyring, "token")
    public = ECKey.import_key(key.public_jwk)
    assert public.thumbprint() == key.kid
    header = jwk.base64url(msgspec.json.encode({"alg": "ES256", "kid": key.kid}))
    signed = f"{header}.{jwk.base64url(b'{}')}"
    token = f"{signed}.{jwk.base64url(key.sign(signed.encode()))}"
    assert jws.deserialize_compact(token, public, algorithms=["ES256"]).payload == b"{}"


async def test_a_checkpoint_is_signed_by_ed25519(database, keyring):
    async with db.read(database) as tx:
        key = await signing.active(tx, keyring, "checkpoint")
    public = Ed25519PublicKey.from_public_bytes(jwk.octets(key.public_jwk))
    public.verify(key.sign(b"note"), b"note")


async def test_a_key_is_opened_once_a_minute(database, keyring, statements):
    async with db.read(database) as tx:
        with statements(tx) as seen:
            first = await signing.active(tx, keyring, "token")
            assert await signing.active(tx, keyring, "token") is first
            assert len(seen) == 1
            later = msgspec.structs.replace(tx, now=tx.now + timedelta(seconds=CACHED_SECONDS))
            assert (await signing.active(later, keyring, "token")).kid == first.kid
            assert len(seen) == 2


async def test_after_a_rotation_the_new_key_signs_and_the_older_is_published(database, keyring):
    async with db.begin(database) as tx:
        old = await signing.active(tx, keyring, "token")
        new = await signing.rotate(tx, keyring, "token")
        assert new.kid != old.kid
        assert (await signing.active(tx, keyring, "token")).kid == new.kid
        published = await signing.published(tx, keyring, "token")
        assert {key["kid"] for key in published} == {old.kid, new.kid}
        assert len(await signing.published(tx, keyring, "receipt")) == 1


async def test_after_two_rotations_the_oldest_is_retired_and_its_private_half_is_gone(
    database, keyring
):
    async with db.begin(database) as tx:
        first = await signing.active(tx, keyring, "receipt")
        second = await signing.rotate(tx, keyring, "receipt")
    async with db.begin(database) as tx:
        third = await signing.rotate(tx, keyring, "receipt")
        published = await signing.published(tx, keyring, "receipt")
        assert [key["kid"] for key in published] == [third.kid, second.kid]
        ever = await signing.ever(tx, keyring, "receipt")
        assert {key["kid"] for key in ever} == {first.kid, second.kid, third.kid}
        sealed = select(signing_keys.c.sealed).where(signing_keys.c.kid == first.kid)
        assert await tx.connection.scalar(sealed) is None


async def test_a_rotation_rolled_back_signs_nothing(database, keyring):
    with pytest.raises(RuntimeError):
        async with db.begin(database) as tx:
            abandoned = await signing.rotate(tx, keyring, "token")
            raise RuntimeError
    async with db.read(database) as tx:
        assert (await signing.active(tx, keyring, "token")).kid != abandoned.kid


async def test_another_process_signs_with_the_new_key_within_a_minute(database, keys, keyring):
    async with db.begin(database) as tx:
        other = await open_keyring(tx, keys)
        await signing.active(tx, other, "token")
        new = await signing.rotate(tx, keyring, "token")
        later = msgspec.structs.replace(tx, now=tx.now + timedelta(seconds=CACHED_SECONDS))
        assert (await signing.active(later, other, "token")).kid == new.kid


async def test_a_key_put_in_from_outside_is_not_published(database, keyring):
    async with db.begin(database) as tx:
        mine = ECKey.generate_key("P-256").as_dict(private=False)
        forged = msgspec.json.encode({**mine, "kid": "k", "alg": "ES256"}).decode()
        await tx.connection.execute(
            update(signing_keys).where(signing_keys.c.use == "token").values(public_jwk=forged)
        )
        for ask in (signing.published, signing.ever):
            with pytest.raises(TamperedError):
                await ask(tx, keyring, "token")


async def test_a_private_key_serves_its_own_use_alone(database, keyring):
    async with db.begin(database) as tx:
        row = signing_keys.c.use == "receipt"
        await tx.connection.execute(delete(signing_keys).where(signing_keys.c.use == "token"))
        await tx.connection.execute(update(signing_keys).where(row).values(use="token"))
        with pytest.raises(TamperedError):
            await signing.active(tx, keyring, "token")


async def test_without_an_active_key_nothing_is_signed(database, keyring):
    async with db.begin(database) as tx:
        await tx.connection.execute(update(signing_keys).values(state="retired"))
        with pytest.raises(KeyLostError):
            await signing.active(tx, keyring, "token")


async def test_of_two_processes_that_start_together_one_makes_the_signing_keys(
    database, keyring, monkeypatch
):
    async with db.begin(database) as tx:
        before = await signing.active(tx, keyring, "token")
        monkeypatch.setattr(signing, "_in_use", nobody)
        await signing.ensure(tx, keyring)
        monkeypatch.undo()
        count = select(signing_keys.c.kid).where(signing_keys.c.use == "token")
        assert (await tx.connection.scalars(count)).all() == [before.kid]


async def nobody(_tx):
    return set()
