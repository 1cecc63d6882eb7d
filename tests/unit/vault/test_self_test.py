import pytest

from vault import self_test
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
