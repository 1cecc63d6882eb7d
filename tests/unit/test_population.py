from collections import Counter
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from identity.registry import person
from identity.registry.dice import Dice
from identity.registry.population import population
from policies import catalogue as catalogues
from policies import legal_time
from policies.household_facts import inconsistencies
from policies.household_index import Index, Milieu, compute

TODAY = date(2026, 11, 24)
AMO, ASD = Decimal("9.3264284"), Decimal("9.743001")


@pytest.fixture(scope="module")
def country():
    return population("amana-demo-1", on=TODAY)


@pytest.fixture(scope="module")
def indexes(country):
    folder = Path(catalogues.__file__).parent / "catalogue"
    files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.toml")}
    formula = catalogues.compile(files).formula
    found = [
        (each.facts.milieu, compute(formula(each.facts.milieu, TODAY), each.facts))
        for each in country.households
    ]
    return {
        milieu: [index.score for at, index in found if at is milieu and isinstance(index, Index)]
        for milieu in Milieu
    }


def test_the_same_seed_makes_the_same_people_and_another_seed_others(country):
    assert population("amana-demo-1", on=TODAY) == country
    assert population("amana-demo-2", on=TODAY).people != country.people


@pytest.mark.parametrize("wanted", [1, 7, 250])
def test_there_are_as_many_people_as_were_asked_for(wanted):
    made = population("few", people=wanted, on=TODAY)

    assert len(made.people) == wanted
    assert sum(len(each.members) for each in made.households) == wanted


def test_two_thousand_people_live_in_about_six_hundred_households(country):
    assert len(country.people) == 2000
    assert 550 <= len(country.households) <= 650


def test_everyone_lives_in_one_household_and_is_spoken_for_by_an_adult_of_it(country):
    housed = [at for each in country.households for at in each.members]

    assert sorted(housed) == list(range(2000))
    for each in country.households:
        assert each.declarant in each.members
        declarant = country.people[each.declarant]
        assert legal_time.reached(declarant.birth_date, 18, TODAY) in {True, None}


def test_every_person_can_be_registered_as_made_and_is_marked_synthetic(country):
    for each in country.people:
        assert person.checked(each, on=TODAY) == each
        assert each.synthetic


@pytest.mark.parametrize("field", ["document_number", "phone", "email"])
def test_no_two_people_share_what_is_one_persons_own(country, field):
    given = [value for each in country.people if (value := getattr(each, field))]

    assert len(set(given)) == len(given)
    assert len(given) > 300


def test_mail_goes_nowhere(country):
    assert all(not each.email or each.email.endswith(".invalid") for each in country.people)


def test_ages_go_from_children_to_the_old(country):
    decades = Counter((TODAY.year - int(each.birth_date[:4])) // 10 for each in country.people)

    assert all(decades[decade] > 50 for decade in range(7))
    assert min(decades) == 0
    assert max(decades) < 11


def test_facts_can_be_true_together_and_count_the_members(country):
    for each in country.households:
        assert list(inconsistencies(each.facts)) == []
        assert each.facts.size == len(each.members)
        assert each.facts.earning <= each.facts.size


@pytest.mark.parametrize("milieu", Milieu)
@pytest.mark.parametrize("threshold", [AMO, ASD])
def test_indexes_lie_on_both_sides_of_each_threshold(indexes, milieu, threshold):
    scores = indexes[milieu]

    assert len(scores) > 100
    assert 0.1 < sum(score <= threshold for score in scores) / len(scores) < 0.9
    assert sum(abs(score - threshold) < Decimal("0.1") for score in scores) >= 10


def test_few_rural_households_have_no_index(country, indexes):
    rural = sum(each.facts.milieu is Milieu.RURAL for each in country.households)

    assert 0 < rural - len(indexes[Milieu.RURAL]) < rural / 10


def test_dice_fall_within_their_bounds_and_on_every_side():
    dice = Dice("bounds")
    thrown = [dice.between(-2, 3) for _ in range(600)]

    assert set(thrown) == {-2, -1, 0, 1, 2, 3}
    assert all(50 < count < 150 for count in Counter(thrown).values())


def test_dice_know_never_and_always():
    dice = Dice("certain")

    assert not any(dice.chance(0) for _ in range(500))
    assert all(dice.chance(100) for _ in range(500))


def test_the_stream_of_a_seed_is_fixed_for_ever():
    dice = Dice("amana-demo-1")

    assert [dice.below(1000) for _ in range(6)] == [252, 770, 472, 129, 463, 872]
