"""A nonce is never used twice under one key: not by a fork, not by a source that is stuck."""

import subprocess
import sys
from pathlib import Path

import pytest

from vault import ciphers, envelope, self_test
from vault.ciphers import SubjectKey
from vault.envelope import Place
from vault.envelope_errors import RandomnessError
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
