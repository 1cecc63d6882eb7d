"""A programme changes its old identifiers for new ones, after the keys were rotated."""

from typing import Annotated, Any

import msgspec
from litestar import Request, Response, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import Meta

from api.oauth.errors import Denied
from api.programmes import callers, documenting
from api.programmes.callers import Caller, denied
from api.programmes.shapes import Pairwise
from api.running import Running
from identity import tokens
from identity.registry import pseudonym_rotation
from identity.registry.pseudonym_rotation import MOST
from policies.vocabulary import Action
from vault import database as db


class ExchangeQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which of my identifiers have new ones?"""

    identifiers: Annotated[list[Pairwise], Meta(min_length=1, max_length=MOST)]


class ExchangeAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Each identifier that names somebody here, with the newest for the same person."""

    mapping: dict[str, str]
    unknown: tuple[str, ...]
    """Never issued to you, reset, retired or another's: all alike."""
    signed: str
    """The mapping as a compact JWS of the type `pairwise-exchange+jwt`."""


@post(
    "/v1/identifiers/exchange",
    status_code=200,
    operation_id="exchangeIdentifiers",
    summary="Exchange identifiers after a rotation",
    responses=documenting.documented(ExchangeAnswer),
)
async def exchange_identifiers(
    request: Request[Any, Any, Any],
    data: JSONBody[ExchangeQuery],
    running: NamedDependency[Running],
) -> Response[Any]:
    """My old identifiers for my new ones; asked again, the same answer."""
    caller = await callers.identify(request, running)
    if not isinstance(caller, Denied):
        answer = await _exchange(running, caller, data.identifiers)
        if not isinstance(answer, Denied):
            answer.headers.update(callers.next_nonce(running))
            return answer
        caller = answer
    return await callers.turn_away(request, running, caller)


async def _exchange(
    running: Running, caller: Caller, identifiers: list[str]
) -> Response[Any] | Denied:
    refused = await callers.refuse_personal(running, caller, Action.EXCHANGE)
    if refused is not None:
        return refused
    async with db.begin(running.database) as tx:
        token = await tokens.still(tx, caller.claims.token)
        if token is None:
            return denied("invalid_token", "token-ended", caller.claims.client_id)
        programme = token.authorized.client_id
        audience = running.catalogue.audience(programme)
        done = await pseudonym_rotation.exchange(
            tx, running.keyring, audience, programme, identifiers
        )
        signed = await pseudonym_rotation.signed(
            tx, running.keyring, done, issuer=running.settings.issuer, programme=programme
        )
    return Response(ExchangeAnswer(mapping=done.mapping, unknown=done.unknown, signed=signed))
