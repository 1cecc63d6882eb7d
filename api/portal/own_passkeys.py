"""My passkeys: made with the one script of the portal, ended without it."""

from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import URLEncodedBody

from api import devices
from api.fronts import see_other
from api.portal import means
from api.portal.visits import Visit
from api.settings import Settings
from identity.login import passkeys
from identity.login.sign_in import Desk


class Typed(msgspec.Struct, frozen=True, kw_only=True):
    """The form: what the device answered, and a fresh code."""

    code: str = ""
    response: str = ""


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """The button that was pressed."""

    passkey: str = ""


@get("/security/passkeys")
async def list_passkeys(
    visit: NamedDependency[Visit],
    desk: NamedDependency[Desk],
    settings: NamedDependency[Settings],
) -> Response[str]:
    """Those there are, and how to make one."""
    return await _page(visit, desk, settings)


@post("/security/passkeys", status_code=200)
async def make_passkey(
    data: URLEncodedBody[Typed],
    request: Request[Any, Any, Any],
    visit: NamedDependency[Visit],
    desk: NamedDependency[Desk],
    settings: NamedDependency[Settings],
) -> Response[Any]:
    """Keep the one that the device just made."""
    if problem := await means.unconfirmed(visit, desk.short_lived, data.code):
        return await _page(visit, desk, settings, problem)
    label = devices.label(request.headers.get("user-agent", ""))
    site, account = desk.site(settings.issuer), means.own(visit)
    if not await passkeys.add(visit.tx, site, account, data.response, label):
        await means.note(visit, means.WRONG_PASSKEY)
        return await _page(visit, desk, settings, "passkey.wrong")
    await means.note(visit)
    return see_other(visit.page.path("security", "passkeys"))


@post("/security/passkeys/end", status_code=303)
async def end_passkey(data: URLEncodedBody[Ending], visit: NamedDependency[Visit]) -> Response[Any]:
    """Forget one: the device may keep its half, which opens nothing."""
    if await passkeys.end(visit.tx, means.own(visit), data.passkey):
        await means.note(visit)
    return see_other(visit.page.path("security", "passkeys"))


async def _page(
    visit: Visit, desk: Desk, settings: Settings, problem: str | None = None
) -> Response[str]:
    if not passkeys.possible(settings.issuer):
        raise NotFoundException
    site, account = desk.site(settings.issuer), means.own(visit)
    name = visit.page.tongue.plain("passkey.account")
    options = await passkeys.creation(visit.tx, site, account, name)
    return visit.page.show(
        "portal/passkeys.html",
        status=means.status_of(problem),
        section="me",
        keys=await passkeys.of(visit.tx, account),
        room=passkeys.MOST,
        needs_code=means.needs_code(visit),
        options=msgspec.json.encode(options).decode(),
        problems={"code": problem} if problem else {},
    )
