from decimal import Decimal

import pytest

from identity.registry import household_lines, idcs
from identity.registry.household_lines import Written
from policies.household_index import Education, HouseholdFacts, Milieu, Region

ONE, OTHER = idcs.checked("234567890"), idcs.checked("345678901")
LINE = {
    "members": [ONE, OTHER],
    "declarant": ONE,
    "milieu": "urban",
    "region": "oriental",
    "size": 2,
    "rooms": 3,
    "head_age": 44,
    "head_education": "basic",
    "butane": "360.50",
    "computer": True,
}


def problems(**change):
    found = household_lines.parse(LINE | change)
    return [(each.field, each.reason) for each in getattr(found, "problems", ())]


def test_a_line_is_read_as_it_is_meant():
    assert household_lines.parse(LINE) == Written(
        members=(ONE, OTHER),
        declarant=ONE,
        facts=HouseholdFacts(
            milieu=Milieu.URBAN,
            region=Region.ORIENTAL,
            size=2,
            rooms=3,
            head_age=44,
            head_education=Education.BASIC,
            butane=Decimal("360.50"),
            computer=True,
        ),
    )


def test_a_row_of_texts_says_the_same_as_an_object():
    row = {name: str(value) for name, value in LINE.items()}
    row |= {"members": f"{ONE}, {OTHER}", "computer": "true", "cars": "", "motorbikes": " 0 "}

    assert household_lines.parse(row) == household_lines.parse(LINE)


@pytest.mark.parametrize("between", [" ", ", ", ";", "\t"])
def test_members_may_be_set_apart_in_any_way(between):
    assert problems(members=between.join((ONE, OTHER))) == []


@pytest.mark.parametrize("written", [0, "0", 360.5, "360.5", 7, "100000000"])
def test_amounts_may_be_numbers_or_texts(written):
    assert problems(butane=written) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"members": [ONE[:-1] + "x"]}, ("members", "not-an-idcs")),
        ({"members": []}, ("members", "not-an-idcs")),
        ({"members": 7}, ("members", "not-an-idcs")),
        ({"members": [7]}, ("members", "not-an-idcs")),
        ({"members": [ONE] * 101}, ("members", "not-an-idcs")),
        ({"members": None}, ("members", "not-an-idcs")),
        ({"declarant": f"{ONE} {OTHER}"}, ("declarant", "not-an-idcs")),
        ({"declarant": None}, ("declarant", "not-an-idcs")),
        ({"size": None}, ("size", "missing")),
        ({"size": ""}, ("size", "missing")),
        ({"size": 0}, ("size", "not-a-value")),
        ({"size": 101}, ("size", "not-a-value")),
        ({"size": 1.5}, ("size", "not-a-value")),
        ({"size": "two"}, ("size", "not-a-value")),
        ({"size": True}, ("size", "not-a-value")),
        ({"size": 10**5000}, ("size", "not-a-value")),
        ({"milieu": "moon"}, ("milieu", "not-a-value")),
        ({"computer": "maybe"}, ("computer", "not-a-value")),
        ({"computer": 1}, ("computer", "not-a-value")),
        ({"butane": "100000000.01"}, ("butane", "not-a-value")),
        ({"butane": "999999999"}, ("butane", "not-a-value")),
        ({"butane": "-1"}, ("butane", "not-a-value")),
        ({"butane": "NaN"}, ("butane", "not-a-value")),
        ({"butane": [1]}, ("butane", "not-a-value")),
        ({"literate": 9}, ("literate", "inconsistent")),
        ({"couple_without_children": True, "size": 3}, ("couple_without_children", "inconsistent")),
        ({"colour": "blue"}, ("colour", "unknown-field")),
    ],
)
def test_one_wrong_field_is_told_for_its_own_reason_alone(change, told):
    assert problems(**change) == [told]


def test_every_wrong_field_is_told_at_once():
    assert problems(size=0, rooms=None, milieu="moon") == [
        ("milieu", "not-a-value"),
        ("size", "not-a-value"),
        ("rooms", "missing"),
    ]
