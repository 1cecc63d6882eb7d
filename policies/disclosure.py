"""May this be disclosed? Every check is made; the answer is a Permit or a Refusal with all reasons.

Default deny, deny overrides: asked ∩ agreement ∩ (consent or another basis in force) ∩
neither locked nor opposed. A Permit is made in this module alone.
"""

from collections.abc import Collection, Iterable
from datetime import datetime

import msgspec

from policies import checks, retention
from policies.asks import Ask, AskedForms, DutyAsk, GrantFacts, OwnAsk, PersonFacts
from policies.entries import Agreement, Catalogue
from policies.legal_time import legal_day
from policies.reasons import NOT_PERMITTED, PUBLIC, Reason
from policies.vocabulary import (
    RAW,
    Action,
    Actor,
    AgreementId,
    AttributeId,
    GroupId,
    LegalBasis,
    PurposeId,
    SubjectId,
)

__all__ = [
    "NOT_PERMITTED",
    "PUBLIC",
    "Ask",
    "AskedForms",
    "DutyAsk",
    "GrantFacts",
    "Opening",
    "OwnAsk",
    "Permit",
    "PersonFacts",
    "Reason",
    "Refusal",
    "decide",
    "decide_duty",
    "decide_own",
]


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """One sealed group of one record that may be opened, and what may be read in it."""

    record: SubjectId
    group: GroupId
    attributes: tuple[AttributeId, ...]


class _Decided(msgspec.Struct, frozen=True, kw_only=True):
    """What a permit and a refusal have in common: the evidence, as the log takes it."""

    ask: Ask | OwnAsk | DutyAsk
    decided_at: datetime
    catalogue_hash: str

    @property
    def actor(self) -> Actor:
        return self.ask.actor

    @property
    def action(self) -> Action:
        return self.ask.action

    @property
    def purpose(self) -> PurposeId | None:
        return self.ask.purpose

    @property
    def basis(self) -> LegalBasis | None:
        return self.ask.basis

    @property
    def agreement(self) -> AgreementId | None:
        return self.ask.agreement

    @property
    def attributes(self) -> AskedForms:
        return self.ask.attributes

    @property
    def subject(self) -> SubjectId | None:
        return self.ask.subject

    @property
    def case_reference(self) -> str | None:
        return self.ask.case_reference


class Permit(_Decided, frozen=True, kw_only=True):
    """Proof that a policy said yes. Made here alone; `vault.attributes.reveal` needs one."""

    openings: tuple[Opening, ...]
    agreement_version: int | None = None
    citation: str = ""
    hold_until: datetime | None = None
    """When the programme must have erased what it was given."""


class Refusal(_Decided, frozen=True, kw_only=True):
    """A policy said no, and every reason why. A value, not an exception: logged and committed."""

    reasons: tuple[Reason, ...]

    @property
    def public(self) -> str:
        """The one code the programme is told."""
        return PUBLIC[self.reasons[0]]


def decide(
    ask: Ask, grant: GrantFacts | None, person: PersonFacts, catalogue: Catalogue, now: datetime
) -> Permit | Refusal:
    """Decide one disclosure to a programme; `grant` is the person's latest under the agreement.

    Returns:
        A Permit for this transaction alone, or a Refusal with *every* unmet condition: what would
        have to change. Facts about the programme come first: the first reason is what it is told.
    """
    day = legal_day(now)
    agreement = catalogue.agreement(ask.agreement, day)
    reasons = _unmet(
        checks.of_programme(ask, agreement, catalogue, day),
        checks.of_question(ask, agreement, catalogue),
        checks.of_basis(ask, agreement, day),
        checks.of_consent(ask, grant, catalogue, now),
        checks.of_person(ask, person),
    )
    if reasons or agreement is None or ask.subject is None:
        return Refusal(ask=ask, decided_at=now, catalogue_hash=catalogue.hash, reasons=reasons)
    return Permit(
        ask=ask,
        decided_at=now,
        catalogue_hash=catalogue.hash,
        openings=_openings(ask.attributes, ask.subject, ask.household, catalogue),
        agreement_version=agreement.version,
        citation=_citation(ask, agreement),
        hold_until=retention.hold_until(now, agreement),
    )


def decide_own(
    subject: SubjectId,
    household: SubjectId | None,
    groups: Collection[GroupId],
    catalogue: Catalogue,
    now: datetime,
) -> Permit:
    """Permit a person to read the named groups of their own record and of their household.

    Law 09-08, article 7: access needs no condition. Who the person is, the session says.
    """
    attributes = tuple(
        (attribute.id, RAW)
        for attribute in catalogue.attributes.values()
        if attribute.group in groups and not attribute.reads
    )
    return Permit(
        ask=OwnAsk(subject=subject, household=household, attributes=attributes),
        decided_at=now,
        catalogue_hash=catalogue.hash,
        openings=_openings(attributes, subject, household, catalogue),
    )


def decide_duty(ask: DutyAsk, catalogue: Catalogue, now: datetime) -> Permit | Refusal:
    """Decide whether a member of staff may open part of a record to do a duty."""
    if reasons := _unmet(checks.of_duty(ask, catalogue, legal_day(now))):
        return Refusal(ask=ask, decided_at=now, catalogue_hash=catalogue.hash, reasons=reasons)
    return Permit(
        ask=ask,
        decided_at=now,
        catalogue_hash=catalogue.hash,
        openings=_openings(ask.attributes, ask.subject, ask.household, catalogue),
    )


def _unmet(*groups: Iterable[tuple[Reason, bool]]) -> tuple[Reason, ...]:
    """Every reason whose condition is not met, once, in the order of the checks."""
    return tuple(dict.fromkeys(reason for group in groups for reason, met in group if not met))


def _openings(
    asked: AskedForms, subject: SubjectId, household: SubjectId | None, catalogue: Catalogue
) -> tuple[Opening, ...]:
    """The groups to open: a computed answer opens what it reads."""
    found: dict[tuple[SubjectId, GroupId], dict[AttributeId, None]] = {}
    for asked_id, _ in asked:
        for source in catalogue.attributes[asked_id].reads or (asked_id,):
            group = catalogue.attributes[source].group
            record = subject if catalogue.groups[group].holder == "person" else household
            if record is not None:
                found.setdefault((record, group), {})[source] = None
    return tuple(
        Opening(record=record, group=group, attributes=tuple(attributes))
        for (record, group), attributes in found.items()
    )


def _citation(ask: Ask, agreement: Agreement) -> str:
    """The texts this disclosure rests on."""
    cited = (
        basis.citation
        for basis in agreement.bases
        if basis.kind is ask.basis and any(basis.covering(asked) for asked, _ in ask.attributes)
    )
    return "; ".join(dict.fromkeys(cited))
