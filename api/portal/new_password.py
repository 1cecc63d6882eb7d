"""A new password: with the one before and a fresh code. Whoever is signed in elsewhere is out."""

from typing import Any, Final

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import URLEncodedBody

from api import security
from api.portal.visits import Visit
from api.rendering import Page
from api.security import SignInNeededError
from api.settings import Settings
from identity.login import changing, credentials
from identity.login.changing import NotChanged, Part, SignedOut
from identity.login.sign_in import Desk

UNPROCESSABLE: Final = 422
TOO_MANY: Final = 429
WRONG: Final = {Part.CODE: "code.wrong", Part.CURRENT: "password.current.wrong"}


class Typed(msgspec.Struct, frozen=True, kw_only=True):
    """The form."""

    current: str = ""
    password: str = ""
    code: str = ""


@get("/password")
async def read_password(visit: NamedDependency[Visit]) -> Response[str]:
    """The empty form, and what makes a good one."""
    return _show(visit.page)


@post("/password", status_code=200)
async def change_password(
    data: URLEncodedBody[Typed],
    page: NamedDependency[Page],
    request: Request[Any, Any, Any],
    desk: NamedDependency[Desk],
    settings: NamedDependency[Settings],
) -> Response[Any]:
    """Take a new password, if the code, the one before and itself are good."""
    name = security.cookie_name(settings, security.CITIZEN_COOKIE)
    token = request.cookies.get(name, "")
    match await changing.password(
        desk, token, current=data.current, new=data.password, code=data.code
    ):
        case SignedOut():
            raise SignInNeededError
        case NotChanged(part=part, retry_after=wait) if wait:
            return _show(page, {part: "sign_in.slow"}, TOO_MANY)
        case NotChanged(part=part, reason=reason):
            why = WRONG.get(part) or f"password.weak.{reason}"
            return _show(page, {part: why}, UNPROCESSABLE)
        case _:
            return _show(page, changed=True)


def _show(
    page: Page,
    problems: dict[Part, str] | None = None,
    status: int = 200,
    *,
    changed: bool = False,
) -> Response[str]:
    return page.show(
        "portal/password.html",
        status=status,
        section="me",
        problems={part.value: why for part, why in (problems or {}).items()},
        least=credentials.MINIMUM_CHARACTERS,
        changed=changed,
    )
