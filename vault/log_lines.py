"""What is said of one access: the line to be written, the entry as it stands, the search."""

from datetime import datetime
from uuid import UUID

import msgspec

from policies.disclosure import Permit, Refusal
from policies.vocabulary import (
    Action,
    Actor,
    AgreementId,
    AttributeId,
    FormId,
    LegalBasis,
    Outcome,
    PurposeId,
    SubjectId,
)


class Written(msgspec.Struct, frozen=True):
    """What a write left: a record, and the hash of the head that authenticates its groups."""

    record: SubjectId
    head: bytes


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be logged of one access."""

    actor: Actor
    action: Action
    outcome: Outcome
    subject: SubjectId | None = None
    purpose: PurposeId | None = None
    basis: LegalBasis | None = None
    agreement: AgreementId | None = None
    attributes: tuple[tuple[AttributeId, FormId], ...] = ()
    reasons: tuple[str, ...] = ()
    case_reference: str | None = None
    """The actor's own file number. Sealed."""
    detail: str | None = None
    """A code or an identifier that says nothing of a person. Not sealed."""
    catalogue: str | None = None
    """Hash of the catalogue the decision was made by."""
    written: Written | None = None
    """Of a write: what it left (`attributes.written`). Sealed."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One line as it stands in the log."""

    id: UUID
    at: datetime
    actor: Actor
    action: Action
    outcome: Outcome
    purpose: PurposeId | None
    basis: LegalBasis | None
    agreement: AgreementId | None
    attributes: tuple[tuple[AttributeId, FormId], ...]
    reasons: tuple[str, ...]
    detail: str | None
    catalogue: str | None
    sequence: int | None
    """Its place in the tree; None until it is sealed in."""
    case_reference: str | None = None
    """Only where the person's log key is at hand: `of_subject` and `about`."""


class Criteria(msgspec.Struct, frozen=True, kw_only=True):
    """What the DPO looks for. None means any."""

    since: datetime | None = None
    until: datetime | None = None
    actor: Actor | None = None
    action: Action | None = None
    outcome: Outcome | None = None
    purpose: PurposeId | None = None
    reason: str | None = None


def for_permit(permit: Permit) -> Line:
    """The line of an access that was permitted."""
    return _decided(permit, Outcome.GIVEN)


def for_refusal(refusal: Refusal) -> Line:
    """The line of an access that was refused, with every reason."""
    return _decided(refusal, Outcome.REFUSED, refusal.reasons)


def for_fault(permit: Permit, fault: str) -> Line:
    """The line of an access that was permitted and could not be answered."""
    return _decided(permit, Outcome.FAULT, (fault,))


def _decided(decided: Permit | Refusal, outcome: Outcome, reasons: tuple[str, ...] = ()) -> Line:
    ask = decided.ask
    return Line(
        actor=ask.actor,
        action=ask.action,
        outcome=outcome,
        subject=ask.subject,
        purpose=ask.purpose,
        basis=ask.basis,
        agreement=ask.agreement,
        attributes=ask.attributes,
        reasons=reasons,
        case_reference=ask.case_reference,
        catalogue=decided.catalogue_hash,
    )
