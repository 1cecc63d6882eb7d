"""DOOR: is an aid open to this person? Yes, no or cannot say, with reasons; never the index."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

import msgspec

from identity.doors import deciding
from identity.registry import household_states
from policies import eligibility
from policies.catalogue import Catalogue
from policies.disclosure import Ask, Permit, Refusal
from policies.eligibility import (
    CannotSay,
    ClaimantFacts,
    EligibilityReason,
    Eligible,
    NotEligible,
)
from policies.forms import DECISION
from policies.legal_time import legal_day
from policies.vocabulary import (
    Action,
    AgreementId,
    AttributeId,
    LegalBasis,
    ProgrammeId,
    PurposeId,
    SubjectId,
)
from vault import access_log, attributes
from vault.attributes import Unreadable
from vault.database import Transaction
from vault.keyring import Keyring

ELIGIBILITY: Final = AttributeId("eligibility")
INDEX: Final = AttributeId("index")
BIRTH_DATE: Final = AttributeId("birth_date")
NATIONALITY: Final = AttributeId("nationality")


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A programme asks whether its aid is open to one person."""

    programme: ProgrammeId
    subject: SubjectId | None
    agreement: AgreementId
    purpose: PurposeId
    basis: LegalBasis
    case_reference: str | None = None


class Assessed(msgspec.Struct, frozen=True, kw_only=True):
    """The answer: no fact and no figure it was computed from."""

    eligible: bool | None
    """None: it cannot be said."""
    until: date | None = None
    reasons: tuple[EligibilityReason, ...] = ()


Answer = Assessed | Refusal | Unreadable


async def assess(
    tx: Transaction, keyring: Keyring, catalogue: Catalogue, questions: Sequence[Question]
) -> list[Answer]:
    """Answer each question, in order, in a constant number of statements."""
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
        attributes=((ELIGIBILITY, DECISION),),
        action=Action.ELIGIBILITY,
        case_reference=question.case_reference,
    )


def _answer(
    permit: Permit, revealed: Mapping[AttributeId, Any] | Unreadable, catalogue: Catalogue
) -> Answer:
    if isinstance(revealed, Unreadable):
        return revealed
    asked = permit.ask
    rule = catalogue.rules.get(asked.programme) if isinstance(asked, Ask) else None
    kept = revealed.get(INDEX)
    facts = ClaimantFacts(
        birth_date=revealed.get(BIRTH_DATE),
        nationality=revealed.get(NATIONALITY),
        registered_household=isinstance(asked, Ask) and asked.household is not None,
    )
    index = None if kept is None else household_states.index_from(kept)
    match eligibility.assess(rule, index, facts, legal_day(permit.decided_at)):
        case Eligible(until=until):
            return Assessed(eligible=True, until=until)
        case NotEligible(reasons=reasons):
            return Assessed(eligible=False, reasons=reasons)
        case CannotSay(reasons=reasons):
            return Assessed(eligible=None, reasons=reasons)
