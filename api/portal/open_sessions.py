"""Where I am signed in: each open session of a citizen's, to be ended from any other."""

from typing import Any, Final

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import URLEncodedBody

from api.fronts import see_other
from api.portal.visits import Visit
from identity.login import sessions
from policies.vocabulary import Action, Actor, ActorKind, Outcome
from vault import access_log
from vault.access_log import Line

ENDED: Final = Line(
    actor=Actor(kind=ActorKind.CITIZEN, id="self"),
    action=Action.SIGN_OUT,
    outcome=Outcome.GIVEN,
)


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """The button that was pressed: one session, or all but this."""

    session: str = ""


@get("/sessions")
async def list_sessions(visit: NamedDependency[Visit]) -> Response[str]:
    """Where I am signed in, and since when."""
    return visit.page.show(
        "portal/sessions.html",
        section="me",
        here=visit.citizen.id,
        places=await sessions.open_of(visit.tx, visit.subject),
        minutes=int(sessions.IDLE.total_seconds() // 60),
    )


@post("/sessions", status_code=303)
async def end_session(data: URLEncodedBody[Ending], visit: NamedDependency[Visit]) -> Response[Any]:
    """End one that is not this, or all the others; each is a line of my history."""
    ended = 0
    if not data.session:
        ended = await sessions.end_others(visit.tx, visit.citizen)
    elif data.session != visit.citizen.id:
        ended = await sessions.end_own(visit.tx, visit.subject, data.session)
    line = msgspec.structs.replace(ENDED, subject=visit.subject)
    await access_log.record(visit.tx, visit.keyring, [line] * ended)
    return see_other(visit.page.path("sessions"))
