"""A member of staff's own password: the form of the portal, for whoever is signed in here."""

from typing import Any, Final

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import URLEncodedBody

from api import security
from api.console.shifts import Shift, menu
from api.portal import new_password
from api.rendering import Page
from api.security import SignInNeededError
from api.settings import Settings
from identity.login import changing, sessions
from identity.login.changing import Typed
from identity.login.sign_in import Desk
from vault import database as db

SECTION: Final = "password"


@get("/password")
async def read_password(shift: NamedDependency[Shift]) -> Response[str]:
    """The empty form, and what makes a good one."""
    return new_password.show(shift.page, section=SECTION)


@post("/password", status_code=200)
async def change_password(
    data: URLEncodedBody[Typed],
    page: NamedDependency[Page],
    request: Request[Any, Any, Any],
    desk: NamedDependency[Desk],
    settings: NamedDependency[Settings],
) -> Response[Any]:
    """Take a new password, if the code, the one before and itself are good."""
    token = request.cookies.get(security.cookie_name(settings, security.STAFF_COOKIE), "")
    outcome = await changing.of_staff(desk, token, data)
    async with db.begin(desk.database) as tx:
        session = await sessions.staff(tx, token)
    if session is None:
        raise SignInNeededError
    own = msgspec.structs.replace(page, sections=menu(session))
    return new_password.answer(own, outcome, section=SECTION)
