"""Whatever is written in a form or a file is a person or a list of problems; never a fault."""

from datetime import date

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from identity.registry import fields, person
from identity.registry.person import FIELDS, Invalid, Person

# Machines are shared: a slow one is not a broken law.
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
TODAY = date(2026, 11, 24)
RIGHT = {
    "given_name_ar": "محمد",
    "given_name_latin": "Mohamed",
    "family_name_ar": "العمراني",
    "family_name_latin": "El Amrani",
    "sex": "M",
    "birth_date": "1990-05-01",
    "civil_registry": "1990/12",
}
values = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=250)
    | st.lists(st.text(max_size=12), max_size=3)
    | st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2)
    | st.sampled_from(["", " ", "\x00", "\ud800", "M", "1990", "0612345678", "²", "٣", "a" * 300])
)


@unhurried
@given(st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=50), values))
def test_any_values_are_a_person_or_problems(written):
    found = person.parse(RIGHT | written, on=TODAY)

    if isinstance(found, Invalid):
        assert found.problems
        assert {each.reason for each in found.problems} <= fields.REASONS
        msgspec.json.encode(found)
    else:
        assert isinstance(found, Person)
        assert person.checked(found, on=TODAY) == found


@unhurried
@given(st.sampled_from(FIELDS), values)
def test_one_wrong_field_is_said_of_that_field_alone(field, value):
    found = person.parse(RIGHT | {field: value}, on=TODAY)

    if isinstance(found, Invalid):
        named = {each.field for each in found.problems}
        assert named <= {field, "document_kind", "document_number"}
