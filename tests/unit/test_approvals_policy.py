"""Four eyes: every condition is a reason of its own, and none against is a yes."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from policies import approvals
from policies import catalogue as catalogues
from policies.approvals import COMPLAINT, FRAUD_CASE, RULES, Held, Kind, Proposal, State, Use, Why
from policies.masking import masked
from policies.staff import Role
from policies.vocabulary import LegalBasis, ProgrammeId, PurposeId, StaffId

FOLDER = Path(catalogues.__file__).parent / "catalogue"
CATALOGUE = catalogues.compile(
    {str(path.relative_to(FOLDER)): path.read_bytes() for path in FOLDER.rglob("*.toml")}
)
NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
RELINK = Proposal(
    kind=Kind.RELINK,
    proposer=StaffId("desk-1"),
    role=Role.OPERATOR,
    programme=ProgrammeId("asd"),
    other=ProgrammeId("amo-tadamon"),
    purpose=FRAUD_CASE,
    basis=LegalBasis.PUBLIC_TASK,
    citation="Loi 72-18, art. 28",
    case_reference="F-2026-0042",
    tokens=("pt1_a", "pt1_b"),
    expires_at=NOON + timedelta(days=7),
    embargo_until=NOON + approvals.LONGEST_EMBARGO,
)
DETOKENISE = replace(RELINK, kind=Kind.DETOKENISE, other=None, embargo_until=None)
BOTH = ((StaffId("dpo-1"), Role.DPO), (StaffId("chief-1"), Role.CONTROLLER))
APPROVED = Held(proposal=RELINK, state=State.APPROVED, approvals=BOTH)
USE = Use(
    kind=Kind.RELINK,
    staff=StaffId("desk-1"),
    programme=ProgrammeId("asd"),
    purpose=FRAUD_CASE,
    case_reference="F-2026-0042",
    tokens=("pt1_b", "pt1_a"),
)
TICK = timedelta(microseconds=1)


@pytest.mark.parametrize("proposal", [RELINK, DETOKENISE])
def test_a_sound_proposal_has_nothing_against_it(proposal):
    assert approvals.against_proposing(proposal, CATALOGUE, NOON) == ()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"role": Role.CONTROLLER}, Why.ROLE_MAY_NOT_PROPOSE),
        ({"programme": "nobody"}, Why.PROGRAMME_UNKNOWN),
        ({"other": None}, Why.OTHER_PROGRAMME_UNFIT),
        ({"other": "asd"}, Why.OTHER_PROGRAMME_UNFIT),
        ({"other": "nobody"}, Why.OTHER_PROGRAMME_UNFIT),
        ({"purpose": COMPLAINT, "case_reference": "C-2026-0042"}, Why.PURPOSE_UNFIT),
        ({"basis": LegalBasis.CONSENT}, Why.BASIS_UNFIT),
        ({"citation": " "}, Why.CITATION_MISSING),
        ({"case_reference": "C-2026-0042"}, Why.CASE_UNFIT),
        ({"case_reference": "F-2027-0042"}, Why.CASE_UNFIT),
        ({"tokens": ()}, Why.NOBODY_NAMED),
        ({"tokens": ("pt1_a", "pt1_a")}, Why.NAMED_TWICE),
        ({"tokens": tuple(map(str, range(201)))}, Why.TOO_MANY),
        ({"expires_at": NOON}, Why.EXPIRY_UNFIT),
        ({"expires_at": NOON + timedelta(days=7) + TICK}, Why.EXPIRY_UNFIT),
        ({"embargo_until": NOON}, Why.EMBARGO_UNFIT),
        ({"embargo_until": NOON + approvals.LONGEST_EMBARGO + TICK}, Why.EMBARGO_UNFIT),
    ],
)
def test_one_defect_of_a_proposal_is_the_one_reason_against_it(change, why):
    assert approvals.against_proposing(replace(RELINK, **change), CATALOGUE, NOON) == (why,)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"other": "amo-tadamon"}, Why.OTHER_PROGRAMME_UNFIT),
        ({"embargo_until": NOON + TICK}, Why.EMBARGO_UNFIT),
        ({"purpose": PurposeId("housing/first-home")}, Why.PURPOSE_UNFIT),
    ],
)
def test_identifiers_are_resolved_for_no_other_programme_and_never_in_secret(change, why):
    found = approvals.against_proposing(replace(DETOKENISE, **change), CATALOGUE, NOON)

    assert why in found


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"staff": "desk-1"}, Why.OWN_PROPOSAL),
        ({"role": Role.OPERATOR}, Why.ROLE_MAY_NOT_APPROVE),
        ({"staff": "chief-1"}, Why.APPROVED_ALREADY),
        ({"role": Role.CONTROLLER}, Why.APPROVED_ALREADY),
        ({"state": State.REFUSED}, Why.NOT_OPEN),
        ({"state": State.APPROVED}, Why.NOT_OPEN),
        ({"now": NOON + timedelta(days=7)}, Why.NOT_OPEN),
    ],
)
def test_one_defect_of_an_approval_is_the_one_reason_against_it(changes, why):
    given = {"staff": "dpo-1", "role": Role.DPO, "state": State.PROPOSED, "now": NOON} | changes
    held = Held(proposal=RELINK, state=given["state"], approvals=BOTH[1:])

    found = approvals.against_approving(held, given["staff"], given["role"], given["now"])

    assert found == (why,)


def test_a_sound_approval_has_nothing_against_it():
    held = Held(proposal=RELINK, state=State.PROPOSED, approvals=BOTH[1:])

    assert approvals.against_approving(held, StaffId("dpo-1"), Role.DPO, NOON) == ()


@pytest.mark.parametrize(
    "given",
    [
        (),
        BOTH[:1],
        BOTH[1:],
        (("dpo-1", Role.DPO), ("dpo-2", Role.DPO)),
        (("desk-1", Role.DPO), BOTH[1]),
        (("dpo-1", Role.DPO), ("dpo-1", Role.CONTROLLER)),
    ],
)
def test_less_than_two_roles_of_two_other_people_is_no_approval(given):
    held = replace(APPROVED, approvals=given)

    assert not approvals.complete(held)
    assert approvals.against_using(held, USE, NOON) == (Why.APPROVALS_MISSING,)


def test_what_was_approved_may_be_used_for_exactly_that():
    assert approvals.against_using(APPROVED, USE, NOON) == ()
    assert approvals.against_using(APPROVED, replace(USE, tokens=("pt1_a",)), NOON) == ()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"kind": Kind.DETOKENISE}, Why.FOR_SOMETHING_ELSE),
        ({"programme": "amo-tadamon"}, Why.FOR_SOMETHING_ELSE),
        ({"purpose": COMPLAINT}, Why.FOR_SOMETHING_ELSE),
        ({"case_reference": "F-2026-0043"}, Why.FOR_SOMETHING_ELSE),
        ({"staff": "desk-2"}, Why.FOR_SOMEBODY_ELSE),
        ({"tokens": ("pt1_a", "pt1_c")}, Why.BEYOND_THE_SET),
        ({"tokens": ()}, Why.BEYOND_THE_SET),
    ],
)
def test_one_defect_of_a_use_is_the_one_reason_against_it(change, why):
    assert approvals.against_using(APPROVED, replace(USE, **change), NOON) == (why,)


@pytest.mark.parametrize("state", [each for each in State if each is not State.APPROVED])
def test_nothing_is_used_that_is_not_approved(state):
    held = replace(APPROVED, state=state)

    assert approvals.against_using(held, USE, NOON) == (Why.NOT_APPROVED,)


def test_an_approval_ends_on_the_instant():
    end = RELINK.expires_at

    assert approvals.against_using(APPROVED, USE, end - TICK) == ()
    assert approvals.against_using(APPROVED, USE, end) == (Why.EXPIRED,)
    assert APPROVED.at(end - TICK) is State.APPROVED
    assert APPROVED.at(end) is State.EXPIRED
    assert replace(APPROVED, state=State.USED).at(end) is State.USED


def test_a_no_may_be_said_by_an_approver_until_it_is_used():
    assert approvals.against_refusing(APPROVED, Role.CONTROLLER, NOON) == ()
    assert approvals.against_refusing(APPROVED, Role.OPERATOR, NOON) == (Why.ROLE_MAY_NOT_APPROVE,)
    used = replace(APPROVED, state=State.USED)
    assert approvals.against_refusing(used, Role.DPO, NOON) == (Why.NOT_OPEN,)


def test_every_kind_needs_two_roles_that_no_proposer_fills_alone():
    assert set(RULES) == set(Kind)
    assert all(rule.approvers == {Role.DPO, Role.CONTROLLER} for rule in RULES.values())


@pytest.mark.parametrize(
    ("attribute", "value", "shown"),
    [
        (
            "given_name",
            {"ar": "محمد أمين", "latin": "Mohamed Amine"},
            {"ar": "م. أ.", "latin": "M. A."},
        ),
        ("family_name", "El Amrani", "E. A."),
        ("birth_date", "1990-05-01", "1990"),
        ("phone", "+212612345678", "••••78"),
        ("idcs", "4821093756", "••••56"),
        ("document_number", "A123", "••••"),
        ("sex", "F", "••••"),
        ("address", {"commune": "Fès"}, "••••"),
        ("a fact of next year", "anything", "••••"),
        ("phone", None, None),
    ],
)
def test_a_value_is_masked_so_that_it_cannot_be_copied(attribute, value, shown):
    assert masked(attribute, value) == shown
