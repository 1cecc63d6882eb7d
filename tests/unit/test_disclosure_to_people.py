"""People read their own record; staff open what a duty needs; neither is a programme."""

from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from msgspec.structs import replace

from policies import catalogue as catalogues
from policies import staff
from policies.disclosure import DutyAsk, Opening, Permit, Reason, decide_duty, decide_own
from policies.staff import Allowed, Duty, Refused, Role
from policies.vocabulary import Action, Actor, ActorKind, SubjectId

FOLDER = Path(catalogues.__file__).parent / "catalogue"
CATALOGUE = catalogues.compile(
    {str(path.relative_to(FOLDER)): path.read_bytes() for path in FOLDER.rglob("*.toml")}
)
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
PERSON, HOUSEHOLD = SubjectId(UUID(int=1)), SubjectId(UUID(int=2))
COMPARING = DutyAsk(
    staff="operator-1",
    role=Role.OPERATOR,
    duty=Duty.COMPARE_DUPLICATES,
    subject=PERSON,
    attributes=(("given_name", "raw"), ("birth_date", "raw")),
    case_reference="R-2026-1",
)


def test_a_person_reads_the_groups_asked_of_their_own_record_and_household():
    permit = decide_own(PERSON, HOUSEHOLD, ["contact", "index"], CATALOGUE, NOON)

    assert permit.openings == (
        Opening(record=PERSON, group="contact", attributes=("phone", "email", "address")),
        Opening(record=HOUSEHOLD, group="index", attributes=("index",)),
    )


def test_a_person_without_a_household_reads_their_own_record_alone():
    permit = decide_own(PERSON, None, ["civil", "household"], CATALOGUE, NOON)

    assert [opening.group for opening in permit.openings] == ["civil"]


def test_the_log_does_not_name_who_reads_their_own_record():
    permit = decide_own(PERSON, HOUSEHOLD, ["civil"], CATALOGUE, NOON)

    assert permit.actor == Actor(kind=ActorKind.CITIZEN, id="self")
    assert permit.action is Action.OWN
    assert permit.subject == PERSON
    assert ("marital_status", "raw") in permit.attributes
    assert (permit.purpose, permit.basis, permit.agreement, permit.case_reference) == (None,) * 4
    assert (permit.decided_at, permit.catalogue_hash) == (NOON, CATALOGUE.hash)


def test_staff_open_what_their_duty_needs():
    permit = decide_duty(COMPARING, CATALOGUE, NOON)

    assert isinstance(permit, Permit)
    assert permit.openings == (
        Opening(record=PERSON, group="identity", attributes=("given_name", "birth_date")),
    )


def test_the_log_names_the_staff_the_verb_and_the_purpose():
    permit = decide_duty(COMPARING, CATALOGUE, NOON)

    assert permit.actor == Actor(kind=ActorKind.STAFF, id="operator-1")
    assert permit.action is Action.REGISTER
    assert permit.purpose == "registers/registration"
    assert permit.case_reference == "R-2026-1"
    assert (permit.basis, permit.agreement) == (None, None)


@pytest.mark.parametrize(
    ("change", "reasons"),
    [
        ({"role": Role.DPO}, (Reason.DUTY_NOT_OF_ROLE,)),
        ({"case_reference": None}, (Reason.CASE_REFERENCE_MISSING,)),
        ({"case_reference": " "}, (Reason.CASE_REFERENCE_MISSING,)),
        ({"attributes": ()}, (Reason.NOTHING_ASKED,)),
        ({"attributes": (("phone", "raw"),)}, (Reason.ATTRIBUTE_NOT_OF_DUTY,)),
        (
            {"attributes": (("blood_group", "raw"),)},
            (Reason.ATTRIBUTE_UNKNOWN, Reason.ATTRIBUTE_NOT_OF_DUTY),
        ),
        ({"duty": Duty.REGISTER_PERSON}, (Reason.ATTRIBUTE_NOT_OF_DUTY,)),
        ({"duty": Duty.OPEN_ENTRY}, (Reason.DUTY_NOT_OF_ROLE, Reason.ATTRIBUTE_NOT_OF_DUTY)),
    ],
)
def test_staff_open_nothing_beyond_their_duty(change, reasons):
    assert decide_duty(replace(COMPARING, **change), CATALOGUE, NOON).reasons == reasons


@pytest.mark.parametrize(
    ("role", "duty"),
    [
        (Role.DPO, Duty.REVIEW_LOG),
        (Role.DPO, Duty.OPEN_ENTRY),
        (Role.DPO, Duty.VERIFY_LOG),
        (Role.OPERATOR, Duty.REGISTER_PERSON),
        (Role.OPERATOR, Duty.REGISTER_HOUSEHOLD),
        (Role.OPERATOR, Duty.COMPARE_DUPLICATES),
        (Role.AGENCY, Duty.KEEP_PROGRAMMES),
        (Role.OPERATOR, Duty.TRACE_FRAUD),
        (Role.OPERATOR, Duty.BREAK_GLASS),
        (Role.DPO, Duty.TRACE_COMPLAINT),
    ],
)
def test_a_role_has_its_duties_and_no_other_role_has_them(role, duty):
    assert staff.may(role, duty) == Allowed(role=role, duty=duty)
    for other in set(Role) - {role}:
        assert staff.may(other, duty) == Refused(role=other, duty=duty)


@pytest.mark.parametrize(
    "case", ["F-2026-0001", "C-2026-1", "C-2027-0001", "C-2026-0001 ", "C-٢٠٢٦-0001", "", None]
)
def test_threat_46_a_purpose_opens_nothing_without_a_case_of_its_class(case):
    ask = replace(COMPARING, role=Role.DPO, duty=Duty.TRACE_COMPLAINT, case_reference="C-2026-0001")

    assert isinstance(decide_duty(ask, CATALOGUE, NOON), Permit)
    refused = decide_duty(replace(ask, case_reference=case), CATALOGUE, NOON)
    assert Reason.CASE_REFERENCE_UNFIT in refused.reasons


def test_a_refused_duty_is_false_and_an_allowed_one_true():
    assert staff.may(Role.DPO, Duty.REVIEW_LOG)
    assert not staff.may(Role.OPERATOR, Duty.REVIEW_LOG)


def test_a_role_of_next_year_has_no_duty_today():
    assert not staff.may("auditor", Duty.REVIEW_LOG)


def test_every_duty_has_terms():
    assert set(staff.TERMS) == set(Duty)
