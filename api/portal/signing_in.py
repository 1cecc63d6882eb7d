"""Signing in and out: identifier and password, then a code. Never says whether anyone exists."""

import dataclasses
from typing import Any, Final
from urllib.parse import quote

import msgspec
from litestar import Request, Response, get, post
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from litestar.params import URLEncodedBody

from api import devices, security
from api.fronts import FORGET_ALL, forgotten, inside, see_other
from api.rendering import Page
from api.settings import Settings
from identity.login import sessions, sign_in
from identity.login.sessions import CitizenSession
from identity.login.sign_in import Desk, NotSignedIn, Pending, SignedIn
from vault.database import Transaction

TICKET_COOKIE: Final = "ticket"
TICKET_SECONDS: Final = 300
"""How long the browser keeps what the first step gave; the desk decides how long it is good."""


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """The first form, as typed."""

    identifier: str = ""
    password: str = ""
    next: str = ""


class Code(msgspec.Struct, frozen=True, kw_only=True):
    """The second form, as typed."""

    code: str = ""
    next: str = ""


@get("/sign-in")
async def ask_password(
    page: NamedDependency[Page], request: Request[Any, Any, Any]
) -> Response[str]:
    """The first step."""
    asked = request.query_params
    return _password_page(
        page, Credentials(next=asked.get("next", "")), reason=asked.get("reason", "")
    )


@post("/sign-in", status_code=200)
async def take_password(
    data: URLEncodedBody[Credentials],
    page: NamedDependency[Page],
    request: Request[Any, Any, Any],
    desk: NamedDependency[Desk],
    settings: NamedDependency[Settings],
) -> Response[Any]:
    """Check the first step; on to the second."""
    problems = {
        field: f"sign_in.empty.{field}"
        for field in ("identifier", "password")
        if not getattr(data, field).strip()
    }
    if problems:
        return _password_page(page, data, problems)
    match await sign_in.citizen_password(
        desk,
        identifier=data.identifier,
        password=data.password,
        address=security.caller(request, settings),
    ):
        case Pending(ticket=ticket):
            onward = see_other(_with_next(page.path("sign-in", "code"), data.next))
            onward.set_cookie(_ticket(settings, ticket))
            return onward
        case NotSignedIn() as no:
            return _password_page(page, data, {"identifier": _why(no, "sign_in.wrong")})


@get("/sign-in/code")
async def ask_code(page: NamedDependency[Page], request: Request[Any, Any, Any]) -> Response[str]:
    """The second step."""
    return _code_page(page, Code(next=request.query_params.get("next", "")))


@post("/sign-in/code", status_code=200)
async def take_code(
    data: URLEncodedBody[Code],
    page: NamedDependency[Page],
    request: Request[Any, Any, Any],
    desk: NamedDependency[Desk],
    settings: NamedDependency[Settings],
) -> Response[Any]:
    """Check the second step; the session begins here."""
    ticket = request.cookies.get(security.cookie_name(settings, TICKET_COOKIE), "")
    device = devices.label(request.headers.get("user-agent", ""))
    match await sign_in.citizen_code(desk, ticket=ticket, code=data.code, device=device):
        case SignedIn(token=token):
            onward = see_other(inside(data.next) or page.path("me"))
            onward.set_cookie(security.session_cookie(settings, security.CITIZEN_COOKIE, token))
            onward.set_cookie(forgotten(settings, TICKET_COOKIE))
            return onward
        case NotSignedIn(start_over=True):
            return see_other(f"{page.path('sign-in')}?reason=again")
        case NotSignedIn() as no:
            return _code_page(page, data, {"code": _why(no, "code.wrong")})


@post("/sign-out", status_code=303)
async def sign_out(
    page: NamedDependency[Page],
    tx: NamedDependency[Transaction],
    citizen: NamedDependency[CitizenSession],
    settings: NamedDependency[Settings],
) -> Response[bytes]:
    """End the session here and empty the browser of everything that came from us."""
    await sessions.end(tx, citizen.id)
    onward = see_other(f"{page.path()}?out=1", headers=FORGET_ALL)
    onward.set_cookie(forgotten(settings, security.CITIZEN_COOKIE))
    return onward


def _password_page(
    page: Page, data: Credentials, problems: dict[str, str] | None = None, reason: str = ""
) -> Response[str]:
    onward = inside(data.next)
    asked = "consent" if "/consent/" in onward else ""
    return page.signed_out().show(
        "portal/sign_in.html",
        problems=problems or {},
        identifier=data.identifier,
        next=onward,
        reason="again" if reason == "again" else asked,
    )


def _code_page(page: Page, data: Code, problems: dict[str, str] | None = None) -> Response[str]:
    onward = inside(data.next)
    return page.signed_out().show("portal/sign_in_code.html", problems=problems or {}, next=onward)


def _why(no: NotSignedIn, wrong: str) -> str:
    return "sign_in.slow" if no.retry_after else wrong


def _with_next(address: str, onward: str) -> str:
    return f"{address}?next={quote(onward, safe='')}" if inside(onward) else address


def _ticket(settings: Settings, ticket: str) -> Cookie:
    cookie = security.session_cookie(settings, TICKET_COOKIE, ticket)
    return dataclasses.replace(cookie, max_age=TICKET_SECONDS, samesite="strict")
