"""The keys that sign access tokens, for whoever verifies one (RFC 7517). Rotated without a gap.

A rotation is `vault.signing.rotate`: the older key stays published until the next one.
"""

import asyncio
import hashlib
import time
from collections.abc import Callable, Sequence
from typing import Final

from litestar import Response, get
from litestar.di import NamedDependency

from api.oauth import jose, jwk
from api.oauth.jose import Jws
from api.oauth.jwk import Alg, Key
from vault import database as db
from vault import signing
from vault.database import Database, Transaction
from vault.keyring import Keyring
from vault.signing import SigningKey

PATH: Final = "/oauth/jwks"
TYP: Final = "at+jwt"
ALGS: Final[tuple[Alg, ...]] = ("ES256",)
"""What `vault.signing` signs tokens with."""
FRESH: Final = "public, max-age=60"
"""As long as a new key is not yet used everywhere (`signing.CACHED_SECONDS`)."""

REREAD_SECONDS: Final = 1.0
"""How often at most the store is asked for a key we do not know: half of what a token may wait."""
REMEMBERED: Final = 4_096
"""Tokens whose signature is not verified again before the keys are read anew."""


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


def signed_by(keys: Sequence[Key], token: str) -> Jws | None:
    """An access token that one of these keys signed; None of any other text."""
    found = jose.verify(token, keys, ALGS, (TYP,))
    return found if isinstance(found, Jws) else None


async def signing_with(database: Database, keyring: Keyring) -> SigningKey:
    """The key that signs tokens now, for who has no transaction; asked for once a minute."""
    held = keyring.signing.get("token", db.instant())
    if held is not None:
        return held
    async with db.read(database) as tx:
        return await signing.active(tx, keyring, "token")


class TokenKeys:
    """The published keys, held by a process that verifies tokens all the time."""

    def __init__(
        self, database: Database, keyring: Keyring, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Nothing is read yet. `clock` tells seconds that only grow."""
        self._database = database
        self._keyring = keyring
        self._clock = clock
        self._keys: tuple[Key, ...] = ()
        self._verified: dict[bytes, Jws] = {}
        self._read_at = clock() - signing.CACHED_SECONDS
        self._reading = asyncio.Lock()

    async def verified(self, token: str) -> Jws | None:
        """`signed_by` of the published keys.

        A programme shows one token many times, and its signature is half the work of an answer:
        those that held are remembered, by their hashes, as long as the keys that were read.
        """
        keys = await self.of(token)
        name = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        if (known := self._verified.get(name)) is not None:
            return known
        found = signed_by(keys, token)
        if found is None:
            return None
        if len(self._verified) >= REMEMBERED:
            self._verified.clear()
        self._verified[name] = found
        return found

    async def of(self, token: str) -> tuple[Key, ...]:
        """The published keys, a minute old at most.

        Read anew when a token names another, though not at any wish.
        """
        named = jose.kid(token)
        if self._wanting(named):
            # One reads, and those who came with it wait for what it finds.
            async with self._reading:
                if self._wanting(named):
                    await self._read()
        return self._keys

    def _wanting(self, named: str | None) -> bool:
        age = self._clock() - self._read_at
        known = any(key.kid == named for key in self._keys)
        return age >= (signing.CACHED_SECONDS if known else REREAD_SECONDS)

    async def _read(self) -> None:
        async with db.read(self._database) as tx:
            self._keys = await verifying(tx, self._keyring)
        self._verified = {}
        self._read_at = self._clock()
