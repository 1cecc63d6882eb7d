"""Laws of disclosure, over near misses: a case that is permitted, with some of it broken."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from policies import catalogue as catalogues
from policies import forms
from policies.catalogue import Agreement, Catalogue
from policies.disclosure import Ask, Permit, PersonFacts, Reason, Refusal, decide
from policies.reasons import NOT_PERMITTED
from policies.vocabulary import Action, GrantState, LegalBasis

FOLDER = Path(catalogues.__file__).parent / "catalogue"
CATALOGUE = catalogues.compile(
    {str(path.relative_to(FOLDER)): path.read_bytes() for path in FOLDER.rglob("*.toml")}
)
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
TODAY, DAY = date(2026, 11, 24), timedelta(days=1)
PERSON, HOUSEHOLD, STRANGER = UUID(int=1), UUID(int=2), UUID(int=3)
EMPTY = Catalogue(
    purposes={}, groups={}, attributes={}, programmes={}, agreements={}, versions={}, rules={},
    formulas={}, hash="",
)  # fmt: skip


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    subject: UUID
    programme: str
    agreement: str
    purpose: str
    items: dict[str, str]
    state: GrantState
    expires_at: datetime


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a decision knows."""

    ask: Ask
    grant: Grant | None
    person: PersonFacts
    agreement: Agreement

    @property
    def catalogue(self) -> Catalogue:
        changed = self.agreement
        return replace(
            CATALOGUE,
            agreements=CATALOGUE.agreements | {changed.id: changed},
            versions=CATALOGUE.versions | {changed.id: (changed,)},
        )

    def decided(self) -> Permit | Refusal:
        return decide(self.ask, self.grant, self.person, self.catalogue, NOON)


def action_of(form: str) -> Action:
    return {"match": Action.VERIFY, "decision": Action.ELIGIBILITY}.get(form, Action.READ)


@st.composite
def permitted(draw):
    """A case that must be permitted: some attributes of one basis, no finer than agreed."""
    agreement = draw(st.sampled_from(list(CATALOGUE.agreements.values())))
    basis = draw(st.sampled_from(agreement.bases))
    covered = agreement.under(basis.kind)
    asked = {
        name: draw(st.sampled_from(forms.coarser_than_all(CATALOGUE.attributes[name], finest)))
        for name, finest in covered.items()
    }
    action = draw(st.sampled_from(sorted({action_of(form) for form in asked.values()})))
    fitting = [(name, form) for name, form in asked.items() if action_of(form) is action]
    chosen = draw(st.lists(st.sampled_from(fitting), min_size=1, unique=True))
    by_consent = basis.kind is LegalBasis.CONSENT
    return Case(
        ask=Ask(
            programme=agreement.programme,
            subject=PERSON,
            household=draw(st.sampled_from([HOUSEHOLD, None])),
            agreement=agreement.id,
            purpose=agreement.purpose,
            basis=basis.kind,
            attributes=tuple(chosen),
            action=action,
            case_reference=None if by_consent else "C-1",
        ),
        grant=Grant(
            subject=PERSON,
            programme=agreement.programme,
            agreement=agreement.id,
            purpose=agreement.purpose,
            items=covered if by_consent else {},
            state=draw(st.sampled_from([GrantState.GIVEN, GrantState.RENEWED])),
            expires_at=NOON + timedelta(microseconds=1),
        ),
        person=PersonFacts(),
        agreement=agreement,
    )


def change(part, **fields):
    """A defect: one part of a case with these fields instead."""
    return lambda case: replace(case, **{part: replace(getattr(case, part), **fields)})


def without_law(case: Case) -> Case:
    lapsed = tuple(replace(basis, valid_until=TODAY - DAY) for basis in case.agreement.bases)
    return replace(case, agreement=replace(case.agreement, bases=lapsed))


ANY_BASIS = {
    Reason.PROGRAMME_UNKNOWN: change("ask", programme="x"),
    Reason.AGREEMENT_UNKNOWN: change("ask", agreement="x"),
    Reason.AGREEMENT_OF_ANOTHER: change("agreement", programme="x"),
    Reason.AGREEMENT_NOT_IN_FORCE: change("agreement", ends=TODAY - DAY),
    Reason.CNDP_REFERENCE_MISSING: change("agreement", cndp_reference=""),
    Reason.CNDP_REFERENCE_EXPIRED: change("agreement", cndp_expires=TODAY - DAY),
    Reason.PURPOSE_UNKNOWN: change("ask", purpose="x"),
    Reason.PURPOSE_NOT_IN_AGREEMENT: change("agreement", purpose="registers"),
    Reason.NOTHING_ASKED: change("ask", attributes=()),
    Reason.FORM_NOT_FOR_ACTION: change("ask", action=Action.OWN),
    Reason.ATTRIBUTE_NOT_IN_AGREEMENT: change("agreement", attributes={}),
    Reason.BASIS_NOT_IN_AGREEMENT: change("agreement", bases=()),
    Reason.LAW_LAPSED: without_law,
    Reason.PERSON_UNKNOWN: change("ask", subject=None),
    Reason.PERSON_INACTIVE: change("person", active=False),
}
BY_CONSENT = {
    Reason.NO_CONSENT: change("grant", subject=STRANGER),
    Reason.CONSENT_WITHDRAWN: change("grant", state=GrantState.WITHDRAWN),
    Reason.CONSENT_UNREADABLE: change("grant", state=GrantState.UNKNOWN),
    Reason.CONSENT_EXPIRED: change("grant", expires_at=NOON),
    Reason.CONSENT_FOR_ANOTHER_PURPOSE: change("grant", purpose="x"),
    Reason.ATTRIBUTE_NOT_CONSENTED: change("grant", items={}),
}
NOT_BY_CONSENT = {Reason.CASE_REFERENCE_MISSING: change("ask", case_reference=None)}
UNLESS_IMPOSED = {
    Reason.PERSON_LOCKED: change("person", locked=True),
    Reason.PERSON_OPPOSED: change("person", opposed=True),
}


def defects_of(case: Case) -> dict:
    """What would break this case: a withdrawal harms no check that rests on the law."""
    basis = case.ask.basis
    return (
        ANY_BASIS
        | (BY_CONSENT if basis is LegalBasis.CONSENT else NOT_BY_CONSENT)
        | ({} if basis is LegalBasis.LEGAL_OBLIGATION else UNLESS_IMPOSED)
    )


@given(permitted())
def test_a_case_without_defect_is_permitted(case):
    assert isinstance(case.decided(), Permit)


@given(st.data())
def test_each_defect_alone_refuses_and_is_named(data):
    case = data.draw(permitted())
    reason, defect = data.draw(st.sampled_from(sorted(defects_of(case).items())))

    decided = defect(case).decided()

    assert isinstance(decided, Refusal)
    assert reason in decided.reasons


@given(st.data())
def test_what_does_not_bear_on_the_basis_does_not_refuse(data):
    case = data.draw(permitted())
    everything = ANY_BASIS | BY_CONSENT | NOT_BY_CONSENT | UNLESS_IMPOSED
    harmless = [everything[reason] for reason in everything.keys() - defects_of(case).keys()]

    for defect in harmless:
        case = defect(case)

    assert isinstance(case.decided(), Permit)


@given(st.data())
def test_to_mend_what_is_named_is_enough(data):
    """The reasons are complete: whatever else was broken, nothing unnamed stands in the way."""
    whole = data.draw(permitted())
    defects = defects_of(whole)
    chosen = data.draw(st.lists(st.sampled_from(sorted(defects)), min_size=1, unique=True))
    broken = whole
    for reason in chosen:
        broken = defects[reason](broken)

    for _ in chosen:
        match broken.decided():
            case Permit():
                break
            case Refusal(reasons=named):
                broken = mended(broken, whole, named)

    assert isinstance(broken.decided(), Permit)


def mended(broken: Case, whole: Case, reasons: tuple[Reason, ...]) -> Case:
    """Put right the part that each reason speaks of, and no other."""
    for reason in reasons:
        for part in ("ask", "agreement", "grant", "person"):
            fields = FIELDS.get(reason, {}).get(part, ())
            good = {field: getattr(getattr(whole, part), field) for field in fields}
            broken = replace(broken, **{part: replace(getattr(broken, part), **good)})
    return broken


FIELDS = {
    Reason.PROGRAMME_UNKNOWN: {"ask": ["programme"]},
    Reason.AGREEMENT_UNKNOWN: {"ask": ["agreement"]},
    Reason.AGREEMENT_OF_ANOTHER: {"agreement": ["programme"]},
    Reason.AGREEMENT_NOT_IN_FORCE: {"agreement": ["ends"]},
    Reason.CNDP_REFERENCE_MISSING: {"agreement": ["cndp_reference"]},
    Reason.CNDP_REFERENCE_EXPIRED: {"agreement": ["cndp_expires"]},
    Reason.PURPOSE_UNKNOWN: {"ask": ["purpose"]},
    Reason.PURPOSE_NOT_IN_AGREEMENT: {"agreement": ["purpose"]},
    Reason.NOTHING_ASKED: {"ask": ["attributes"]},
    Reason.FORM_NOT_FOR_ACTION: {"ask": ["action"]},
    Reason.ATTRIBUTE_NOT_IN_AGREEMENT: {"agreement": ["attributes"]},
    Reason.BASIS_NOT_IN_AGREEMENT: {"agreement": ["bases"]},
    Reason.LAW_LAPSED: {"agreement": ["bases"]},
    Reason.CASE_REFERENCE_MISSING: {"ask": ["case_reference"]},
    Reason.NO_CONSENT: {"grant": ["subject"]},
    Reason.CONSENT_WITHDRAWN: {"grant": ["state"]},
    Reason.CONSENT_UNREADABLE: {"grant": ["state"]},
    Reason.CONSENT_EXPIRED: {"grant": ["expires_at"]},
    Reason.CONSENT_FOR_ANOTHER_PURPOSE: {"grant": ["purpose"]},
    Reason.ATTRIBUTE_NOT_CONSENTED: {"grant": ["items"]},
    Reason.PERSON_UNKNOWN: {"ask": ["subject"]},
    Reason.PERSON_INACTIVE: {"person": ["active"]},
    Reason.PERSON_LOCKED: {"person": ["locked"]},
    Reason.PERSON_OPPOSED: {"person": ["opposed"]},
}


@given(st.data())
def test_one_more_defect_never_permits_what_was_refused(data):
    whole = data.draw(permitted())
    defects = defects_of(whole)
    first, second = data.draw(st.tuples(*[st.sampled_from(sorted(defects))] * 2))

    assert isinstance(defects[second](defects[first](whole)).decided(), Refusal)


@given(permitted())
def test_no_form_is_released_that_is_finer_than_the_agreement_or_the_consent(case):
    permit = case.decided()

    for name, form in permit.attributes:
        bounds = [case.agreement.attributes[name]]
        if case.ask.basis is LegalBasis.CONSENT:
            bounds.append(case.grant.items[name])
        left = forms.meet(CATALOGUE.attributes[name], *bounds)
        assert forms.covers(CATALOGUE.attributes[name], left, form)


@given(st.data())
def test_questions_asked_apart_yield_no_more_than_together(data):
    case = data.draw(permitted())
    reason = data.draw(st.sampled_from([None, *sorted(defects_of(case))]))
    if reason not in {None, Reason.NOTHING_ASKED}:
        case = defects_of(case)[reason](case)

    apart = [
        replace(case, ask=replace(case.ask, attributes=(one,))).decided()
        for one in case.ask.attributes
    ]

    together = isinstance(case.decided(), Permit)
    assert together == all(isinstance(decided, Permit) for decided in apart)


@given(permitted(), st.randoms(use_true_random=False))
def test_the_order_of_the_attributes_changes_nothing(case, random):
    shuffled = list(case.ask.attributes)
    random.shuffle(shuffled)
    other = replace(case, ask=replace(case.ask, attributes=tuple(shuffled)))

    opened = [
        {(at.record, at.group): set(at.attributes) for at in decided.openings}
        for decided in (case.decided(), other.decided())
    ]
    assert opened[0] == opened[1]


@given(permitted())
def test_a_permit_opens_only_the_person_and_the_household_asked_about(case):
    permit = case.decided()

    assert {opening.record for opening in permit.openings} <= {PERSON, case.ask.household}
    assert permit.decided_at == NOON
    assert permit.ask == case.ask


@given(permitted())
def test_an_empty_catalogue_refuses_everything(case):
    assert isinstance(decide(case.ask, case.grant, case.person, EMPTY, NOON), Refusal)


@given(permitted())
def test_unknown_locked_opposed_and_inactive_look_alike_to_a_programme_without_consent(case):
    asking = replace(case, grant=None)
    alike = [
        replace(asking, ask=replace(case.ask, subject=None)),
        *(
            replace(asking, person=person)
            for person in (
                PersonFacts(active=False),
                PersonFacts(locked=True, active=False),
                PersonFacts(opposed=True, active=False),
            )
        ),
    ]

    assert {each.decided().public for each in alike} == {NOT_PERMITTED}


@given(permitted())
def test_a_decision_is_a_function(case):
    assert msgspec.json.encode(case.decided()) == msgspec.json.encode(case.decided())
