"""THE DOOR from an identifier to the person behind it: few at a time, masked, with a case.

Two may ask: a programme, with its own identifiers and within its agreement; and a member of
staff, within a duty. In order: the role or agreement, the basis or consent, the purpose and the
class of the case, the quotas, the log line; then it is opened, and masked but for a grant of
four eyes. Whoever is unknown, erased or not to be told of looks alike: no values, the same work.
"""

import math
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
import structlog

from identity import approvals
from identity.doors import deciding, wrong_answers
from identity.login.rates import Limit
from identity.registry import pseudonyms
from policies import cases, disclosure, masking
from policies.approvals import FEW, Kind, Proposal, Use
from policies.cases import CaseClass
from policies.catalogue import Catalogue
from policies.disclosure import NOT_PERMITTED, Ask, AskedForms, DutyAsk, Permit, Refusal
from policies.legal_time import legal_day
from policies.reasons import Reason
from policies.staff import TERMS, Duty, Role
from policies.vocabulary import (
    RAW,
    Action,
    Actor,
    ActorKind,
    AgreementId,
    AttributeId,
    LegalBasis,
    Outcome,
    ProgrammeId,
    PurposeId,
    StaffId,
    SubjectId,
)
from vault import access_log, attributes, log_embargoes, log_leaf
from vault.access_log import Line
from vault.attributes import Unreadable, Values
from vault.database import Transaction
from vault.keyring import Keyring
from vault.short_lived import ShortLived

PER_HUMAN: Final = Limit(times=20, seconds=3_600)
PER_CLIENT: Final = Limit(times=60, seconds=3_600)
PER_PURPOSE: Final = Limit(times=200, seconds=3_600)
"""People an hour, for each member of staff, each programme, each purpose (ADR 0011)."""
HOLD: Final = timedelta(hours=72)
"""When the person is told that the glass was broken: an aggressor may share their telephone."""
UNAPPROVED: Final = "four-eyes-missing"
QUOTA: Final = "quota-spent"

log: Final = structlog.get_logger()


class ByProgramme(msgspec.Struct, frozen=True, kw_only=True):
    """A programme asks, on its agreement."""

    agreement: AgreementId
    purpose: PurposeId
    basis: LegalBasis


class ByStaff(msgspec.Struct, frozen=True, kw_only=True):
    """A member of staff asks, for a duty that opens records."""

    staff: StaffId
    role: Role
    duty: Duty

    @property
    def purpose(self) -> PurposeId:
        """What the duty is for."""
        return TERMS[self.duty].purpose


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """Who are the people behind these identifiers of a programme?"""

    asker: ByProgramme | ByStaff
    programme: ProgrammeId
    tokens: tuple[str, ...]
    attributes: tuple[AttributeId, ...]
    case_reference: str
    approval: UUID | None = None
    """The grant of four eyes that it rests on: for many people, or for whole values."""

    @property
    def actor(self) -> Actor:
        """Who asks, for the log."""
        if isinstance(self.asker, ByStaff):
            return Actor(kind=ActorKind.STAFF, id=self.asker.staff)
        return Actor(kind=ActorKind.PROGRAMME, id=self.programme)

    @property
    def action(self) -> Action:
        """The verb of its log lines."""
        if isinstance(self.asker, ByStaff):
            return TERMS[self.asker.duty].action
        return Action.DETOKENISE


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """Token → what is told of the person; None for whoever nothing is told of, whatever why."""

    people: dict[str, dict[AttributeId, Any] | None]
    full: bool = False
    """Whether values are whole; masked otherwise."""


class NotAsked(msgspec.Struct, frozen=True, kw_only=True):
    """Refused before anyone was looked for: by four eyes, a case, or a quota. Logged."""

    reason: str


Answer = Found | NotAsked | Refusal


class _Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A question, and whether four eyes let it have whole values."""

    question: Question
    full: bool


class _Decided(msgspec.Struct, frozen=True, kw_only=True):
    """Token → the permit, or None where nothing is told; and the lines about those."""

    permits: dict[str, Permit | None]
    beside: list[Line]
    full: bool


async def admit(short_lived: ShortLived, question: Question) -> int:
    """Seconds to wait before this may be asked; 0: now, and each person is counted.

    Counted before the transaction: also what is refused is spent, and no lock is held between
    two who ask. What rests on four eyes counts as one: its grant bounds it, and is used up.
    """
    counted = question.tokens[: FEW if question.approval is None else 1]
    for key, limit in _quotas(question):
        for _ in counted:
            rate = await short_lived.hit(f"detokenise:{key}", limit.times, limit.seconds)
            if not rate.allowed:
                return max(1, math.ceil(rate.retry_after))
    return 0


async def refuse(tx: Transaction, keyring: Keyring, question: Question, reason: str) -> NotAsked:
    """Log that a question was not asked of the register at all."""
    await access_log.record(tx, keyring, [_line(question, reason)])
    return NotAsked(reason=reason)


async def detokenise(
    tx: Transaction, keyring: Keyring, catalogue: Catalogue, question: Question
) -> Answer:
    """Tell who they are, as far as it may be told. To be called once it was admitted."""
    tokens = tuple(dict.fromkeys(question.tokens))
    if not _case_fits(tx, question):
        return await refuse(tx, keyring, question, Reason.CASE_REFERENCE_UNFIT)
    grant = await _grant(tx, keyring, question, tokens)
    if isinstance(grant, NotAsked):
        return grant
    audience = catalogue.audience(question.programme)
    found = await pseudonyms.resolve(tx, keyring, audience, tokens)
    full = grant is not None and grant.full
    people = [(token, found.get(token)) for token in tokens]
    decided = await _decided(tx, keyring, catalogue, _Asked(question=question, full=full), people)
    return decided if isinstance(decided, Refusal) else await _told(tx, keyring, question, decided)


async def break_glass(
    tx: Transaction, keyring: Keyring, catalogue: Catalogue, question: Question, reason: str
) -> Answer:
    """Tell who one person is, whole and at once, for an emergency. Alarms; they are told later.

    `reason` is a code of the form's.
    """
    (token,) = question.tokens
    audience = catalogue.audience(question.programme)
    subject = (await pseudonyms.resolve(tx, keyring, audience, [token])).get(token)
    asked = _Asked(question=question, full=True)
    decided = await _decided(tx, keyring, catalogue, asked, [(token, subject)])
    log.critical(
        "break_glass", staff=question.actor.id, programme=question.programme, reason=reason
    )
    if isinstance(decided, Refusal):
        return decided
    answer = await _told(tx, keyring, question, decided)
    if subject is not None:
        month = log_leaf.month(tx.now)
        lines = await access_log.of_subject(tx, keyring, subject, [month], limit=FEW)
        ours = [each.id for each in lines if (each.at, each.action) == (tx.now, Action.BREAK_GLASS)]
        await log_embargoes.hold(tx, ours, tx.now + HOLD)
    return answer


def _case_fits(tx: Transaction, question: Question) -> bool:
    kind = CaseClass.FILE
    if isinstance(question.asker, ByStaff):
        kind = TERMS[question.asker.duty].case or CaseClass.FILE
    return cases.fits(question.case_reference, kind, legal_day(tx.now).year)


async def _grant(
    tx: Transaction, keyring: Keyring, question: Question, tokens: tuple[str, ...]
) -> Proposal | NotAsked | None:
    if question.approval is None:
        if len(tokens) > FEW or not tokens:
            return await refuse(tx, keyring, question, UNAPPROVED)
        return None
    staff = question.asker.staff if isinstance(question.asker, ByStaff) else None
    wanted = Use(
        kind=Kind.DETOKENISE,
        staff=staff,
        programme=question.programme,
        purpose=question.asker.purpose,
        case_reference=question.case_reference,
        tokens=tokens,
    )
    used = await approvals.use(tx, keyring, question.approval, wanted)
    if isinstance(used, approvals.Denied):
        return await refuse(tx, keyring, question, UNAPPROVED)
    return used


async def _decided(
    tx: Transaction,
    keyring: Keyring,
    catalogue: Catalogue,
    asked: _Asked,
    people: Sequence[tuple[str, SubjectId | None]],
) -> _Decided | Refusal:
    """A permit for each who may be told of; a refusal where it is the asker's own fault."""
    question = asked.question
    nobodies = [SubjectId(wrong_answers.nobody(keyring, token)) for token, _ in people]
    about = [subject or other for (_, subject), other in zip(people, nobodies, strict=True)]
    # Whoever is not there has no log key: looked for all the same, so that it is as much work.
    await keyring.subject(tx, about, "log")
    decided: list[Permit | Refusal]
    if isinstance(question.asker, ByStaff):
        forms = _forms(asked)
        decided = [
            disclosure.decide_duty(_duty(question.asker, question, each, forms), catalogue, tx.now)
            for each in about
        ]
    else:
        asks = [_ask(question.asker, question, subject) for _, subject in people]
        decided = await deciding.decided(tx, catalogue, asks, instead=nobodies)
    fault = _own_fault(question, catalogue, decided, tx)
    if fault is not None:
        about_them = [
            access_log.for_refusal(it)
            for it, (_, subject) in zip(decided, people, strict=True)
            if isinstance(it, Refusal) and subject is not None
        ]
        lines = about_them or [_line(question, fault.reasons[0])]
        await access_log.record(tx, keyring, lines)
        return fault
    permits: dict[str, Permit | None] = {}
    beside = []
    for it, (token, subject) in zip(decided, people, strict=True):
        permits[token] = it if isinstance(it, Permit) and subject is not None else None
        if isinstance(it, Refusal):
            beside.append(access_log.for_refusal(it))
        elif subject is None:
            beside.append(_line(question, Reason.PERSON_UNKNOWN))
    return _Decided(permits=permits, beside=beside, full=asked.full)


def _own_fault(
    question: Question,
    catalogue: Catalogue,
    decided: Sequence[Permit | Refusal],
    tx: Transaction,
) -> Refusal | None:
    """What would be refused whoever it was about: that may be said."""
    if isinstance(question.asker, ByStaff):
        return next((it for it in decided if isinstance(it, Refusal)), None)
    ask = _ask(question.asker, question, None)
    about_nobody = disclosure.decide(ask, None, disclosure.PersonFacts(), catalogue, tx.now)
    if isinstance(about_nobody, Refusal) and about_nobody.public != NOT_PERMITTED:
        return about_nobody
    return None


async def _told(tx: Transaction, keyring: Keyring, question: Question, decided: _Decided) -> Found:
    given = {token: permit for token, permit in decided.permits.items() if permit is not None}
    values = await attributes.reveal(tx, keyring, list(given.values()), beside=decided.beside)
    await attributes.rehearse(tx, len(decided.beside))
    revealed = dict(zip(given, values, strict=True))
    return Found(
        people={
            token: _shown(question, revealed.get(token), full=decided.full)
            for token in decided.permits
        },
        full=decided.full,
    )


def _shown(
    question: Question, values: Values | Unreadable | None, *, full: bool
) -> dict[AttributeId, Any] | None:
    if values is None or isinstance(values, Unreadable):
        return None
    return {
        name: values.get(name) if full else masking.masked(name, values.get(name))
        for name in question.attributes
    }


def _quotas(question: Question) -> list[tuple[str, Limit]]:
    purpose = (f"purpose:{question.asker.purpose}", PER_PURPOSE)
    if isinstance(question.asker, ByStaff):
        return [(f"human:{question.asker.staff}", PER_HUMAN), purpose]
    return [(f"client:{question.programme}", PER_CLIENT), purpose]


def _forms(asked: _Asked) -> AskedForms:
    form = RAW if asked.full else masking.MASKED
    return tuple((name, form) for name in asked.question.attributes)


def _duty(asker: ByStaff, question: Question, subject: SubjectId, forms: AskedForms) -> DutyAsk:
    return DutyAsk(
        staff=asker.staff,
        role=asker.role,
        duty=asker.duty,
        subject=subject,
        attributes=forms,
        case_reference=question.case_reference,
    )


def _ask(asker: ByProgramme, question: Question, subject: SubjectId | None) -> Ask:
    # A masked value is none of an agreement's forms: it must reach as far as the whole one.
    return Ask(
        programme=question.programme,
        subject=subject,
        agreement=asker.agreement,
        purpose=asker.purpose,
        basis=asker.basis,
        attributes=tuple((name, RAW) for name in question.attributes),
        action=Action.DETOKENISE,
        case_reference=question.case_reference,
    )


def _line(question: Question, reason: str) -> Line:
    return Line(
        actor=question.actor,
        action=question.action,
        outcome=Outcome.REFUSED,
        purpose=question.asker.purpose,
        reasons=(str(reason),),
        case_reference=question.case_reference or None,
        detail=f"{len(question.tokens)} asked",
    )
