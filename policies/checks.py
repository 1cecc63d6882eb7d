"""The checks of a disclosure: each names the reason it gives when it is not met.

None stops the others: what comes out unmet is the whole list of what would have to change.
"""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from types import MappingProxyType
from typing import Final

from policies import cases, forms, staff
from policies.asks import Ask, DutyAsk, GrantFacts, PersonFacts
from policies.entries import Agreement, Basis, Catalogue
from policies.forms import DECISION
from policies.reasons import Reason
from policies.staff import TERMS
from policies.vocabulary import MATCH, Action, GrantState, LegalBasis

Checks = Iterator[tuple[Reason, bool]]

DISCLOSING: Final = frozenset({GrantState.GIVEN, GrantState.RENEWED})

_ENDED: Final[Mapping[GrantState, Reason]] = MappingProxyType(
    {
        GrantState.REQUESTED: Reason.CONSENT_PENDING,
        GrantState.DEFERRED: Reason.CONSENT_PENDING,
        GrantState.REFUSED: Reason.CONSENT_REFUSED,
        GrantState.PAUSED: Reason.CONSENT_PAUSED,
        GrantState.EXHAUSTED: Reason.CONSENT_EXHAUSTED,
        GrantState.WITHDRAWN: Reason.CONSENT_WITHDRAWN,
        GrantState.REVOKED: Reason.CONSENT_REVOKED,
        GrantState.EXPIRED: Reason.CONSENT_EXPIRED,
        GrantState.SUPERSEDED: Reason.CONSENT_SUPERSEDED,
        GrantState.INVALIDATED: Reason.CONSENT_INVALIDATED,
    }
)
"""Any state that is in neither table, tomorrow's too, reads as unreadable and refuses."""


_ACTIONS: Final = {
    MATCH: frozenset({Action.VERIFY}),
    DECISION: frozenset({Action.ELIGIBILITY}),
}
_VALUES: Final = frozenset({Action.READ, Action.DETOKENISE})
"""The actions that may ask for a form; these two for the rest. To compare is not to read."""


def of_programme(ask: Ask, agreement: Agreement | None, catalogue: Catalogue, day: date) -> Checks:
    """Whether the programme stands on an agreement of its own, in force and authorised."""
    yield Reason.PROGRAMME_UNKNOWN, ask.programme in catalogue.programmes
    yield Reason.AGREEMENT_UNKNOWN, agreement is not None
    yield Reason.PURPOSE_UNKNOWN, ask.purpose in catalogue.purposes
    if agreement is None:
        return
    yield Reason.AGREEMENT_OF_ANOTHER, agreement.programme == ask.programme
    yield Reason.AGREEMENT_NOT_IN_FORCE, agreement.in_force(day)
    # Law 09-08, article 12: no processing of these data without its authorisation.
    yield Reason.CNDP_REFERENCE_MISSING, bool(agreement.cndp_reference.strip())
    yield Reason.CNDP_REFERENCE_EXPIRED, day <= agreement.cndp_expires
    yield Reason.PURPOSE_NOT_IN_AGREEMENT, agreement.purpose == ask.purpose


def of_question(ask: Ask, agreement: Agreement | None, catalogue: Catalogue) -> Checks:
    """Whether each attribute may be asked at all, in this form, by this action."""
    yield Reason.NOTHING_ASKED, bool(ask.attributes)
    for asked, form in ask.attributes:
        attribute = catalogue.attributes.get(asked)
        yield Reason.FORM_NOT_FOR_ACTION, ask.action in _ACTIONS.get(form, _VALUES)
        yield Reason.ATTRIBUTE_UNKNOWN, attribute is not None
        if attribute is None:
            continue
        yield Reason.FORM_UNKNOWN, form in attribute.forms
        if agreement is None:
            continue
        finest = agreement.attributes.get(asked)
        yield Reason.ATTRIBUTE_NOT_IN_AGREEMENT, finest is not None
        if finest is not None and form in attribute.forms:
            yield Reason.FORM_TOO_FINE, forms.covers(attribute, finest, form)


def of_basis(ask: Ask, agreement: Agreement | None, day: date) -> Checks:
    """Whether the law carries it: a basis of the agreement, in force, for each attribute."""
    if ask.basis is not LegalBasis.CONSENT:
        # A read that does not rest on consent rests on a case that can be shown (Estonia, 2025).
        yield Reason.CASE_REFERENCE_MISSING, bool((ask.case_reference or "").strip())
    if agreement is None:
        return
    bases = [basis for basis in agreement.bases if basis.kind is ask.basis]
    yield Reason.BASIS_NOT_IN_AGREEMENT, bool(bases)
    for asked, _ in ask.attributes if bases else ():
        yield from _of_basis_for([basis for basis in bases if basis.covering(asked)], day)


def of_consent(ask: Ask, grant: GrantFacts | None, catalogue: Catalogue, now: datetime) -> Checks:
    """Whether the person agreed, to this, and has not ended it. Only where consent is the basis."""
    if ask.basis is not LegalBasis.CONSENT:
        return
    if grant is None or _place(grant) != (ask.subject, ask.programme, ask.agreement):
        yield Reason.NO_CONSENT, False
        return  # nothing else can be said of a consent that is not there
    ended = _ENDED.get(grant.state, Reason.CONSENT_UNREADABLE)
    yield ended, grant.state in DISCLOSING
    # The clock ends a consent, not a job: a head row that still says «given» is not believed.
    yield Reason.CONSENT_EXPIRED, now < grant.expires_at
    yield Reason.CONSENT_FOR_ANOTHER_PURPOSE, grant.purpose == ask.purpose
    for asked, form in ask.attributes:
        attribute = catalogue.attributes.get(asked)
        agreed = grant.items.get(asked)
        yield Reason.ATTRIBUTE_NOT_CONSENTED, agreed is not None
        if agreed is not None and attribute is not None:
            yield Reason.FORM_NOT_CONSENTED, forms.covers(attribute, agreed, form)


def of_person(ask: Ask, person: PersonFacts) -> Checks:
    """Whether nothing about the person stands against it; only a duty by law outweighs a no."""
    imposed = ask.basis is LegalBasis.LEGAL_OBLIGATION
    yield Reason.PERSON_UNKNOWN, ask.subject is not None
    yield Reason.PERSON_INACTIVE, person.active
    yield Reason.PERSON_LOCKED, imposed or not person.locked
    yield Reason.PERSON_OPPOSED, imposed or not person.opposed


def of_duty(ask: DutyAsk, catalogue: Catalogue, day: date) -> Checks:
    """Whether a duty is the role's, names its case, and opens only what it needs."""
    opens, kind = TERMS[ask.duty].opens, TERMS[ask.duty].case
    yield Reason.DUTY_NOT_OF_ROLE, bool(staff.may(ask.role, ask.duty))
    yield Reason.CASE_REFERENCE_MISSING, bool((ask.case_reference or "").strip())
    if kind is not None:
        yield Reason.CASE_REFERENCE_UNFIT, cases.fits(ask.case_reference, kind, day.year)
    yield Reason.NOTHING_ASKED, bool(ask.attributes)
    for asked, _ in ask.attributes:
        attribute = catalogue.attributes.get(asked)
        yield Reason.ATTRIBUTE_UNKNOWN, attribute is not None
        yield Reason.ATTRIBUTE_NOT_OF_DUTY, attribute is not None and attribute.group in opens


def _of_basis_for(covering: list[Basis], day: date) -> Checks:
    yield Reason.ATTRIBUTE_NOT_UNDER_BASIS, bool(covering)
    if covering:
        yield Reason.LAW_LAPSED, any(basis.in_force(day) for basis in covering)


def _place(grant: GrantFacts) -> tuple[object, object, object]:
    return grant.subject, grant.programme, grant.agreement
