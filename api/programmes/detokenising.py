"""A programme asks who the people behind identifiers of its own are: few, masked, with a case."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Request, Response, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import Meta

from api import problems
from api.oauth.errors import Denied
from api.problems import FieldProblem
from api.programmes import callers, documenting, questions
from api.programmes.callers import Caller, denied
from api.programmes.questions import Asking
from api.programmes.shapes import Pairwise, Query
from api.running import Running
from identity import tokens
from identity.doors import detokenising
from identity.doors.detokenising import QUOTA, Answer, ByProgramme, Found, NotAsked, Question
from identity.tokens import AccessToken
from policies.approvals import RULES, Kind
from policies.disclosure import Refusal
from policies.legal_time import legal_day
from policies.reasons import Reason
from policies.vocabulary import RAW, Action, AttributeId
from vault import database as db


class DetokeniseQuery(Query, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who are the people behind these identifiers of mine?"""

    identifiers: Annotated[
        list[Pairwise], Meta(min_length=1, max_length=RULES[Kind.DETOKENISE].most)
    ]
    """Up to five; more rest on an approval."""
    attributes: Annotated[list[str], Meta(min_length=1, max_length=32)]
    """What to tell of each: none but what the agreement gives in its raw form."""
    approval: UUID | None = None
    """What the agency's officers approved for exactly this case; it is used up."""


class DetokeniseAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What is told of each person, masked unless `full`."""

    people: dict[str, dict[str, Any] | None]
    """Identifier → attribute → value. Null: nothing is told, whatever the reason."""
    full: bool
    """Whether values are whole: the approval said so."""


@post(
    "/v1/detokenisations",
    status_code=200,
    operation_id="detokenise",
    summary="Ask who is behind identifiers",
    responses=documenting.documented(DetokeniseAnswer),
)
async def detokenise(
    request: Request[Any, Any, Any],
    data: JSONBody[DetokeniseQuery],
    running: NamedDependency[Running],
) -> Response[Any]:
    """Who they are: few at a time, masked, for a file of the programme's; each person sees it."""
    caller = await callers.identify(request, running)
    if not isinstance(caller, Denied):
        answer = await _ask(running, caller, data)
        if not isinstance(answer, Denied):
            answer.headers.update(callers.next_nonce(running))
            return answer
        caller = answer
    return await callers.turn_away(request, running, caller)


async def _ask(running: Running, caller: Caller, query: DetokeniseQuery) -> Response[Any] | Denied:
    refused = await callers.refuse_personal(running, caller, Action.DETOKENISE)
    if refused is not None:
        return refused
    forms = dict.fromkeys(query.attributes, str(RAW))
    wanted = questions.asking(Action.DETOKENISE, forms, query.case_reference)
    if not questions.reaches(caller, wanted, running.catalogue):
        return await questions.refuse_beyond(running, caller, wanted, None)
    async with db.read(running.database) as tx:
        token = await tokens.still(tx, caller.claims.token)
    if token is None:
        return denied("invalid_token", "token-ended", caller.claims.client_id)
    question = _question(running, caller, token, wanted, query)
    wait = await detokenising.admit(running.short_lived, question)
    if wait:
        return await _later(running, question, wait)
    async with db.begin(running.database) as tx:
        answer = await detokenising.detokenise(tx, running.keyring, running.catalogue, question)
    return _answered(answer)


async def _later(running: Running, question: Question, wait: int) -> Response[Any]:
    async with db.begin(running.database) as tx:
        await detokenising.refuse(tx, running.keyring, question, QUOTA)
    return problems.respond("too-many-requests", headers={"Retry-After": str(wait)})


def _answered(answer: Answer) -> Response[Any]:
    match answer:
        case Found():
            people = {
                token: None if values is None else {str(name): it for name, it in values.items()}
                for token, values in answer.people.items()
            }
            return Response(DetokeniseAnswer(people=people, full=answer.full))
        case NotAsked():
            return _not_asked(answer)
        case Refusal():
            return problems.for_refusal(answer)


def _question(
    running: Running, caller: Caller, token: AccessToken, wanted: Asking, query: DetokeniseQuery
) -> Question:
    authorized, day = token.authorized, legal_day(caller.at)
    return Question(
        asker=ByProgramme(
            agreement=authorized.agreement,
            purpose=authorized.purpose,
            basis=questions.basis(authorized, wanted.attributes, running.catalogue, day),
        ),
        programme=authorized.client_id,
        tokens=tuple(dict.fromkeys(query.identifiers)),
        attributes=tuple(AttributeId(name) for name in wanted.attributes),
        case_reference=wanted.case_reference or "",
        approval=query.approval,
    )


def _not_asked(answer: NotAsked) -> Response[Any]:
    if answer.reason == Reason.CASE_REFERENCE_UNFIT:
        message = "a file number of yours, as in DOSSIER-2026-0001"
        return problems.respond(
            "invalid-request", errors=(FieldProblem(field="case_reference", message=message),)
        )
    return problems.respond("forbidden", detail="more than a few need an approval for this case")
