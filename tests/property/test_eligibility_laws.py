"""Laws of eligibility: poorer is never worse, and knowing more only settles what was open."""

from datetime import date
from decimal import Decimal
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from policies import catalogue as catalogues
from policies import eligibility
from policies.eligibility import CannotSay, ClaimantFacts, Eligible, NotEligible
from policies.household_index import Index

FOLDER = Path(catalogues.__file__).parent / "catalogue"
RULES = catalogues.compile(
    {str(path.relative_to(FOLDER)): path.read_bytes() for path in FOLDER.rglob("*.toml")}
).rules
TODAY = date(2026, 11, 24)
rules = st.sampled_from(list(RULES.values()))
near_a_line = st.sampled_from([Decimal("9.3264284"), Decimal("9.743001")])
scores = st.builds(
    lambda line, steps: line + steps * Decimal("0.0000001"), near_a_line, st.integers(-3, 3)
)
births = st.dates(date(2000, 5, 1), date(2000, 7, 1)).map(str)
claimants = st.builds(
    ClaimantFacts,
    birth_date=st.one_of(st.none(), births, st.just("2000-06"), st.just("2000")),
    nationality=st.sampled_from([None, "MAR", "FRA"]),
    registered_household=st.booleans(),
)


def index(score: Decimal) -> Index:
    return Index(score=score, formula="rsu-urban-1", lines=())


@given(rules, scores, scores, claimants)
def test_a_lower_index_is_never_worse(rule, one, other, facts):
    low, high = sorted((one, other))

    if isinstance(eligibility.assess(rule, index(high), facts, TODAY), Eligible):
        assert isinstance(eligibility.assess(rule, index(low), facts, TODAY), Eligible)


@given(rules, scores, claimants, births)
def test_to_learn_a_fact_settles_an_answer_and_never_unsettles_it(rule, score, facts, born):
    known = replace(
        facts, birth_date=facts.birth_date or born, nationality=facts.nationality or "MAR"
    )

    before = eligibility.assess(rule, index(score), facts, TODAY)
    after = eligibility.assess(rule, index(score), known, TODAY)

    if not isinstance(before, CannotSay):
        assert type(after) is type(before)


@given(rules, st.one_of(st.none(), scores.map(index)), claimants)
def test_an_answer_is_one_of_three_and_says_why(rule, known, facts):
    match eligibility.assess(rule, known, facts, TODAY):
        case Eligible(until=until):
            assert TODAY <= until <= rule.ends
        case NotEligible(reasons=reasons) | CannotSay(reasons=reasons):
            assert len(set(reasons)) == len(reasons) > 0
