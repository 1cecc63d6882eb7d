"""One disclosure is decided: what is permitted, and each defect by its own reason alone."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID

import msgspec
import pytest
from msgspec.structs import replace

from policies import catalogue as catalogues
from policies import disclosure
from policies.disclosure import Ask, Opening, Permit, PersonFacts, Reason, Refusal, decide
from policies.vocabulary import Action, Actor, ActorKind, GrantState, LegalBasis, SubjectId

FOLDER = Path(catalogues.__file__).parent / "catalogue"
CATALOGUE = catalogues.compile(
    {str(path.relative_to(FOLDER)): path.read_bytes() for path in FOLDER.rglob("*.toml")}
)
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
PERSON, HOUSEHOLD, STRANGER = (SubjectId(UUID(int=at)) for at in (1, 2, 3))


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """A consent, as far as a decision may know it."""

    subject: SubjectId = PERSON
    programme: str = "amo-tadamon"
    agreement: str = "amo-tadamon/enrolment"
    purpose: str = "social-support/health-cover"
    items: dict[str, str] = msgspec.field(
        default_factory=lambda: {"phone": "raw", "address": "commune"}
    )
    state: GrantState = GrantState.GIVEN
    expires_at: datetime = NOON + timedelta(microseconds=1)


BY_LAW = Ask(
    programme="amo-tadamon",
    subject=PERSON,
    agreement="amo-tadamon/enrolment",
    purpose="social-support/health-cover",
    basis=LegalBasis.PUBLIC_TASK,
    attributes=(("given_name", "match"), ("birth_date", "match")),
    action=Action.VERIFY,
    case_reference="AMO-2026-1",
)
BY_CONSENT = replace(
    BY_LAW,
    household=HOUSEHOLD,
    basis=LegalBasis.CONSENT,
    attributes=(("phone", "raw"), ("address", "commune")),
    action=Action.READ,
    case_reference=None,
)
IMPOSED = Ask(
    programme="asd",
    subject=PERSON,
    household=HOUSEHOLD,
    agreement="asd/eligibility",
    purpose="social-support/direct-aid",
    basis=LegalBasis.LEGAL_OBLIGATION,
    attributes=(("eligibility", "decision"),),
    action=Action.ELIGIBILITY,
    case_reference="ASD-2026-1",
)


def with_agreement(**change):
    """The catalogue, one thing changed in the agreement asked about."""
    changed = replace(CATALOGUE.agreements["amo-tadamon/enrolment"], **change)
    return replace(
        CATALOGUE,
        agreements=CATALOGUE.agreements | {changed.id: changed},
        versions=CATALOGUE.versions | {changed.id: (changed,)},
    )


def with_law(**change):
    """The catalogue, one thing changed in the law that is not consent."""
    task, consent = CATALOGUE.agreements["amo-tadamon/enrolment"].bases
    return with_agreement(bases=(replace(task, **change), consent))


def refused(ask, *, grant=None, person=None, catalogue=CATALOGUE, now=NOON):
    decided = decide(ask, grant, person or PersonFacts(), catalogue, now)
    assert isinstance(decided, Refusal)
    return decided.reasons


def test_a_check_by_law_opens_the_asked_attributes_of_their_group_and_says_why():
    permit = decide(BY_LAW, None, PersonFacts(), CATALOGUE, NOON)

    assert permit == Permit(
        ask=BY_LAW,
        decided_at=NOON,
        catalogue_hash=CATALOGUE.hash,
        openings=(
            Opening(record=PERSON, group="identity", attributes=("given_name", "birth_date")),
        ),
        agreement_version=1,
        citation="Loi 72-18, art. 15 et 28",
        hold_until=NOON + timedelta(days=365),
    )


def test_only_the_texts_that_carry_the_question_are_cited():
    task, _ = CATALOGUE.agreements["amo-tadamon/enrolment"].bases
    of_names = replace(task, instrument="Loi A", covers=("given_name", "family_name"))
    of_births = replace(task, instrument="Loi B", covers=("birth_date",))
    catalogue = with_agreement(bases=(of_names, of_births, of_names))
    ask = replace(BY_LAW, attributes=(("given_name", "match"),))

    one = decide(ask, None, PersonFacts(), catalogue, NOON)
    both = decide(BY_LAW, None, PersonFacts(), catalogue, NOON)

    assert one.citation == "Loi A, art. 15 et 28"
    assert both.citation == "Loi A, art. 15 et 28; Loi B, art. 15 et 28"


def test_a_permit_carries_its_evidence_for_the_log():
    permit = decide(BY_LAW, None, PersonFacts(), CATALOGUE, NOON)

    assert permit.actor == Actor(kind=ActorKind.PROGRAMME, id="amo-tadamon")
    assert permit.action is Action.VERIFY
    assert permit.purpose == "social-support/health-cover"
    assert permit.basis is LegalBasis.PUBLIC_TASK
    assert permit.agreement == "amo-tadamon/enrolment"
    assert permit.attributes == BY_LAW.attributes
    assert permit.subject == PERSON
    assert permit.case_reference == "AMO-2026-1"


def test_eligibility_opens_what_it_is_computed_from_in_both_records():
    permit = decide(IMPOSED, None, PersonFacts(), CATALOGUE, NOON)

    assert permit.openings == (
        Opening(record=PERSON, group="identity", attributes=("birth_date", "nationality")),
        Opening(
            record=HOUSEHOLD, group="household", attributes=("household_size", "household_facts")
        ),
        Opening(record=HOUSEHOLD, group="index", attributes=("index",)),
    )


def test_without_a_household_nothing_of_one_is_opened():
    permit = decide(replace(IMPOSED, household=None), None, PersonFacts(), CATALOGUE, NOON)

    assert [opening.group for opening in permit.openings] == ["identity"]


@pytest.mark.parametrize("state", [GrantState.GIVEN, GrantState.RENEWED])
def test_a_consent_in_force_permits_what_it_covers(state):
    permit = decide(BY_CONSENT, Grant(state=state), PersonFacts(), CATALOGUE, NOON)

    assert isinstance(permit, Permit)
    assert permit.citation == "Loi 09-08, art. 4"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"programme": "asd"}, Reason.AGREEMENT_OF_ANOTHER),
        ({"agreement": "amo-tadamon/audit"}, Reason.AGREEMENT_UNKNOWN),
        ({"purpose": "housing/first-home"}, Reason.PURPOSE_NOT_IN_AGREEMENT),
        ({"purpose": "social-support"}, Reason.PURPOSE_NOT_IN_AGREEMENT),
        ({"attributes": ()}, Reason.NOTHING_ASKED),
        ({"attributes": (("sex", "raw"),), "action": Action.READ}, Reason.FORM_TOO_FINE),
        ({"attributes": (("sex", "year"),), "action": Action.READ}, Reason.FORM_UNKNOWN),
        ({"attributes": (("phone", "match"),)}, Reason.ATTRIBUTE_NOT_UNDER_BASIS),
        ({"action": Action.READ}, Reason.FORM_NOT_FOR_ACTION),
        ({"action": Action.ELIGIBILITY}, Reason.FORM_NOT_FOR_ACTION),
        ({"action": Action.OWN}, Reason.FORM_NOT_FOR_ACTION),
        ({"basis": LegalBasis.VITAL_INTEREST}, Reason.BASIS_NOT_IN_AGREEMENT),
        ({"basis": LegalBasis.LEGAL_OBLIGATION}, Reason.BASIS_NOT_IN_AGREEMENT),
        ({"basis": None}, Reason.BASIS_NOT_IN_AGREEMENT),
        ({"case_reference": None}, Reason.CASE_REFERENCE_MISSING),
        ({"case_reference": "  "}, Reason.CASE_REFERENCE_MISSING),
        ({"subject": None}, Reason.PERSON_UNKNOWN),
    ],
)
def test_one_defect_of_the_question_refuses_for_its_own_reason_alone(change, reason):
    assert refused(replace(BY_LAW, **change)) == (reason,)


@pytest.mark.parametrize(
    ("ask", "reasons"),
    [
        (
            replace(BY_LAW, programme="tayssir"),
            (Reason.PROGRAMME_UNKNOWN, Reason.AGREEMENT_OF_ANOTHER),
        ),
        (
            replace(BY_LAW, purpose=None),
            (Reason.PURPOSE_UNKNOWN, Reason.PURPOSE_NOT_IN_AGREEMENT),
        ),
        (
            replace(BY_LAW, attributes=(("blood_group", "match"),)),
            (Reason.ATTRIBUTE_UNKNOWN, Reason.ATTRIBUTE_NOT_UNDER_BASIS),
        ),
        (
            replace(BY_LAW, attributes=(("birth_place", "raw"),), action=Action.READ),
            (Reason.ATTRIBUTE_NOT_IN_AGREEMENT, Reason.ATTRIBUTE_NOT_UNDER_BASIS),
        ),
        (
            replace(BY_LAW, programme="x", agreement="y", attributes=(("z", "match"),)),
            (Reason.PROGRAMME_UNKNOWN, Reason.AGREEMENT_UNKNOWN, Reason.ATTRIBUTE_UNKNOWN),
        ),
    ],
)
def test_every_defect_is_told_in_the_order_of_the_checks(ask, reasons):
    assert refused(ask) == reasons


@pytest.mark.parametrize(
    ("catalogue", "reason"),
    [
        (with_agreement(effective=date(2026, 11, 25)), Reason.AGREEMENT_NOT_IN_FORCE),
        (with_agreement(ends=date(2026, 11, 23)), Reason.AGREEMENT_NOT_IN_FORCE),
        (with_agreement(cndp_reference=" "), Reason.CNDP_REFERENCE_MISSING),
        (with_agreement(cndp_expires=date(2026, 11, 23)), Reason.CNDP_REFERENCE_EXPIRED),
        (with_law(valid_until=date(2026, 11, 23)), Reason.LAW_LAPSED),
        (with_law(valid_from=date(2026, 11, 25)), Reason.LAW_LAPSED),
        (with_law(covers=("given_name",)), Reason.ATTRIBUTE_NOT_UNDER_BASIS),
    ],
)
def test_one_defect_of_the_agreement_refuses_for_its_own_reason_alone(catalogue, reason):
    assert refused(BY_LAW, catalogue=catalogue) == (reason,)


@pytest.mark.parametrize(
    "catalogue",
    [
        with_agreement(effective=date(2026, 11, 24), ends=date(2026, 11, 24)),
        with_agreement(cndp_expires=date(2026, 11, 24)),
        with_law(valid_from=date(2026, 11, 24), valid_until=date(2026, 11, 24)),
    ],
)
def test_the_first_and_last_day_of_a_time_are_inside_it(catalogue):
    assert isinstance(decide(BY_LAW, None, PersonFacts(), catalogue, NOON), Permit)


def test_a_day_begins_when_it_begins_in_morocco():
    catalogue = with_agreement(ends=date(2026, 11, 24))
    midnight = datetime(2026, 11, 24, 23, tzinfo=UTC)

    assert refused(BY_LAW, catalogue=catalogue, now=midnight) == (Reason.AGREEMENT_NOT_IN_FORCE,)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"subject": STRANGER}, Reason.NO_CONSENT),
        ({"programme": "asd"}, Reason.NO_CONSENT),
        ({"agreement": "amo-tadamon/audit"}, Reason.NO_CONSENT),
        ({"purpose": "education/scholarship"}, Reason.CONSENT_FOR_ANOTHER_PURPOSE),
        ({"expires_at": NOON}, Reason.CONSENT_EXPIRED),
        ({"items": {"phone": "raw"}}, Reason.ATTRIBUTE_NOT_CONSENTED),
        ({"items": {"phone": "raw", "address": "province"}}, Reason.FORM_NOT_CONSENTED),
        ({"state": GrantState.REQUESTED}, Reason.CONSENT_PENDING),
        ({"state": GrantState.DEFERRED}, Reason.CONSENT_PENDING),
        ({"state": GrantState.REFUSED}, Reason.CONSENT_REFUSED),
        ({"state": GrantState.PAUSED}, Reason.CONSENT_PAUSED),
        ({"state": GrantState.EXHAUSTED}, Reason.CONSENT_EXHAUSTED),
        ({"state": GrantState.WITHDRAWN}, Reason.CONSENT_WITHDRAWN),
        ({"state": GrantState.REVOKED}, Reason.CONSENT_REVOKED),
        ({"state": GrantState.EXPIRED}, Reason.CONSENT_EXPIRED),
        ({"state": GrantState.SUPERSEDED}, Reason.CONSENT_SUPERSEDED),
        ({"state": GrantState.INVALIDATED}, Reason.CONSENT_INVALIDATED),
        ({"state": GrantState.UNKNOWN}, Reason.CONSENT_UNREADABLE),
        ({"state": "a state of next year"}, Reason.CONSENT_UNREADABLE),
    ],
)
def test_one_defect_of_the_consent_refuses_for_its_own_reason_alone(change, reason):
    assert refused(BY_CONSENT, grant=Grant(**change)) == (reason,)


def test_without_a_consent_there_is_none():
    assert refused(BY_CONSENT) == (Reason.NO_CONSENT,)


def test_a_consent_to_what_the_catalogue_does_not_know_opens_nothing():
    ask = replace(BY_CONSENT, attributes=(("blood_group", "raw"),))

    assert refused(ask, grant=Grant(items={"blood_group": "raw"})) == (
        Reason.ATTRIBUTE_UNKNOWN,
        Reason.ATTRIBUTE_NOT_UNDER_BASIS,
    )


def test_a_consent_is_no_basis_for_what_the_law_covers():
    ask = replace(BY_LAW, basis=LegalBasis.CONSENT)
    grant = Grant(items={"given_name": "match", "birth_date": "match"})

    assert refused(ask, grant=grant) == (Reason.ATTRIBUTE_NOT_UNDER_BASIS,)


@pytest.mark.parametrize("ask", [BY_LAW, BY_CONSENT])
@pytest.mark.parametrize(
    ("person", "reason"),
    [
        (PersonFacts(locked=True), Reason.PERSON_LOCKED),
        (PersonFacts(opposed=True), Reason.PERSON_OPPOSED),
        (PersonFacts(active=False), Reason.PERSON_INACTIVE),
    ],
)
def test_a_lock_or_an_opposition_outweighs_a_task_and_a_consent(ask, person, reason):
    assert refused(ask, grant=Grant(), person=person) == (reason,)


def test_a_lock_and_an_opposition_do_not_outweigh_what_the_law_imposes():
    person = PersonFacts(locked=True, opposed=True)

    assert isinstance(decide(IMPOSED, None, person, CATALOGUE, NOON), Permit)


def test_nothing_is_disclosed_of_who_is_not_active_even_by_law():
    assert refused(IMPOSED, person=PersonFacts(active=False)) == (Reason.PERSON_INACTIVE,)


def test_a_refusal_carries_the_same_evidence_as_a_permit():
    refusal = decide(replace(BY_LAW, case_reference=None), None, PersonFacts(), CATALOGUE, NOON)

    assert refusal.decided_at == NOON
    assert refusal.catalogue_hash == CATALOGUE.hash
    assert (refusal.actor.id, refusal.case_reference) == ("amo-tadamon", None)


def test_a_refusal_shows_the_programme_one_code():
    assert decide(BY_CONSENT, None, PersonFacts(), CATALOGUE, NOON).public == "not-permitted"


def test_the_module_offers_what_it_promises():
    assert all(hasattr(disclosure, name) for name in disclosure.__all__)
