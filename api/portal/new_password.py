"""A new password: with the one before and a fresh code. Whoever is signed in elsewhere is out."""

from typing import Any, Final

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import URLEncodedBody

from api import security
from api.portal.visits import Visit
from api.rendering import Page
from api.security import SignInNeededError
from api.settings import Settings
from identity.login import changing, credentials
from identity.login.changing import Changed, NotChanged, Part, SignedOut, Typed
from identity.login.sign_in import Desk

UNPROCESSABLE: Final = 422
TOO_MANY: Final = 429
WRONG: Final = {Part.CODE: "code.wrong", Part.CURRENT: "password.current.wrong"}


@get("/password")
async def read_password(visit: NamedDependency[Visit]) -> Response[str]:
    """The empty form, and what makes a good one."""
    return show(visit.page)


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
    return answer(page, await changing.of_citizen(desk, token, data))


def answer(
    page: Page, outcome: Changed | NotChanged | SignedOut, *, section: str = "me"
) -> Response[str]:
    """The page of what came of it, on either front.

    Raises:
        SignInNeededError: the session ended meanwhile.
    """
    match outcome:
        case SignedOut():
            raise SignInNeededError
        case NotChanged(part=part, retry_after=wait) if wait:
            return show(page, {part: "sign_in.slow"}, TOO_MANY, section=section)
        case NotChanged(part=part, reason=reason):
            why = WRONG.get(part) or f"password.weak.{reason}"
            return show(page, {part: why}, UNPROCESSABLE, section=section)
        case _:
            return show(page, section=section, changed=True)


def show(
    page: Page,
    problems: dict[Part, str] | None = None,
    status: int = 200,
    *,
    section: str = "me",
    changed: bool = False,
) -> Response[str]:
    """The form, and what is wrong with it; or that it is done."""
    return page.show(
        "portal/password.html",
        status=status,
        section=section,
        problems={part.value: why for part, why in (problems or {}).items()},
        least=credentials.MINIMUM_CHARACTERS,
        changed=changed,
    )
