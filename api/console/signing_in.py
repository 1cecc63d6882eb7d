"""Staff sign in with name, password and code on one page, and never learn which one was wrong."""

from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import URLEncodedBody

from api import security
from api.console.shifts import menu
from api.fronts import FORGET_ALL, forgotten, inside, see_other
from api.rendering import Page
from api.settings import Settings
from identity.login import sessions, sign_in
from identity.login.sessions import StaffSession
from identity.login.sign_in import Desk, NotSignedIn, SignedIn
from vault.database import Transaction


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """The form, as typed."""

    identifier: str = ""
    password: str = ""
    code: str = ""
    next: str = ""


@get("/")
async def first(
    page: NamedDependency[Page], staff: NamedDependency[StaffSession]
) -> Response[bytes]:
    """To the first page of one's duties."""
    return see_other(page.path(menu(staff)[0][1]))


@get("/sign-in")
async def ask(page: NamedDependency[Page], request: Request[Any, Any, Any]) -> Response[str]:
    """The form."""
    return _form(page, Credentials(next=request.query_params.get("next", "")))


@post("/sign-in", status_code=200)
async def take(
    data: URLEncodedBody[Credentials],
    page: NamedDependency[Page],
    request: Request[Any, Any, Any],
    desk: NamedDependency[Desk],
    settings: NamedDependency[Settings],
) -> Response[Any]:
    """Check both factors; the session begins here."""
    problems = {
        field: f"sign_in.empty.{field}"
        for field in ("identifier", "password", "code")
        if not getattr(data, field).strip()
    }
    if problems:
        return _form(page, data, problems)
    match await sign_in.staff(
        desk,
        name=data.identifier,
        password=data.password,
        code=data.code,
        address=security.caller(request, settings),
    ):
        case SignedIn(token=token):
            onward = see_other(inside(data.next) or page.path())
            onward.set_cookie(security.session_cookie(settings, security.STAFF_COOKIE, token))
            return onward
        case NotSignedIn(retry_after=seconds):
            why = "sign_in.slow" if seconds else "sign_in.wrong.console"
            return _form(page, data, {"identifier": why})


@post("/sign-out", status_code=303)
async def leave(
    page: NamedDependency[Page],
    tx: NamedDependency[Transaction],
    staff: NamedDependency[StaffSession],
    settings: NamedDependency[Settings],
) -> Response[bytes]:
    """End the session here and empty the browser of everything that came from us."""
    await sessions.end(tx, staff.id)
    onward = see_other(page.path("sign-in"), headers=FORGET_ALL)
    onward.set_cookie(forgotten(settings, security.STAFF_COOKIE))
    return onward


def _form(page: Page, data: Credentials, problems: dict[str, str] | None = None) -> Response[str]:
    return page.signed_out().show(
        "portal/sign_in.html",
        problems=problems or {},
        identifier=data.identifier,
        next=inside(data.next),
        reason="",
    )
