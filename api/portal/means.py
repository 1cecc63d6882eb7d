"""How I sign in: every means at a glance, and what a change of one takes."""

from datetime import timedelta
from typing import Final

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency

from api.notifiers import Notifier
from api.portal.visits import Visit
from api.settings import Settings
from identity.login import accounts, channels, confirming, passkeys, recovery_codes
from identity.login.accounts import Account
from identity.login.sessions import Means
from policies.vocabulary import Action, Actor, ActorKind, Outcome
from vault import access_log
from vault.access_log import Line
from vault.short_lived import ShortLived

CHANGED: Final = Line(
    actor=Actor(kind=ActorKind.CITIZEN, id="self"),
    action=Action.MEANS,
    outcome=Outcome.GIVEN,
)
LATELY: Final = timedelta(minutes=15)
"""How long a sign-in without the app stands in for its code."""
WITHOUT_APP: Final = frozenset({Means.RECOVERY, Means.UNLOCK, Means.PASSKEY})
SLOW: Final = "sign_in.slow"
WRONG_CODE: Final = "wrong-code"
WRONG_PASSKEY: Final = "wrong-passkey"


@get("/security")
async def read_means(
    visit: NamedDependency[Visit],
    notifier: NamedDependency[Notifier],
    settings: NamedDependency[Settings],
) -> Response[str]:
    """Every means, and whether it is there."""
    account = own(visit)
    return visit.page.show(
        "portal/means.html",
        section="me",
        sends=bool(notifier.kinds),
        channel=await channels.of(visit.tx, visit.keyring, account),
        possible=passkeys.possible(settings.issuer),
        keys=await passkeys.of(visit.tx, account),
        left=await recovery_codes.left(visit.tx, account),
    )


def own(visit: Visit) -> Account:
    """The account of whoever's pages these are."""
    return accounts.of_citizen(visit.subject)


def needs_code(visit: Visit) -> bool:
    """Whether a change takes a fresh code of the app: not right after signing in without it."""
    lately = visit.tx.now - visit.citizen.auth_time <= LATELY
    return not (lately and visit.citizen.means in WITHOUT_APP)


async def unconfirmed(visit: Visit, short_lived: ShortLived, code: str) -> str | None:
    """What is wrong with the code that a change takes; None if nothing is.

    Raises:
        KeyLostError: the citizen has no log key.
    """
    if not needs_code(visit):
        return None
    no = await confirming.citizen(visit.tx, visit.keyring, short_lived, visit.subject, code)
    if no is None:
        return None
    return SLOW if no.retry_after else "code.wrong"


def status_of(problem: str | None) -> int:
    """Of a page that says what was wrong."""
    if problem is None:
        return 200
    return 429 if problem == SLOW else 422


async def note(visit: Visit, why_not: str | None = None) -> None:
    """The line of a change, or of one that was refused, in the citizen's own history."""
    line = msgspec.structs.replace(CHANGED, subject=visit.subject)
    if why_not is not None:
        line = msgspec.structs.replace(line, outcome=Outcome.REFUSED, reasons=(why_not,))
    await access_log.record(visit.tx, visit.keyring, [line])
