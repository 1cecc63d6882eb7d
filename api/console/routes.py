"""Every address of the console: one front, behind staff sign-in."""

from litestar.router import Router
from litestar.types import ControllerRouterHandler

from api import security
from api.console import (
    approving,
    erasures,
    integrity,
    own_password,
    programmes,
    proposing,
    registering,
    reviewing,
    shifts,
    signing_in,
    tracing,
    unlocking,
)
from api.fronts import FrontDoor, first_page
from api.settings import Settings


def handlers(settings: Settings) -> list[ControllerRouterHandler]:
    """`/{lang}/…` for the DPO and the operators; `/` leads to one's language."""
    front = FrontDoor(front="console", settings=settings, sections=(), cookie=security.STAFF_COOKIE)
    router: Router = front.router(
        [
            signing_in.first,
            signing_in.ask,
            signing_in.take,
            signing_in.leave,
            reviewing.today,
            reviewing.search,
            reviewing.closed_entry,
            reviewing.open_entry,
            integrity.read_integrity,
            integrity.verify,
            approving.list_proposals,
            approving.answer,
            integrity.download_entries,
            erasures.list_erasures,
            erasures.decide_erasure,
            programmes.list_programmes,
            programmes.blank_programme,
            programmes.register_programme,
            programmes.turn_programme,
            tracing.blank_trace,
            tracing.trace,
            tracing.blank_emergency,
            tracing.break_glass,
            proposing.list_own,
            proposing.blank_proposal,
            proposing.propose,
            proposing.relink,
            registering.desk,
            registering.blank,
            registering.typed,
            unlocking.blank_unlock,
            unlocking.unlock,
            own_password.read_password,
            own_password.change_password,
        ],
        shifts.dependencies(),
    )
    return [first_page, router]
