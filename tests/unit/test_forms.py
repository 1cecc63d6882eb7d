"""A form gives what its name says, and never what a coarser right does not cover."""

from datetime import date
from pathlib import Path

import pytest

from policies import catalogue as catalogues
from policies import forms
from policies.forms import UnderivableError

FOLDER = Path(catalogues.__file__).parent / "catalogue"
ATTRIBUTES = catalogues.compile(
    {str(path.relative_to(FOLDER)): path.read_bytes() for path in FOLDER.rglob("*.toml")}
).attributes
TODAY = date(2026, 11, 24)


@pytest.mark.parametrize(
    ("attribute", "form", "value", "given"),
    [
        ("given_name", "raw", "خديجة", "خديجة"),
        ("birth_date", "year", "1990-05-01", 1990),
        ("birth_date", "year", "1990", 1990),
        ("birth_date", "age_band", "1990-05-01", "35-39"),
        ("birth_date", "age_band", "1990-12-31", "35-39"),
        ("birth_date", "age_band", "2026-01-01", "0-4"),
        ("birth_date", "over_18", "2008-11-24", True),
        ("birth_date", "over_18", "2008-11-25", False),
        ("birth_date", "over_18", "2008-11", None),
        ("birth_date", "over_18", "2008-10", True),
        ("birth_date", "over_18", "2008-12", False),
        ("birth_date", "over_18", "2008", None),
        ("idcs", "last4", "2345678901", "8901"),
        ("phone", "masked", "+212661234512", "•••••••••••12"),
        ("email", "masked", "khadija@example.ma", "k•••@example.ma"),
        ("address", "commune", {"commune": "Anfa", "province": "Casablanca"}, "Anfa"),
        ("address", "province", {"commune": "Anfa", "province": "Casablanca"}, "Casablanca"),
        ("address", "region", {"commune": "Anfa"}, None),
        ("household_size", "band", 1, "1"),
        ("household_size", "band", 2, "2"),
        ("household_size", "band", 3, "3-4"),
        ("household_size", "band", 4, "3-4"),
        ("household_size", "band", 5, "5-6"),
        ("household_size", "band", 6, "5-6"),
        ("household_size", "band", 7, "7+"),
    ],
)
def test_a_value_is_given_in_the_form(attribute, form, value, given):
    assert forms.derive(ATTRIBUTES[attribute], form, value, TODAY) == given


@pytest.mark.parametrize(
    ("attribute", "form"),
    [("given_name", "match"), ("eligibility", "decision"), ("phone", "year"), ("index", "raw")],
)
def test_what_is_compared_decided_or_never_given_is_not_read_out_of_a_value(attribute, form):
    with pytest.raises(UnderivableError):
        forms.derive(ATTRIBUTES[attribute], form, "2000", TODAY)


@pytest.mark.parametrize(
    ("attribute", "allowed", "asked", "covered"),
    [
        ("birth_date", "raw", "age_band", True),
        ("birth_date", "year", "age_band", True),
        ("birth_date", "age_band", "age_band", True),
        ("birth_date", "age_band", "year", False),
        ("birth_date", "year", "over_18", False),
        ("birth_date", "match", "raw", False),
        ("address", "raw", "region", True),
        ("address", "region", "commune", False),
        ("address", "street", "street", False),
        ("index", "raw", "raw", False),
    ],
)
def test_a_right_to_a_form_covers_what_derives_from_it(attribute, allowed, asked, covered):
    assert forms.covers(ATTRIBUTES[attribute], allowed, asked) is covered


@pytest.mark.parametrize(
    ("attribute", "given", "left"),
    [
        ("address", ["commune", "province"], "province"),
        ("address", ["region", "raw"], "region"),
        ("birth_date", ["raw", "over_18"], "over_18"),
        ("birth_date", ["year", "over_18"], None),
        ("birth_date", ["year", "match"], None),
        ("birth_date", [], "raw"),
        ("index", [], None),
    ],
)
def test_what_restrictions_leave_is_the_finest_form_under_them_all(attribute, given, left):
    assert forms.meet(ATTRIBUTES[attribute], *given) == left
