import pytest

from vault import self_test
from vault.envelope_errors import TamperedError
from vault.keys import create_file_keys
from vault.self_test import CHECKS, SelfTestError


def test_threat_52_every_primitive_gives_its_known_answer():
    self_test.run()


def test_threat_52_a_wrong_answer_refuses_the_start_and_names_the_primitive():
    with pytest.raises(SelfTestError, match="HMAC"):
        self_test.run({"SHA-256": lambda: True, "HMAC": lambda: False})


def test_a_library_that_opens_what_was_altered_is_found(monkeypatch):
    monkeypatch.setattr(self_test.envelope, "unseal", lambda *_, **__: b"")
    assert not CHECKS["envelope v1"]()


def test_a_library_that_takes_any_signature_is_found(monkeypatch):
    monkeypatch.setattr(self_test, "_es256_verifies", lambda *_: True)
    assert not CHECKS["ES256"]()


class Kept:
    """A provider that forgets one of its duties."""

    def __init__(self, keys, **lapses):
        self.wrap = lapses.get("wrap") or keys.wrap
        self.unwrap = lapses.get("unwrap") or keys.unwrap


def test_threat_52_a_provider_of_root_keys_is_tried_before_it_serves(tmp_path):
    self_test.provider(create_file_keys(tmp_path / "keys"))


@pytest.mark.parametrize(
    "lapses",
    [
        pytest.param({"wrap": lambda key, _: b"wrapped" + key}, id="its form is unknown"),
        pytest.param({"unwrap": lambda *_: bytes(range(32))}, id="it refuses nothing"),
        pytest.param({"unwrap": lambda *_: bytes(32)}, id="it opens something else"),
    ],
)
def test_threat_52_a_provider_that_answers_wrongly_refuses_the_start(tmp_path, lapses):
    with pytest.raises(SelfTestError, match="Kept"):
        self_test.provider(Kept(create_file_keys(tmp_path / "keys"), **lapses))


def test_threat_52_a_provider_that_wraps_nothing_refuses_the_start():
    def unwrap(wrapped, place):
        if not wrapped.endswith(place):
            raise TamperedError
        return wrapped[: -len(place)]

    with pytest.raises(SelfTestError, match="Kept"):
        self_test.provider(Kept(None, wrap=lambda key, place: key + place, unwrap=unwrap))


def test_threat_52_a_provider_that_only_forgets_the_place_refuses_the_start(tmp_path):
    keys = create_file_keys(tmp_path / "keys")
    forgetful = Kept(
        keys,
        wrap=lambda key, _: keys.wrap(key, b""),
        unwrap=lambda wrapped, _: keys.unwrap(wrapped, b""),
    )
    with pytest.raises(SelfTestError, match="Kept"):
        self_test.provider(forgetful)
