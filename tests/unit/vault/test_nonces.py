"""A nonce is never used twice under one key: not by a fork, not by a source that is stuck."""

import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from vault import ciphers, envelope, randomness, self_test
from vault.ciphers import SubjectKey
from vault.envelope import Place
from vault.envelope_errors import RandomnessError
from vault.randomness import Drawn
from vault.self_test import SelfTestError

KEY = SubjectKey(key=bytes(range(32)), handle=b"handle-1", version=1)
PLACE = Place(record=b"r" * 16, group="identity")
ROOT = Path(__file__).parents[3]

FORKS = """
import os, sys
from vault.ciphers import SubjectKey
key = SubjectKey(key=bytes(32), handle=bytes(8), version=1).group("identity")
key.nonce()  # drawn before the fork: nothing random may be kept from here
children = []
for worker in range(8):
    child = os.fork()
    if child == 0:
        with open(f"{sys.argv[1]}/{worker}", "wb") as file:
            file.write(b"".join(key.nonce() for _ in range(125_000)))
        os._exit(0)
    children.append(child)
sys.exit(any(os.waitpid(child, 0)[1] for child in children))
"""


def test_threat_11_eight_forked_workers_draw_a_million_nonces_and_no_two_alike(tmp_path):
    subprocess.run([sys.executable, "-c", FORKS, tmp_path], check=True, cwd=ROOT, timeout=60)
    drawn = set()
    for path in tmp_path.iterdir():
        octets = path.read_bytes()
        drawn.update(octets[at : at + 12] for at in range(0, len(octets), 12))
    assert len(drawn) == 1_000_000


def test_threat_10_a_source_that_is_stuck_refuses_the_start(monkeypatch):
    monkeypatch.setattr(self_test.secrets, "token_bytes", bytes)
    with pytest.raises(SelfTestError, match="random"):
        self_test.run()


def test_threat_10_a_source_that_sticks_later_seals_once_and_no_more(monkeypatch):
    monkeypatch.setattr(ciphers.secrets, "token_bytes", bytes)
    blob = envelope.seal(KEY.group("stuck"), PLACE, b"text")
    with pytest.raises(RandomnessError):
        envelope.seal(KEY.group("stuck"), PLACE, b"text")
    monkeypatch.undo()
    assert envelope.unseal(KEY.group("stuck"), PLACE, blob) == b"text"
    assert envelope.seal(KEY.group("stuck"), PLACE, b"text")[54:66] != bytes(12)


def test_what_is_drawn_together_is_given_out_once(monkeypatch):
    asked = []

    def counting(count):
        asked.append(count)
        return bytes(next(octets) % 256 for _ in range(count))

    octets = iter(range(10_000))
    monkeypatch.setattr(randomness.secrets, "token_bytes", counting)
    source = Drawn(64)
    given = [source(count) for count in (24, 12, 12, 24, 100, 1)]
    assert [len(each) for each in given] == [24, 12, 12, 24, 100, 1]
    assert asked == [64, 64, 100, 64], "what does not suffice is left, and never given out"
    starts = [int(each[0]) for each in given]
    assert starts == [0, 24, 36, 64, 128, 228]


def test_threat_10_a_source_that_is_stuck_draws_once_and_no_more(monkeypatch):
    monkeypatch.setattr(randomness.secrets, "token_bytes", bytes)
    source = Drawn(24)
    source(24)
    with pytest.raises(RandomnessError):
        source(24)


def test_what_is_drawn_is_not_shown():
    source = Drawn(16)
    source(4)
    assert "Drawn" in repr(source)
    assert source._octets.hex() not in repr(source)
    with pytest.raises(TypeError):
        pickle.dumps(source)
