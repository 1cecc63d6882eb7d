"""The public first page, the citizen's own, and the lock on their record."""

from typing import Any, Final

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import URLEncodedBody

from api import wording
from api.fronts import Pressed, see_other
from api.portal import by_law
from api.portal.visits import Visit
from api.rendering import Page
from api.settings import Settings
from consent import grants, oppositions
from policies.vocabulary import Action, ActorKind
from vault import access_log

RECENT_MONTHS: Final = 2
"""How far the first card looks back: this month and the one before."""
RECENT_LINES: Final = 50


@get("/")
async def public_home(
    page: NamedDependency[Page],
    settings: NamedDependency[Settings],
    request: Request[Any, Any, Any],
) -> Response[str]:
    """What this place is for."""
    return page.show(
        "portal/home.html", goodbye="out" in request.query_params, address=settings.issuer
    )


@get("/me")
async def my_space(visit: NamedDependency[Visit]) -> Response[str]:
    """What happens to my data, on three cards."""
    mine = await grants.of_subject(visit.tx, visit.subject)
    return visit.page.show(
        "portal/me.html",
        section="me",
        newest=await _newest_look(visit),
        active=sum(grant.active for grant in mine),
        by_law=len(by_law.agreements(visit.catalogue)),
        locked=await _locked(visit),
        signed_in_at=visit.citizen.auth_time,
    )


@get("/lock")
async def read_lock(visit: NamedDependency[Visit]) -> Response[str]:
    """What the lock does, and whether it is on."""
    return visit.page.show("portal/lock.html", section="lock", locked=await _locked(visit))


@post("/lock", status_code=303)
async def turn_lock(
    data: URLEncodedBody[Pressed], visit: NamedDependency[Visit]
) -> Response[bytes]:
    """Lock or unlock; doing it twice does it once."""
    match data.answer:
        case "lock" if await oppositions.lock(visit.tx, visit.subject):
            await oppositions.record(
                visit.tx, visit.keyring, visit.subject, Action.OPPOSE, oppositions.EVERYTHING
            )
        case "unlock" if await oppositions.unlock(visit.tx, visit.subject):
            await oppositions.record(
                visit.tx, visit.keyring, visit.subject, Action.LIFT, oppositions.EVERYTHING
            )
        case _:
            pass
    return see_other(visit.page.path("lock"))


async def _locked(visit: Visit) -> bool:
    return (await oppositions.facts(visit.tx, [visit.subject]))[visit.subject].locked


async def _newest_look(visit: Visit) -> wording.Told | None:
    """The newest line that somebody else left."""
    months = wording.months(visit.tx.now, RECENT_MONTHS)
    lines = await access_log.of_subject(
        visit.tx, visit.keyring, visit.subject, months, limit=RECENT_LINES
    )
    others = [line for line in lines if line.actor.kind is not ActorKind.CITIZEN][:1]
    words = await visit.words.naming(visit.tx, others)
    return words.entry(others[0]) if others else None
