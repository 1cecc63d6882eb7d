import copy
import pickle

import pytest

from vault import passphrases
from vault.envelope_errors import TamperedError
from vault.file_keys import are_sealed
from vault.keys import FileKeys, KeyFileError, create_file_keys
from vault.passphrases import PROFILES, Passphrase

PLACE = b"subject|1"
WORDS = "zellige mint caravan 7"


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "keys"


@pytest.fixture
def keys(folder):
    return create_file_keys(folder, Passphrase(WORDS))


def test_a_sealed_root_is_not_in_its_file_and_opens_with_its_passphrase(keys, folder):
    wrapped = keys.wrap(b"k" * 32, PLACE)
    assert (folder / "root-1.key").stat().st_size == 122
    assert (folder / "root-1.key").stat().st_mode & 0o777 == 0o400
    assert FileKeys(folder, Passphrase(WORDS)).unwrap(wrapped, PLACE) == b"k" * 32


def test_the_cost_is_the_one_of_rfc_9106():
    assert PROFILES == {1: (64 * 1024, 3, 4)}


def test_a_wrong_passphrase_and_an_altered_file_have_one_answer_without_a_value(keys, folder):
    with pytest.raises(KeyFileError) as wrong:
        FileKeys(folder, Passphrase("zellige mint caravan 8"))
    path = folder / "root-1.key"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.unlink()
    path.write_bytes(content)
    path.chmod(0o400)
    with pytest.raises(KeyFileError) as altered:
        FileKeys(folder, Passphrase(WORDS))
    assert str(wrong.value) == str(altered.value)
    assert str(wrong.value) == f"{path} does not open: wrong passphrase, or altered"
    assert wrong.value.__suppress_context__
    assert "zellige" not in str(wrong.value)


def test_without_its_passphrase_a_sealed_root_does_not_open(keys, folder):
    with pytest.raises(KeyFileError, match="there is no passphrase"):
        FileKeys(folder)


def test_new_roots_are_sealed_too_and_cost_no_second_derivation(keys, folder, monkeypatch):
    monkeypatch.setattr(passphrases, "hash_secret_raw", None)
    assert keys.add_root() == 2
    salts = {path.read_bytes()[2:18] for path in folder.iterdir()}
    assert len(salts) == 1
    monkeypatch.undo()
    assert FileKeys(folder, Passphrase(WORDS)).versions == (1, 2)


def test_a_folder_says_whether_a_root_of_it_needs_a_passphrase(keys, folder, tmp_path):
    assert are_sealed(folder)
    create_file_keys(tmp_path / "plain")
    assert not are_sealed(tmp_path / "plain")


def test_a_root_may_be_plain_beside_one_that_is_sealed(folder):
    plain = create_file_keys(folder)
    wrapped = plain.wrap(b"k" * 32, PLACE)
    both = FileKeys(folder, Passphrase(WORDS))
    both.add_root()
    assert [path.stat().st_size for path in sorted(folder.iterdir())] == [32, 122]
    assert FileKeys(folder, Passphrase(WORDS)).unwrap(wrapped, PLACE) == b"k" * 32


@pytest.fixture(scope="module")
def passphrase():
    return Passphrase(WORDS)


@pytest.mark.parametrize("position", [0, 1, 18, 49, 50, 73, 74, 121])
def test_one_bit_off_anywhere_is_refused(passphrase, position):
    sealed = bytearray(passphrase.seal(b"r" * 32, 3))
    sealed[position] ^= 1
    with pytest.raises(TamperedError):
        passphrase.unseal(bytes(sealed), 3)


def test_another_salt_is_refused(passphrase):
    sealed = bytearray(passphrase.seal(b"r" * 32, 3))
    sealed[2] ^= 1
    with pytest.raises(TamperedError):
        passphrase.unseal(bytes(sealed), 3)


@pytest.mark.parametrize("length", [0, 2, 50, 121])
def test_what_is_cut_short_is_refused(passphrase, length):
    with pytest.raises(TamperedError):
        passphrase.unseal(passphrase.seal(b"r" * 32, 3)[:length], 3)


def test_a_sealed_root_of_another_version_is_refused(passphrase):
    with pytest.raises(TamperedError):
        passphrase.unseal(passphrase.seal(b"r" * 32, 3), 4)


def test_threat_47_a_passphrase_shows_nothing_and_cannot_be_copied_out(passphrase):
    assert repr(passphrase) == "<Passphrase>"
    for leave in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="holds a key"):
            leave(passphrase)
