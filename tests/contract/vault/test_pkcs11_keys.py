import copy
import os
import pickle
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from pkcs11 import Attribute, KeyType, exceptions

from vault import pkcs11_keys, pkcs11_token
from vault.envelope_errors import KeyLostError, KeysUnavailableError, TamperedError
from vault.key_places import KeySetupError, TokenPlace
from vault.keys import Keys, create_keys, open_keys, wrapped_by
from vault.pkcs11_keys import Pkcs11Keys, create_pkcs11_keys

pytestmark = [
    pytest.mark.softhsm,
    # We fork beside threads on purpose: that is what is tested (Python 3.12 warns of it).
    pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning"),
]

PLACE = b"subject|1"
KEY = bytes(range(32))


@pytest.fixture
def keys(token_place):
    return create_keys(token_place)


def secret_keys(keys):
    with keys._tokens.here().desk() as desk:
        return list(pkcs11_keys._secrets(desk))


def in_children(*works):
    """Fork a child for each, all at once; which of them went well."""
    children = []
    for work in works:
        child = os.fork()
        if child == 0:
            try:
                os._exit(0 if work() else 1)
            except BaseException:  # noqa: BLE001  (a child of a test must not go on as pytest)
                os._exit(2)
        children.append(child)
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0 for child in children]


def test_a_token_is_a_provider_of_the_port_and_keeps_what_it_has(keys, token_place):
    wrapped = keys.wrap(KEY, PLACE)
    assert isinstance(keys, Keys)
    assert (keys.active, keys.versions, wrapped_by(wrapped)) == (1, (1,), 1)
    assert len(wrapped) == 66
    assert KEY not in wrapped
    assert create_pkcs11_keys(token_place).versions == (1,)
    assert open_keys(token_place).unwrap(wrapped, PLACE) == KEY


def test_nothing_is_opened_before_the_first_call(token_place):
    missing = TokenPlace(module=token_place.module.with_name("no.so"), label="", pin_file=None)
    keys = Pkcs11Keys(missing)
    with pytest.raises(KeySetupError, match="there is no PKCS#11 module"):
        keys.wrap(KEY, PLACE)


def test_a_root_never_leaves_the_token_and_is_for_this_alone(keys):
    ((_, root),) = secret_keys(keys)
    for attribute, expected in pkcs11_keys._TEMPLATE.items():
        assert root[attribute] is expected
    assert root[Attribute.NEVER_EXTRACTABLE]
    with pytest.raises(exceptions.AttributeSensitive):
        root[Attribute.VALUE]


def test_wrapping_twice_gives_two_wrapped_forms(keys):
    assert keys.wrap(KEY, PLACE) != keys.wrap(KEY, PLACE)


def test_threat_43_a_wrapped_key_opens_in_its_own_place_alone(keys):
    with pytest.raises(TamperedError):
        keys.unwrap(keys.wrap(KEY, PLACE), b"subject|2")


@pytest.mark.parametrize("position", [0, 1, 6, 17, 18, 49, 50, 65])
def test_one_bit_off_anywhere_is_refused_and_the_session_goes_on(keys, position):
    wrapped = keys.wrap(KEY, PLACE)
    changed = bytearray(wrapped)
    changed[position] ^= 1
    with pytest.raises(TamperedError):
        keys.unwrap(bytes(changed), PLACE)
    assert keys.unwrap(wrapped, PLACE) == KEY


@pytest.mark.parametrize("length", [0, 5, 6, 17, 34, 65])
def test_a_wrapped_key_cut_short_is_refused(keys, length):
    with pytest.raises(TamperedError):
        keys.unwrap(keys.wrap(KEY, PLACE)[:length], PLACE)


def test_a_new_root_wraps_and_the_older_still_opens_until_it_is_destroyed(keys, token_place):
    old = keys.wrap(KEY, PLACE)
    assert keys.add_root() == 2
    assert (keys.active, keys.versions) == (2, (1, 2))
    assert wrapped_by(keys.wrap(KEY, PLACE)) == 2
    assert keys.unwrap(old, PLACE) == KEY
    other = open_keys(token_place)
    assert other.unwrap(old, PLACE) == KEY
    keys.destroy_root(1)
    keys.destroy_root(1)  # again: a job that was killed goes on
    assert keys.versions == (2,)
    for provider in (keys, other, open_keys(token_place)):
        with pytest.raises(KeyLostError):
            provider.unwrap(old, PLACE)
    other.reload()
    assert other.versions == (2,)


def test_the_root_version_cannot_be_changed(keys):
    wrapped = keys.wrap(KEY, PLACE)
    keys.add_root()
    with pytest.raises(TamperedError):
        keys.unwrap(wrapped[:5] + b"\x02" + wrapped[6:], PLACE)


def test_the_active_root_is_not_destroyed(keys):
    with pytest.raises(ValueError, match="active"):
        keys.destroy_root(1)
    assert keys.unwrap(keys.wrap(KEY, PLACE), PLACE) == KEY


def test_a_token_without_a_root_is_not_used(token_place):
    with pytest.raises(KeySetupError, match="no root key in the token amana"):
        assert open_keys(token_place).active


def test_other_keys_of_the_token_are_no_roots(keys):
    with keys._tokens.here().desk() as desk:
        for label in ("amana-root-", "amana-root-07", "xamana-root-7", "another"):
            desk.session.generate_key(KeyType.AES, 256, label=label, store=True)
    keys.reload()
    assert keys.versions == (1,)


def test_processes_that_make_a_root_at_once_never_make_one_version_twice(keys):
    assert in_children(*[lambda: keys.add_root() > 1] * 4) == [True] * 4
    assert sorted(label for label, _ in secret_keys(keys)) == [
        f"amana-root-{n}" for n in range(1, 6)
    ]


def test_of_two_keys_of_one_label_neither_is_used(keys):
    keys.add_root()
    with keys._tokens.here().desk() as desk:
        desk.session.generate_key(KeyType.AES, 256, label="amana-root-2", store=True)
        desk.roots.clear()
    with pytest.raises(KeysUnavailableError):
        keys.wrap(KEY, PLACE)


def test_a_root_is_refused_before_its_nonces_could_meet(keys, monkeypatch):
    monkeypatch.setattr(pkcs11_keys, "WRAPS_PER_ROOT", 2)
    wrapped = keys.wrap(KEY, PLACE)
    keys.wrap(KEY, PLACE)
    with pytest.raises(KeysUnavailableError, match="rotate"):
        keys.wrap(KEY, PLACE)
    assert keys.unwrap(wrapped, PLACE) == KEY
    keys.add_root()
    assert wrapped_by(keys.wrap(KEY, PLACE)) == 2


def test_threat_11_four_forked_children_and_their_parent_all_wrap_and_unwrap(keys):
    wrapped = keys.wrap(KEY, PLACE)

    def work():
        with ThreadPoolExecutor(4) as threads:
            opened = list(threads.map(lambda _: keys.unwrap(wrapped, PLACE), range(40)))
        return set(opened) == {KEY} and keys.unwrap(keys.wrap(KEY, PLACE), PLACE) == KEY

    assert in_children(*[work] * 4) == [True] * 4
    assert work()


def test_parent_and_child_see_each_other_s_roots(keys):
    assert in_children(lambda: keys.add_root() == 2) == [True]
    keys.reload()
    wrapped = keys.wrap(KEY, PLACE)
    assert wrapped_by(wrapped) == 2
    assert in_children(lambda: keys.unwrap(wrapped, PLACE) == KEY) == [True]


def test_threads_wait_for_one_another(keys):
    wrapped = keys.wrap(KEY, PLACE)
    with ThreadPoolExecutor(16) as threads:
        assert set(threads.map(lambda _: keys.unwrap(wrapped, PLACE), range(400))) == {KEY}


def test_threat_38_a_token_that_goes_is_an_outage_and_comes_back_without_a_restart(keys, tmp_path):
    wrapped = keys.wrap(KEY, PLACE)
    (tmp_path / "tokens").rename(tmp_path / "away")
    for _ in range(2):
        with pytest.raises(KeysUnavailableError):
            keys.unwrap(wrapped, PLACE)
        with pytest.raises(KeysUnavailableError):
            keys.wrap(KEY, PLACE)
        assert not keys.healthy()
    (tmp_path / "away").rename(tmp_path / "tokens")
    assert keys.unwrap(wrapped, PLACE) == KEY
    assert keys.healthy()


def test_threat_38_another_token_in_its_place_is_an_outage_and_no_lost_key(keys, tmp_path):
    wrapped = keys.wrap(KEY, PLACE)
    for _, key in secret_keys(keys):
        key.destroy()
    with pytest.raises(KeysUnavailableError):
        keys.unwrap(wrapped, PLACE)
    assert not keys.healthy()


def test_threat_39_a_token_that_hangs_keeps_nobody_waiting_for_long(keys, monkeypatch):
    monkeypatch.setattr(pkcs11_token, "PATIENCE_SECONDS", 0.05)
    wrapped = keys.wrap(KEY, PLACE)
    with keys._tokens.here().desk(), ThreadPoolExecutor(8) as threads:
        began = time.monotonic()
        waiting = [threads.submit(keys.unwrap, wrapped, PLACE) for _ in range(16)]
        for each in waiting:
            with pytest.raises(KeysUnavailableError):
                each.result()
        assert time.monotonic() - began < 5
        assert not threads.submit(keys.healthy).result()
    assert keys.unwrap(wrapped, PLACE) == KEY


def test_what_the_caller_raises_at_a_desk_leaves_the_session_whole(keys):
    token = keys._tokens.here()
    with pytest.raises(RuntimeError), token.desk():
        raise RuntimeError
    assert keys.unwrap(keys.wrap(KEY, PLACE), PLACE) == KEY


def test_a_wrong_pin_is_tried_once_and_not_told(token_place):
    token_place.pin_file.write_text("9999")
    keys = Pkcs11Keys(token_place)
    with pytest.raises(KeySetupError, match="refuses the PIN") as told:
        keys.reload()
    assert "9999" not in str(told.value)
    token_place.pin_file.write_text("5678")
    with pytest.raises(KeySetupError, match="refused the PIN"):
        keys.reload()
    assert not keys.healthy()
    assert create_pkcs11_keys(token_place).versions == (1,)


def test_a_pin_that_cannot_be_read_is_named_by_its_file(token_place):
    token_place.pin_file.unlink()
    with pytest.raises(KeySetupError, match=r"the file of the PIN cannot be read: .*"):
        Pkcs11Keys(token_place).reload()


def test_threat_47_a_token_shows_nothing_and_cannot_be_copied_out(keys):
    token = keys._tokens.here()
    with token.desk() as desk:
        held = (keys, token, keys._tokens, desk)
    for each in held:
        assert repr(each) == f"<{type(each).__name__}>"
        for leave in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError, match="holds a key"):
                leave(each)


def test_threat_14_what_a_token_wrapped_needs_the_token(keys, token_place, tmp_path):
    # The web tier's files and the database, without the token: nothing there unwraps.
    wrapped = keys.wrap(KEY, PLACE)
    files = [path.read_bytes() for path in (tmp_path / "tokens").rglob("*.object")]
    assert files
    assert all(KEY not in each for each in [*files, wrapped])
    (tmp_path / "tokens").rename(tmp_path / "another machine")
    with pytest.raises(KeysUnavailableError):
        open_keys(token_place).unwrap(wrapped, PLACE)
