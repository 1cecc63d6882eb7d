"""Every address of the authorization server."""

from typing import Any, Final

import msgspec
from litestar import Request, Response, post
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.openapi.datastructures import ResponseSpec
from litestar.router import Router
from litestar.types import ControllerRouterHandler

from api.oauth import (
    authorize,
    calls,
    described,
    end_session,
    errors,
    introspection,
    keys,
    metadata,
    par,
    revocation,
    token,
)
from api.oauth.calls import Proofs, whole
from api.oauth.errors import Denied
from api.oauth.introspection import Introspected
from api.oauth.par import Pushed
from api.oauth.token import TokenAnswer
from api.settings import Settings
from api.short_way import SHORT

TAGS: Final = ["Authorization"]


def handlers(settings: Settings) -> list[ControllerRouterHandler]:
    """`/oauth/…`, `/authorize` and the metadata."""
    pages = Router(
        path="/",
        route_handlers=[
            *authorize.handlers(settings),
            end_session.end_session,
            end_session.end_session_by_form,
        ],
        dependencies={"at_hand": Provide(calls.at_hand)},
    )
    return [*for_programmes(settings), pages]


def for_programmes(settings: Settings) -> list[ControllerRouterHandler]:
    """What no browser comes to: `/oauth/…` and the metadata."""
    endpoints = Router(
        path="/",  # each handler says its whole path: the cookieless routes are known by it
        route_handlers=[push_request, give_token, introspect_token, revoke_token],
        exception_handlers={HTTPException: _refused},
        security=[{"private_key_jwt": []}, {"mutual_tls": []}],
        tags=TAGS,
    )
    return [endpoints, keys.published, *metadata.handlers(settings, tuple(token.GRANTS))]


class ErrorAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """RFC 6749 §5.2."""

    error: str
    error_description: str = ""


def _documented(answer: type[msgspec.Struct] | None, status: int = 200) -> dict[int, ResponseSpec]:
    found = {
        400: _said(ErrorAnswer, "The request was refused (RFC 6749 §5.2)."),
        401: _said(ErrorAnswer, "Client authentication failed."),
    }
    said = (answer.__doc__ or "").strip() if answer else "Done, or there was nothing to do."
    return {status: _said(answer, said), **found}


def _said(answer: type[msgspec.Struct] | None, description: str) -> ResponseSpec:
    # No made-up examples: they would be other ones at each start.
    return ResponseSpec(answer, description=description, generate_examples=False)


@post(
    "/oauth/par",
    status_code=201,
    operation_id="pushAuthorizationRequest",
    summary="Push an authorization request",
    operation_class=described.PUSH,
    responses=_documented(Pushed, 201),
)
async def push_request(request: Request[Any, Any, Any]) -> Response[Any]:
    """Push an authorization request (RFC 9126); the browser then carries only its name."""
    return await calls.answer(request, whole(par.push), Proofs.OPTIONAL)


@post(
    "/oauth/token",
    status_code=200,
    opt=SHORT,
    operation_id="getToken",
    summary="Get a token",
    operation_class=described.TOKEN,
    responses=_documented(TokenAnswer),
)
async def give_token(request: Request[Any, Any, Any]) -> Response[Any]:
    """Get an access token, bound to the key of the DPoP proof or to the certificate."""
    return await calls.answer(request, token.give, Proofs.REQUIRED)


@post(
    "/oauth/introspect",
    status_code=200,
    opt=SHORT,
    operation_id="introspectToken",
    summary="Introspect a token",
    operation_class=described.ONE_TOKEN,
    responses=_documented(Introspected),
)
async def introspect_token(request: Request[Any, Any, Any]) -> Response[Any]:
    """Ask what a token of one's own is worth now (RFC 7662)."""
    return await calls.answer(request, introspection.introspect, Proofs.UNREAD)


@post(
    "/oauth/revoke",
    status_code=200,
    operation_id="revokeToken",
    summary="Revoke a token",
    operation_class=described.ONE_TOKEN,
    responses=_documented(None),
)
async def revoke_token(request: Request[Any, Any, Any]) -> Response[Any]:
    """Give a token back (RFC 7009)."""
    return await calls.answer(request, whole(revocation.revoke), Proofs.UNREAD)


def _refused(_request: Request[Any, Any, Any], wrong: HTTPException) -> Response[Any]:
    """What the framework refuses, in the words of this protocol."""
    return errors.respond(
        Denied(error="invalid_request", reason="http", status=int(wrong.status_code))
    )
