"""A programme's rule is applied to a person: yes until, no because, or it cannot be said."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from policies import catalogue as catalogues
from policies import eligibility
from policies.eligibility import CannotSay, ClaimantFacts, EligibilityReason, Eligible, NotEligible
from policies.household_index import Index, IndexReason, IndexUnknown

FOLDER = Path(catalogues.__file__).parent / "catalogue"
RULES = catalogues.compile(
    {str(path.relative_to(FOLDER)): path.read_bytes() for path in FOLDER.rglob("*.toml")}
).rules
AMO, ASD, MINHATY = RULES["amo-tadamon"], RULES["asd"], RULES["minhaty"]
TODAY = date(2026, 11, 24)
STUDENT = ClaimantFacts(birth_date="2006-02-01", nationality="MAR", registered_household=True)
UNKNOWN = IndexUnknown(reason=IndexReason.COEFFICIENT_UNKNOWN)


def index(score: str) -> Index:
    return Index(score=Decimal(score), formula="rsu-urban-1", lines=())


@pytest.mark.parametrize(
    ("rule", "score", "eligible"),
    [
        (AMO, "9.3264284", True),
        (AMO, "9.3264285", False),
        (ASD, "9.7430010", True),
        (ASD, "9.7430011", False),
    ],
)
def test_the_threshold_itself_is_inside(rule, score, eligible):
    answer = eligibility.assess(rule, index(score), STUDENT, TODAY)

    assert answer == (
        Eligible(until=date(2026, 12, 24))
        if eligible
        else NotEligible(reasons=(EligibilityReason.INDEX_ABOVE_THRESHOLD,))
    )


def test_a_threshold_may_be_outside_by_its_flag():
    strict = replace(AMO, index=replace(AMO.index, inclusive=False))

    assert isinstance(eligibility.assess(strict, index("9.3264284"), STUDENT, TODAY), NotEligible)
    assert isinstance(eligibility.assess(strict, index("9.3264283"), STUDENT, TODAY), Eligible)


@pytest.mark.parametrize("unknown", [None, UNKNOWN])
def test_an_unknown_index_is_not_a_no(unknown):
    answer = eligibility.assess(AMO, unknown, STUDENT, TODAY)

    assert answer == CannotSay(reasons=(EligibilityReason.INDEX_UNKNOWN,))


def test_a_scholarship_needs_no_index():
    assert isinstance(eligibility.assess(MINHATY, None, STUDENT, TODAY), Eligible)


@pytest.mark.parametrize(
    ("change", "answer"),
    [
        (
            {"registered_household": False},
            NotEligible(reasons=(EligibilityReason.HOUSEHOLD_NOT_REGISTERED,)),
        ),
        ({"nationality": "FRA"}, NotEligible(reasons=(EligibilityReason.OTHER_NATIONALITY,))),
        ({"nationality": None}, CannotSay(reasons=(EligibilityReason.NATIONALITY_UNKNOWN,))),
        ({"birth_date": "2000-06-01"}, NotEligible(reasons=(EligibilityReason.AGE_LIMIT_REACHED,))),
        ({"birth_date": "2000-06-02"}, Eligible(until=date(2027, 2, 22))),
        ({"birth_date": "2000"}, CannotSay(reasons=(EligibilityReason.AGE_UNKNOWN,))),
        ({"birth_date": None}, CannotSay(reasons=(EligibilityReason.AGE_UNKNOWN,))),
    ],
)
def test_each_condition_of_a_scholarship_speaks_for_itself(change, answer):
    assert eligibility.assess(MINHATY, None, replace(STUDENT, **change), TODAY) == answer


def test_every_failing_condition_is_named():
    stranger = ClaimantFacts(birth_date="1980", nationality="FRA")

    assert eligibility.assess(MINHATY, None, stranger, TODAY) == NotEligible(
        reasons=(
            EligibilityReason.HOUSEHOLD_NOT_REGISTERED,
            EligibilityReason.AGE_LIMIT_REACHED,
            EligibilityReason.OTHER_NATIONALITY,
        )
    )


def test_a_failing_condition_outweighs_an_unknown_one():
    facts = ClaimantFacts(birth_date=None, nationality="FRA", registered_household=True)

    assert eligibility.assess(MINHATY, None, facts, TODAY) == NotEligible(
        reasons=(EligibilityReason.OTHER_NATIONALITY,)
    )


@pytest.mark.parametrize(
    "rule",
    [None, replace(AMO, ends=date(2026, 11, 23)), replace(AMO, effective=date(2026, 11, 25))],
)
def test_without_a_rule_in_force_nothing_can_be_said(rule):
    answer = eligibility.assess(rule, index("1"), STUDENT, TODAY)

    assert answer == CannotSay(reasons=(EligibilityReason.RULE_NOT_IN_FORCE,))


def test_the_first_and_the_last_day_of_a_rule_are_inside_it():
    rule = replace(AMO, effective=TODAY, ends=TODAY)

    assert eligibility.assess(rule, index("9"), STUDENT, TODAY) == Eligible(until=TODAY)


def test_an_answer_does_not_outlive_its_rule():
    rule = replace(AMO, ends=date(2026, 12, 1))

    assert eligibility.assess(rule, index("9"), STUDENT, TODAY) == Eligible(until=date(2026, 12, 1))


def test_an_answer_does_not_outlive_the_age_it_was_given_for():
    rule = replace(MINHATY, age=replace(MINHATY.age, counted_on=None))
    facts = replace(STUDENT, birth_date="2000-12-01")

    assert eligibility.assess(rule, None, facts, TODAY) == Eligible(until=date(2026, 11, 30))
