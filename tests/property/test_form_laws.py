"""Laws of the form lattices of the shipped catalogue, over every attribute and pair of forms."""

from datetime import date
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies import catalogue as catalogues
from policies import forms

FOLDER = Path(catalogues.__file__).parent / "catalogue"
ATTRIBUTES = catalogues.compile(
    {str(path.relative_to(FOLDER)): path.read_bytes() for path in FOLDER.rglob("*.toml")}
).attributes
LATTICES = [attribute for attribute in ATTRIBUTES.values() if attribute.forms]
ids = [attribute.id for attribute in LATTICES]
TODAY = date(2026, 11, 24)

communes = st.sampled_from([("Anfa", "Casablanca"), ("Maarif", "Casablanca"), ("Agdal", "Rabat")])
VALUES = {
    "birth_date": st.one_of(
        st.dates(date(1920, 1, 1), TODAY).map(str),
        st.integers(1920, 2025).map(str),
        st.dates(date(1920, 1, 1), TODAY).map(lambda born: str(born)[:7]),
    ),
    "address": st.builds(
        lambda at, street: {
            "street": street, "commune": at[0], "province": at[1],
            "region": {"Casablanca": "casablanca-settat", "Rabat": "rabat-sale-kenitra"}[at[1]],
        },
        communes,
        st.text(max_size=3),
    ),
    "household_size": st.integers(1, 15),
}  # fmt: skip


@pytest.mark.parametrize("attribute", LATTICES, ids=ids)
def test_covering_is_an_order(attribute):
    lattice = list(attribute.forms)
    covers = {(a, b) for a, b in product(lattice, lattice) if forms.covers(attribute, a, b)}

    assert all((form, form) in covers for form in lattice)
    assert all((a, c) in covers for a, b in covers for x, c in covers if b == x)
    assert all(a == b for a, b in covers if (b, a) in covers)


@pytest.mark.parametrize("attribute", LATTICES, ids=ids)
def test_what_is_left_is_never_finer_than_any_restriction(attribute):
    for a, b in product(attribute.forms, attribute.forms):
        left = forms.meet(attribute, a, b)

        assert left == forms.meet(attribute, b, a)
        assert left is None or (
            forms.covers(attribute, a, left) and forms.covers(attribute, b, left)
        )
        assert forms.meet(attribute, a, a) == a


@pytest.mark.parametrize("attribute", LATTICES, ids=ids)
def test_one_restriction_more_never_leaves_more(attribute):
    for a, b, c in product(attribute.forms, repeat=3):
        two, three = forms.meet(attribute, a, b), forms.meet(attribute, a, b, c)

        assert three is None or (two is not None and forms.covers(attribute, two, three))


@given(st.data())
def test_a_coarser_form_tells_nothing_that_the_finer_one_did_not(data):
    """Two values that look alike in a form look alike in every form derived from it."""
    attribute = ATTRIBUTES[data.draw(st.sampled_from(sorted(VALUES)))]
    readable = [form for form in attribute.forms if form != "match"]
    fine, coarse = data.draw(st.sampled_from(readable)), data.draw(st.sampled_from(readable))
    one, other = data.draw(VALUES[attribute.id]), data.draw(VALUES[attribute.id])

    if forms.covers(attribute, fine, coarse) and forms.derive(
        attribute, fine, one, TODAY
    ) == forms.derive(attribute, fine, other, TODAY):
        assert forms.derive(attribute, coarse, one, TODAY) == forms.derive(
            attribute, coarse, other, TODAY
        )
