"""The index of a household: the golden vectors, what cannot be computed, and what is explained."""

import json
from decimal import Context, Decimal, localcontext
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from policies import catalogue as catalogues
from policies import household_index
from policies.household_facts import VARIABLES, Milieu
from policies.household_index import HouseholdFacts, Index, IndexReason, IndexUnknown

FOLDER = Path(catalogues.__file__).parent / "catalogue"
FORMULAS = catalogues.compile(
    {str(path.relative_to(FOLDER)): path.read_bytes() for path in FOLDER.rglob("*.toml")}
).formulas
OF_MILIEU = {formula.milieu: formula for formula in FORMULAS.values()}
VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "household_index.json").read_text())[
    "vectors"
]
BY_NAME = {vector["name"]: vector for vector in VECTORS}


def facts_of(name: str) -> HouseholdFacts:
    return msgspec.convert(BY_NAME[name]["facts"], HouseholdFacts)


def computed(name: str) -> Index | IndexUnknown:
    facts = facts_of(name)
    return household_index.compute(OF_MILIEU[facts.milieu], facts)


@pytest.mark.parametrize("name", BY_NAME)
def test_a_golden_vector_is_reproduced_to_the_last_digit(name):
    expected = BY_NAME[name]["expected"]
    match computed(name):
        case Index() as index:
            points = {line.variable: str(line.points) for line in index.lines if line.points}
            assert (index.formula, str(index.score)) == (expected["formula"], expected["score"])
            assert points == expected["points"]
        case IndexUnknown() as unknown:
            assert msgspec.to_builtins(unknown) == {
                "reason": expected["reason"],
                "variables": tuple(expected["variables"]),
            }


def test_the_digits_do_not_depend_on_the_context_around():
    name = "thirds round to even at the seventh decimal"
    with localcontext(Context(prec=5)):
        assert str(computed(name).score) == BY_NAME[name]["expected"]["score"]


def test_every_line_shows_what_was_counted_and_the_lines_add_up():
    index = computed("urban family of four in Casablanca")

    assert sum(line.points for line in index.lines) == index.score
    assert [line.points for line in index.lines if line.variable == "mobile_phones"] == [
        Decimal("0.1032000")
    ]


@pytest.mark.parametrize("formula", [None, OF_MILIEU[Milieu.RURAL]])
def test_without_a_formula_of_its_milieu_a_household_has_no_index(formula):
    facts = facts_of("urban family of four in Casablanca")

    assert household_index.compute(formula, facts) == IndexUnknown(reason=IndexReason.NO_FORMULA)


@pytest.mark.parametrize(
    ("change", "variables"),
    [
        ({"earning": 5}, ("earning",)),
        ({"members_19_to_29": 2, "members_30_to_59": 2, "members_60_and_over": 1}, ("size",)),
        (
            {"children_in_private_school": 2, "children_in_public_school": 3},
            ("children_in_public_school",),
        ),
        ({"literate": 5, "in_trade": 9}, ("literate", "in_trade")),
    ],
)
def test_facts_that_cannot_be_true_together_are_named(change, variables):
    facts = replace(facts_of("urban family of four in Casablanca"), **change)

    assert household_index.compute(OF_MILIEU[Milieu.URBAN], facts) == IndexUnknown(
        reason=IndexReason.FACTS_INCONSISTENT, variables=variables
    )


@pytest.mark.parametrize("spent", ["-1", "NaN", "Infinity", "1e9"])
@pytest.mark.parametrize("on", ["butane", "water_and_electricity", "phone_and_internet"])
def test_what_is_no_amount_is_not_taken_for_spending(on, spent):
    facts = BY_NAME["urban family of four in Casablanca"]["facts"] | {on: spent}

    with pytest.raises(msgspec.ValidationError, match="spending is an amount"):
        msgspec.convert(facts, HouseholdFacts)


@pytest.mark.parametrize("spent", ["0", "100000000"])
def test_the_least_and_the_most_that_may_be_spent_are_amounts(spent):
    facts = BY_NAME["urban family of four in Casablanca"]["facts"] | {"butane": spent}

    assert msgspec.convert(facts, HouseholdFacts).butane == Decimal(spent)


def test_what_moved_an_index_is_told_the_largest_first():
    before = computed("urban family of four in Casablanca")
    facts = replace(facts_of("urban family of four in Casablanca"), mobile_phones=3, loan=True)
    after = household_index.compute(OF_MILIEU[Milieu.URBAN], facts)

    assert household_index.changes(before, after) == (
        ("loan", Decimal("0.1350000")),
        ("mobile_phones", Decimal("0.0516000")),
    )


def test_a_line_that_came_or_went_with_the_formula_is_a_change():
    before = computed("urban family of four in Casablanca")
    after = replace(before, lines=before.lines[1:])

    assert household_index.changes(before, after) == (("constant", Decimal("-9.8250000")),)
    assert household_index.changes(after, before) == (("constant", Decimal("9.8250000")),)


def test_the_formulas_have_the_number_of_variables_told_to_parliament():
    counts = {
        formula.milieu: len(formula.coefficients) + len(formula.unknown)
        for formula in FORMULAS.values()
    }

    assert counts == {Milieu.URBAN: 35, Milieu.RURAL: 28}


def test_every_variable_is_of_some_formula():
    used = {
        name for formula in FORMULAS.values() for name in (*formula.coefficients, *formula.unknown)
    }

    assert used == set(VARIABLES)
