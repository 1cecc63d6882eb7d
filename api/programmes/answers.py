"""Each kind of question through its door, and what came out as an answer or a problem."""

from typing import Any

import msgspec
from litestar import Response

from api import lookups, observing, problems
from api.lookups import Lookup
from api.oauth.errors import Denied
from api.problems import FieldProblem
from api.programmes import questions
from api.programmes.callers import Caller, denied
from api.programmes.questions import Asking
from api.programmes.shapes import (
    DisclosureAnswer,
    EligibilityAnswer,
    Known,
    Named,
    VerificationAnswer,
    VerificationQuery,
)
from api.running import Running
from identity.doors import disclosure, eligibility, verification
from identity.doors.disclosure import Disclosed
from identity.doors.eligibility import Assessed
from identity.doors.gathering import ByToken, TokenEnded
from identity.doors.verification import Malformed, Verified
from identity.tokens import AccessToken
from policies import stepping_up, vocabulary
from policies.disclosure import Refusal
from policies.legal_time import legal_day
from policies.stepping_up import Proved, StepUp
from policies.vocabulary import Action, Actor, ActorKind, AttributeId, LegalBasis, SubjectId
from vault.attributes import Unreadable

Outcome = Response[Any] | Denied


async def verify(
    running: Running, caller: Caller, wanted: Asking, query: VerificationQuery
) -> Outcome:
    """Compare what somebody says with what is on record."""
    if wrong := _wrong_subject(caller, query.subject):
        return wrong
    if not questions.reaches(caller, wanted, running.catalogue):
        return await questions.refuse_beyond(running, caller, wanted, None)
    named = query.subject or Named()
    by_number = named.idcs is not None or named.virtual is not None
    if by_number and (wait := await _over_quota(running, caller)):
        return problems.respond("too-many-requests", headers={"Retry-After": str(wait)})
    claims = {AttributeId(name): claim for name, claim in query.claims.items()}

    def question(token: AccessToken) -> verification.Question | StepUp:
        lacks = _lacking(running, caller, token)
        return lacks or verification.Question(
            programme=token.authorized.client_id,
            named=verification.Named(
                idcs=named.idcs,
                virtual=named.virtual,
                pairwise=named.pairwise,
                subject=token.authorized.subject,
            ),
            claims=claims,
            agreement=token.authorized.agreement,
            purpose=token.authorized.purpose,
            basis=_basis(running, caller, token, wanted),
            case_reference=wanted.case_reference,
        )

    answer = await running.doors.verify(ByToken(token=caller.claims.token, question=question))
    _count(Action.VERIFY, answer)
    match answer:
        case Verified():
            return Response(
                VerificationAnswer(
                    result=answer.result.value,
                    attributes={name: each.value for name, each in answer.attributes.items()},
                    subject=answer.subject,
                )
            )
        case Malformed():
            return problems.respond("invalid-request", detail=answer.reason)
        case Refusal() | TokenEnded() | StepUp() | Unreadable():
            return _not_answered(caller, answer)


async def assess(running: Running, caller: Caller, wanted: Asking, known: Known | None) -> Outcome:
    """Ask whether the programme's aid is open to a person."""
    subject = await _whom(running, caller, wanted, known)
    if isinstance(subject, Response | Denied):
        return subject

    def question(token: AccessToken) -> eligibility.Question | StepUp:
        lacks = _lacking(running, caller, token)
        return lacks or eligibility.Question(
            programme=token.authorized.client_id,
            subject=token.authorized.subject or subject,
            agreement=token.authorized.agreement,
            purpose=token.authorized.purpose,
            basis=_basis(running, caller, token, wanted),
            case_reference=wanted.case_reference,
        )

    answer = await running.doors.assess(ByToken(token=caller.claims.token, question=question))
    _count(Action.ELIGIBILITY, answer)
    match answer:
        case Assessed():
            reasons = tuple(reason.value for reason in answer.reasons)
            return Response(
                EligibilityAnswer(eligible=answer.eligible, until=answer.until, reasons=reasons)
            )
        case Refusal() | TokenEnded() | StepUp() | Unreadable():
            return _not_answered(caller, answer)


async def disclose(
    running: Running, caller: Caller, wanted: Asking, known: Known | None
) -> Outcome:
    """Ask for attributes."""
    subject = await _whom(running, caller, wanted, known)
    if isinstance(subject, Response | Denied):
        return subject

    def question(token: AccessToken) -> disclosure.Question | StepUp:
        lacks = _lacking(running, caller, token)
        return lacks or disclosure.Question(
            programme=token.authorized.client_id,
            subject=token.authorized.subject or subject,
            agreement=token.authorized.agreement,
            purpose=token.authorized.purpose,
            basis=_basis(running, caller, token, wanted),
            attributes=wanted.forms,
            case_reference=wanted.case_reference,
        )

    answer = await running.doors.disclose(ByToken(token=caller.claims.token, question=question))
    _count(Action.READ, answer)
    match answer:
        case Disclosed():
            values = {str(name): value for name, value in answer.values.items()}
            return Response(DisclosureAnswer(values=values, hold_until=answer.hold_until))
        case Refusal() | TokenEnded() | StepUp() | Unreadable():
            return _not_answered(caller, answer)


async def _whom(
    running: Running, caller: Caller, wanted: Asking, known: Known | None
) -> SubjectId | Outcome | None:
    """Whom a question is about where the token does not say; or why it is not asked."""
    if wrong := _wrong_subject(caller, known):
        return wrong
    subject = await questions.find(running, caller, known.pairwise) if known else None
    if not questions.reaches(caller, wanted, running.catalogue):
        return await questions.refuse_beyond(running, caller, wanted, subject)
    return subject


async def _over_quota(running: Running, caller: Caller) -> int:
    """Seconds until the programme may look for somebody by number again; 0 for now."""
    lookup = Lookup(
        by=Actor(kind=ActorKind.PROGRAMME, id=caller.claims.client_id),
        action=Action.VERIFY,
        limit=lookups.OF_A_PROGRAMME,
    )
    wait = await lookups.charge(running.short_lived, lookup)
    if wait:
        await lookups.alarm(running.database, running.keyring, running.short_lived, lookup)
    return wait


def _wrong_subject(caller: Caller, named: object) -> Response[Any] | None:
    """A person's own token names them; a programme's own names nobody."""
    personal = caller.claims.sub != caller.claims.client_id
    if personal == (named is None):
        return None
    message = "the token names the person" if personal else "say whom it is about"
    return problems.respond(
        "invalid-request", errors=(FieldProblem(field="subject", message=message),)
    )


def _basis(running: Running, caller: Caller, token: AccessToken, wanted: Asking) -> LegalBasis:
    day = legal_day(caller.at)
    return questions.basis(token.authorized, wanted.attributes, running.catalogue, day)


def _lacking(running: Running, caller: Caller, token: AccessToken) -> StepUp | None:
    """What the person's sign-in lacks; nothing where the programme acts under a law."""
    authorized = token.authorized
    if authorized.subject is None:
        return None
    agreement = running.catalogue.agreement(authorized.agreement, legal_day(caller.at))
    proved = Proved(acr=authorized.acr, auth_time=authorized.auth_time)
    return stepping_up.lacking(agreement, proved, caller.at)


def _step_up(caller: Caller, lacks: StepUp) -> Denied:
    """RFC 9470 §3."""
    acr = (("acr_values", " ".join(lacks.acr)),) if lacks.acr else ()
    age = (("max_age", str(lacks.max_age)),) if lacks.max_age is not None else ()
    refused = denied("insufficient_user_authentication", "sign-in-lacking", caller.claims.client_id)
    return msgspec.structs.replace(refused, needs=(*acr, *age))


def _count(action: Action, answer: object) -> None:
    """For the figures: how it ended, and by which code where the programme was told one."""
    match answer:
        case Refusal():
            ended = (vocabulary.Outcome.REFUSED, answer.public)
        case TokenEnded() | StepUp() | Malformed():
            ended = (vocabulary.Outcome.REFUSED, "invalid-request")
        case Unreadable():
            ended = (vocabulary.Outcome.FAULT, answer.fault)
        case _:
            ended = (vocabulary.Outcome.GIVEN, "")
    observing.decisions.labels(action, *ended).inc()


def _not_answered(caller: Caller, answer: Refusal | TokenEnded | StepUp | Unreadable) -> Outcome:
    match answer:
        case Refusal():
            return problems.for_refusal(answer)
        case TokenEnded():
            return denied("invalid_token", "token-ended", caller.claims.client_id)
        case StepUp():
            return _step_up(caller, answer)
        case Unreadable():
            return problems.respond("integrity")
