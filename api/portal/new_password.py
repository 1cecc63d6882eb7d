"""A new password: with the one before and a fresh code. Whoever is signed in elsewhere is out."""

import re
from typing import Any, Final

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import URLEncodedBody

from api.portal.visits import Visit
from identity.login import accounts, confirming, credentials, sessions
from identity.login.credentials import Busy, WeakPassword
from identity.login.sign_in import Desk
from identity.registry import people
from policies.vocabulary import Action, Actor, ActorKind, Outcome
from vault import access_log
from vault.access_log import Line

CHANGED: Final = Line(
    actor=Actor(kind=ActorKind.CITIZEN, id="self"),
    action=Action.PASSWORD,
    outcome=Outcome.GIVEN,
)
_NUMBER: Final = re.compile(r"[0-9]{10}")
UNPROCESSABLE: Final = 422
TOO_MANY: Final = 429


class Typed(msgspec.Struct, frozen=True, kw_only=True):
    """The form."""

    current: str = ""
    password: str = ""
    code: str = ""


@get("/password")
async def read_password(visit: NamedDependency[Visit]) -> Response[str]:
    """The empty form, and what makes a good one."""
    return _page(visit)


@post("/password", status_code=200)
async def change_password(
    data: URLEncodedBody[Typed], visit: NamedDependency[Visit], desk: NamedDependency[Desk]
) -> Response[Any]:
    """Take a new password, if the code, the one before and itself are good."""
    # The code first: without the phone nobody tries passwords at an open session.
    no = await confirming.citizen(
        visit.tx, visit.keyring, desk.short_lived, visit.subject, data.code
    )
    if no is not None:
        why = "sign_in.slow" if no.retry_after else "code.wrong"
        return _page(visit, {"code": why}, TOO_MANY if no.retry_after else UNPROCESSABLE)
    account = accounts.of_citizen(visit.subject)
    before = await credentials.stored(visit.tx, account)
    match await desk.hashing.matches(before, data.current):
        case Busy():
            return _page(visit, {"password": "sign_in.slow"}, TOO_MANY)
        case False:
            return _page(visit, {"current": "password.current.wrong"}, UNPROCESSABLE)
        case _:
            pass
    own = await _own_numbers(visit, data.password)
    match await credentials.prepare(desk.hashing, data.password, identifiers=own):
        case WeakPassword(reason=reason):
            return _page(visit, {"password": f"password.weak.{reason}"}, UNPROCESSABLE)
        case Busy():
            return _page(visit, {"password": "sign_in.slow"}, TOO_MANY)
        case hashed:
            await credentials.keep(visit.tx, account, hashed)
    await sessions.end_others(visit.tx, visit.citizen)
    line = msgspec.structs.replace(CHANGED, subject=visit.subject)
    await access_log.record(visit.tx, visit.keyring, [line])
    return _page(visit, changed=True)


async def _own_numbers(visit: Visit, password: str) -> list[str]:
    """The citizen's own number, if the password has it; found by its index, so that none is opened.

    Digits alone: a password of other people's numbers is as bad, and judged by its pattern.
    """
    runs = set(_NUMBER.findall(password))
    found = await people.by_idcs(visit.tx, visit.keyring, sorted(runs)) if runs else {}
    return [number for number, subject in found.items() if subject == visit.subject]


def _page(
    visit: Visit,
    problems: dict[str, str] | None = None,
    status: int = 200,
    *,
    changed: bool = False,
) -> Response[str]:
    return visit.page.show(
        "portal/password.html",
        status=status,
        section="me",
        problems=problems or {},
        least=credentials.MINIMUM_CHARACTERS,
        changed=changed,
    )
