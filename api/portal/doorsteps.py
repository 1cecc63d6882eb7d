"""Whoever is about to sign in: in which language, from where, with what in hand."""

import dataclasses
from typing import Any, Final

import msgspec
from litestar import Request, Response
from litestar.datastructures import Cookie
from litestar.di import NamedDependency, Provide

from api import devices, security
from api.fronts import forgotten, inside, see_other
from api.notifiers import Notifier
from api.rendering import Page
from api.settings import Settings
from identity.login import sign_in
from identity.login.sign_in import Desk, NotSignedIn

TICKET_COOKIE: Final = "ticket"


class Doorstep(msgspec.Struct, frozen=True, kw_only=True):
    """What each step of signing in needs."""

    page: Page
    desk: Desk
    settings: Settings
    notifier: Notifier
    address: str
    """Of the network."""
    device: str
    """What its browser and system are called, if they are well known."""
    ticket: str
    """What the first step gave, if it was done."""

    def let_in(self, token: str, wanted: str) -> Response[bytes]:
        """On to where they wanted to go, with a session."""
        cookie = security.session_cookie(self.settings, security.CITIZEN_COOKIE, token)
        onward = see_other(inside(wanted) or self.page.path("me"))
        onward.set_cookie(cookie)
        onward.set_cookie(forgotten(self.settings, TICKET_COOKIE))
        return onward

    def ticket_cookie(self, ticket: str) -> Cookie:
        """What holds the ticket until the second step; the desk decides how long it is good."""
        cookie = security.session_cookie(self.settings, TICKET_COOKIE, ticket)
        return dataclasses.replace(cookie, max_age=sign_in.TICKET_SECONDS, samesite="strict")


def why(no: NotSignedIn, wrong: str) -> str:
    """The sentence of a refusal: too fast, or wrong and nothing more."""
    return "sign_in.slow" if no.retry_after else wrong


async def doorstep(
    page: NamedDependency[Page],
    request: Request[Any, Any, Any],
    desk: NamedDependency[Desk],
    settings: NamedDependency[Settings],
    notifier: NamedDependency[Notifier],
) -> Doorstep:
    """Whoever stands there."""
    return Doorstep(
        page=page,
        desk=desk,
        settings=settings,
        notifier=notifier,
        address=security.caller(request, settings),
        device=devices.label(request.headers.get("user-agent", "")),
        ticket=request.cookies.get(security.cookie_name(settings, TICKET_COOKIE), ""),
    )


def dependencies() -> dict[str, Provide]:
    """What the steps may ask for by name."""
    return {"doorstep": Provide(doorstep)}
