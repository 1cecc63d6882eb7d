"""Laws of the index: additive, monotone by the sign of a coefficient, and never a guess."""

from decimal import Decimal
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from policies import catalogue as catalogues
from policies import household_index
from policies.household_index import HouseholdFacts, Index, IndexUnknown, Milieu, Region

FOLDER = Path(catalogues.__file__).parent / "catalogue"
FORMULAS = {
    formula.milieu: formula
    for formula in catalogues.compile(
        {str(path.relative_to(FOLDER)): path.read_bytes() for path in FOLDER.rglob("*.toml")}
    ).formulas.values()
}
dirhams = st.decimals(0, 50_000, places=2)


@st.composite
def households(draw):
    size = draw(st.integers(1, 12))
    part = st.integers(0, size)
    return HouseholdFacts(
        milieu=draw(st.sampled_from(Milieu)),
        region=draw(st.sampled_from(Region)),
        size=size,
        rooms=draw(st.integers(1, 8)),
        head_age=draw(st.integers(16, 99)),
        loan=draw(st.booleans()),
        literate=draw(part),
        earning=draw(part),
        members_30_to_59=draw(part),
        children_in_public_school=draw(part),
        mobile_phones=draw(st.integers(0, 9)),
        cars=draw(st.integers(0, 2)),
        butane=draw(dirhams),
        phone_and_internet=draw(dirhams),
    )


def compute(facts: HouseholdFacts) -> Index | IndexUnknown:
    return household_index.compute(FORMULAS[facts.milieu], facts)


@given(households())
def test_an_index_is_the_sum_of_its_lines_and_is_replayed_bit_for_bit(facts):
    index = compute(facts)

    assert index == compute(facts)
    if isinstance(index, Index):
        assert index.score == sum(line.points for line in index.lines)
        assert index.score.as_tuple().exponent == -7


@given(households())
def test_only_a_rural_car_leaves_a_household_without_index(facts):
    rural_car = facts.milieu is Milieu.RURAL and facts.cars > 0

    assert isinstance(compute(facts), IndexUnknown) == rural_car


@given(households(), st.decimals(Decimal("0.01"), 10_000, places=2))
def test_spending_more_never_lowers_an_index(facts, more):
    spending = replace(facts, cars=0)
    after = replace(spending, phone_and_internet=spending.phone_and_internet + more)

    assert compute(after).score >= compute(spending).score


@given(households(), households())
def test_what_changed_is_all_that_changed(one, other):
    before, after = compute(replace(one, cars=0)), compute(replace(other, cars=0))

    moved = household_index.changes(before, after)

    assert sum((points for _, points in moved), before.score) == after.score
