"""Recovery codes: ten for a drawer at home, made with a fresh code and shown once."""

from typing import Any, Final

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import URLEncodedBody

from api.portal.visits import Visit
from identity.login import accounts, confirming, recovery_codes
from policies.vocabulary import Action, Actor, ActorKind, Outcome
from vault import access_log
from vault.access_log import Line
from vault.short_lived import ShortLived

MADE: Final = Line(
    actor=Actor(kind=ActorKind.CITIZEN, id="self"),
    action=Action.RECOVERY_CODES,
    outcome=Outcome.GIVEN,
)


class Confirmed(msgspec.Struct, frozen=True, kw_only=True):
    """The form: a code of the app, which an open session alone has not."""

    code: str = ""


@get("/recovery-codes")
async def read_recovery(visit: NamedDependency[Visit]) -> Response[str]:
    """How many are left, and how to make new ones."""
    return await _page(visit)


@post("/recovery-codes", status_code=200)
async def make_recovery(
    data: URLEncodedBody[Confirmed],
    visit: NamedDependency[Visit],
    short_lived: NamedDependency[ShortLived],
) -> Response[Any]:
    """Make ten in place of any there were, and show them: this once."""
    no = await confirming.citizen(visit.tx, visit.keyring, short_lived, visit.subject, data.code)
    if no is not None:
        why = "sign_in.slow" if no.retry_after else "code.wrong"
        return await _page(visit, problems={"code": why}, status=429 if no.retry_after else 422)
    made = await recovery_codes.make(visit.tx, accounts.of_citizen(visit.subject))
    line = msgspec.structs.replace(MADE, subject=visit.subject)
    await access_log.record(visit.tx, visit.keyring, [line])
    return await _page(visit, made=made)


async def _page(
    visit: Visit,
    *,
    made: list[str] | None = None,
    problems: dict[str, str] | None = None,
    status: int = 200,
) -> Response[str]:
    return visit.page.show(
        "portal/recovery.html",
        status=status,
        section="me",
        made=made or [],
        left=await recovery_codes.left(visit.tx, accounts.of_citizen(visit.subject)),
        problems=problems or {},
    )
