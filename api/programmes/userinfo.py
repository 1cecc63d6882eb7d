"""Whom a token is about (OpenID Connect Core 1.0, section 5.3): the identifier, and nothing more.

What else a programme may know of a person it asks for by `/v1/disclosures`, where a policy decides.
"""

from typing import Any, Final

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency

from api.oauth.errors import Denied
from api.programmes import callers, documenting
from api.running import Running
from consent import grants
from identity import tokens
from identity.tokens import AccessToken
from vault import database as db

PATH: Final = "/v1/userinfo"


class UserInfo(msgspec.Struct, frozen=True, kw_only=True):
    """The person, as this programme alone knows them."""

    sub: str


@get(
    PATH,
    operation_id="readUserInfo",
    summary="Whom a token is about",
    responses=documenting.documented(UserInfo),
)
async def read_userinfo(
    request: Request[Any, Any, Any],
    running: NamedDependency[Running],
) -> Response[Any]:
    """The person's identifier at this programme, while the token opens anything."""
    return await _answer(request, running)


@post(
    PATH,
    status_code=200,
    operation_id="askUserInfo",
    summary="Whom a token is about, by POST",
    responses=documenting.documented(UserInfo),
)
async def ask_userinfo(
    request: Request[Any, Any, Any],
    running: NamedDependency[Running],
) -> Response[Any]:
    """The same: a provider answers both (section 5.3.1)."""
    return await _answer(request, running)


async def _answer(request: Request[Any, Any, Any], running: Running) -> Response[Any]:
    caller = await callers.identify(request, running)
    if isinstance(caller, Denied):
        return await callers.turn_away(request, running, caller)
    claims = caller.claims
    if claims.sub == claims.client_id or not await _stands(running, claims.token):
        reason = "token-of-no-person" if claims.sub == claims.client_id else "token-ended"
        no = callers.denied("invalid_token", reason, claims.client_id)
        return await callers.turn_away(request, running, no)
    return Response(UserInfo(sub=claims.sub), headers=callers.next_nonce(running))


async def _stands(running: Running, shown: AccessToken) -> bool:
    """Whether a person's token still opens anything, and what they agreed to stands."""
    async with db.read(running.database) as tx:
        token = await tokens.still(tx, shown)
        grant_id = token.authorized.grant_id if token else None
        if grant_id is None:
            return False
        grant = (await grants.by_id(tx, [grant_id])).get(grant_id)
        return grant is not None and grant.discloses
