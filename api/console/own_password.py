"""A member of staff's own password: the form of the portal, for whoever is signed in here."""

from typing import Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import URLEncodedBody

from api import security
from api.console.shifts import Shift
from api.portal import new_password
from api.rendering import Page
from api.settings import Settings
from identity.login import changing
from identity.login.changing import Typed
from identity.login.sign_in import Desk


@get("/password")
async def read_password(shift: NamedDependency[Shift]) -> Response[str]:
    """The empty form, and what makes a good one."""
    return new_password.show(shift.page)


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
    return new_password.answer(page, await changing.of_staff(desk, token, data))
