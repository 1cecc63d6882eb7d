"""Requests to be erased, for the DPO: accepted, or refused for a reason. Names nobody."""

from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, URLEncodedBody

from api.console.shifts import Shift
from api.fronts import see_other
from consent import requests
from consent.requests import Reason, State
from identity.registry import erasure_holds
from policies.staff import Duty


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """Which button was pressed, and the reason where it was «refuse»."""

    answer: str = ""
    reason: str = ""


@get("/dpo/erasures")
async def list_erasures(shift: NamedDependency[Shift]) -> Response[str]:
    """Who waits for an answer, the most urgent first."""
    if not await shift.begin(Duty.DECIDE_ERASURE, detail="erasures"):
        return shift.refused()
    tongue, waiting = shift.page.tongue, await requests.in_state(shift.tx, State.ASKED)
    asked_by = [each.subject for each in waiting if each.subject is not None]
    return shift.page.show(
        "console/erasures.html",
        section="erasures",
        waiting=waiting,
        holds=await erasure_holds.standing_of(shift.tx, asked_by),
        going=await requests.in_state(shift.tx, State.ACCEPTED),
        reasons=[(each.value, str(tongue.one_of("erasure.because", each))) for each in Reason],
        now=shift.tx.now,
    )


@post("/dpo/erasures/{request_id:str}", status_code=303)
async def decide_erasure(
    request_id: FromPath[UUID], data: URLEncodedBody[Decided], shift: NamedDependency[Shift]
) -> Response[Any]:
    """Accept or refuse; the public app carries out what is accepted."""
    request = await requests.one(shift.tx, request_id)
    if request is None:
        raise NotFoundException
    known = data.answer in {"accept", "refuse"}
    allowed = await shift.begin(
        Duty.DECIDE_ERASURE,
        subject=request.subject,
        case_reference=str(request_id),
        detail=data.answer if known else None,
    )
    if not allowed:
        return shift.refused()
    staff = shift.staff.staff
    match data.answer:
        case "accept":
            await requests.accept(shift.tx, request_id, staff)
        case "refuse" if data.reason in set(Reason):
            await requests.refuse(shift.tx, request_id, staff, Reason(data.reason))
        case _:
            pass
    return see_other(shift.page.path("dpo", "erasures"))
