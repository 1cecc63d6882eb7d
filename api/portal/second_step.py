"""The second step of signing in: a code of the app, one that is sent, or one on paper."""

from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import URLEncodedBody

from api import notifiers
from api.fronts import inside, see_other
from api.portal import doorsteps
from api.portal.doorsteps import Doorstep
from identity.login import sign_in
from identity.login.sign_in import NothingToSend, NotSignedIn, SignedIn, ToSend

OUTCOMES: Final = ("done", "slow", "nowhere", "failed")
"""What came of sending a code."""


class Code(msgspec.Struct, frozen=True, kw_only=True):
    """The form, as typed."""

    code: str = ""
    next: str = ""


@get("/sign-in/code")
async def ask_code(
    doorstep: NamedDependency[Doorstep], request: Request[Any, Any, Any]
) -> Response[str]:
    """The form, and what came of sending a code."""
    asked = request.query_params
    return _page(doorstep, Code(next=asked.get("next", "")), sent=asked.get("sent", ""))


@post("/sign-in/send", status_code=303)
async def send_code(
    data: URLEncodedBody[Code], doorstep: NamedDependency[Doorstep]
) -> Response[Any]:
    """Send a code where this citizen chose; back to the form."""
    page = doorstep.page
    match await sign_in.code_to_send(doorstep.desk, ticket=doorstep.ticket):
        case NotSignedIn():
            return see_other(f"{page.path('sign-in')}?reason=again")
        case found:
            query = {"sent": await _send(doorstep, found)}
    onward = {"next": data.next} if inside(data.next) else {}
    return see_other(f"{page.path('sign-in', 'code')}?{urlencode(query | onward)}")


@post("/sign-in/code", status_code=200)
async def take_code(
    data: URLEncodedBody[Code], doorstep: NamedDependency[Doorstep]
) -> Response[Any]:
    """Check it; the session begins here."""
    match await sign_in.citizen_code(
        doorstep.desk, ticket=doorstep.ticket, code=data.code, device=doorstep.device
    ):
        case SignedIn(token=token):
            return doorstep.let_in(token, data.next)
        case NotSignedIn(start_over=True):
            return see_other(f"{doorstep.page.path('sign-in')}?reason=again")
        case NotSignedIn() as no:
            return _page(doorstep, data, {"code": doorsteps.why(no, "code.wrong")})


async def _send(doorstep: Doorstep, found: ToSend | NothingToSend) -> str:
    if isinstance(found, NothingToSend):
        return "slow" if found.too_many else "nowhere"
    message = notifiers.with_code(doorstep.page.tongue, found.channel, found.code)
    return "done" if await doorstep.notifier.send(message) else "failed"


def _page(
    doorstep: Doorstep, data: Code, problems: dict[str, str] | None = None, sent: str = ""
) -> Response[str]:
    return doorstep.page.signed_out().show(
        "portal/sign_in_code.html",
        problems=problems or {},
        next=inside(data.next),
        sends=bool(doorstep.notifier.kinds),
        sent=sent if sent in OUTCOMES else "",
    )
