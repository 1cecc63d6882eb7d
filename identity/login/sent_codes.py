"""Codes that are sent: eight digits for ten minutes, each taken once, and few of them.

What is kept is a keyed hash, under the name of what the code is for: a code for signing in
confirms nothing else.
"""

import hmac
import secrets
from typing import Final

from identity.login.rates import Limit
from vault import normalisers
from vault.framing import framed
from vault.keyring import Keyring
from vault.short_lived import ShortLived

DIGITS: Final = 8
SECONDS: Final = 600
"""Networks may take minutes (design: portal)."""
SENT: Final = Limit(times=3, seconds=900)
"""Messages to one account: nobody's phone is rung all night."""
TRIES: Final = Limit(times=5, seconds=SECONDS)
"""Of one code: five of 10^8."""


async def make(short_lived: ShortLived, keyring: Keyring, account: str, purpose: str) -> str | None:
    """A new code in place of the one before; None if enough were sent lately."""
    if not (await short_lived.hit(f"code-sent:{account}", SENT.times, SENT.seconds)).allowed:
        return None
    code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
    await short_lived.put(_name(account, purpose), _hash(keyring, account, purpose, code), SECONDS)
    return code


async def use(
    short_lived: ShortLived, keyring: Keyring, account: str, purpose: str, typed: str
) -> bool:
    """Whether this is the code that was sent; it is used then."""
    name = _name(account, purpose)
    kept = await short_lived.get(name)
    rate = await short_lived.hit(f"{name}:tries", TRIES.times, TRIES.seconds)
    given = _hash(keyring, account, purpose, normalisers.number(typed))
    if kept is None or not rate.allowed or not hmac.compare_digest(kept, given):
        return False
    # Of two who bring it at once, one takes it.
    return await short_lived.take(name) is not None


def _name(account: str, purpose: str) -> str:
    return f"code:{purpose}:{account}"


def _hash(keyring: Keyring, account: str, purpose: str, code: str) -> bytes:
    said = framed(account.encode(), purpose.encode(), code.encode())
    return hmac.digest(keyring.secret("sent codes"), said, "sha256")
