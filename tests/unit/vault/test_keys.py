import copy
import pickle
import secrets

import pytest

from vault.envelope_errors import KeyLostError, TamperedError
from vault.keys import FileKeys, KeyFileError, Keys, create_file_keys

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
    with pytest.raises(KeyLostError):
        keys.unwrap(newer.wrap(b"k" * 32, PLACE), PLACE)


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
