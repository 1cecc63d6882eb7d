"""One more one-time code of somebody who is signed in: before what cannot be undone.

Whoever sits down at another's open session has no code; and each is taken once, here as at
the sign-in, and at the same rate.
"""

from typing import Final

from identity.login import accounts, one_time_codes, rates
from identity.login.accounts import Account
from identity.login.sign_in import TOO_MANY, NotSignedIn
from policies.vocabulary import Action, Actor, ActorKind, Outcome, StaffId, SubjectId
from vault import access_log
from vault.access_log import Line
from vault.database import Transaction
from vault.keyring import Keyring
from vault.short_lived import ShortLived

_CITIZEN: Final = Actor(kind=ActorKind.CITIZEN, id="self")


async def citizen(
    tx: Transaction, keyring: Keyring, short_lived: ShortLived, subject: SubjectId, code: str
) -> NotSignedIn | None:
    """None if the code is right; a wrong one is in the person's history.

    Raises:
        KeyLostError: the person has no log key.
    """
    account = accounts.of_citizen(subject)
    no = await _confirm(tx, keyring, short_lived, account, code)
    if no is not None and await _is_new(short_lived, account, no):
        await access_log.record(tx, keyring, [_line(_CITIZEN, no, subject)])
    return no


async def staff(
    tx: Transaction, keyring: Keyring, short_lived: ShortLived, member: StaffId, code: str
) -> NotSignedIn | None:
    """The same of a member of staff; a wrong one is in the log."""
    account = accounts.of_staff(member)
    no = await _confirm(tx, keyring, short_lived, account, code)
    if no is not None and await _is_new(short_lived, account, no):
        await access_log.record(tx, keyring, [_line(Actor(kind=ActorKind.STAFF, id=member), no)])
    return no


async def _confirm(
    tx: Transaction, keyring: Keyring, short_lived: ShortLived, account: Account, code: str
) -> NotSignedIn | None:
    wait = await rates.admit_code(short_lived, account)
    if not wait and await one_time_codes.verify(tx, keyring, account, code):
        return None
    return NotSignedIn(retry_after=wait)


async def _is_new(short_lived: ShortLived, account: Account, no: NotSignedIn) -> bool:
    """Whether a refusal is worth a line: each wrong code, and one a minute of what is too fast."""
    return not no.retry_after or await rates.worth_a_line(short_lived, account)


def _line(actor: Actor, no: NotSignedIn, subject: SubjectId | None = None) -> Line:
    return Line(
        actor=actor,
        action=Action.SIGN_IN,
        outcome=Outcome.REFUSED,
        subject=subject,
        reasons=(TOO_MANY if no.retry_after else "wrong-code",),
    )
