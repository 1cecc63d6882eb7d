"""Authorization codes: kept for seconds under their hash, taken once; a second use is a theft."""

import hashlib
import secrets
from typing import Final
from uuid import UUID

import msgspec

from identity.tokens import Authorized
from vault.short_lived import ShortLived

CODE_SECONDS: Final = 60
"""FAPI 2.0 Security Profile §5.3.2: at most 60 s."""
REMEMBERED_SECONDS: Final = 600
"""How long a code that is gone is still recognised as one that was there."""
CODE_BYTES: Final = 32


class AuthorizationCode(msgspec.Struct, frozen=True, kw_only=True):
    """What a code stands for."""

    family: UUID
    authorized: Authorized
    redirect_uri: str
    code_challenge: str
    """PKCE, S256 (RFC 7636)."""
    dpop_jkt: str | None = None
    """Thumbprint of the key the code is bound to (RFC 9449 §10)."""
    sid: str | None = None
    """The session at this programme; None where it did not ask for an ID token."""
    nonce: str | None = None
    grant_asked: bool = False
    """Whether the programme is to be told which grant it is."""
    auth_time_asked: bool = False
    """Whether the ID token is to say when the person signed in."""


class CodeReused(msgspec.Struct, frozen=True, kw_only=True):
    """The code was there and is gone: whatever came of it must be revoked (RFC 6749 §4.1.2)."""

    family: UUID


async def put(short_lived: ShortLived, code: AuthorizationCode) -> str:
    """Keep what a new code stands for; the code."""
    text = secrets.token_urlsafe(CODE_BYTES)
    # The marker first, and not when the code is used: between the two there would be a moment
    # in which a second use is not recognised.
    await short_lived.put(f"code-was:{_key(text)}", code.family.bytes, REMEMBERED_SECONDS)
    await short_lived.put(f"code:{_key(text)}", msgspec.msgpack.encode(code), CODE_SECONDS)
    return text


async def take(short_lived: ShortLived, code: str) -> AuthorizationCode | CodeReused | None:
    """What a code stands for, to one taker; `CodeReused` to all others; None if never issued.

    A code that expired unused also reads as reused: nothing came of it, so nothing is lost.
    """
    kept = await short_lived.take(f"code:{_key(code)}")
    if kept is not None:
        return msgspec.msgpack.decode(kept, type=AuthorizationCode)
    family = await short_lived.get(f"code-was:{_key(code)}")
    return None if family is None else CodeReused(family=UUID(bytes=family))


def _key(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()
