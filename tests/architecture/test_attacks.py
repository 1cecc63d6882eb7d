"""The page of attacks names tests that are there, and every number of it is tried."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "attacks.md").read_text()
NUMBERS = {*range(1, 95), *range(97, 103), 106} - {78, 81, 93}


def _borne(name: str) -> set[int]:
    """The numbers that a test bears: one, two, or all from one to another."""
    found = re.match(r"test_attacks?_(\d+)(?:_(to|and)_(\d+))?_", name)
    if not found:
        return set()
    first, last = int(found[1]), int(found[3] or found[1])
    return {*range(first, last + 1)} if found[2] == "to" else {first, last}


TESTS = {
    name: _borne(name)
    for path in (ROOT / "tests").rglob("test_*.py")
    for name in re.findall(
        r"^ *(?:async )?def (test_attacks?_\w+)\(", path.read_text(), re.MULTILINE
    )
}


@pytest.mark.parametrize("number", sorted(NUMBERS))
def test_an_attack_is_tried_by_tests_of_its_number(number):
    row = re.search(rf"^\| {number} \| .+ \| .+ \| (.+) \|$", PAGE, re.MULTILINE)
    assert row
    named = re.findall(r"`(\w+)`", row[1])
    assert named
    assert all(number in TESTS[name] for name in named)


def test_no_test_bears_a_number_that_the_page_has_not():
    assert set().union(*TESTS.values()) == NUMBERS
