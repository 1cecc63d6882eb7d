from datetime import date

import msgspec
import pytest

from identity.registry import fields, idcs, person
from identity.registry.person import DocumentKind, Invalid, MaritalStatus, Person, Sex

TODAY = date(2026, 11, 24)
NUMBERS = tuple(idcs.checked(f"{each}00000000") for each in "234")
WRITTEN = {
    "given_name_ar": "محمد",
    "given_name_latin": "Mohamed",
    "family_name_ar": "العمراني",
    "family_name_latin": "El Amrani",
    "sex": "M",
    "birth_date": "1990-05-01",
    "document_kind": "cnie",
    "document_number": "AB 123456",
}


def problems(**changes):
    found = person.parse(WRITTEN | changes, on=TODAY)
    assert isinstance(found, Invalid), found
    return [(each.field, each.reason) for each in found.problems]


def parsed(**changes):
    found = person.parse(WRITTEN | changes, on=TODAY)
    assert isinstance(found, Person), found
    return found


def test_a_form_is_read_in_the_registers_own_spelling():
    found = parsed(
        given_name_latin="  Mohamed\tAmine ",
        phone="06 12 34 56 78",
        email="A.B@EXEMPLE.ma",
        nationality="mar",
        marital_status="married",
        region="fes-meknes",
        legal_representative=NUMBERS[0],
        witnesses=f"{NUMBERS[1]}, {NUMBERS[2]}",
        synthetic="true",
        civil_registry=None,
    )

    assert found == Person(
        given_name_ar="محمد",
        given_name_latin="Mohamed Amine",
        family_name_ar="العمراني",
        family_name_latin="El Amrani",
        sex=Sex.MALE,
        birth_date="1990-05-01",
        document_kind=DocumentKind.CNIE,
        document_number="AB123456",
        phone="+212612345678",
        email="A.B@exemple.ma",
        marital_status=MaritalStatus.MARRIED,
        region="fes-meknes",
        legal_representative=NUMBERS[0],
        witnesses=(NUMBERS[1], NUMBERS[2]),
        synthetic=True,
    )
    assert person.checked(found, on=TODAY) == found


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("given_name_ar", "", "missing"),
        ("given_name_ar", "Mohamed", "not-arabic"),
        ("given_name_ar", "محمد1", "not-arabic"),
        ("given_name_ar", "- -", "not-arabic"),
        ("family_name_latin", "العمراني", "not-latin"),
        ("family_name_latin", "El <b>", "not-latin"),
        ("family_name_latin", None, "missing"),
        ("sex", "m", "not-a-sex"),
        ("birth_date", "01/05/1990", "not-a-date"),
        ("birth_date", "1990-02-30", "not-a-date"),
        ("birth_date", "1990-5-1", "not-a-date"),
        ("birth_date", "٠٠٠٠", "not-a-date"),
        ("birth_date", "2026-11-25", "in-the-future"),
        ("birth_date", "2027", "in-the-future"),
        ("birth_date", "1895-12-31", "too-long-ago"),
        ("nationality", "Maroc", "not-a-country"),
        ("document_kind", "passport", "unknown-kind"),
        ("document_number", "A", "not-a-document-number"),
        ("marital_status", "complicated", "unknown-status"),
        ("region", "Atlantis", "unknown-region"),
        ("phone", "12", "not-a-phone"),
        ("email", "nobody", "not-an-email"),
        ("legal_representative", "123", "not-an-idcs"),
        ("witnesses", "123 456", "not-an-idcs"),
        ("witnesses", [NUMBERS[0]], "two-needed"),
        ("witnesses", [NUMBERS[0], NUMBERS[0]], "two-needed"),
        ("witnesses", [NUMBERS[0], 5], "not-text"),
        ("witnesses", {"a": 1}, "not-text"),
        ("witnesses", ["1"] * 5, "not-text"),
        ("synthetic", "yes", "not-a-choice"),
        ("synthetic", 1, "not-a-choice"),
        ("address", "x" * 201, "too-long"),
        ("address", "a\x00b", "unreadable"),
        ("address", "a\ud800", "unreadable"),
        ("address", 7, "not-text"),
        ("father's", "x", "unknown-field"),
    ],
)
def test_what_is_wrong_with_one_field_is_said_of_that_field(field, value, reason):
    assert problems(**{field: value}) == [(field, reason)]
    assert reason in fields.REASONS


def test_every_problem_is_named_at_once():
    assert problems(sex="", birth_date="x", phone="1", strange="?") == [
        ("strange", "unknown-field"),
        ("sex", "missing"),
        ("birth_date", "not-a-date"),
        ("phone", "not-a-phone"),
    ]


def test_a_stray_fields_name_is_harmless():
    (stray, _), *_ = problems(**{"a\x1b[31m" + "b" * 100: "x"})

    assert stray == "a?[31m" + "b" * 34


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"document_kind": ""}, [("document_kind", "missing")]),
        (
            {"document_number": ""},
            [("document_number", "missing"), ("document_number", "no-ground")],
        ),
        (
            {"document_number": "", "document_kind": ""},
            [("document_number", "no-ground")],
        ),
    ],
)
def test_somebody_is_registered_on_some_ground(change, found):
    assert problems(**change) == found


@pytest.mark.parametrize(
    "ground",
    [
        {"civil_registry": "1990/12"},
        {"legal_representative": NUMBERS[0]},
        {"witnesses": NUMBERS[:2]},
    ],
)
def test_each_ground_is_enough(ground):
    parsed(document_kind="", document_number="", **ground)


@pytest.mark.parametrize("born", ["1990-05-01", "1990-05", "1990", "2026-11-24", "2026", "1897"])
def test_birth_dates_may_be_partial(born):
    assert parsed(birth_date=born).birth_date == born


def test_a_record_is_kept_by_group_without_what_was_not_given():
    kept = person.groups(parsed(commune="Fès", phone="0612345678"), "2000000000")

    assert kept == {
        "identity": {
            "given_name": {"ar": "محمد", "latin": "Mohamed"},
            "family_name": {"ar": "العمراني", "latin": "El Amrani"},
            "birth_date": "1990-05-01",
            "sex": "M",
            "nationality": "MAR",
            "idcs": "2000000000",
            "document_kind": "cnie",
            "document_number": "AB123456",
        },
        "contact": {"phone": "+212612345678", "address": {"commune": "Fès"}},
        "civil": {},
    }


def test_a_problem_carries_no_value():
    found = person.parse({"phone": "secret-0612"}, on=TODAY)

    assert b"secret" not in msgspec.json.encode(found)
