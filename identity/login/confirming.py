"""One more one-time code of somebody who is signed in: before what cannot be undone.

Whoever sits down at another's open session has no code; and each is taken once, here as at
the sign-in, and at the same rate.
"""

from identity.login import accounts, one_time_codes, rates
from identity.login.sign_in import TOO_MANY, NotSignedIn
from policies.vocabulary import Action, Actor, ActorKind, Outcome, SubjectId
from vault import access_log
from vault.access_log import Line
from vault.database import Transaction
from vault.keyring import Keyring
from vault.short_lived import ShortLived


async def citizen(
    tx: Transaction, keyring: Keyring, short_lived: ShortLived, subject: SubjectId, code: str
) -> NotSignedIn | None:
    """None if the code is right; a wrong one is in the person's history.

    Raises:
        KeyLostError: the person has no log key.
    """
    account = accounts.of_citizen(subject)
    wait = await rates.admit_code(short_lived, account)
    if not wait and await one_time_codes.verify(tx, keyring, account, code):
        return None
    if not wait or await rates.worth_a_line(short_lived, account):
        line = Line(
            actor=Actor(kind=ActorKind.CITIZEN, id="self"),
            action=Action.SIGN_IN,
            outcome=Outcome.REFUSED,
            subject=subject,
            reasons=(TOO_MANY if wait else "wrong-code",),
        )
        await access_log.record(tx, keyring, [line])
    return NotSignedIn(retry_after=wait)
