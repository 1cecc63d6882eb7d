"""DOOR: is this person who they say they are? Yes, partial or no for each claim, and no value.

Unknown, locked, out of budget and wrong get the same answer after the same work. Every
attempt about somebody is in their history.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4

import msgspec

from identity.doors import comparing, deciding, wrong_answers
from identity.doors.wrong_answers import Target
from identity.registry import people, pseudonyms, virtual_identifiers
from identity.registry.names import Verdict
from policies.catalogue import Catalogue
from policies.disclosure import NOT_PERMITTED, Ask, Permit, Refusal
from policies.vocabulary import (
    MATCH,
    Action,
    AgreementId,
    AttributeId,
    LegalBasis,
    Outcome,
    ProgrammeId,
    PurposeId,
    SubjectId,
)
from vault import access_log, attributes
from vault.attributes import Unreadable
from vault.database import Transaction
from vault.keyring import Keyring

FEWEST_CLAIMS: Final = 2
"""At least one of them not a name (registries design; MOSIP has no such rule)."""
BUDGET_SPENT: Final = "too-many-wrong-answers"
"""The reason a person reads in their history; to the programme it is a «no»."""
NUMBER_USED: Final = "number-used"
"""The same, where another was first to use a number."""


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """Whom it is about: exactly one of the four."""

    idcs: str | None = None
    """The person's own number, as typed."""
    virtual: str | None = None
    """A number the person made to give in its place, as typed."""
    pairwise: str | None = None
    """The programme's identifier for them."""
    subject: SubjectId | None = None
    """The person whose token it is."""


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A programme compares what somebody says with what is on record."""

    programme: ProgrammeId
    named: Named
    claims: Mapping[AttributeId, str]
    agreement: AgreementId
    purpose: PurposeId
    basis: LegalBasis
    case_reference: str | None = None


class Malformed(msgspec.Struct, frozen=True, kw_only=True):
    """The question cannot be answered for anybody: its own fault, said before anyone is looked for.

    `subject-missing` (exactly one identifier), `too-few-claims`, `only-names`, `claim-unreadable`.
    """

    reason: str


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """The answer in bands."""

    result: Verdict
    """YES: every claim is; NO: not shown to be this person; PARTIAL: anything between."""
    attributes: dict[AttributeId, Verdict]
    subject: str | None = None
    """The programme's identifier for the person, where the result is YES."""


Answer = Verified | Refusal | Malformed | Unreadable


class _Try(msgspec.Struct, frozen=True, kw_only=True):
    """A question that can be answered, whom it names, and what was decided."""

    question: Question
    subject: SubjectId | None
    target: Target
    decided: Permit | Refusal
    virtual: UUID | None = None
    """The number that is used up by an answer."""
    barred: str = ""
    """Why nothing is opened although it was permitted."""

    @property
    def its_own_fault(self) -> bool:
        """Refused for the programme or its question, not for anything about a person."""
        return isinstance(self.decided, Refusal) and self.decided.public != NOT_PERMITTED

    @property
    def opens(self) -> bool:
        return isinstance(self.decided, Permit) and not self.barred


async def verify(
    tx: Transaction, keyring: Keyring, catalogue: Catalogue, questions: Sequence[Question]
) -> list[Answer]:
    """Answer each question, in order; each attempt is in the person's history."""
    faults = [_malformed(each) for each in questions]
    sound = [each for each, fault in zip(questions, faults, strict=True) if fault is None]
    answers = iter(await _verify(tx, keyring, catalogue, sound) if sound else [])
    return [next(answers) if fault is None else fault for fault in faults]


def _malformed(question: Question) -> Malformed | None:
    named = question.named
    said = (named.idcs, named.virtual, named.pairwise, named.subject)
    if sum(it is not None for it in said) != 1:
        return Malformed(reason="subject-missing")
    if len(question.claims) < FEWEST_CLAIMS:
        return Malformed(reason="too-few-claims")
    if question.claims.keys() <= comparing.NAMES:
        return Malformed(reason="only-names")
    if not all(comparing.readable(name, claim) for name, claim in question.claims.items()):
        return Malformed(reason="claim-unreadable")
    return None


async def _verify(
    tx: Transaction, keyring: Keyring, catalogue: Catalogue, questions: Sequence[Question]
) -> list[Verified | Refusal | Unreadable]:
    virtual = await _virtual(tx, keyring, catalogue, questions)
    subjects = await _named(tx, keyring, catalogue, questions)
    subjects = [
        known or (number.subject if number else None)
        for known, number in zip(subjects, virtual, strict=True)
    ]
    pairs = list(zip(questions, subjects, strict=True))
    targets = [_target(keyring, *each) for each in pairs]
    decided = await deciding.decided(
        tx,
        catalogue,
        [_ask(*each) for each in pairs],
        instead=[SubjectId(target) for target, _ in targets],
    )
    tries = [
        _Try(
            question=question,
            subject=subject,
            target=target,
            decided=each,
            virtual=number.id if number else None,
        )
        for (question, subject), target, each, number in zip(
            pairs, targets, decided, virtual, strict=True
        )
    ]
    told = await wrong_answers.told(tx, [it.target for it in tries if not it.its_own_fault])
    tries = await _claimed(tx, list(_within_budget(tx, tries, told)))
    recorded = await _recorded(tx, keyring, tries)
    answers = [_answer(it, each) for it, each in zip(tries, recorded, strict=True)]
    await wrong_answers.keep(tx, _told(tx, tries, answers, told))
    return await _with_identifiers(tx, keyring, catalogue, tries, answers)


async def _named(
    tx: Transaction, keyring: Keyring, catalogue: Catalogue, questions: Sequence[Question]
) -> list[SubjectId | None]:
    """Whom each question names."""
    numbers = [each.named.idcs for each in questions if each.named.idcs is not None]
    tokens = [
        (catalogue.audience(each.programme), each.named.pairwise)
        for each in questions
        if each.named.pairwise is not None
    ]
    by_number = await people.by_idcs(tx, keyring, numbers)
    by_token = await pseudonyms.resolve_all(tx, keyring, tokens)
    return [
        each.named.subject
        or by_number.get(each.named.idcs or "")
        or by_token.get((catalogue.audience(each.programme), each.named.pairwise or ""))
        for each in questions
    ]


def _ask(question: Question, subject: SubjectId | None) -> Ask:
    return Ask(
        programme=question.programme,
        subject=subject,
        agreement=question.agreement,
        purpose=question.purpose,
        basis=question.basis,
        attributes=tuple((name, MATCH) for name in question.claims),
        action=Action.VERIFY,
        case_reference=question.case_reference,
    )


def _target(keyring: Keyring, question: Question, subject: SubjectId | None) -> Target:
    named = question.named
    identifier = named.idcs or named.virtual or named.pairwise or ""
    nobody = wrong_answers.nobody(keyring, identifier)  # computed either way: the same work
    return subject or nobody, question.programme


def _within_budget(
    tx: Transaction, tries: Sequence[_Try], told: Mapping[Target, Sequence[datetime]]
) -> Iterator[_Try]:
    before: Counter[Target] = Counter()
    for it in tries:
        if it.its_own_fault:
            yield it
            continue
        spent = wrong_answers.spent(told[it.target], before[it.target], tx.now)
        before[it.target] += 1
        yield msgspec.structs.replace(it, barred=BUDGET_SPENT if spent else "")


async def _virtual(
    tx: Transaction, keyring: Keyring, catalogue: Catalogue, questions: Sequence[Question]
) -> list[virtual_identifiers.Found | None]:
    """The number that each question names, where it stands for somebody."""
    asked = [
        (catalogue.audience(each.programme), each.named.virtual)
        for each in questions
        if each.named.virtual is not None
    ]
    found = await virtual_identifiers.find(tx, keyring, asked)
    return [
        found.get((catalogue.audience(each.programme), each.named.virtual or ""))
        for each in questions
    ]


async def _claimed(tx: Transaction, tries: Sequence[_Try]) -> list[_Try]:
    """Each number is used by the question it opens; where another was first, nothing is opened."""
    using = sorted(
        # Nobody's row where nothing is to be opened: the same work.
        (it.virtual if it.virtual and it.opens else uuid4(), at)
        for at, it in enumerate(tries)
        if it.question.named.virtual is not None and not it.its_own_fault
    )
    claimed = list(tries)
    for number, at in using:  # in one order for all: no two batches wait for each other
        used = await virtual_identifiers.claim(tx, number)
        if tries[at].opens and not used:
            claimed[at] = msgspec.structs.replace(tries[at], barred=NUMBER_USED)
    return claimed


async def _recorded(
    tx: Transaction, keyring: Keyring, tries: Sequence[_Try]
) -> list[Mapping[AttributeId, Any] | Unreadable | None]:
    """What is on record, logged before it is opened; None where nothing may be opened."""
    lines = [
        access_log.for_refusal(it.decided)
        if isinstance(it.decided, Refusal)
        else msgspec.structs.replace(
            access_log.for_permit(it.decided), outcome=Outcome.REFUSED, reasons=(it.barred,)
        )
        for it in tries
        if not it.opens
    ]
    permits = [it.decided for it in tries if it.opens and isinstance(it.decided, Permit)]
    revealed = iter(await attributes.reveal(tx, keyring, permits, beside=lines))
    await attributes.rehearse(tx, sum(not it.opens and not it.its_own_fault for it in tries))
    return [next(revealed) if it.opens else None for it in tries]


def _answer(
    it: _Try, recorded: Mapping[AttributeId, Any] | Unreadable | None
) -> Verified | Refusal | Unreadable:
    if isinstance(recorded, Unreadable):
        return recorded
    if it.its_own_fault and isinstance(it.decided, Refusal):
        return it.decided
    known = comparing.NOBODY if recorded is None else recorded
    verdicts = comparing.compare(it.question.claims, known)
    if recorded is None or not comparing.recognised(verdicts):
        verdicts = dict.fromkeys(it.question.claims, Verdict.NO)
    return Verified(result=comparing.overall(verdicts), attributes=verdicts)


def _told(
    tx: Transaction,
    tries: Sequence[_Try],
    answers: Sequence[Verified | Refusal | Unreadable],
    told: Mapping[Target, Sequence[datetime]],
) -> dict[Target, list[datetime]]:
    """The wrong answers of each target with those of now. A spent budget does not grow."""
    found: dict[Target, list[datetime]] = {}
    for it, answer in zip(tries, answers, strict=True):
        if isinstance(answer, Verified) and answer.result is not Verdict.YES and not it.barred:
            found.setdefault(it.target, list(told[it.target])).append(tx.now)
    return found


async def _with_identifiers(
    tx: Transaction,
    keyring: Keyring,
    catalogue: Catalogue,
    tries: Sequence[_Try],
    answers: Sequence[Verified | Refusal | Unreadable],
) -> list[Verified | Refusal | Unreadable]:
    """Who was shown to be who they say gets the programme's identifier for them."""
    shown = {
        at: (catalogue.audience(it.question.programme), it.subject)
        for at, (it, answer) in enumerate(zip(tries, answers, strict=True))
        if isinstance(answer, Verified) and answer.result is Verdict.YES and it.subject is not None
    }
    issued = await pseudonyms.pairwise_all(tx, keyring, list(shown.values()))
    return [
        msgspec.structs.replace(answer, subject=issued[shown[at]])
        if at in shown and isinstance(answer, Verified)
        else answer
        for at, answer in enumerate(answers)
    ]
