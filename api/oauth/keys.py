"""The keys that sign access tokens, for whoever verifies one (RFC 7517). Rotated without a gap.

A rotation is `vault.signing.rotate`: the older key stays published until the next one.
"""

import asyncio
import time
from typing import Final

from litestar import Response, get
from litestar.di import NamedDependency

from api.oauth import jose, jwk
from api.oauth.jwk import Key
from api.running import Running
from vault import database as db
from vault import signing
from vault.database import Database, Transaction
from vault.keyring import Keyring

PATH: Final = "/oauth/jwks"
FRESH: Final = "public, max-age=60"
"""As long as a new key is not yet used everywhere (`signing.CACHED_SECONDS`)."""

REREAD_SECONDS: Final = 1.0
"""How often at most the store is asked for a key we do not know: half of what a token may wait."""


@get(PATH, tags=["Authorization"], operation_id="readTokenKeys", summary="Keys of access tokens")
async def published(
    database: NamedDependency[Database],
    keyring: NamedDependency[Keyring],
) -> Response[dict[str, list[dict[str, str]]]]:
    """The public keys of access tokens, newest first, as a JWK set (ES256)."""
    async with db.read(database) as tx:
        found = await signing.published(tx, keyring, "token")
    return Response(
        {"keys": found}, media_type="application/jwk-set+json", headers={"Cache-Control": FRESH}
    )


async def verifying(tx: Transaction, keyring: Keyring) -> tuple[Key, ...]:
    """The same keys, to verify our own tokens with when they come back."""
    return jwk.read_set({"keys": await signing.published(tx, keyring, "token")})


class TokenKeys:
    """The same keys, held by a process that verifies tokens all the time."""

    def __init__(self) -> None:
        """Nothing is read yet."""
        self._keys: tuple[Key, ...] = ()
        self._read_at = -REREAD_SECONDS
        self._reading = asyncio.Lock()

    async def of(self, running: Running, token: str) -> tuple[Key, ...]:
        """The published keys; read anew when a token names another, though not at any wish."""
        named = jose.kid(token)
        if not self._has(named):
            # One reads, and those who came with it wait for what it finds.
            async with self._reading:
                if not self._has(named) and time.monotonic() - self._read_at >= REREAD_SECONDS:
                    await self._read(running)
        return self._keys

    def _has(self, named: str | None) -> bool:
        return any(key.kid == named for key in self._keys)

    async def _read(self, running: Running) -> None:
        async with db.read(running.database) as tx:
            self._keys = await verifying(tx, running.keyring)
        self._read_at = time.monotonic()
