"""The import formats that are documented are the ones that are read."""

import re
from pathlib import Path

from identity.registry import household_lines, person
from identity.registry.importing import BATCH

PAGE = (Path(__file__).parents[2] / "docs" / "import-formats.md").read_text()
PEOPLE, _, HOUSEHOLDS = PAGE.partition("## Households")


def fields(part):
    cells = re.findall(r"^\| ((?:`[a-z0-9_]+`(?:, )?)+) \|", part, re.MULTILINE)
    return [name for cell in cells for name in re.findall(r"`([a-z0-9_]+)`", cell)]


def test_every_field_of_a_person_is_documented_once():
    assert sorted(fields(PEOPLE)) == sorted(person.FIELDS)


def test_every_field_of_a_household_is_documented_once():
    told = [*fields(HOUSEHOLDS), "members", "declarant"]

    assert sorted(told) == sorted(household_lines.FIELDS)


def test_the_batch_is_as_large_as_it_is_told():
    assert f"A batch of {BATCH} records" in PAGE
