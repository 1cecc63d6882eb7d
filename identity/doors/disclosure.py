"""THE DOOR for attributes: each question gets its values in the form agreed, or a reasoned no.

Many questions, one transaction, a constant number of statements. What is refused is
logged and touches no other question; what is given was logged before it was opened.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from identity.doors import deciding
from policies import forms
from policies.catalogue import Catalogue
from policies.disclosure import Ask, Permit, Refusal
from policies.legal_time import legal_day
from policies.vocabulary import (
    Action,
    AgreementId,
    AttributeId,
    FormId,
    LegalBasis,
    ProgrammeId,
    PurposeId,
    SubjectId,
)
from vault import access_log, attributes
from vault.attributes import Unreadable
from vault.database import Transaction
from vault.keyring import Keyring


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A programme asks for attributes of one person."""

    programme: ProgrammeId
    subject: SubjectId | None
    """None: whoever was named is not on record; refused like a lock."""
    agreement: AgreementId
    purpose: PurposeId
    basis: LegalBasis
    attributes: tuple[tuple[AttributeId, FormId], ...]
    case_reference: str | None = None


class Disclosed(msgspec.Struct, frozen=True, kw_only=True):
    """The values, each in the form asked; None where the register holds none."""

    values: dict[AttributeId, Any]
    hold_until: datetime | None
    """When the programme must have erased them."""


Answer = Disclosed | Refusal | Unreadable


async def disclose(
    tx: Transaction, keyring: Keyring, catalogue: Catalogue, questions: Sequence[Question]
) -> list[Answer]:
    """Answer each question, in order. Values leave the process only after the commit."""
    decided = await deciding.decided(tx, catalogue, [_ask(each) for each in questions])
    refused = [access_log.for_refusal(each) for each in decided if isinstance(each, Refusal)]
    permits = [each for each in decided if isinstance(each, Permit)]
    revealed = iter(await attributes.reveal(tx, keyring, permits, beside=refused))
    return [
        each if isinstance(each, Refusal) else _answer(each, next(revealed), catalogue)
        for each in decided
    ]


def _ask(question: Question) -> Ask:
    return Ask(
        programme=question.programme,
        subject=question.subject,
        agreement=question.agreement,
        purpose=question.purpose,
        basis=question.basis,
        attributes=question.attributes,
        action=Action.READ,
        case_reference=question.case_reference,
    )


def _answer(
    permit: Permit, revealed: Mapping[AttributeId, Any] | Unreadable, catalogue: Catalogue
) -> Answer:
    if isinstance(revealed, Unreadable):
        return revealed
    day = legal_day(permit.decided_at)
    values = {
        name: None
        if revealed.get(name) is None
        else forms.derive(catalogue.attributes[name], form, revealed[name], day)
        for name, form in permit.attributes
    }
    return Disclosed(values=values, hold_until=permit.hold_until)
