"""The threat model names tests that are there, and every number of it has one."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODEL = (ROOT / "docs" / "threat-model.md").read_text()
NUMBERS = range(1, 53)
TESTS = {
    name
    for path in (ROOT / "tests").rglob("test_*.py")
    for name in re.findall(r"^ *(?:async )?def (test_\w+)\(", path.read_text(), re.MULTILINE)
}


def test_a_test_that_is_named_exists():
    assert set(re.findall(r"`(test_\w+)`", MODEL)) - TESTS - {"test_threat_NN"} == set()


@pytest.mark.parametrize("number", NUMBERS)
def test_a_numbered_threat_is_answered_by_tests_of_its_number(number):
    row = re.search(rf"^\| {number} \| .+ \| .+ \| (.+) \|$", MODEL, re.MULTILINE)
    assert row
    named = re.findall(r"`(\w+)`", row[1])
    assert named
    assert all(name.startswith(f"test_threat_{number:02}_") for name in named)


def test_no_test_bears_a_number_that_the_model_has_not():
    borne = {int(each) for name in TESTS for each in re.findall(r"^test_threat_(\d+)", name)}
    assert borne == set(NUMBERS)
