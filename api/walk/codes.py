"""One-time codes, each used once: a second sign-in within half a minute waits for the next."""

import time
from typing import Final

import pyotp

from api.walk.telling import Teller

LOOK_SECONDS: Final = 0.5


class Codes:
    """What an authenticator app shows, and which of it was used."""

    def __init__(self, teller: Teller) -> None:
        """Nothing is used yet."""
        self._teller = teller
        self._used: set[tuple[str, str]] = set()

    def fresh(self, secret: str) -> str:
        """A code that was not used yet; waits for it if it must."""
        app = pyotp.TOTP(secret)
        if (secret, app.now()) in self._used:
            self._teller.waiting("the next code (each is taken once)")
        while (secret, code := app.now()) in self._used:
            time.sleep(LOOK_SECONDS)
        self._used.add((secret, code))
        return code
