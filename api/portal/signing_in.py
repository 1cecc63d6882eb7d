"""Signing in and out: identifier and password, or a passkey. Never says whether anyone exists."""

from typing import Any
from urllib.parse import quote

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import URLEncodedBody

from api import security
from api.fronts import FORGET_ALL, forgotten, inside, see_other
from api.portal import doorsteps
from api.portal.doorsteps import Doorstep
from api.rendering import Page
from api.settings import Settings
from identity.login import passkeys, sessions, sign_in
from identity.login.sessions import CitizenSession
from identity.login.sign_in import NotSignedIn, Pending, SignedIn
from vault import database as db
from vault.database import Transaction


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """The form, as typed."""

    identifier: str = ""
    password: str = ""
    next: str = ""


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """What a device answered with a passkey."""

    response: str = ""
    next: str = ""


@get("/sign-in")
async def ask_password(
    doorstep: NamedDependency[Doorstep], request: Request[Any, Any, Any]
) -> Response[str]:
    """The first step."""
    asked = request.query_params
    return _page(doorstep, Credentials(next=asked.get("next", "")), reason=asked.get("reason", ""))


@post("/sign-in", status_code=200)
async def take_password(
    data: URLEncodedBody[Credentials], doorstep: NamedDependency[Doorstep]
) -> Response[Any]:
    """Check the first step; on to the second."""
    problems = {
        field: f"sign_in.empty.{field}"
        for field in ("identifier", "password")
        if not getattr(data, field).strip()
    }
    if problems:
        return _page(doorstep, data, problems)
    match await sign_in.citizen_password(
        doorstep.desk,
        identifier=data.identifier,
        password=data.password,
        address=doorstep.address,
    ):
        case Pending(ticket=ticket):
            onward = see_other(_with_next(doorstep.page.path("sign-in", "code"), data.next))
            onward.set_cookie(doorstep.ticket_cookie(ticket))
            return onward
        case NotSignedIn() as no:
            return _page(doorstep, data, {"identifier": doorsteps.why(no, "sign_in.wrong")})


@post("/sign-in/passkey", status_code=200)
async def take_passkey(
    data: URLEncodedBody[Answered], doorstep: NamedDependency[Doorstep]
) -> Response[Any]:
    """The only step, where a device answers."""
    match await sign_in.citizen_passkey(
        doorstep.desk,
        origin=doorstep.settings.issuer,
        response=data.response,
        address=doorstep.address,
        device=doorstep.device,
    ):
        case SignedIn(token=token):
            return doorstep.let_in(token, data.next)
        case NotSignedIn() as no:
            problems = {"identifier": doorsteps.why(no, "sign_in.passkey.wrong")}
            return _page(doorstep, Credentials(next=data.next), problems)


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


def _page(
    doorstep: Doorstep,
    data: Credentials,
    problems: dict[str, str] | None = None,
    reason: str = "",
) -> Response[str]:
    onward = inside(data.next)
    asked = "consent" if "/consent/" in onward else ""
    return doorstep.page.signed_out().show(
        "portal/sign_in.html",
        problems=problems or {},
        identifier=data.identifier,
        next=onward,
        reason="again" if reason == "again" else asked,
        passkey=_options(doorstep),
    )


def _options(doorstep: Doorstep) -> str:
    """What a browser asks the device with; nothing where there can be no passkey."""
    origin = doorstep.settings.issuer
    if not passkeys.possible(origin):
        return ""
    asked = passkeys.request(doorstep.desk.site(origin), db.instant())
    return msgspec.json.encode(asked).decode()


def _with_next(address: str, onward: str) -> str:
    return f"{address}?next={quote(onward, safe='')}" if inside(onward) else address
