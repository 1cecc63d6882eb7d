import pickle
from datetime import timedelta
from uuid import uuid4

import msgspec
import pytest
from sqlalchemy import delete, func, select, text, update

from policies.vocabulary import SubjectId
from vault import box, domain_keys, domain_rotation, subject_keys
from vault import database as db
from vault.envelope_errors import KeyLostError, TamperedError, VaultError
from vault.key_cache import CACHED_SECONDS
from vault.key_states import State
from vault.keyring import open_keyring
from vault.keys import create_file_keys


async def test_what_is_derived_is_the_same_after_a_restart(database, keys, keyring):
    async with db.begin(database) as tx:
        again = await open_keyring(tx, keys)
    for part in (
        lambda ring: ring.log_references[0].mac(b"month"),
        lambda ring: ring.log_marks.mac(b"mark"),
        lambda ring: ring.mac("nonces").mac(b"now"),
        lambda ring: ring.blind_index("idcs"),
        lambda ring: ring.pairwise("asd"),
        lambda ring: ring.secret("csrf"),
        lambda ring: ring.log_origin,
    ):
        assert part(keyring) == part(again)
    assert again.box("totp").open(keyring.box("totp").seal(b"s", b"1"), b"1") == b"s"


async def test_what_authenticates_is_made_once_and_anew_by_a_new_secret(database, keyring):
    held = keyring.mac("nonces")
    assert keyring.mac("nonces") is held
    async with db.begin(database) as tx:
        await domain_rotation.rotate(tx, keyring, "secrets")
        await keyring.reload(tx)
    assert keyring.mac("nonces").mac(b"now") != held.mac(b"now")


async def test_threat_21_each_use_and_version_has_a_key_of_its_own(keyring):
    derived = {
        keyring.log_references[0].mac(b""),
        keyring.log_marks.mac(b""),
        keyring.blind_index("idcs"),
        keyring.blind_index("phone"),
        keyring.pairwise("asd"),
        keyring.pairwise_index(),
        keyring.pairwise("minhaty"),
        keyring.secret("asd"),
    }
    assert len(derived) == 8


async def test_a_rotated_domain_seals_anew_and_still_opens_what_was_sealed(database, keys, keyring):
    before, sealed = keyring.blind_index("idcs"), keyring.box("totp").seal(b"s", b"1")
    async with db.begin(database) as tx:
        for domain in ("blind-index", "boxes"):
            assert await domain_keys.rotate(tx, keys, domain) == 2
        await keyring.reload(tx)
    assert keyring.versions("blind-index").usable == (2, 1)
    assert keyring.blind_index("idcs", 1) == before != keyring.blind_index("idcs")
    assert keyring.box("totp").open(sealed, b"1") == b"s"
    assert box.version(keyring.box("totp").seal(b"s", b"1")) == 2
    async with db.begin(database) as tx:
        with pytest.raises(VaultError):
            await domain_keys.rotate(tx, keys, "no such domain")


async def test_a_version_is_retired_then_destroyed_in_this_order_alone(database, keys, keyring):
    async with db.begin(database) as tx:
        await domain_keys.rotate(tx, keys, "boxes")
        assert not await domain_keys.destroy(tx, "boxes", 1)
        assert not await domain_keys.retire(tx, "boxes", 2)
        assert await domain_keys.retire(tx, "boxes", 1)
        assert not await domain_keys.retire(tx, "boxes", 1)
        await keyring.reload(tx)
        assert keyring.versions("boxes").usable == (2,)
        with pytest.raises(KeyLostError):
            keyring.versions("boxes").deriver(1)
        assert await domain_keys.destroy(tx, "boxes", 1)
        states = {
            each.version: each.state
            for each in await domain_keys.versions(tx)
            if each.name == "boxes"
        }
    assert states == {1: State.DESTROYED, 2: State.ACTIVE}


async def test_a_domain_without_an_active_version_is_a_lost_key(database, keys, keyring):
    async with db.begin(database) as tx:
        await tx.connection.execute(update(domain_keys.domain_keys).values(state="decrypt-only"))
    with pytest.raises(KeyLostError):
        async with db.begin(database) as tx:
            await open_keyring(tx, keys)


async def test_every_domain_key_is_wrapped_anew_by_a_new_root(database, keys, keyring, tmp_path):
    async with db.begin(database) as tx:
        before = await domain_keys.wrapped(tx)
        assert await domain_keys.rewrap(tx, keys) == len(before) == len(domain_keys.DOMAINS)
        assert not set(before) & set(await domain_keys.wrapped(tx))
        await keyring.reload(tx)


async def test_two_installations_share_nothing(database, keyring, tmp_path):
    async with db.begin(database) as tx:
        await tx.connection.execute(delete(domain_keys.domain_keys))
        other = await open_keyring(tx, create_file_keys(tmp_path / "other"))
    assert other.log_origin != keyring.log_origin
    assert other.pairwise("asd") != keyring.pairwise("asd")


async def test_threat_14_without_the_root_nothing_opens(database, keyring, tmp_path):
    with pytest.raises(TamperedError):
        async with db.begin(database) as tx:
            await open_keyring(tx, create_file_keys(tmp_path / "another root"))


async def test_threat_43_domain_keys_swapped_do_not_open(database, keys, keyring):
    table = domain_keys.domain_keys
    async with db.begin(database) as tx:
        other = await tx.connection.scalar(select(table.c.wrapped).where(table.c.name == "secrets"))
        await tx.connection.execute(
            update(table).where(table.c.name == "pairwise").values(wrapped=other)
        )
    with pytest.raises(TamperedError):
        async with db.begin(database) as tx:
            await open_keyring(tx, keys)


async def test_a_root_version_that_is_not_here_is_a_lost_key(database, keys, keyring):
    table = domain_keys.domain_keys
    async with db.begin(database) as tx:
        wrapped = await tx.connection.scalar(select(table.c.wrapped).where(table.c.name == "log"))
        later = wrapped[:2] + b"\0\0\0\x09" + wrapped[6:]
        await tx.connection.execute(
            update(table).where(table.c.name == "log").values(wrapped=later)
        )
    with pytest.raises(KeyLostError):
        async with db.begin(database) as tx:
            await open_keyring(tx, keys)


async def test_a_record_has_two_keys_of_its_own(database, keyring, new_record):
    first, second = await new_record(), await new_record()
    async with db.begin(database) as tx:
        data = await keyring.subject(tx, [first, second, first], "data")
        log = await keyring.subject(tx, [first], "log")
    handles = {key.handle for key in (*data.values(), *log.values())}
    commitments = {key.group("g").commitment for key in (*data.values(), *log.values())}
    assert len(handles) == len(commitments) == 3


async def test_unknown_records_have_no_key(database, keyring, person):
    async with db.begin(database) as tx:
        found = await keyring.subject(tx, [SubjectId(uuid4()), person], "data")
        assert list(found) == [person]
        assert await keyring.subject(tx, [], "data") == {}


async def test_a_key_is_fetched_once_for_five_minutes(database, keyring, person, statements):
    async with db.begin(database) as tx:
        with statements(tx) as seen:
            first = await keyring.subject(tx, [person], "data")
            again = await keyring.subject(tx, [person], "data")
            assert len(seen) == 3  # did a key change; the key; its nodes
            assert again[person] is first[person]
            later = msgspec.structs.replace(tx, now=tx.now + timedelta(seconds=CACHED_SECONDS))
            await keyring.subject(later, [person], "data")
            assert len(seen) == 6


async def test_the_cache_is_bounded_and_the_oldest_make_room(
    database, keyring, new_record, monkeypatch, statements
):
    monkeypatch.setattr("vault.key_cache.CACHED_KEYS", 2)
    people = [await new_record() for _ in range(3)]
    async with db.begin(database) as tx:
        for person in people:
            await keyring.subject(tx, [person], "data")
        with statements(tx) as seen:
            await keyring.subject(tx, people[1:], "data")
            assert seen == []
            await keyring.subject(tx, people[:1], "data")
            assert len(seen) == 2  # and whether the keys changed


async def test_keys_made_anew_after_a_rollback_are_not_the_ones_forgotten(database, keyring):
    subject = SubjectId(uuid4())
    with pytest.raises(RuntimeError):
        async with db.begin(database) as tx:
            await keyring.create_subject(tx, subject)
            await keyring.subject(tx, [subject], "data")
            raise RuntimeError
    async with db.begin(database) as tx:
        await keyring.create_subject(tx, subject)
        kept = await keyring.subject(tx, [subject], "data")
        stored = await subject_keys.read(tx, keyring.trees[subject_keys.Kind.DATA], [subject])
    assert kept[subject].handle == stored[subject].handle


async def test_creating_no_record_writes_no_key(database, keyring):
    async with db.begin(database) as tx:
        await keyring.create_subject(tx)
        count = select(func.count()).select_from(subject_keys.subject_keys)
        assert await tx.connection.scalar(count) == 0


async def test_of_two_processes_that_start_together_one_makes_the_keys(database, keys, monkeypatch):
    # The second looks before the first has committed, and inserts after.
    async with db.begin(database) as tx:
        first = await open_keyring(tx, keys)

    async def early(_tx):
        return []

    monkeypatch.setattr(domain_keys, "versions", early)
    async with db.begin(database) as tx:
        second = await open_keyring(tx, keys)
    assert second.log_marks.mac(b"") == first.log_marks.mac(b"")


async def test_threat_47_a_keyring_shows_nothing(keyring, database, person):
    assert repr(keyring) == "<Keyring>"
    assert "key" not in repr(keyring.box("totp")).lower()
    with pytest.raises(TypeError):
        pickle.dumps(keyring)
    async with db.begin(database) as tx:
        [key] = (await keyring.subject(tx, [person], "data")).values()
        await tx.connection.execute(text("SELECT 1"))
    for held in (key, key.group("g"), keyring.signing, keyring.log_marks, *keyring.log_references):
        assert repr(held) == f"<{type(held).__name__}>"
        with pytest.raises(TypeError):
            pickle.dumps(held)
