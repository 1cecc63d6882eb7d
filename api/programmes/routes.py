"""What a programme may ask: verify, eligibility, attributes. A refusal is a problem, returned."""

from typing import Any, Final

from litestar import Request, Response, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from litestar.router import Router
from litestar.types import ControllerRouterHandler

from api.oauth.errors import Denied
from api.programmes import (
    answers,
    callers,
    detokenising,
    documenting,
    exchanging,
    grant_management,
    questions,
    userinfo,
)
from api.programmes.shapes import (
    DisclosureAnswer,
    DisclosureQuery,
    EligibilityAnswer,
    EligibilityQuery,
    VerificationAnswer,
    VerificationQuery,
)
from api.running import Running
from api.settings import Settings
from policies.forms import DECISION
from policies.vocabulary import MATCH, Action

ELIGIBILITY: Final = "eligibility"
"""The attribute that stands for the answer; there is one."""


def handlers(_settings: Settings) -> list[ControllerRouterHandler]:
    """`/v1/…`."""
    return [
        Router(
            path="/",  # each handler says its whole path: the cookieless routes are known by it
            route_handlers=[
                verify_person,
                assess_eligibility,
                disclose_attributes,
                detokenising.detokenise,
                exchanging.exchange_identifiers,
                grant_management.read_grant,
                grant_management.revoke_grant,
                userinfo.read_userinfo,
                userinfo.ask_userinfo,
            ],
            security=[{"dpop": []}],
            tags=["Answers"],
        )
    ]


@post(
    "/v1/verifications",
    status_code=200,
    operation_id="verifyPerson",
    summary="Verify a person",
    responses=documenting.documented(VerificationAnswer),
)
async def verify_person(
    request: Request[Any, Any, Any],
    data: JSONBody[VerificationQuery],
    running: NamedDependency[Running],
) -> Response[Any]:
    """Is this person who they say they are? Yes, partial or no; never a value."""
    caller = await callers.identify(request, running)
    if isinstance(caller, Denied):
        return await callers.turn_away(request, running, caller)
    wanted = questions.asking(Action.VERIFY, dict.fromkeys(data.claims, MATCH), data.case_reference)
    answered = await answers.verify(running, caller, wanted, data)
    return await _answer(request, running, answered)


@post(
    "/v1/eligibility",
    status_code=200,
    operation_id="assessEligibility",
    summary="Ask for eligibility",
    responses=documenting.documented(EligibilityAnswer),
)
async def assess_eligibility(
    request: Request[Any, Any, Any],
    data: JSONBody[EligibilityQuery],
    running: NamedDependency[Running],
) -> Response[Any]:
    """Is the programme's aid open to this person? Yes, no or cannot say, with reasons."""
    caller = await callers.identify(request, running)
    if isinstance(caller, Denied):
        return await callers.turn_away(request, running, caller)
    wanted = questions.asking(Action.ELIGIBILITY, {ELIGIBILITY: DECISION}, data.case_reference)
    answered = await answers.assess(running, caller, wanted, data.subject)
    return await _answer(request, running, answered)


@post(
    "/v1/disclosures",
    status_code=200,
    operation_id="discloseAttributes",
    summary="Ask for attributes",
    responses=documenting.documented(DisclosureAnswer),
)
async def disclose_attributes(
    request: Request[Any, Any, Any],
    data: JSONBody[DisclosureQuery],
    running: NamedDependency[Running],
) -> Response[Any]:
    """Some attributes of this person, each in the form that was agreed to or a coarser one."""
    caller = await callers.identify(request, running)
    if isinstance(caller, Denied):
        return await callers.turn_away(request, running, caller)
    wanted = questions.asking(Action.READ, data.attributes, data.case_reference)
    answered = await answers.disclose(running, caller, wanted, data.subject)
    return await _answer(request, running, answered)


async def _answer(
    request: Request[Any, Any, Any], running: Running, outcome: Response[Any] | Denied
) -> Response[Any]:
    if isinstance(outcome, Denied):
        return await callers.turn_away(request, running, outcome)
    outcome.headers.update(callers.next_nonce(running))
    return outcome
