"""A programme sees to what people granted it (Grant Management for OAuth 2.0 §6).

What is given back here is withdrawn: the person reads it in their history, as they would read
their own withdrawal.
"""

from typing import Any, Final
from uuid import UUID

import msgspec
from litestar import Response, delete, get
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.params import FromPath

from api import problems
from api.oauth import access_tokens, details
from api.oauth.details import Disclosure
from api.oauth.errors import Denied
from api.programmes import callers, documenting
from api.programmes.callers import Caller
from api.running import Running
from consent import grants
from consent.grants import Grant
from identity import tokens
from policies.vocabulary import Action, Actor, ActorKind, Outcome, ProgrammeId
from vault import access_log
from vault import database as db
from vault.access_log import Line

PATH: Final = "/oauth/grants/{grant_id:str}"
QUERY: Final = "grant_management_query"
REVOKE: Final = "grant_management_revoke"


class GrantAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody granted, as it stands."""

    authorization_details: list[Disclosure]


@get(
    PATH,
    operation_id="readGrant",
    summary="What a grant of mine comprises",
    responses=documenting.documented(GrantAnswer),
)
async def read_grant(
    grant_id: FromPath[str],
    request: Request[Any, Any, Any],
    running: NamedDependency[Running],
) -> Response[Any]:
    """The attributes and forms that a person agreed to, while they do."""
    caller = await _caller(request, running, QUERY)
    if isinstance(caller, Response):
        return caller
    async with db.read(running.database) as tx:
        grant = await _own(tx, caller, grant_id)
    headers = callers.next_nonce(running)
    if grant is None or not grant.discloses:
        return problems.respond("not-found", headers=headers)
    told = Disclosure(
        type=details.TYPE,
        agreement=grant.agreement,
        purpose=grant.purpose,
        attributes=grant.items,
    )
    return Response(GrantAnswer(authorization_details=[told]), headers=headers)


@delete(
    PATH,
    status_code=200,  # what went well says 204 itself: a 204 here would forbid problems their body
    operation_id="revokeGrant",
    summary="Give a grant back",
)
async def revoke_grant(
    grant_id: FromPath[str],
    request: Request[Any, Any, Any],
    running: NamedDependency[Running],
) -> Response[Any]:
    """End the consent and every token that rests on it."""
    caller = await _caller(request, running, REVOKE)
    if isinstance(caller, Response):
        return caller
    async with db.begin(running.database) as tx:
        grant = await _own(tx, caller, grant_id)
        programme = ProgrammeId(caller.claims.client_id)
        done = grant is not None and await grants.give_back(
            tx, running.keyring, programme, grant.id
        )
        if grant is not None and done:
            await tokens.revoke_of_grant(tx, grant.id)
    headers = callers.next_nonce(running)
    if not done:
        return problems.respond("not-found", headers=headers)
    return Response(None, status_code=204, headers=headers)


async def _caller(
    request: Request[Any, Any, Any], running: Running, scope: str
) -> Caller | Response[Any]:
    """Who calls with a token for this; else the answer that says no."""
    audiences = (access_tokens.grants_resource(running.settings.issuer),)
    caller = await callers.identify(request, running, audiences=audiences)
    if isinstance(caller, Denied):
        return await callers.turn_away(request, running, caller)
    async with db.begin(running.database) as tx:
        token = await tokens.still(tx, caller.claims.token)
        if token is not None and scope in token.authorized.scope:
            return caller
        if token is not None:
            line = Line(
                actor=Actor(kind=ActorKind.PROGRAMME, id=caller.claims.client_id),
                action=Action.TOKEN,
                outcome=Outcome.REFUSED,
                reasons=("scope-insufficient",),
            )
            await access_log.record(tx, running.keyring, [line])
            needed = {"WWW-Authenticate": f'DPoP error="insufficient_scope", scope="{scope}"'}
            return problems.respond("forbidden", headers=needed | callers.next_nonce(running))
    ended = callers.denied("invalid_token", "token-ended", caller.claims.client_id)
    return await callers.turn_away(request, running, ended)


async def _own(tx: db.Transaction, caller: Caller, named: str) -> Grant | None:
    """A grant of the caller's; another's is not there."""
    try:
        grant_id = UUID(named)
    except ValueError:
        return None
    grant = (await grants.by_id(tx, [grant_id])).get(grant_id)
    return grant if grant is not None and grant.programme == caller.claims.client_id else None
