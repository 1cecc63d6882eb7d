"""The authenticator app on another phone: a new secret, in use once its first code came back."""

from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import URLEncodedBody

from api.fronts import see_other
from api.portal import means
from api.portal.visits import Visit
from identity.login import one_time_codes
from identity.login.one_time_codes import Offer
from vault.short_lived import ShortLived


class Typed(msgspec.Struct, frozen=True, kw_only=True):
    """Either form, as typed."""

    code: str = ""
    offer: str = ""
    """The new secret, sealed: nothing is kept of it until it is taken."""


@get("/security/app")
async def read_app(visit: NamedDependency[Visit]) -> Response[str]:
    """What it takes."""
    return _first(visit)


@post("/security/app", status_code=200)
async def offer_app(
    data: URLEncodedBody[Typed],
    visit: NamedDependency[Visit],
    short_lived: NamedDependency[ShortLived],
) -> Response[str]:
    """Show a new secret."""
    if problem := await means.unconfirmed(visit, short_lived, data.code):
        return _first(visit, problem)
    offer = one_time_codes.offer(visit.keyring, means.own(visit), visit.tx.now)
    return _second(visit, offer)


@post("/security/app/new", status_code=200)
async def take_app(data: URLEncodedBody[Typed], visit: NamedDependency[Visit]) -> Response[Any]:
    """The first code of the new app: from now on that is the app."""
    account = means.own(visit)
    offer = one_time_codes.offered(visit.keyring, account, data.offer, visit.tx.now)
    if offer is None:
        return see_other(visit.page.path("security", "app"))
    if not await one_time_codes.take(visit.tx, visit.keyring, account, offer, data.code):
        await means.note(visit, means.WRONG_CODE)
        return _second(visit, offer, "code.wrong")
    await means.note(visit)
    return see_other(visit.page.path("security"))


def _first(visit: Visit, problem: str | None = None) -> Response[str]:
    return visit.page.show(
        "portal/authenticator.html",
        status=means.status_of(problem),
        section="me",
        needs_code=means.needs_code(visit),
        offer=None,
        problems={"code": problem} if problem else {},
    )


def _second(visit: Visit, offer: Offer, problem: str | None = None) -> Response[str]:
    return visit.page.show(
        "portal/authenticator.html",
        status=means.status_of(problem),
        section="me",
        needs_code=True,
        offer=offer,
        problems={"code": problem} if problem else {},
    )
