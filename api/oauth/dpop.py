"""DPoP (RFC 9449): a token is worth something only to who holds its key, at this moment.

Nonces are stateless: an HMAC over the time, the same in every process. A proof is accepted
for as long as its nonce, and once.
"""

import hashlib
import hmac
from collections.abc import Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

import msgspec

from api.oauth import jose, strict_json
from api.oauth.jose import EMBEDDED, Jws
from vault.keyring import Keyring
from vault.opaque import Deriver

ALGS: Final = ("ES256", "PS256", "EdDSA")
NONCE_SECONDS: Final = 120
"""Length of a nonce's bucket: one is good for this long, and for the rest of the next."""
AHEAD_SECONDS: Final = 30
"""FAPI 2.0 §5.3.2.1: accept 10 s ahead, refuse 60 s."""
BEHIND_SECONDS: Final = 300
"""The nonce says how old a proof is; clients' clocks may be wrong (RFC 9449 §11.1)."""
REMEMBERED_SECONDS: Final = 2 * NONCE_SECONDS + AHEAD_SECONDS
"""No nonce lives longer, so no proof does."""
JTI_CHARACTERS: Final = 256


class Unproven(StrEnum):
    """Why a proof proves nothing."""

    MISSING = "dpop-missing"
    SEVERAL = "dpop-several"
    SIGNATURE = "dpop-signature"
    CLAIMS = "dpop-claims"
    METHOD = "dpop-method"
    ADDRESS = "dpop-address"
    TIME = "dpop-time"
    TOKEN = "dpop-token"  # noqa: S105  (a reason, not a secret)
    NONCE = "dpop-nonce"
    REPLAYED = "dpop-replayed"


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """RFC 9449 §4.2."""

    jti: str
    htm: str
    htu: str
    iat: int
    ath: str | None = None
    nonce: str | None = None


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """A proof that holds, but for whether it was seen before."""

    jkt: str
    """Thumbprint of the key (RFC 7638): what a token is bound to."""
    jti: str


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """The request that a proof must be for."""

    method: str
    urls: tuple[str, ...]
    """Ours, by the settings: never by the Host header."""
    ath: str | None = None
    """Hash of the access token it comes with (§4.3, 11)."""


def check(proofs: Sequence[str], asked: Asked, nonces: Deriver, now: datetime) -> Proof | Unproven:
    """Check a proof against the request it came with, all of RFC 9449 §4.3 but the replay.

    Args:
        proofs: the DPoP headers; there must be one.
        asked: the request.
        nonces: what ours are made with.
        now: the transaction's instant.
    """
    if len(proofs) != 1:
        return Unproven.SEVERAL if proofs else Unproven.MISSING
    jws = jose.verify(proofs[0], EMBEDDED, ALGS, ("dpop+jwt",))
    if not isinstance(jws, Jws):
        return Unproven.SIGNATURE
    claims = jws.claims(Claims)
    if claims is None or not 0 < len(claims.jti) <= JTI_CHARACTERS:
        return Unproven.CLAIMS
    unmet = next((why for why, met in _checks(claims, asked, nonces, now) if not met), None)
    return unmet or Proof(jkt=jws.key.thumbprint, jti=claims.jti)


def mark(proof: Proof) -> tuple[str, float]:
    """What a proof is remembered by once it was used, and for how many seconds."""
    name = hashlib.sha256(f"{proof.jkt}.{proof.jti}".encode()).hexdigest()
    return f"dpop:{name}", REMEMBERED_SECONDS


def nonces(keyring: Keyring) -> Deriver:
    """What nonces are made with: one for both servers, since clients keep one per origin (§8.2)."""
    return keyring.mac("dpop-nonce")


def nonce(nonces: Deriver, now: datetime) -> str:
    """The nonce to use from now on."""
    return _nonce(nonces, int(now.timestamp()) // NONCE_SECONDS)


def ath(token: str) -> str:
    """The hash of an access token (§4.2)."""
    return strict_json.base64url(hashlib.sha256(token.encode()).digest())


def _checks(
    claims: Claims, asked: Asked, nonces: Deriver, now: datetime
) -> Iterator[tuple[Unproven, bool]]:
    yield Unproven.METHOD, claims.htm == asked.method
    named = claims.htu in asked.urls or _address(claims.htu) in map(_address, asked.urls)
    yield Unproven.ADDRESS, named
    age = now.timestamp() - claims.iat
    yield Unproven.TIME, claims.iat >= 0 and -AHEAD_SECONDS <= age <= BEHIND_SECONDS
    yield Unproven.TOKEN, claims.ath == asked.ath
    # Last, so that a client which is told to come back with a nonce will then succeed.
    yield Unproven.NONCE, _is_ours(claims.nonce or "", nonces, now)


def _is_ours(given: str, nonces: Deriver, now: datetime) -> bool:
    bucket = int(now.timestamp()) // NONCE_SECONDS
    # Also the next one: another process's clock may be a little ahead of ours.
    return any(
        hmac.compare_digest(given.encode(), _nonce(nonces, bucket + off).encode())
        for off in (0, -1, 1)
    )


def _nonce(nonces: Deriver, bucket: int) -> str:
    return strict_json.base64url(nonces.mac(bucket.to_bytes(8, "big"))[:18])


def _address(url: str) -> tuple[str, str | None, int | None, str] | None:
    """Scheme, host, port and path: query and fragment do not count (§4.3, 9)."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.username is not None or parts.password is not None:
        return None
    scheme = parts.scheme.lower()
    return scheme, parts.hostname, port or {"https": 443, "http": 80}.get(scheme), parts.path or "/"
