"""Refusals and faults → RFC 9457 problem details, by one table.

A refusal is answered by returning (its log line must commit); a fault by raising
(nothing of it may stay). A problem says what a programme may know, never what we know.
"""

from http import HTTPStatus
from typing import Any, Final

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.types import ExceptionHandlersMap

from api import observing
from policies.disclosure import Refusal
from vault.envelope_errors import KeysUnavailableError, StaleStoreError, TamperedError

RETRY_AFTER: Final = {"Retry-After": "10"}
"""Seconds after which a token that was away may be back (RFC 9110 §10.2.3)."""
TYPE_BASE: Final = "urn:amana:problem:"
MEDIA_TYPE: Final = "application/problem+json"


class FieldProblem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing wrong with one field of the request."""

    field: str
    message: str


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """RFC 9457 problem details. `type` is stable; `title` is for people and may change."""

    type: str
    title: str
    status: int
    detail: str = ""
    correlation: str = ""
    """Names our log line of this request."""
    errors: tuple[FieldProblem, ...] = ()


class Kind(msgspec.Struct, frozen=True):
    """One kind of problem."""

    status: HTTPStatus
    title: str


KINDS: Final[dict[str, Kind]] = {
    # What the edge finds wrong with a request
    "invalid-request": Kind(HTTPStatus.BAD_REQUEST, "The request is not well formed"),
    "unauthenticated": Kind(HTTPStatus.UNAUTHORIZED, "The request carries no valid token"),
    "forbidden": Kind(HTTPStatus.FORBIDDEN, "This is not allowed"),
    "not-found": Kind(HTTPStatus.NOT_FOUND, "There is nothing here"),
    "method-not-allowed": Kind(HTTPStatus.METHOD_NOT_ALLOWED, "Not with this method"),
    "too-large": Kind(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The request is too large"),
    "unsupported-media-type": Kind(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "The body is of a kind we do not read"
    ),
    "too-many-requests": Kind(HTTPStatus.TOO_MANY_REQUESTS, "Too many requests; try again later"),
    # Faults of ours
    "internal": Kind(HTTPStatus.INTERNAL_SERVER_ERROR, "Something went wrong here"),
    "integrity": Kind(HTTPStatus.INTERNAL_SERVER_ERROR, "The record cannot be read"),
    "unavailable": Kind(HTTPStatus.SERVICE_UNAVAILABLE, "Not available just now"),
}
"""Every kind of problem that is not a refusal; refusals join from `REFUSALS`."""

_NO = HTTPStatus.FORBIDDEN
REFUSALS: Final[dict[str, Kind]] = {
    # About the programme, its agreement and its question
    "programme-unknown": Kind(_NO, "The programme is not in the catalogue"),
    "agreement-unknown": Kind(_NO, "There is no such agreement"),
    "agreement-of-another": Kind(_NO, "The agreement is another programme's"),
    "agreement-not-in-force": Kind(_NO, "The agreement is not in force"),
    "cndp-reference-missing": Kind(_NO, "The agreement names no CNDP authorisation"),
    "cndp-reference-expired": Kind(_NO, "The CNDP authorisation has expired"),
    "purpose-unknown": Kind(_NO, "There is no such purpose"),
    "purpose-not-in-agreement": Kind(_NO, "The agreement is for another purpose"),
    "nothing-asked": Kind(_NO, "Nothing was asked"),
    "attribute-unknown": Kind(_NO, "There is no such attribute"),
    "attribute-not-in-agreement": Kind(_NO, "The agreement does not cover this attribute"),
    "form-unknown": Kind(_NO, "The attribute has no such form"),
    "form-too-fine": Kind(_NO, "The agreement allows a coarser form only"),
    "form-not-for-action": Kind(_NO, "This form is not answered by this call"),
    "basis-not-in-agreement": Kind(_NO, "The agreement does not rest on this legal basis"),
    "law-lapsed": Kind(_NO, "The law the agreement cites is not in force"),
    "attribute-not-under-basis": Kind(_NO, "This legal basis does not cover the attribute"),
    "case-reference-missing": Kind(_NO, "A case reference is needed where no consent is"),
    # About a consent the programme once held
    "consent-withdrawn": Kind(_NO, "The person has withdrawn the consent"),
    "consent-expired": Kind(_NO, "The consent has ended"),
    "consent-for-another-purpose": Kind(_NO, "The consent is for another purpose"),
    "attribute-not-consented": Kind(_NO, "The person has not agreed to this attribute"),
    "form-not-consented": Kind(_NO, "The person has agreed to a coarser form only"),
    # About the person: one code for all, so that it tells nothing
    "not-permitted": Kind(_NO, "This may not be answered"),
}
"""Every code a refusal may show, `policies.reasons.PUBLIC`; an architecture test compares."""


def for_refusal(refusal: Refusal) -> Response[Problem]:
    """Answer a refusal by returning, not raising: its log line must be committed."""
    return respond(refusal.public)


def respond(
    kind: str,
    *,
    detail: str = "",
    errors: tuple[FieldProblem, ...] = (),
    correlation: str = "",
    headers: dict[str, str] | None = None,
) -> Response[Problem]:
    """A problem of a kind in the table."""
    known = (KINDS | REFUSALS)[kind]
    problem = Problem(
        type=TYPE_BASE + kind,
        title=known.title,
        status=known.status,
        detail=detail,
        correlation=correlation,
        errors=errors,
    )
    return Response(problem, status_code=known.status, media_type=MEDIA_TYPE, headers=headers)


def table() -> list[Problem]:
    """Every kind of problem there is, for the documentation."""
    return [
        Problem(type=TYPE_BASE + name, title=kind.title, status=kind.status)
        for name, kind in (KINDS | REFUSALS).items()
    ]


def handlers() -> ExceptionHandlersMap:
    """Exception → answer, for the whole app. HTML routes lay their own pages over it."""
    return {
        ValidationException: _invalid,
        HTTPException: _http,
        TamperedError: _tampered,
        KeysUnavailableError: _unavailable,
        StaleStoreError: _stale,
        Exception: _internal,
    }


BY_STATUS: Final = {
    kind.status: name
    for name, kind in reversed(KINDS.items())  # the first of each status wins
}


def _invalid(request: Request[Any, Any, Any], wrong: ValidationException) -> Response[Problem]:
    found = wrong.extra if isinstance(wrong.extra, list) else []
    errors = tuple(
        FieldProblem(field=str(each.get("key", "body")), message=_plain(each.get("message", "")))
        for each in found
        if isinstance(each, dict)
    )
    return respond("invalid-request", errors=errors, correlation=_correlation(request))


def _http(request: Request[Any, Any, Any], wrong: HTTPException) -> Response[Problem]:
    status = HTTPStatus(wrong.status_code)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _internal(request, wrong)
    kind = BY_STATUS.get(status, "invalid-request")
    return respond(kind, correlation=_correlation(request), headers=wrong.headers)


def _tampered(request: Request[Any, Any, Any], fault: Exception) -> Response[Problem]:
    observing.logger.error("integrity", correlation=_correlation(request), exc_info=fault)
    return respond("integrity", correlation=_correlation(request))


def _unavailable(request: Request[Any, Any, Any], _fault: Exception) -> Response[Problem]:
    observing.logger.error("root keys unavailable", correlation=_correlation(request))
    return respond("unavailable", correlation=_correlation(request), headers=RETRY_AFTER)


def _stale(request: Request[Any, Any, Any], fault: Exception) -> Response[Problem]:
    # A replica that lags behind an erasure: another, or this one a moment later, has caught up.
    observing.logger.warning("stale", correlation=_correlation(request), exc_info=fault)
    return respond("unavailable", correlation=_correlation(request), headers={"Retry-After": "1"})


def _internal(request: Request[Any, Any, Any], fault: Exception) -> Response[Problem]:
    # The fault stays in our logs: its message may hold what a programme must not see.
    observing.logger.error("fault", correlation=_correlation(request), exc_info=fault)
    return respond("internal", correlation=_correlation(request))


def _plain(message: object) -> str:
    """What is wrong, without the value that was sent."""
    return str(message).partition(", got ")[0]


def _correlation(request: Request[Any, Any, Any]) -> str:
    return observing.correlation(request.scope)
