"""Every refusal has its problem, every problem its line in the documentation."""

import re
from pathlib import Path

from api import problems
from policies.reasons import PUBLIC, Reason

ROOT = Path(__file__).parents[2]


def test_every_reason_has_a_public_code_and_every_code_a_problem():
    assert set(PUBLIC) == set(Reason)
    assert set(PUBLIC.values()) - {
        # A programme never meets what is decided about staff.
        Reason.DUTY_NOT_OF_ROLE.value,
        Reason.ATTRIBUTE_NOT_OF_DUTY.value,
        Reason.CASE_REFERENCE_UNFIT.value,
    } == set(problems.REFUSALS)


def test_the_documentation_lists_exactly_the_problems_there_are():
    rows = re.findall(
        r"^\| `(urn:amana:problem:[a-z-]+)` \| (\d{3}) \| (.+?) \|",
        (ROOT / "docs" / "problems.md").read_text(),
        re.MULTILINE,
    )

    assert sorted(rows) == sorted(
        (each.type, str(int(each.status)), each.title) for each in problems.table()
    )


def test_what_is_known_of_a_person_is_told_by_one_code_alone():
    about_a_person = {reason for reason in Reason if reason.value.startswith("person-")}

    assert {PUBLIC[reason] for reason in about_a_person} == {"not-permitted"}
