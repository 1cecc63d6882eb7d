import copy
import pickle
import secrets
from concurrent.futures import ThreadPoolExecutor

import pytest

from vault.envelope_errors import KeyLostError, KeysUnavailableError, TamperedError
from vault.keys import FileKeys, KeyFileError, Keys, create_file_keys, wrapped_by
from vault.passphrases import Passphrase

PLACE = b"subject|1"


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "deep" / "keys"


@pytest.fixture
def keys(folder):
    return create_file_keys(folder)


def test_a_new_folder_and_key_are_for_their_owner_alone(keys, folder):
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "root-1.key").stat().st_mode & 0o777 == 0o400
    assert (folder / "root-1.key").stat().st_size == 32


def test_a_key_that_is_there_is_kept(keys, folder):
    wrapped = keys.wrap(b"k" * 32, PLACE)
    assert create_file_keys(folder).unwrap(wrapped, PLACE) == b"k" * 32


def test_the_files_are_a_provider_of_the_port(keys):
    assert isinstance(keys, Keys)
    assert keys.active == 1


def test_the_newest_root_wraps_and_the_older_still_opens(keys, folder):
    old = keys.wrap(b"k" * 32, PLACE)
    (folder / "root-10.key").write_bytes(secrets.token_bytes(32))
    (folder / "root-10.key").chmod(0o400)
    (folder / "root-9.key.bak").write_bytes(b"not a key")
    newer = FileKeys(folder)
    assert newer.active == 10
    assert newer.unwrap(old, PLACE) == b"k" * 32
    assert newer.versions == (1, 10)
    assert keys.versions == (1,)
    keys.reload()
    assert keys.versions == (1, 10)


def test_a_root_that_another_process_made_is_found_when_it_is_needed(keys, folder):
    other = FileKeys(folder)
    assert other.add_root() == 2
    wrapped = other.wrap(b"k" * 32, PLACE)
    assert wrapped_by(wrapped) == 2
    assert keys.active == 1
    assert keys.unwrap(wrapped, PLACE) == b"k" * 32
    assert keys.active == 2


def test_a_version_that_is_nowhere_is_a_lost_key(keys):
    wrapped = keys.wrap(b"k" * 32, PLACE)
    with pytest.raises(KeyLostError):
        keys.unwrap(wrapped[:5] + b"\x09" + wrapped[6:], PLACE)


def test_threat_38_a_folder_that_went_away_is_an_outage_and_no_lost_key(keys, folder):
    wrapped = keys.wrap(b"k" * 32, PLACE)
    other = FileKeys(folder)
    other.add_root()
    newer = other.wrap(b"k" * 32, PLACE)
    folder.rename(folder.with_name("away"))
    with pytest.raises(KeysUnavailableError):
        keys.unwrap(newer, PLACE)
    assert keys.healthy()
    assert keys.unwrap(wrapped, PLACE) == b"k" * 32
    folder.with_name("away").rename(folder)
    assert keys.unwrap(newer, PLACE) == b"k" * 32


def test_a_new_root_wraps_from_then_on_and_is_on_disk(keys, folder):
    old = keys.wrap(b"k" * 32, PLACE)
    assert keys.add_root() == 2
    assert (keys.active, keys.versions) == (2, (1, 2))
    assert (folder / "root-2.key").stat().st_mode & 0o777 == 0o400
    assert wrapped_by(keys.wrap(b"k" * 32, PLACE)) == 2
    assert FileKeys(folder).unwrap(old, PLACE) == b"k" * 32
    assert sorted(path.name for path in folder.iterdir()) == ["root-1.key", "root-2.key"]


def test_of_many_who_add_a_root_at_once_each_makes_its_own(folder, keys):
    others = [FileKeys(folder) for _ in range(8)]
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda each: each.add_root(), others))
    assert sorted(made) == list(range(2, 10))
    assert FileKeys(folder).versions == tuple(range(1, 10))


def test_a_destroyed_root_is_overwritten_and_gone_for_every_process(keys, folder):
    wrapped = keys.wrap(b"k" * 32, PLACE)
    other = FileKeys(folder)
    keys.add_root()
    held_open = (folder / "root-1.key").open("rb")
    before = held_open.read()
    keys.destroy_root(1)
    held_open.seek(0)
    after = held_open.read()
    held_open.close()
    assert len(after) == 32
    assert after != before
    assert keys.versions == FileKeys(folder).versions == (2,)
    other.reload()
    for provider in (keys, other, FileKeys(folder)):
        with pytest.raises(KeyLostError):
            provider.unwrap(wrapped, PLACE)
    keys.destroy_root(1)  # again: a job that was killed goes on


def test_the_active_root_is_not_destroyed_even_if_another_process_made_it(keys, folder):
    with pytest.raises(ValueError, match="active"):
        keys.destroy_root(1)
    other = FileKeys(folder)
    other.add_root()
    with pytest.raises(ValueError, match="active"):
        keys.destroy_root(2)
    assert FileKeys(folder).versions == (1, 2)


def test_a_draft_that_a_crash_left_is_no_root(keys, folder):
    (folder / ".root-2.key.0123").write_bytes(b"half")
    assert FileKeys(folder).versions == (1,)
    assert keys.add_root() == 2


def test_what_names_no_root_is_no_wrapped_key(keys):
    wrapped = keys.wrap(b"k" * 32, PLACE)
    assert wrapped_by(wrapped) == 1
    for wrong in (b"", wrapped[:6], b"\x02" + wrapped[1:]):
        with pytest.raises(TamperedError):
            wrapped_by(wrong)


def test_wrapping_twice_gives_two_wrapped_forms(keys):
    assert keys.wrap(b"k" * 32, PLACE) != keys.wrap(b"k" * 32, PLACE)


def test_threat_43_a_wrapped_key_opens_in_its_own_place_alone(keys):
    with pytest.raises(TamperedError):
        keys.unwrap(keys.wrap(b"k" * 32, PLACE), b"subject|2")


@pytest.mark.parametrize("position", [0, 1, 6, 29, 30, 61, 77])
def test_one_bit_off_anywhere_is_refused(keys, position):
    wrapped = bytearray(keys.wrap(b"k" * 32, PLACE))
    wrapped[position] ^= 1
    with pytest.raises(TamperedError):
        keys.unwrap(bytes(wrapped), PLACE)


def test_the_root_version_cannot_be_changed(keys, folder):
    wrapped = keys.wrap(b"k" * 32, PLACE)
    (folder / "root-2.key").write_bytes(secrets.token_bytes(32))
    (folder / "root-2.key").chmod(0o400)
    with pytest.raises(TamperedError):
        FileKeys(folder).unwrap(wrapped[:5] + b"\x02" + wrapped[6:], PLACE)


@pytest.mark.parametrize("length", [0, 5, 6, 30, 77])
def test_a_wrapped_key_cut_short_is_refused(keys, length):
    with pytest.raises(TamperedError):
        keys.unwrap(keys.wrap(b"k" * 32, PLACE)[:length], PLACE)


def test_a_key_that_others_may_read_is_not_used(keys, folder):
    (folder / "root-1.key").chmod(0o440)
    with pytest.raises(KeyFileError, match="may be read by others"):
        FileKeys(folder)


def test_a_file_of_another_size_is_not_a_key(keys, folder):
    (folder / "root-1.key").chmod(0o600)
    (folder / "root-1.key").write_bytes(b"short")
    (folder / "root-1.key").chmod(0o400)
    with pytest.raises(KeyFileError, match="does not hold 32 bytes"):
        FileKeys(folder)


def test_without_a_key_there_is_no_provider(tmp_path):
    with pytest.raises(KeyFileError, match="no root key"):
        FileKeys(tmp_path)


def test_threat_47_keys_show_nothing_and_cannot_be_copied_out(keys):
    assert repr(keys) == "<FileKeys>"
    for leave in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="holds a key"):
            leave(keys)


def test_every_octet_of_a_destroyed_root_is_overwritten(tmp_path):
    folder = tmp_path / "sealed"
    keys = create_file_keys(folder, Passphrase("zellige mint caravan 7"))
    beside = tmp_path / "beside"
    beside.hardlink_to(folder / "root-1.key")
    before = beside.read_bytes()
    keys.add_root()
    keys.destroy_root(1)

    after = beside.read_bytes()
    assert len(after) == len(before) == 122
    assert not [at for at in range(0, 120, 8) if after[at : at + 8] == before[at : at + 8]]
    assert beside.stat().st_mode & 0o777 == 0o600
