"""An unlock code, printed at the counter for somebody who lost their phone and their codes.

It stands in for the code of the app, once and for three days; the password it does not.
"""

from http import HTTPStatus

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import URLEncodedBody

from api import lookups
from api.console.shifts import Shift
from api.lookups import Lookup
from identity.login import accounts, credentials, identifying, unlock_codes
from policies.staff import Duty
from policies.vocabulary import Action, SubjectId
from vault.short_lived import ShortLived


class Typed(msgspec.Struct, frozen=True, kw_only=True):
    """The form, as typed."""

    idcs: str = ""
    file: str = ""
    """The counter's own file number: who asked, and the document they showed."""


@get("/desk/unlock")
async def blank_unlock(shift: NamedDependency[Shift]) -> Response[str]:
    """The empty form."""
    if not shift.has(Duty.UNLOCK_ACCOUNT):
        await shift.begin(Duty.UNLOCK_ACCOUNT)
        return shift.refused()
    return _form(shift, Typed())


@post("/desk/unlock", status_code=200)
async def unlock(
    data: URLEncodedBody[Typed],
    shift: NamedDependency[Shift],
    short_lived: NamedDependency[ShortLived],
) -> Response[str]:
    """Print a code; the person sees in their history that it was."""
    if not shift.has(Duty.UNLOCK_ACCOUNT):
        await shift.begin(Duty.UNLOCK_ACCOUNT)
        return shift.refused()
    problems = {
        name: f"unlock.empty.{name}" for name in ("idcs", "file") if not getattr(data, name).strip()
    }
    if problems:
        return _form(shift, data, problems)
    by = Lookup(by=shift.actor, action=Action.UNLOCK, limit=lookups.OF_ONE_PERSON)
    if await lookups.charge(short_lived, by):
        await lookups.alarm_in(shift.tx, shift.keyring, short_lived, by)
        return _form(shift, data, {"idcs": "sign_in.slow"})
    subject = await _account_holder(shift, data.idcs)
    case = data.file.strip()
    if subject is None:
        await shift.begin(Duty.UNLOCK_ACCOUNT, detail="nobody", case_reference=case)
        return _form(shift, data, {"idcs": "unlock.nobody"})
    await shift.begin(Duty.UNLOCK_ACCOUNT, subject=subject, case_reference=case)
    account = accounts.of_citizen(subject)
    code, until = await unlock_codes.make(shift.tx, account, shift.staff.staff)
    return shift.page.show(
        "console/unlock_slip.html", section="desk", status=201, code=code, until=until, file=case
    )


async def _account_holder(shift: Shift, typed: str) -> SubjectId | None:
    """Whose number it is, if they have a password: without one, a code is of no use."""
    subject = await identifying.citizen(shift.tx, shift.keyring, typed)
    if subject is None:
        return None
    stored = await credentials.stored(shift.tx, accounts.of_citizen(subject))
    return None if stored is None else subject


def _form(shift: Shift, data: Typed, problems: dict[str, str] | None = None) -> Response[str]:
    return shift.page.show(
        "console/unlock.html",
        section="desk",
        status=HTTPStatus.UNPROCESSABLE_ENTITY if problems else HTTPStatus.OK,
        it=data,
        problems=problems or {},
    )
