"""The authorization endpoint (RFC 6749 §3.1): a table of checks, and a way out with a code.

Everything of weight was pushed before (RFC 9126): what else stands in the URL is not read.
What fails here is told to the person and never redirected.
"""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

import msgspec
from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from api import fronts, i18n, rendering, security
from api.oauth import errors, interactions, par, parameters
from api.oauth.calls import AtHand
from api.oauth.errors import Denied
from api.oauth.interactions import Gone, Unseen
from api.oauth.par import PushedRequest
from api.oauth.parameters import Parameters
from api.rendering import Pages
from api.security import SignInNeededError
from api.settings import Settings
from identity import programmes
from identity.programmes import Client


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """All that the checks look at."""

    parameters: Parameters
    pushed: PushedRequest | None
    client: Client | None
    """Whose `client_id` it is, if it is registered."""


Check = Callable[[Asked], bool]

CHECKS: Final[tuple[tuple[str, Check], ...]] = (
    ("client-id-missing", lambda asked: asked.parameters.get("client_id") is not None),
    # A request that was not pushed is not read at all (FAPI 2.0 §5.3.1.2).
    ("request-uri-missing", lambda asked: asked.parameters.get("request_uri") is not None),
    # Expired, used up, never made, or not ours: to the browser all one.
    ("request-uri-unknown", lambda asked: asked.pushed is not None),
    ("client-unknown", lambda asked: asked.client is not None),
    ("request-of-another", lambda asked: _owner(asked.pushed) == _id(asked.client)),
    ("client-suspended", lambda asked: asked.client is not None and asked.client.active),
    ("redirect-uri-gone", lambda asked: _address(asked.pushed) in _addresses(asked.client)),
)
"""In this order; the first that fails is the reason."""


def handlers(settings: Settings) -> list[HTTPRouteHandler]:
    """`/authorize`, and the way out."""
    door = _Door(pages=rendering.pages("portal"), settings=settings)

    @get("/authorize", include_in_schema=False)
    async def authorize(
        request: Request[Any, Any, Any], at_hand: NamedDependency[AtHand]
    ) -> Response[Any]:
        """Open a pushed request: to the page where the citizen reads it."""
        asked = await _asked(request, at_hand)
        if isinstance(asked, Denied):
            return await door.turned_away(request, at_hand, asked)
        reason = next((why for why, holds in CHECKS if not holds(asked)), None)
        if reason is not None or asked.pushed is None:
            refused = Denied(
                error="invalid_request",
                reason=reason or "request-uri-unknown",
                client_id=_id(asked.client),
            )
            return await door.turned_away(request, at_hand, refused)
        if asked.pushed.prompt == ("none",):
            return await door.unseen(request, at_hand, asked.pushed)
        opened = await interactions.start(at_hand.short_lived, asked.pushed, at_hand.tx.now)
        language = asked.pushed.language or _liked(request)
        return fronts.see_other(f"/{language}/consent/{opened.id}")

    @get("/authorize/continue/{interaction:str}", include_in_schema=False)
    async def go_on(
        request: Request[Any, Any, Any],
        interaction: FromPath[str],
        at_hand: NamedDependency[AtHand],
    ) -> Response[Any]:
        """Back to the programme, once, with a code that is made now or with the refusal."""
        try:
            citizen = await security.citizen(request, settings, at_hand.tx)
        except SignInNeededError:
            return door.gone(request)
        address = await interactions.finish(at_hand, interaction, citizen)
        if isinstance(address, Gone):
            refused = Denied(error="invalid_request", reason=address.reason)
            return await door.turned_away(request, at_hand, refused)
        return fronts.see_other(address)

    return [authorize, go_on]


class _Door(msgspec.Struct, frozen=True, kw_only=True):
    """How this endpoint says no to a person."""

    pages: Pages
    settings: Settings

    async def turned_away(
        self, request: Request[Any, Any, Any], at_hand: AtHand, denied: Denied
    ) -> Response[Any]:
        """Log why, and tell the person to start again at the programme."""
        await errors.log(at_hand, denied, errors.correlation(request))
        return self.gone(request)

    async def unseen(
        self, request: Request[Any, Any, Any], at_hand: AtHand, pushed: PushedRequest
    ) -> Response[Any]:
        """Answer without a page (`prompt=none`). A no is logged, and goes to the programme."""
        try:
            citizen = await security.citizen(request, self.settings, at_hand.tx)
        except SignInNeededError:
            citizen = None
        match await interactions.silently(at_hand, pushed, citizen):
            case Gone(reason=reason):
                refused = Denied(error="invalid_request", reason=reason, client_id=pushed.client_id)
                return await self.turned_away(request, at_hand, refused)
            case Unseen(error=error):
                reason = error.replace("_", "-")
                no = Denied(error=error, reason=reason, client_id=pushed.client_id)
                await errors.log(at_hand, no, errors.correlation(request))
                issuer = self.settings.issuer
                return fronts.see_other(interactions.back_to(pushed, issuer, error=error))
            case address:
                return fronts.see_other(address)

    def gone(self, request: Request[Any, Any, Any]) -> Response[Any]:
        """Nothing was shared; go back and start again."""
        name = security.cookie_name(self.settings, security.CITIZEN_COOKIE)
        signed_in = name in request.cookies
        page = rendering.page(
            self.pages, request, _liked(request), signed_in=signed_in, sections=()
        )
        return page.show("portal/consent_gone.html", status=HTTPStatus.BAD_REQUEST)


async def _asked(request: Request[Any, Any, Any], at_hand: AtHand) -> Asked | Denied:
    given = parameters.parse(request.scope["query_string"])
    if isinstance(given, Denied):
        return given
    client_id, request_uri = given.get("client_id") or "", given.get("request_uri") or ""
    return Asked(
        parameters=given,
        pushed=await par.find(at_hand.short_lived, request_uri, at_hand.tx.now),
        client=(await programmes.read(at_hand.tx, [client_id])).get(client_id),
    )


def _liked(request: Request[Any, Any, Any]) -> Any:
    return i18n.preferred(request.headers.get("accept-language", ""))


def _owner(pushed: PushedRequest | None) -> str:
    return pushed.client_id if pushed else ""


def _id(client: Client | None) -> str:
    return client.client_id if client else ""


def _address(pushed: PushedRequest | None) -> str:
    return pushed.redirect_uri if pushed else ""


def _addresses(client: Client | None) -> tuple[str, ...]:
    return client.redirect_uris if client else ()
