"""A kill at any moment of the seeding is made good by the next run."""

import stat
from datetime import date
from uuid import uuid4

import pytest

from api.demo import ledger
from api.demo.ledger import Entered, Ledger


def somebody():
    return Entered(subject=uuid4(), idcs="2345678903")


@pytest.fixture
def known():
    return Ledger(
        seed="s",
        day=date(2026, 11, 23),
        wanted=4,
        people=[somebody(), None],
        pending=[somebody(), somebody()],
    )


def test_a_chunk_that_was_committed_counts(known):
    assert known.settle(3)
    assert len(known.people) == 4
    assert known.pending == []


def test_a_chunk_that_was_rolled_back_is_done_again(known):
    assert known.settle(1)
    assert len(known.people) == 2
    assert known.pending == []


def test_a_register_that_is_not_its_own_is_left_alone(known):
    assert not known.settle(2)
    assert not known.settle(0)


def test_what_is_kept_is_read_back_and_private(tmp_path, known):
    file = tmp_path / "demo" / "seeding.json"
    ledger.write(file, known)

    assert ledger.read(file) == known
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert [each.name for each in file.parent.iterdir()] == ["seeding.json"]


def test_nothing_kept_is_no_ledger(tmp_path):
    assert ledger.read(tmp_path / "seeding.json") is None
